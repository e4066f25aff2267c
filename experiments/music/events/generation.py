"""Heads and a prime to a new song, event by event: first its offset, then its notes, its duration and its loudness.

A head that sees context hears the whole event; one that does not, its own column only. A column without a head is the
prime's own; loudness without a head follows the prime's dynamics.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain, cycle
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import torch

from datamodules.settling import settled
from datamodules.song import Part, Song
from datamodules.vocabulary import Value
from experiments.heads import HEADS, WRITING
from experiments.music.events.dynamics import Dynamics
from experiments.music.events.event import Event
from experiments.music.events.grids import coarser, common_grid
from experiments.music.events.settings import FASTEST, SLOWEST, Settings
from experiments.music.events.voices import Voice, input_id
from experiments.music.prime import Prime
from experiments.progress import Progress, part_of
from experiments.winners import Winner

if TYPE_CHECKING:
    from experiments.music.copying.avoiding import Avoiding
    from experiments.music.events.ngram_share import NgramShare
    from lightning_modules.head import Head

__all__ = [
    "PART",
    "Compose",
    "generate",
    "hear_prime",
    "own_column",
    "song_of",
    "unknown_of_prime",
    "without_head",
]

PART = Part("tritone", program=0, drums=False, role="chords")

Compose = Callable[[Mapping[str, Voice], Prime, Settings, Progress], Song]


def unknown_of_prime(winners: Mapping[str, Winner], prime: Prime) -> dict[str, tuple[int, int]]:
    """For each head: how many of the prime's values in its first window it does not know, and how many there are.

    A head that spells its chords knows them all.
    """
    counts = {}
    for name, winner in winners.items():
        spec = HEADS[name].column
        seen = prime.column(spec)[: prime.context][-winner.config.window :]
        scale = prime.song.grid // winner.grid
        if spec.timed:
            seen = [coarser(value, scale) if isinstance(value, int) else value for value in seen]
        ids = [] if winner.framing.spelled else [input_id(winner, value) for value in seen]
        counts[name] = ids.count(winner.vocabulary.unknown), len(seen)
    return counts


def generate(
    winners: Mapping[str, Winner],
    prime: Prime,
    settings: Settings,
    *,
    shares: Mapping[str, NgramShare] = MappingProxyType({}),
    candidates: int = 1,
    progress: Progress | None = None,
    compose: Compose | None = None,
    avoiding: Avoiding | None = None,
    networks: Mapping[str, Head] = MappingProxyType({}),
) -> Iterator[Song]:
    """New songs, one after another.

    Candidate k depends on the seed and k alone, bit by bit, and not on how many are asked for. That is why they are
    not drawn as a batch: a row of a batch differs from the same row alone in the last bits of its logits, which once
    in a while is another note. Each column of each candidate has a random generator of its own.

    Args:
        winners: by head, at least one; of those that write.
        prime: see `prime.find_prime`; on the heads' common grid.
        settings: how much, how and in which tempo.
        shares: by head, what it leaves to an n-gram model.
        candidates: how many songs.
        progress: called now and then.
        compose: what the heads' voices write, in place of all of a song.
        avoiding: what the notes head is not to copy.
        networks: by head, what speaks in place of the winner's own network; over its vocabulary.
    """
    compose = compose or _all_of_it
    if common_grid(winners.values()) != prime.song.grid:
        raise ValueError("the prime must be read on the heads' common grid")
    heads = {name: networks[name] if name in networks else winner.head() for name, winner in winners.items()}
    for candidate in range(candidates):
        with _one_thread():
            voices = _voices(winners, heads, settings, shares, candidate, prime.song.grid)
            if avoiding is not None:
                voices["notes"].avoid = avoiding.begin()
            song = compose(voices, prime, settings, part_of(progress, candidate, candidates))
        yield replace(song, name=f"seed {settings.seed}" + (f", candidate {candidate + 1}" if candidate else ""))


def _all_of_it(voices: Mapping[str, Voice], prime: Prime, settings: Settings, progress: Progress) -> Song:
    return song_of(prime, _events(voices, prime, settings, progress), settings)


def _voices(
    winners: Mapping[str, Winner],
    heads: Mapping[str, Head],
    settings: Settings,
    shares: Mapping[str, NgramShare],
    candidate: int,
    grid: int,
) -> dict[str, Voice]:
    voices = {}
    for name, winner in winners.items():
        words = np.random.SeedSequence([settings.seed, candidate, *name.encode()])
        random = torch.Generator().manual_seed(int(words.generate_state(1, np.uint64)[0]))
        turns = shares[name].begin(settings.seed, candidate, name) if name in shares else None
        voices[name] = Voice(winner, heads[name], settings.drawn(name), random, turns, grid)
    return voices


def _events(voices: Mapping[str, Voice], prime: Prime, settings: Settings, progress: Progress) -> list[Event]:
    """The events of a new song; the first one's offset is its place in the first bar."""
    hear_prime(list(voices.values()), prime)
    own = {name: own_column(prime, name) for name in WRITING if name not in voices}
    bar = prime.bar
    order = sorted(WRITING, key=lambda name: len(HEADS[name].column.after))
    kept: list[Event] = []
    tick = prime.place
    most = settings.most
    end = _end(prime, settings)
    while len(kept) < most:
        event = Event(bar=bar)
        for name in order:
            value = voices[name].say(event) if name in voices else own[name](tick)
            event.take(HEADS[name].column.field, value)
            if name == "offsets":
                if not kept:
                    event.offset += _late(prime, tick + event.offset)
                tick = tick + event.offset if kept or prime.continues else (tick + event.offset) % bar
                event.place = tick % bar
                if tick >= end:
                    progress(len(kept), len(kept))
                    return kept
        for voice in voices.values():
            voice.hear(event)
        kept.append(event)
        progress(len(kept), most if settings.bars is None else max(round(len(kept) * end / max(tick, 1)), len(kept)))
    return kept


