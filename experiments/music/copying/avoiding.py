"""Chords that a new song is not to go on with, because the run that it shares with a training song would grow too long.

A run is one of tokens, as in `matching`: transposed or not, whatever its rhythm, of at least three different ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from datamodules.errors import UserError
from datamodules.song import Events
from datamodules.vocabulary import PITCHES, Chord
from experiments.command_line.cli import note
from experiments.music.copying.matching import CHORD, DIFFERENT, symbols, tokens_of
from experiments.music.training_songs import TrainingSongs
from experiments.winners import Winner

__all__ = ["Avoid", "Avoiding", "avoiding"]

HALF = 64  # intervals that a column of a token holds

Ints = NDArray[np.int64]


class Avoiding:
    """What new songs are not to copy.

    Args:
        training: what was learnt from.
        most: tokens of the longest run that they may share with it.
    """

    def __init__(self, training: Sequence[Events], most: int) -> None:
        old = tokens_of(training)
        self.most, self.songs = most, list[Avoid]()
        self.tokens = symbols(old, old, "chords")[0]  # of all songs, one after another
        self.first = np.zeros(len(old) + 1, dtype=bool)  # of its song; what stands behind the last song is, too
        self.first[old.starts] = True
        order = np.argsort(self.tokens, kind="stable")
        bounds = np.searchsorted(self.tokens[order], np.arange(int(self.tokens.max(initial=-1)) + 2))
        self._order, self._bounds = order, bounds
        heads = order[bounds[:-1]]  # a place of each token
        rows = zip(*(old.columns[name][heads].tolist() for name in CHORD), strict=True)
        self.parts: list[tuple[int, ...]] = list(rows)  # by token: its intervals as bits, its step
        self.numbers = {part: number for number, part in enumerate(self.parts)}
        self.chord = cache(self._chord)

    def begin(self) -> Avoid:
        """What the next new song is not to copy."""
        self.songs.append(Avoid(self))
        return self.songs[-1]

    def describe(self, number: int) -> str:
        """How it went in a song, by its number, for people."""
        failures, events = self.songs[number].failures, self.songs[number].events
        if not failures:
            return f"--max-copy {self.most}: kept at all {events:,} events"
        told = f"could not be kept at {failures:,} of {events:,} events, where no other chord was likely"
        return f"--max-copy {self.most}: {told}"

    def places(self, token: int) -> Ints:
        """Where a token stands in the training songs."""
        return self._order[self._bounds[token] : self._bounds[token + 1]]

    def _chord(self, token: int, low: int) -> Chord:
        """The chord that a token is, after a lowest pitch; () if no such pitches are."""
        near, far, step = self.parts[token]
        above = [bit for bit in range(HALF) if near >> bit & 1] + [HALF + bit for bit in range(HALF) if far >> bit & 1]
        chord = tuple(low + step + interval for interval in above)
        return chord if chord[0] >= 0 and chord[-1] < PITCHES else ()


class Avoid:
    """The same for one song, event by event.

    Attributes:
        barred: the chords that are not to come next.
        failures: at how many events one came all the same.
        events: how many have come.
    """

    def __init__(self, whole: Avoiding) -> None:
        self.whole = whole
        self.barred: frozenset[Chord] = frozenset()
        self.failures = self.events = 0
        self._low: int | None = None  # the lowest pitch of the event before
        self._said: list[int] = []  # the tokens of the longest shared run that ends here
        self._places = np.zeros(0, np.int64)  # of the last token in the training songs
        self._run = np.zeros(0, np.int64)  # of each place, tokens of the shared run that ends there

    def hear(self, chord: Chord) -> None:
        """Take in the chord of an event."""
        self.events += 1
        self.failures += chord in self.barred
        if self._low is not None:
            bits = sum(1 << (pitch - chord[0]) for pitch in chord)
            token = self.whole.numbers.get((bits % (1 << HALF), bits >> HALF, chord[0] - self._low))
            self._go_on(token)
        self._low = chord[0]
        self.barred = self._next()

    def _go_on(self, token: int | None) -> None:
        """To the places of the next token; None for one that no training song has."""
        if token is None:
            self._places, self._run, self._said = self._places[:0], self._run[:0], []
            return
        places = self.whole.places(token)
        run = np.ones(len(places), np.int64)
        if len(self._places):
            at = np.minimum(np.searchsorted(self._places, places - 1), len(self._places) - 1)
            follows = (self._places[at] == places - 1) & ~self.whole.first[places]
            run += np.where(follows, self._run[at], 0)
        self._places, self._run = places, run
        self._said = [*self._said, token][-int(run.max()) :]

    def _next(self) -> frozenset[Chord]:
        """The chords that would make a run too long."""
        long = (self._run >= self.whole.most) & ~self.whole.first[self._places + 1]
        going, length = self._places[long], self._run[long]
        if not len(going) or self._low is None:
            return frozenset()
        token = self.whole.tokens[going + 1]
        back = self._said[::-1]
        different = list(dict.fromkeys(back))[:DIFFERENT]
        # how long a run that ends here must be to have two, and three, different ones
        two, three = ([*map(back.index, different), len(back), len(back)][n] + 1 for n in (1, DIFFERENT - 1))
        other = (length >= two) & ~np.isin(token, different[:2])
        found = np.unique(token[(length >= three) | other]).tolist()
        return frozenset(self.whole.chord(number, self._low) for number in found) - {()}


def avoiding(winners: Mapping[str, Winner], training: TrainingSongs, most: int) -> Avoiding:
    """What `--max-copy` asks for.

    Raises:
        UserError: no chord is drawn, or no training song is here.
    """
    if "notes" not in winners:
        raise UserError("--max-copy: without a notes head the chords are the prime's own: name one, as --notes RUN")
    heard = [events for _, events in training.heard]
    if not heard:
        raise UserError(
            "--max-copy: the training songs are not here to compare with: put them where songs.json of the run names"
            " them, or leave it out"
        )
    if training.found < training.wanted or not training.complete:
        note(f"--max-copy: only some of the training songs are here ({training.describe()})")
    return Avoiding(heard, most)
