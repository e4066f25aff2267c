"""The events are the notes grouped by onset, whatever the song; bars are counted by the metre map."""

from __future__ import annotations

import numpy as np
import pytest
from midi_files import random_song

from datamodules.errors import UserError
from datamodules.song import Notes, Part, Song, check_grid


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("parts", [None, ["part 1", "PART 2 "], ["chords"]])
def test_events_equal_a_naive_grouping(seed: int, parts: list[str] | None) -> None:
    song = random_song(seed)
    wanted = None if parts is None else {name.strip().casefold() for name in parts}
    groups: dict[int, list[tuple[int, int, int]]] = {}
    notes = song.notes
    for onset, pitch, length, velocity, part in zip(
        *(c.tolist() for c in (notes.onset, notes.pitch, notes.length, notes.velocity, notes.part)), strict=True
    ):
        row = song.parts[part]
        if not row.drums and (wanted is None or row.name.casefold() in wanted or row.role in wanted):
            groups.setdefault(onset, []).append((pitch, length, velocity))
    events, onsets = song.events(parts), sorted(groups)
    assert events.onset.tolist() == onsets
    assert events.chords() == [tuple(sorted({pitch for pitch, _, _ in groups[t]})) for t in onsets]
    assert events.duration.tolist() == [max(length for _, length, _ in groups[t]) for t in onsets]
    assert events.velocity.tolist() == [max(velocity for _, _, velocity in groups[t]) for t in onsets]
    assert events.offset.tolist()[1:] == np.diff(onsets).tolist()
    assert events.offset[0] == song.bar_position(onsets[0])
    assert events.lengths.tolist() == [
        max(length for other, length, _ in groups[t] if other == pitch)
        for t in onsets
        for pitch in sorted({pitch for pitch, _, _ in groups[t]})
    ]
    assert list(zip(events.place.tolist(), events.bar.tolist(), strict=True)) == [_in_bar(song, t) for t in onsets]


def _in_bar(song: Song, tick: int) -> tuple[int, int]:
    """The tick's distance from its bar line and the bar's length, one bar after another."""
    rows = [(begin, max(round(song.grid * 4 * above / below), 1)) for begin, above, below in song.metres.tolist()]
    if len(rows) > 1 and rows[1][0] - rows[0][0] < rows[1][1]:
        del rows[0]  # a pickup
    begin, length = max((row for row in rows if row[0] <= tick), default=rows[0])
    while begin > tick:
        begin -= length
    while begin + length <= tick:
        begin += length
    return tick - begin, length


def _song(metres: list[tuple[int, int, int]], drums: bool = False) -> Song:
    note = Notes(*(np.array([value], np.int32) for value in (30, 60, 5, 64, 0)))
    tempos, keys = np.array([[0.0, 120.0]]), np.zeros((0, 3), np.int32)
    return Song(24, (Part("a", 0, drums, "drums" if drums else "melody"),), note, tempos, np.array(metres), keys)


def test_a_metre_change_begins_a_bar() -> None:
    song = _song([(0, 3, 4), (100, 6, 8)])
    ticks = (0, 71, 72, 99, 100, 171, 172)
    assert [song.bar_position(tick) for tick in ticks] == [0, 71, 0, 27, 0, 71, 0]
    places, bars = song.bar_positions(np.array(ticks))
    assert places.tolist() == [0, 71, 0, 27, 0, 71, 0]
    assert bars.tolist() == [72] * 7


def test_what_stands_before_the_first_bar_line_counts_back_from_it() -> None:
    song = _song([(10, 3, 4), (100, 5, 8)])
    places, bars = song.bar_positions(np.array([0, 9, 10, 99, 100]))
    assert places.tolist() == [62, 71, 0, 17, 0]
    assert bars.tolist() == [72, 72, 72, 72, 60]


def test_a_first_section_shorter_than_a_bar_is_the_end_of_one() -> None:
    song = _song([(0, 1, 4), (24, 3, 4)])
    places, bars = song.bar_positions(np.array([0, 23, 24, 96]))
    assert places.tolist() == [48, 71, 0, 0]
    assert bars.tolist() == [72] * 4
    assert _song([(0, 3, 4), (72, 2, 4)]).bar_position(0) == 0  # a whole bar is none


def test_a_first_event_has_its_place_in_the_bar_as_offset() -> None:
    assert _song([(0, 1, 4)]).events().offset.tolist() == [6]


def test_drums_make_no_events() -> None:
    song = _song([(0, 4, 4)], drums=True)
    assert len(song.events()) == 0
    assert len(song.events().place) == len(song.events().bar) == len(song.events().lengths) == 0
    assert song.events(["drums", "a"]).chords() == []


@pytest.mark.parametrize("grid", [0, -24, 7, 481])
def test_a_grid_must_divide_the_ticks_of_a_written_file(grid: int) -> None:
    with pytest.raises(UserError, match="must divide 480"):
        check_grid(grid)