def hear_prime(voices: Sequence[Voice], prime: Prime) -> None:
    """Let heads hear the prime's context."""
    for event in prime.heard():
        for voice in voices:
            voice.overhear(event)


def _end(prime: Prime, settings: Settings) -> float:
    """The tick that a new song ends at: of its bars; those that continue a song come after its last one."""
    return math.inf if settings.bars is None else (settings.bars + prime.ahead) * prime.bar


def _late(prime: Prime, tick: int) -> int:
    """Whole bars, in ticks, that the first new event comes later, so that a song that it continues is over before.

    It may begin in that one's last bar. Where others play on behind the last event that the heads heard, or where it
    rings for bars, these are the song's own.
    """
    return max(-((tick - (prime.ahead - 1) * prime.bar) // prime.bar), 0) * prime.bar


def without_head(head: str) -> str:
    """What stands in for a head that is lacking, in words."""
    if head == "velocity":
        return "loudness follows the prime song's dynamics"
    return f"the prime song's own {head} are used"


def own_column(
    prime: Prime, head: str, where: Callable[[int], tuple[int, int]] | None = None
) -> Callable[[int], Value]:
    """What stands in for a head that is lacking: the value of the next event, by its tick.

    It is the prime's own column after its context, and then the whole of it again and again; loudness
    would not fit the other places in the bar, and follows the prime's dynamics.

    Args:
        where: the number of a tick's bar, and its place there; None where ticks count from a bar line, in bars as long
            as the prime's.
    """
    if head == "velocity":
        dynamics = Dynamics.of(prime)
        return lambda tick: dynamics.loudness(*(where(tick) if where is not None else divmod(tick, prime.bar)))
    column = prime.column(HEADS[head].column)
    if head == "offsets":  # what opens the column is a place in the bar: back there from the last event
        column[0] = prime.way_back
    values = chain(column[prime.context :], cycle(column))
    return lambda tick: next(values)


def song_of(prime: Prime, events: Sequence[Event], settings: Settings) -> Song:
    """The events as a song of one part, in the prime's tempo, metre and key unless asked otherwise."""
    onsets = prime.place + np.cumsum(np.array([event.offset for event in events], np.int64))
    if len(onsets) and not prime.continues:
        onsets -= onsets[0] - onsets[0] % prime.bar  # it begins in its own first bar
    sizes = np.array([len(event.chords) for event in events], np.int64)
    onset = np.repeat(onsets, sizes)
    lengths = np.fromiter(chain.from_iterable(event.sounding for event in events), np.int64, int(sizes.sum()))
    end = onset + np.maximum(lengths, 1)
    end = np.minimum(end, _end(prime, settings)).astype(np.int64)
    pitch = np.fromiter(chain.from_iterable(event.chords for event in events), np.int64, int(sizes.sum()))
    top = np.zeros(len(pitch), dtype=bool)
    top[np.cumsum(sizes) - 1] = True  # a chord's pitches stand low to high
    loud = np.repeat(np.array([event.velocity for event in events], np.int64), sizes)
    velocity = Dynamics.of(prime).shared(loud, top)
    return Song(
        grid=prime.song.grid,
        parts=(PART,),
        notes=settled(onset, pitch, end, velocity, np.zeros_like(pitch)),
        tempos=np.array([[0.0, settings.tempo or min(max(prime.tempo, SLOWEST), FASTEST)]]),
        metres=np.array([[0, *prime.metre]], np.int32),
        keys=prime.keys,
    )


@contextmanager
def _one_thread() -> Iterator[None]:
    """One thread inside: the fastest for one event at a time, and the same sums on every number of cores."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
