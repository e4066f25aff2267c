"""A song in another metre: beats stay beats, times of day stay, what can be exact is, and nothing is lost."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from midi_files import random_song

from datamodules.corpus.reading import read_song
from datamodules.song import Notes, Part, Song
from experiments.music.arrangement.metres import beat_of, in_metre, metre_of
from songs import bundled

GRID = 24


def song_of(metres: list[tuple[int, int, int]], notes: list[tuple[int, int]], tempo: float = 120.0) -> Song:
    """Notes of one part, (onset, length)."""
    onset, length = (np.array(column, np.int32) for column in zip(*notes, strict=True))
    same = np.zeros_like(onset)
    return Song(
        grid=GRID,
        parts=(Part("piano", 0, False, "melody"),),
        notes=Notes(onset, same + 60, length, same + 64, same),
        tempos=np.array([[0.0, tempo]]),
        metres=np.array(metres, np.int32),
        keys=np.zeros((0, 3), np.int32),
    )


@pytest.mark.parametrize(
    ("metre", "beat"),
    [((4, 4), "1"), ((3, 4), "1"), ((2, 2), "1"), ((6, 8), "3/2"), ((3, 8), "3/2"), ((12, 16), "3/4")],
)
def test_a_beat(metre: tuple[int, int], beat: str) -> None:
    assert beat_of(metre) == Fraction(beat)


@pytest.mark.parametrize("path", bundled(), ids=lambda path: path.stem)
def test_a_song_in_its_own_metre_is_itself(path: object) -> None:
    song = read_song(path, grid=GRID)  # type: ignore[arg-type]
    assert in_metre(song, metre_of(song)) == (song, "")


def test_there_and_back_again() -> None:
    """A jig's eighths become triplets, and are eighths again."""
    song = read_song(bundled()[1], grid=GRID)
    assert metre_of(song) == (6, 8)
    there, told = in_metre(song, (4, 4))
    assert "lengths times 2/3" in told
    back, told = in_metre(there, (6, 8))
    assert "lengths times 3/2" in told
    exact = (song.notes.onset % 3 == 0) & ((song.notes.onset + song.notes.length) % 3 == 0)
    assert exact.mean() > 0.9
    assert np.array_equal(back.notes.onset[exact], song.notes.onset[exact])
    assert np.array_equal(back.notes.length[exact], song.notes.length[exact])
    assert np.array_equal(back.notes.pitch, song.notes.pitch)
    assert np.allclose(back.tempos[:, 1], song.tempos[:, 1])


def seconds(song: Song) -> np.ndarray:
    """When notes begin."""
    ticks = np.append(song.tempos[1:, 0], np.inf)
    parts = list(zip(song.tempos.tolist(), ticks.tolist(), strict=True))
    told = [
        sum(max(min(tick, end) - start, 0) * 60 / bpm / song.grid for (start, bpm), end in parts)
        for tick in song.notes.onset.tolist()
    ]
    return np.array(told)


@pytest.mark.parametrize("metre", [(4, 4), (3, 4), (9, 8)])
def test_what_is_heard_stays(metre: tuple[int, int]) -> None:
    song = read_song(bundled()[1], grid=GRID)
    moved, _ = in_metre(song, metre)
    assert moved.metres.tolist() == [[0, *metre]]
    assert np.allclose(np.diff(seconds(moved)), np.diff(seconds(song)), atol=0.08)  # a tick or two
    assert (seconds(moved)[-1] - seconds(moved)[0]) == pytest.approx(seconds(song)[-1] - seconds(song)[0], abs=0.3)


def test_a_pickup_stays_before_the_first_bar_line() -> None:
    song = song_of([(0, 1, 4), (24, 3, 4)], [(0, 24), (24, 48), (96, 24)])
    moved, told = in_metre(song, (4, 4))
    assert told == "3/4, brought into 4/4: lengths as they were, bars cut anew"
    assert moved.notes.onset.tolist() == [72, 96, 168]  # the last quarter of a bar, then two bars of three quarters
    assert moved.notes.length.tolist() == [24, 48, 24]


def test_sections_follow_one_another() -> None:
    song = song_of([(0, 4, 4), (96, 6, 8)], [(0, 96), (96, 12), (108, 12), (120, 12), (132, 36)])
    moved, told = in_metre(song, (4, 4))
    assert "2 metres (4/4, 6/8)" in told
    assert moved.notes.onset.tolist() == [0, 96, 104, 112, 120]
    assert moved.notes.length.tolist() == [96, 8, 8, 8, 24]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("metre", [(4, 4), (6, 8), (5, 4), (7, 8)])
def test_any_song_comes_out_whole(seed: int, metre: tuple[int, int]) -> None:
    song = random_song(seed)
    moved, _ = in_metre(song, metre)
    notes = moved.notes
    assert (notes.length >= 1).all()
    assert notes.onset.min() >= 0
    order = np.lexsort((notes.pitch, notes.part, notes.onset))
    assert np.array_equal(order, np.arange(len(notes)))
    assert set(notes.part.tolist()) == set(song.notes.part.tolist())
    assert in_metre(moved, metre) == (moved, "")
    assert moved.tempos[0, 0] == 0
    assert (np.diff(moved.tempos[:, 0]) >= 0).all()
    assert replace(moved, notes=song.notes).grid == song.grid
