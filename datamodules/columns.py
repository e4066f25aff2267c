"""One head's column over a corpus, laid out as arrays: all that a worker needs to train and to score that head.

A column is numpy arrays and small tuples, so that it is cheap to send to other processes, which may get the arrays
read-only. Vocabulary, counts and base distribution come from the training part alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from datamodules.column_spec import ColumnSpec
from datamodules.context import Context, context_of
from datamodules.errors import UserError
from datamodules.form.standing import Standing
from datamodules.song import Events
from datamodules.splits import FIRST, TEST, TRAIN, VALID, Split
from datamodules.vocabulary import Chord, Speller, Value, Vocabulary, tick_histogram

__all__ = ["Column", "build_column", "build_columns", "column_for", "only_value"]


@dataclass(frozen=True)
class Column:
    """A head's column over all songs, one after another (E events, S songs, a vocabulary of V values).

    Attributes:
        spec: which column it is.
        grid: ticks a quarter note.
        vocabulary: the values of the training part.
        lexicon: every value of the column: the vocabulary's, in its order, then those it lacks.
        ids: int32 (E,), into `lexicon`. Numbers are clipped to `spec.lowest` .. `highest` first.
        value: int32 (E,), numbers as they stand in the song, not clipped; zeros for chords.
        base: float64 (E,), ln of the base distribution at each event: Q, or the training histogram; of grain note the
            sum over its notes.
        starts: int64 (S + 1,), where each song begins, and E.
        part: int8 (E,), whose target each event is: `splits.FIRST` (nobody's), TRAIN, VALID or TEST.
        opens: bool (S,), whether a song's first event belongs to the training part.
        context: all columns of the events.
        standing: where the events stand in the forms of their songs; None where no network is to see it.

    Of grain note, the vocabulary, its counts, the lexicon and the base are those of single notes' lengths; ids and
    value tell the event's longest one.
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
    context: Context
    standing: Standing | None = None

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def highest(self) -> int:
        """The highest number that is told apart; a higher one counts as this."""
        return self.spec.highest(self.grid)

    @property
    def per_unit(self) -> int:
        """Numbers to a unit of the column: ticks a quarter note, or 1."""
        return self.spec.per_unit(self.grid)

    @property
    def inputs(self) -> NDArray[np.int64]:
        """int64 (E,): what a network is shown of each event; `vocabulary.unknown` for what it has no id for."""
        return np.minimum(self.ids, self.vocabulary.unknown).astype(np.int64)

    @cached_property
    def histogram(self) -> NDArray[np.float64] | None:
        """Training targets over the numbers `spec.lowest` to `highest`, shape (highest - lowest + 1,); chords: None."""
        return None if self.spec.chords else tick_histogram(self.vocabulary, self.spec.lowest, self.highest)

    @cached_property
    def chords(self) -> NDArray[np.uint8]:
        """uint8 (E + 1, 16): the pitches of each event, packed, and none at a song's start."""
        return _laid_out(self.context, "chords", lambda: self.context.bits)

    @cached_property
    def past(self) -> NDArray[np.float32]:
        """float32 (E + 1, `past_size`): what is shown of each event before, and zeros at a song's start."""
        return _laid_out(self.context, "past", lambda: self.context.past)

    @cached_property
    def known(self) -> NDArray[np.float32]:
        """float32 (E + 1, `known_size`): what is known of each event to come, and zeros at a song's start."""
        after = self.spec.after
        return _laid_out(self.context, f"known after {after}", lambda: self.context.known(after))

    @cached_property
    def form(self) -> NDArray[np.float32]:
        """float32 (E + 1, `stand_size`): where in its song's form each event stands, and zeros at a song's start."""
        return _laid_out(self._told, "form", lambda: self._told.features(self.grid))

    @cached_property
    def again(self) -> NDArray[np.uint8]:
        """uint8 (E + 1, 16): the pitches that the same place of the form held before, packed; none at a start."""
        return _laid_out(self._told, "again", lambda: self._told.bits)

    @property
    def told(self) -> NDArray[np.float64]:
        """float64 (E,): what telling the songs' forms costs, shared out among the events, in nats."""
        return self._told.nats

    @property
    def _told(self) -> Standing:
        if self.standing is None:
            raise ValueError("where the events of this column stand in their songs' forms was not looked for")
        return self.standing

    def prepared(self) -> Column:
        """Itself, with all that windows are cut from laid out: pickled once, processes share it."""
        _ = self.chords, self.past, self.known
        if self.standing is not None:
            _ = self.form, self.again
        return self

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


def build_column(
    spec: ColumnSpec, events: Sequence[Events], split: Split, grid: int, also: Collection[Value] = ()
) -> Column:
    """The column of songs that were split: its vocabulary is that of the split's training part, and holds `also`."""
    (column,) = build_columns(spec, events, (split,), grid, also)
    return column


def build_columns(
    spec: ColumnSpec, events: Sequence[Events], splits: Sequence[Split], grid: int, also: Collection[Value] = ()
) -> tuple[Column, ...]:
    """`build_column` by each of some splits: what depends on none, most of a column, they share."""
    laid, context = _lay_out(spec, events, grid), context_of(events, grid)
    return tuple(_split_column(spec, laid, context, split, also) for split in splits)


def _split_column(spec: ColumnSpec, laid: _Laid, context: Context, split: Split, also: Collection[Value]) -> Column:
    part = np.concatenate([np.zeros(0, np.int8), *split.parts])
    opens = np.array([split.trains(song) for song in range(len(split.parts))], dtype=bool)
    counts = np.bincount(laid.single[part[laid.event] == TRAIN], minlength=len(laid.distinct))
    known = counts > 0
    known[laid.single[np.isin(laid.event, laid.starts[:-1][opens])]] = True
    found = {laid.distinct[i]: int(counts[i]) for i in np.flatnonzero(known).tolist()}
    # a value that only `also` has is no training target; held-out songs may hold it all the same
    values = sorted({*found, *also})
    borrowed = tuple(i for i, value in enumerate(values) if value not in found)
    vocabulary = Vocabulary(tuple(values), tuple(found.get(value, 0) for value in values), borrowed)
    return _column(spec, vocabulary, laid, context, part=part, opens=opens)


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
    none = np.zeros(len(events), dtype=bool)
    return _column(spec, vocabulary, laid, context_of(events, grid), part=part, opens=none)


def only_value(spec: ColumnSpec, events: Sequence[Events], split: Split, grid: int) -> Value | None:
    """The value of every training target, if they all have the same: there is nothing to learn then."""
    laid = _lay_out(spec, events, grid)
    part = np.concatenate([np.zeros(0, np.int8), *split.parts])
    found = np.unique(laid.single[part[laid.event] == TRAIN])
    return laid.distinct[int(found[0])] if len(found) == 1 else None


def _laid_out(of: Context | Standing, name: str, table: Callable[[], NDArray[Any]]) -> NDArray[Any]:
    """The table with a row of zeros behind it, for a song's start: one for all columns that share what it is of."""
    if name not in of.laid:
        rows = table()
        of.laid[name] = np.concatenate([rows, np.zeros_like(rows[:1])])
    return of.laid[name]


class _Laid(NamedTuple):
    """The values of all songs, one after another."""

    ticks: NDArray[np.int32]  # (E,) numbers as they stand; zeros for chords
    distinct: list[Value]  # sorted; numbers clipped to the range
    which: NDArray[np.int64]  # (E,) into `distinct`
    starts: NDArray[np.int64]  # (S + 1,)
    single: NDArray[np.int64]  # what is counted, into `distinct`: `which`, or every note
    event: NDArray[np.int64]  # whose it is


def _lay_out(spec: ColumnSpec, events: Sequence[Events], grid: int) -> _Laid:
    if not all(map(len, events)):
        raise ValueError("a song without events has no place in a column")
    starts = np.cumsum([0, *map(len, events)], dtype=np.int64)
    if spec.chords:
        chords = [chord for song in events for chord in song.chords()]
        sorted_chords = sorted(set(chords))
        place = {chord: i for i, chord in enumerate(sorted_chords)}
        which = np.fromiter((place[chord] for chord in chords), dtype=np.int64, count=len(chords))
        ticks = np.zeros(len(chords), np.int32)
        return _Laid(ticks, list(sorted_chords), which, starts, which, np.arange(len(which)))
    ticks = np.concatenate([np.zeros(0, np.int32), *map(spec.numbers, events)])
    each, event = ticks, np.arange(len(ticks))
    if spec.grain == "note":
        each = np.concatenate([np.zeros(0, np.int32), *(song.lengths for song in events)]).astype(np.int32)
        event = np.repeat(event, np.concatenate([np.zeros(0, np.int64), *(np.diff(song.starts) for song in events)]))
    highest = spec.highest(grid)
    distinct, single = np.unique(np.clip(each, spec.lowest, highest), return_inverse=True)
    which = np.searchsorted(distinct, np.clip(ticks, spec.lowest, highest))  # an event's value is its longest note's
    return _Laid(ticks, cast("list[Value]", distinct.tolist()), which, starts, single.astype(np.int64), event)


def _column(
    spec: ColumnSpec,
    vocabulary: Vocabulary,
    laid: _Laid,
    context: Context,
    *,
    part: NDArray[np.int8],
    opens: NDArray[np.bool_],
) -> Column:
    lexicon = vocabulary.values + tuple(value for value in laid.distinct if value not in vocabulary.index)
    place = {value: i for i, value in enumerate(lexicon)}
    ids = np.array([place[value] for value in laid.distinct], dtype=np.int32)[laid.which]
    single = np.array([place[value] for value in laid.distinct], dtype=np.int64)[laid.single]
    base = np.zeros(len(ids))
    np.add.at(base, laid.event, _log_base(spec, context.grid, vocabulary, lexicon)[single])
    return Column(spec, context.grid, vocabulary, lexicon, ids, laid.ticks, base, laid.starts, part, opens, context)


def _log_base(spec: ColumnSpec, grid: int, vocabulary: Vocabulary, lexicon: tuple[Value, ...]) -> NDArray[np.float64]:
    """ln of the base distribution at every value of the lexicon, in nats."""
    if spec.chords:
        speller = Speller.fit(cast("tuple[Chord, ...]", vocabulary.own))
        return speller.log_probs(cast("tuple[Chord, ...]", lexicon))
    highest = spec.highest(grid)
    shares = tick_histogram(vocabulary, spec.lowest, highest)
    ticks = np.clip(np.array(lexicon, dtype=np.int64), spec.lowest, highest)
    log_base: NDArray[np.float64] = np.log(shares)[ticks - spec.lowest]
    return log_base
