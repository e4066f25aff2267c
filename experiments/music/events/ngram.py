"""Values drawn from an n-gram model of training songs: the interpolated Kneser-Ney that `kneser_ney.py` scores.

From the highest order down: draw one of the places in the training songs where the events before are the same, and take
the value that follows there. Of each value that follows, one place is not to be trusted with probability D, the
order's discount: that is the mass that interpolation gives to the order below. At the bottom stands the base
distribution, which spells any chord and knows every number.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from datamodules.baselines.by_target import Ngram
from datamodules.baselines.kneser_ney import discount
from datamodules.columns import Column
from datamodules.grams import numbered, paired
from datamodules.vocabulary import PITCHES, TRANSPOSITIONS, Chord, Speller, Value

__all__ = ["NgramSampler"]

Ints = NDArray[np.int64]
START, UNHEARD = 0, -1  # symbols: before a song's start; of a value that no training song has. The others are above 0


class _Places(NamedTuple):
    """Where a context stands in the training songs, as often as its order counts it."""

    follower: Ints  # (places,) the symbol that comes after it
    first: NDArray[np.bool_]  # (places,) whether the place is the first of its follower


class NgramSampler:
    """Draws the value after a history.

    Args:
        column: its training part is what the model is of.
        ngram: which model.
    """

    def __init__(self, column: Column, ngram: Ngram) -> None:
        if column.spec.grain != "event":
            raise ValueError("a model of single notes' lengths has no value of an event to draw")
        self.column, self.ngram = column, ngram
        self._values: list[Value] = []  # by symbol, less one
        self._symbols: dict[Value, int] = {}
        self._sequence, self._depth = self._copies(TRANSPOSITIONS if ngram.transposed else (0,))
        self._targets = np.flatnonzero(self._depth > 0)
        last = self._before(self._targets, 1)
        order = np.argsort(last, kind="stable")
        self._last, self._by_last = last[order], self._targets[order]

    def draw(self, history: Sequence[Value], random: np.random.Generator) -> Value:
        """A value after those of a song so far, from its start on."""
        places = [self._everywhere]  # of orders 1, 2, ...
        places += [self._places(at, order) for order, at in enumerate(self._matching(history), start=2)]
        for less, (follower, first) in reversed(list(zip(self._discounts, places, strict=False))):
            one = int(random.integers(len(follower)))
            if not (first[one] and random.random() < less):
                return self._values[int(follower[one]) - 1]
        if self._speller is not None:
            return _spelled(self._speller, random)
        histogram = self.column.histogram
        assert histogram is not None
        return self.column.spec.lowest + int(random.choice(len(histogram), p=histogram))

    def _copies(self, shifts: Sequence[int]) -> tuple[Ints, Ints]:
        """The training part of each song, moved by each of the shifts that keep it in the range of pitches.

        Returns:
            The symbols of all copies, one after another; how many events each has before it in its copy.
        """
        column = self.column
        table = np.array([[self._moved(value, shift) for value in column.lexicon] for shift in shifts])
        inside, copies = column.training(), []
        for begin, end in pairwise(column.starts.tolist()):
            ids = column.ids[begin:end][inside[begin:end]]  # a song's training events are its first ones
            copies += [row for row in table[:, ids] if len(row) and (row != UNHEARD).all()]
        return np.concatenate(copies), np.concatenate([np.arange(len(copy)) for copy in copies])

    def _moved(self, value: Value, shift: int) -> int:
        """The symbol of a value, moved; UNHEARD if it would leave the range."""
        if isinstance(value, tuple):
            value = tuple(pitch + shift for pitch in value)
            if value[0] < 0 or value[-1] >= PITCHES:
                return UNHEARD
        if value not in self._symbols:
            self._values.append(value)
            self._symbols[value] = len(self._values)
        return self._symbols[value]

    def _before(self, at: Ints, distance: int) -> Ints:
        """The symbol `distance` events before each place, START before its song's."""
        return np.where(self._depth[at] >= distance, self._sequence[np.maximum(at - distance, 0)], START)

    def _matching(self, history: Sequence[Value]) -> Iterator[Ints]:
        """The training targets that have the last value before them, the last two, and so on, while there are any."""
        column, at = self.column, self._by_last
        for distance in range(1, self.ngram.order):
            symbol = START
            if distance <= len(history):
                value = history[-distance]
                if isinstance(value, int):
                    value = min(max(value, column.spec.lowest), column.highest)
                symbol = self._symbols.get(value, UNHEARD)
            if distance == 1:
                at = at[np.searchsorted(self._last, symbol) : np.searchsorted(self._last, symbol, side="right")]
            else:
                at = at[self._before(at, distance) == symbol]
            if not len(at):
                return
            yield at

    def _places(self, at: Ints, order: int) -> _Places:
        """What an order counts of the targets after a context: all, or below the highest each pair of neighbours once.

        Neighbours are the value before the context and the one after it: a continuation count.
        """
        follower = self._sequence[at]
        if order < self.ngram.order:
            pairs = paired(follower, self._before(at, order))
            follower = follower[np.unique(pairs, return_index=True)[1]]
        first = np.zeros(len(follower), dtype=bool)
        first[np.unique(follower, return_index=True)[1]] = True
        return _Places(follower, first)

    @cached_property
    def _everywhere(self) -> _Places:
        return self._places(self._targets, 1)

    @cached_property
    def _discounts(self) -> list[float]:
        """Of orders 1, 2, ...; as `kneser_ney` has them."""
        gram, discounts = numbered(self._sequence[self._targets]), []
        for order in range(1, self.ngram.order + 1):
            longer = paired(gram, self._before(self._targets, order))
            different = np.unique(longer, return_index=True)[1]
            counts = np.bincount(gram if order == self.ngram.order else gram[different])
            discounts.append(discount(counts))
            gram = longer
        return discounts

    @cached_property
    def _speller(self) -> Speller | None:
        if not self.column.spec.chords:
            return None
        if not self.ngram.transposed:
            return Speller.fit(cast("tuple[Chord, ...]", self.column.vocabulary.own))
        return Speller.fit(cast("Chord", self._values[symbol - 1]) for symbol in np.unique(self._sequence))


def _spelled(speller: Speller, random: np.random.Generator) -> Chord:
    """A chord as the speller spells it, from high to low."""
    end = at = len(speller.table) - 1
    falling: list[int] = []
    while True:
        at = int(random.choice(end + 1, p=np.exp(speller.table[at])))
        if at == end:
            return tuple(reversed(falling))
        falling.append(at)
