"""A head's column: what each event is called, and what comes from the training part alone."""

from __future__ import annotations

from collections import Counter
from typing import Any, cast

import numpy as np
import pytest
from columns_made import COLUMNS, GRID, lively_songs
from events_made import events_of

from datamodules.columns import Column, build_column, column_for
from datamodules.errors import UserError
from datamodules.song import Events
from datamodules.splits import FIRST, TEST, TRAIN, VALID, make_split
from datamodules.vocabulary import Speller

SONGS = lively_songs(3, songs=6, chords=20)
NUMBERS = [name for name, spec in COLUMNS.items() if not spec.chords]


def _clipped(name: str, song: Events) -> list[Any]:
    spec = COLUMNS[name]
    if spec.chords:
        return song.chords()
    return list(np.clip(getattr(song, spec.field), spec.lowest, spec.highest(GRID)).tolist())


@pytest.mark.parametrize("kind", ["song", "tail", "none"])
@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_is_its_definition(name: str, kind: str) -> None:
    split = make_split(kind, SONGS, seed=2)
    column = build_column(COLUMNS[name], SONGS, split, GRID)
    values = [value for song in SONGS for value in _clipped(name, song)]
    assert [column.lexicon[i] for i in column.ids] == values
    assert column.part.tolist() == np.concatenate(split.parts).tolist()
    assert column.starts.tolist() == np.cumsum([0, *map(len, SONGS)]).tolist()
    firsts = {_clipped(name, song)[0] for i, song in enumerate(SONGS) if split.songs[i] not in ("valid", "test")}
    counts = Counter(value for value, part in zip(values, column.part, strict=True) if part == TRAIN)
    assert column.vocabulary.values == tuple(sorted(firsts | set(counts)))
    assert column.vocabulary.counts == tuple(counts[value] for value in column.vocabulary.values)
    assert column.lexicon[: len(column.vocabulary)] == column.vocabulary.values
    assert set(column.lexicon) == set(values) | firsts
    known = [column.vocabulary.index.get(value, column.vocabulary.unknown) for value in values]
    assert column.inputs.tolist() == known
    assert column.inputs.dtype == np.int64
    for part in (TRAIN, VALID, TEST):
        assert column.targets(part).tolist() == [i for i, mark in enumerate(column.part) if mark == part]
    assert (column.valid_part, column.test_part) == (split.valid_part, split.test_part)


def test_chords_are_based_on_the_training_speller() -> None:
    column = build_column(COLUMNS["notes"], SONGS, make_split("song", SONGS, 0), GRID)
    assert len(column.lexicon) > len(column.vocabulary), "the test needs chords that training has not"
    speller = Speller.fit(cast("Any", column.vocabulary.values))
    assert column.base.tolist() == pytest.approx([speller.log_probs([c])[0] for song in SONGS for c in song.chords()])
    assert not column.value.any()
    assert column.histogram is None


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_are_clipped_for_ids_and_true_in_value(name: str) -> None:
    column = build_column(COLUMNS[name], SONGS, make_split("tail", SONGS, 0), GRID)
    assert column.value.tolist() == np.concatenate([getattr(s, COLUMNS[name].field) for s in SONGS]).tolist()
    assert column.highest >= max(cast("tuple[int]", column.lexicon))
    if column.spec.timed:
        assert column.value.max() > column.highest == 16 * GRID == max(cast("tuple[int]", column.lexicon))
    assert column.histogram is not None
    assert len(column.histogram) == column.highest - column.spec.lowest + 1
    ticks = np.clip(column.value, column.spec.lowest, column.highest) - column.spec.lowest
    assert np.exp(column.base).tolist() == pytest.approx(column.histogram[ticks].tolist())
    assert np.exp(column.base).max() <= 1


@pytest.mark.parametrize("name", COLUMNS)
def test_every_column_holds_all_columns_of_its_events(name: str) -> None:
    context = build_column(COLUMNS[name], SONGS, make_split("song", SONGS, 0), GRID).context
    assert context.grid == GRID
    for field in ("duration", "offset", "velocity", "place", "bar", "lengths"):
        assert getattr(context, field).tolist() == np.concatenate([getattr(song, field) for song in SONGS]).tolist()
    chords = [chord for song in SONGS for chord in song.chords()]
    assert [tuple(np.flatnonzero(row).tolist()) for row in np.unpackbits(context.bits, axis=1)] == chords
    assert np.diff(context.starts).tolist() == [len(chord) for chord in chords]
    assert len(context) == len(chords)


def test_a_held_out_song_leaves_the_vocabulary_alone() -> None:
    songs = [events_of([(60,), (62,), (64,)], [6, 6, 12], [0, 6, 6])]
    other = events_of([(70,), (72,), (60,)], [7, 9, 6], [3, 9, 6])
    alone = build_column(COLUMNS["notes"], songs, make_split("none", songs, 0), GRID)
    tested = column_for(COLUMNS["notes"], alone.vocabulary, GRID, [other, songs[0]])
    assert tested.vocabulary == alone.vocabulary
    assert tested.part.tolist() == [FIRST, TEST, TEST] * 2
    assert tested.inputs.tolist() == [3, 3, 0, 0, 1, 2]
    assert tested.lexicon == ((60,), (62,), (64,), (70,), (72,))
    assert tested.base[3:].tolist() == alone.base.tolist()
    assert not tested.training().any()


def test_the_training_part_has_its_songs_first_events() -> None:
    for kind, expected in [("tail", len(SONGS)), ("none", len(SONGS)), ("song", 4)]:
        column: Column = build_column(COLUMNS["offsets"], SONGS, make_split(kind, SONGS, 0), GRID)
        assert int(column.training().sum()) == len(column.targets(TRAIN)) + expected


def test_a_song_without_events_is_refused() -> None:
    vocabulary = build_column(COLUMNS["offsets"], SONGS, make_split("none", SONGS, 0), GRID).vocabulary
    with pytest.raises(ValueError, match="without events"):
        column_for(COLUMNS["offsets"], vocabulary, GRID, [SONGS[0], events_of([], [], [])])


def test_a_vocabulary_of_another_kind_is_refused() -> None:
    vocabulary = build_column(COLUMNS["notes"], SONGS, make_split("none", SONGS, 0), GRID).vocabulary
    with pytest.raises(UserError, match="chords"):
        column_for(COLUMNS["durations"], vocabulary, GRID, SONGS)
