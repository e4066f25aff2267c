"""Many songs at once, for figures over many: the voices of all songs take their steps together, a batch a head.

A song alone is the one that `generate` writes, to the bit (tests/benchmarks/test_traps.py). Among others it is
another one of the same distribution: all songs' values of a head are drawn from one source of randomness.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from datamodules.song import Song
from datamodules.vocabulary import Value
from experiments.heads import HEADS
from experiments.music.events.event import Event
from experiments.music.events.generation import hear_prime, song_of
from experiments.music.events.sampling import Sampling
from experiments.music.events.settings import Settings
from experiments.music.events.voices import TRIES, Voice
from experiments.music.prime import Prime
from experiments.winners import Winner

if TYPE_CHECKING:
    from lightning_modules.stack import Memory

__all__ = ["in_lockstep"]


class Choir:
    """One head over many songs: voices that have heard equally many events, so that they read alike."""

    def __init__(self, voices: Sequence[Voice]) -> None:
        self.voices = voices
        self.leader = voices[0]
        self.memory: Memory | None = None

    def say(self, events: Sequence[Event]) -> list[Value]:
        """The head's value of each song's next event."""
        for voice, event in zip(self.voices, events, strict=True):
            voice._positions.append(voice._position(event))
            voice._move_on()
        if self.leader._unread == self.leader._context:  # a new beginning
            self.memory = None
        rows = [list(voice._positions)[-self.leader._unread :] for voice in self.voices]
        batch = {name: torch.from_numpy(np.stack([[row[name] for row in one] for one in rows])) for name in rows[0][0]}
        state, self.memory = self.leader.head.follow(batch, self.memory)
        for voice in self.voices:
            voice._unread = 0
        how = self.leader.sampling
        values: list[Value] = [0] * len(events)
        left = list(range(len(events)))
        for _ in range(TRIES):  # as `Voice.say`: the tick 0 is drawn again
            some = {name: tensor[left] for name, tensor in batch.items()}
            drawn = self.leader.head.draw(
                state[left], some, temperature=how.temperature, top_p=how.top_p, generator=self.leader.random
            )
            for song, value in zip(left, drawn, strict=True):
                values[song] = value
            left = [song for song in left if values[song] == 0]
            if not left:
                return values
        least = next((tick for tick in self.leader.winner.vocabulary.values if isinstance(tick, int) and tick), 1)
        return [value or least for value in values]


def in_lockstep(
    winners: Mapping[str, Winner], primes: Sequence[Prime], sampling: Mapping[str, Sampling], events: int, seed: int
) -> list[Song]:
    """A song for each prime.

    Args:
        winners: by head, LSTMs on one grid; a head for every column that varies.
        primes: whose contexts are equally long.
        sampling: of each head.
        events: of each song.
        seed: of all of them.
    """
    order = sorted(winners, key=lambda name: len(HEADS[name].column.after))
    choirs = {name: _choir(winners[name], primes, sampling[name], seed) for name in order}
    kept: list[list[Event]] = [[] for _ in primes]
    ticks = [prime.place for prime in primes]
    for _ in range(events):
        new = [Event(bar=prime.bar) for prime in primes]
        for name in order:
            for song, value in enumerate(choirs[name].say(new)):
                event = new[song]
                event.take(HEADS[name].column.field, value)
                if name == "offsets":
                    tick = ticks[song] + event.offset
                    ticks[song] = tick if kept[song] else tick % event.bar
                    event.place = ticks[song] % event.bar
        for choir in choirs.values():
            for voice, event in zip(choir.voices, new, strict=True):
                voice.hear(event)
        for song, event in zip(kept, new, strict=True):
            song.append(event)
    settings = Settings(events=events, seed=seed)
    return [song_of(prime, song, settings) for prime, song in zip(primes, kept, strict=True)]


def _choir(winner: Winner, primes: Sequence[Prime], sampling: Sampling, seed: int) -> Choir:
    """The voices after their primes' contexts, with the source of randomness that `generate` gives the head."""
    words = np.random.SeedSequence([seed, 0, *winner.spec.name.encode()])
    random = torch.Generator().manual_seed(int(words.generate_state(1, np.uint64)[0]))
    head = winner.head()
    voices = [Voice(winner, head, sampling, random) for _ in primes]
    for voice, prime in zip(voices, primes, strict=True):
        hear_prime([voice], prime)
    return Choir(voices)
