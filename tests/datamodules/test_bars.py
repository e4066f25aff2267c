"""Which bar a tick stands in: the numbers, the beginnings and the places in bars tell the same, whatever the metres."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from midi_files import meta, midi_file, off, on, track

from datamodules.bars import bar_begins, bar_line, bar_numbers, steady_metre
from datamodules.midi.reading import read_midi
from datamodules.midi.writing import write_midi
from datamodules.song import Notes, Part, Song

METRES = [(1, 4), (2, 4), (3, 4), (4, 4), (6, 8), (3, 8), (1, 8)]


def song(metres: list[tuple[int, int, int]], end: int) -> Song:
    """One note, from the beginning to the end."""
    notes = Notes(*(np.array([value], np.int32) for value in (0, 60, end, 64, 0)))
    no_keys = np.zeros((0, 3), np.int32)
    part = Part("Piano", 0, False, "chords")
    return Song(24, (part,), notes, np.array([[0.0, 120.0]]), np.array(metres, np.int32), no_keys)


@pytest.mark.parametrize("seed", range(20))
def test_numbers_beginnings_and_places_agree(seed: int) -> None:
    random = np.random.default_rng(seed)
    ticks = np.cumsum(random.integers(1, 400, 4))
    metres = [(int(tick), *METRES[random.integers(len(METRES))]) for tick in (0, *ticks)]
    whole = song(metres, int(ticks[-1]) + 200)
    every = np.arange(int(ticks[-1]) + 200)
    begins, numbers = bar_begins(whole), bar_numbers(whole, every)
    assert numbers.tolist() == (np.searchsorted(begins, every, side="right") - 1).tolist()
    assert (every - whole.bar_positions(every)[0]).tolist() == begins[numbers].tolist()
    assert numbers[0] == 0
    assert [bar_line(whole, number) for number in range(len(begins))] == begins.clip(0).tolist()


def test_a_single_bar_in_another_metre_is_not_the_metre() -> None:
    odd = song([(0, 3, 4), (216, 5, 8), (276, 3, 4), (492, 2, 4)], 540)
    assert [steady_metre(odd, tick) for tick in (0, 215, 216, 275, 276, 492, 539)] == [(3, 4)] * 7
    assert steady_metre(song([(0, 3, 4), (216, 5, 8)], 336), 216) == (5, 8)  # of two bars
    assert steady_metre(song([(0, 3, 4), (216, 5, 8)], 276), 216) == (3, 4)
    for pickup in ((0, 1, 4), (0, 1, 8)):
        assert steady_metre(song([pickup, (24, 4, 4)], 100), 0) == (4, 4)  # and a pickup never is
    assert steady_metre(song([(0, 3, 4), (72, 4, 4)], 100), 80) == (4, 4)  # single bars alone are what they say


def test_a_pickup_is_one_bar_that_begins_before_the_song() -> None:
    for first in ((0, 1, 4), (0, 4, 4), (0, 1, 8)):
        whole = song([first, (24, 4, 4)], 400)
        assert bar_begins(whole).tolist() == [-72, 24, 120, 216, 312, 408]
        assert bar_numbers(whole, np.array([0, 23, 24, 120, 10_000])).tolist() == [0, 0, 1, 2, 104]
        assert [bar_line(whole, number) for number in (0, 1, 2, 104)] == [0, 24, 120, 9912]


def _metre(numerator: int, power: int) -> bytes:
    return meta(0x58, bytes((numerator, power, 24, 8)))


def _read(tmp_path: Path, *signs: tuple[int, bytes]) -> Song:
    """A file of 40 quarter notes, with these metres; times are since the one before, in ticks of 1/480 quarter note."""
    path = tmp_path / "song.mid"
    notes = [event for _ in range(40) for event in ((0, on(60)), (480, off(60)))]
    path.write_bytes(midi_file(track(*signs), track(*notes)))
    return read_midi(path)


def test_a_metre_said_again_where_the_first_whole_bar_begins_leaves_a_pickup(tmp_path: Path) -> None:
    """As LilyPond and others write it, at each bar or section."""
    bars = [(1920, _metre(4, 2))] * 4
    song = _read(tmp_path, (0, _metre(4, 2)), (480, _metre(4, 2)), *bars)
    assert song.metres.tolist() == [[0, 4, 4], [24, 4, 4]]
    assert song.has_pickup
    assert song.events().offset[0] == 72
    assert bar_begins(song)[:4].tolist() == [-72, 24, 120, 216]
    write_midi(song, tmp_path / "again.mid")
    assert read_midi(tmp_path / "again.mid").metres.tolist() == song.metres.tolist()


def test_a_metre_said_again_on_a_bar_line_changes_nothing(tmp_path: Path) -> None:
    song = _read(tmp_path, (0, _metre(3, 2)), (0, _metre(3, 2)), (1440, _metre(3, 2)), (4320, _metre(3, 2)))
    assert song.metres.tolist() == [[0, 3, 4]]
    assert _read(tmp_path, (1920, _metre(4, 2))).metres.tolist() == [[0, 4, 4]]  # MIDI's default, said late


def test_a_metre_said_again_elsewhere_cuts_a_bar_short(tmp_path: Path) -> None:
    song = _read(tmp_path, (0, _metre(4, 2)), (1920 + 960, _metre(4, 2)), (1920, _metre(4, 2)))
    assert song.metres.tolist() == [[0, 4, 4], [144, 4, 4]]
    assert not song.has_pickup
    assert bar_begins(song)[:5].tolist() == [0, 96, 144, 240, 336]
