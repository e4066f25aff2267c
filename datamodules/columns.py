"""One head's column over a corpus, laid out as arrays: all that a worker needs to train and to score that head.

A column is numpy arrays and small tuples, so that it is cheap to send to other processes, which may get the arrays
read-only. Vocabulary, counts and base distribution come from the training part alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from datamodules.errors import UserError
from datamodules.song import LONGEST_QUARTERS, Events
from datamodules.splits import FIRST, TEST, TRAIN, VALID, Split
from datamodules.vocabulary import Chord, Speller, Value, Vocabulary, tick_histogram

__all__ = ["Column", "ColumnSpec", "build_column", "column_for"]


@dataclass(frozen=True)
class ColumnSpec:
    """Which column of the events a head predicts.

    Attributes:
        name: the head's name.
        field: the attribute of `Events`: chords, or one in ticks.
        lowest: the least ticks a target can have; 0 for chords, which have none.
    """

    name: str
    field: str
    lowest: int = 0

    @property
    def chords(self) -> bool:
        """Whether the values are chords; else they are ticks."""
        return self.field == "chords"


@dataclass(frozen=True)
class Column:
    """A head's column over all songs, one after another (E events, S songs, a vocabulary of V values).

    Attributes:
        spec: which column it is.
        grid: ticks a quarter note.
        vocabulary: the values of the training part.
        lexicon: every value of the column: the vocabulary's, in its order, then those it lacks.
        ids: int32 (E,), into `lexicon`. Timing is clipped to `spec.lowest` .. `highest` first.
        value: int32 (E,), ticks as they stand in the song, not clipped; zeros for chords.
        base: float64 (E,), ln of the base distribution at each event: Q, or the training histogram.
        starts: int64 (S + 1,), where each song begins, and E.
        part: int8 (E,), whose target each event is: `splits.FIRST` (nobody's), TRAIN, VALID or TEST.
        opens: bool (S,), whether a song's first event belongs to the training part.
    """

    spec: ColumnSpec
    grid: int
    vocabulary: Vocabulary
    lexicon: tuple[Value, ...]
    ids: NDArray[np.int32]
    value: NDArray[np.int32]
    base: NDArray[np.float64]
    starts: NDArray[np.int64]
    part: NDArray[np.int8]
    opens: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def highest(self) -> int:
        """The most ticks that are told apart; what is longer counts as this."""
        return LONGEST_QUARTERS * self.grid

    @property
    def inputs(self) -> NDArray[np.int64]:
        """int64 (E,): what a network is shown of each event; `vocabulary.unknown` for what it has no id for."""
        return np.minimum(self.ids, self.vocabulary.unknown).astype(np.int64)

    @cached_property
    def histogram(self) -> NDArray[np.float64] | None:
        """Training targets over the ticks `spec.lowest` to `highest`, shape (highest - lowest + 1,); chords: None."""
        return None if self.spec.chords else tick_histogram(self.vocabulary, self.spec.lowest, self.highest)

    @property
    def valid_part(self) -> int:
        """The part that a search is judged on: VALID, or TRAIN where nothing is held out."""
        return VALID if (self.part == VALID).any() else TRAIN

    @property
    def test_part(self) -> int:
        """The part that `evaluate` scores: TEST, or `valid_part` where there is no test part."""
        return TEST if (self.part == TEST).any() else self.valid_part

    def targets(self, part: int) -> NDArray[np.int64]:
        """The events that are a part's targets, in order."""
        return np.flatnonzero(self.part == part).astype(np.int64)

    def songs(self) -> NDArray[np.int64]:
        """int64 (E,): the song of each event."""
        return np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))

    def training(self) -> NDArray[np.bool_]:
        """bool (E,): the events of the training part: its targets, and the first events of its songs."""
        inside = np.asarray(self.part == TRAIN)
        inside[self.starts[:-1][self.opens]] = True
        return inside


def build_column(spec: ColumnSpec, events: Sequence[Events], split: Split, grid: int) -> Column:
    """The column of songs that were split: its vocabulary is that of the split's training part."""
    laid = _lay_out(spec, events, grid)
    part = np.concatenate([np.zeros(0, np.int8), *split.parts])
    opens = np.array([split.trains(song) for song in range(len(events))], dtype=bool)
    counts = np.bincount(laid.which[part == TRAIN], minlength=len(laid.distinct))
    known = counts > 0
    known[laid.which[laid.starts[:-1][opens]]] = True
    rows = np.flatnonzero(known).tolist()
    vocabulary = Vocabulary(tuple(laid.distinct[i] for i in rows), tuple(counts[rows].tolist()))
    return _column(spec, grid, vocabulary, laid, part=part, opens=opens)


def column_for(spec: ColumnSpec, vocabulary: Vocabulary, grid: int, events: Sequence[Events]) -> Column:
    """The column of other songs by a vocabulary that exists: all events but the songs' first are TEST targets.

    Raises:
        UserError: the vocabulary is not one of this column's kind.
    """
    if (vocabulary.kind == "chords") != spec.chords:
        raise UserError(f"a vocabulary of {vocabulary.kind} cannot be one of the {spec.name} head")
    laid = _lay_out(spec, events, grid)
    part = np.full(len(laid.which), TEST, dtype=np.int8)
    part[laid.starts[:-1]] = FIRST
    return _column(spec, grid, vocabulary, laid, part=part, opens=np.zeros(len(events), dtype=bool))


class _Laid(NamedTuple):
    """The values of all songs, one after another."""

    ticks: NDArray[np.int32]  # (E,) as they stand; zeros for chords
    distinct: list[Value]  # sorted; ticks clipped to the range
    which: NDArray[np.int64]  # (E,) into `distinct`
    starts: NDArray[np.int64]  # (S + 1,)


def _lay_out(spec: ColumnSpec, events: Sequence[Events], grid: int) -> _Laid:
    if not all(map(len, events)):
        raise ValueError("a song without events has no place in a column")
    starts = np.cumsum([0, *map(len, events)], dtype=np.int64)
    if spec.chords:
        chords = [chord for song in events for chord in song.chords()]
        sorted_chords = sorted(set(chords))
        place = {chord: i for i, chord in enumerate(sorted_chords)}
        which = np.fromiter((place[chord] for chord in chords), dtype=np.int64, count=len(chords))
        return _Laid(np.zeros(len(chords), np.int32), list(sorted_chords), which, starts)
    ticks = np.concatenate([np.zeros(0, np.int32), *(getattr(song, spec.field) for song in events)]).astype(np.int32)
    distinct = np.unique(np.clip(ticks, spec.lowest, LONGEST_QUARTERS * grid), return_inverse=True)
    return _Laid(ticks, cast("list[Value]", distinct[0].tolist()), distinct[1].astype(np.int64), starts)


def _column(
    spec: ColumnSpec,
    grid: int,
    vocabulary: Vocabulary,
    laid: _Laid,
    *,
    part: NDArray[np.int8],
    opens: NDArray[np.bool_],
) -> Column:
    lexicon = vocabulary.values + tuple(value for value in laid.distinct if value not in vocabulary.index)
    place = {value: i for i, value in enumerate(lexicon)}
    ids = np.array([place[value] for value in laid.distinct], dtype=np.int32)[laid.which]
    base = _log_base(spec, grid, vocabulary, lexicon)[ids]
    return Column(spec, grid, vocabulary, lexicon, ids, laid.ticks, base, laid.starts, part, opens)


def _log_base(spec: ColumnSpec, grid: int, vocabulary: Vocabulary, lexicon: tuple[Value, ...]) -> NDArray[np.float64]:
    """ln of the base distribution at every value of the lexicon, in nats."""
    if spec.chords:
        speller = Speller.fit(cast("tuple[Chord, ...]", vocabulary.values))
        return speller.log_probs(cast("tuple[Chord, ...]", lexicon))
    highest = LONGEST_QUARTERS * grid
    shares = tick_histogram(vocabulary, spec.lowest, highest)
    ticks = np.clip(np.array(lexicon, dtype=np.int64), spec.lowest, highest)
    log_base: NDArray[np.float64] = np.log(shares)[ticks - spec.lowest]
    return log_base
