"""Piano rolls: drawn for any song, the same bytes each time, with every bar where the metre map puts it."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path

import matplotlib.image
import matplotlib.pyplot
import numpy as np
import pytest

from datamodules.form.finding import Section
from datamodules.midi.reading import read_midi
from datamodules.names import pitch_name
from datamodules.song import Notes, Part, Song, bar_lines
from experiments.music.pictures import piano_roll
from songs import bundled


def song_of(*notes: tuple[int, int, int, int], parts: int = 1, metres: tuple[tuple[int, int, int], ...] = ()) -> Song:
    """A song of notes (onset, pitch, length, velocity), dealt to the parts in turn."""
    columns = [np.array(column, np.int32) for column in zip(*notes, strict=True)] or [np.zeros(0, np.int32)] * 4
    table = Notes(*columns, np.arange(len(notes), dtype=np.int32) % parts)
    known = tuple(Part(f"part {number}", 0, False, "chords") for number in range(parts))
    return Song(
        24,
        known,
        table,
        np.array([[0.0, 120.0]]),
        np.array(metres or [(0, 4, 4)], np.int32),
        np.zeros((0, 3), np.int32),
    )


def size(path: Path) -> tuple[int, int]:
    width, height = struct.unpack(">II", path.read_bytes()[16:24])
    return width, height


def test_pitches_are_named_as_musicians_do() -> None:
    assert [pitch_name(pitch) for pitch in (0, 21, 60, 66, 127)] == ["C-1", "A0", "C4", "F#4", "G9"]


def test_bars_follow_the_metre_map() -> None:
    song = song_of((0, 60, 24, 80), (300, 60, 24, 80), metres=((0, 4, 4), (192, 3, 4)))
    assert bar_lines(song) == [0, 96, 192, 264, 336]
    assert bar_lines(song_of((0, 60, 96, 80))) == [0, 96]
    assert bar_lines(song_of((0, 60, 97, 80))) == [0, 96, 192]
    assert bar_lines(song_of()) == [0, 96]
    silent_change = song_of((0, 60, 24, 80), metres=((0, 4, 4), (960, 3, 4)))
    assert bar_lines(silent_change) == [0, 96]


@pytest.mark.parametrize("path", bundled(), ids=lambda path: path.stem)
def test_the_bundled_songs_are_drawn_the_same_each_time(tmp_path: Path, path: Path) -> None:
    song = read_midi(path)
    for name in ("a.png", "b.png"):
        piano_roll(song, tmp_path / name, path.stem)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert size(tmp_path / "a.png")[0] == 1400
    assert not matplotlib.pyplot.get_fignums()  # nothing is left with pyplot


def test_a_note_is_where_it_should_be(tmp_path: Path) -> None:
    quiet, loud = (song_of((96, 66, 96, velocity)) for velocity in (20, 127))
    shades = []
    for song in (quiet, loud):
        piano_roll(song, tmp_path / "x.png")
        pixels = matplotlib.image.imread(tmp_path / "x.png")[:, :, :3]
        blue = (pixels[:, :, 2] - pixels[:, :, 0]) > 0.1
        columns = np.flatnonzero(blue.any(axis=0))
        left, right = 0.045 * 1400, 0.985 * 1400
        assert (columns.min() - left) / (right - left) == pytest.approx(0.25, abs=0.01)  # the second of four bars
        assert (columns.max() - left) / (right - left) == pytest.approx(0.5, abs=0.01)
        shades.append(pixels[blue].mean())
    assert shades[1] < shades[0] - 0.1


def test_sections_are_named_where_they_begin(tmp_path: Path) -> None:
    song = song_of((0, 66, 96, 90), (384, 66, 96, 90))
    sections = (Section("verse", 0, 3), Section("chorus", 3, 2))
    piano_roll(song, tmp_path / "a.png")
    piano_roll(song, tmp_path / "b.png", sections=sections)
    plain, named = (matplotlib.image.imread(tmp_path / name)[:, :, :3] for name in ("a.png", "b.png"))
    darker = (plain - named).min(axis=2) > 0.2
    lines = np.flatnonzero(darker.sum(axis=0) > 80)  # columns of pixels that are darker from top to bottom
    at = (lines - 0.045 * 1400) / (0.94 * 1400)
    assert [pytest.approx(place, abs=0.003) for place in (0, 0.6)] == sorted({round(place, 2) for place in at})


@pytest.mark.parametrize(
    "song",
    [
        song_of(),
        song_of((0, 0, 1, 1)),
        song_of((0, 127, 10_000_000, 127)),
        song_of(*((96 * bar, 40 + bar % 50, 30, 90) for bar in range(3000)), parts=3),
        song_of((5, 60, 24, 80), metres=((0, 1, 64),)),
    ],
    ids=["no notes", "one tick", "a hundred thousand bars", "three thousand bars", "tiny bars"],
)
def test_odd_songs_are_drawn_in_a_picture_of_sane_size(tmp_path: Path, song: Song) -> None:
    piano_roll(song, tmp_path / "x.png", "odd")
    width, height = size(tmp_path / "x.png")
    assert width == 1400
    assert height < 5000


def test_drums_are_left_out(tmp_path: Path) -> None:
    song = song_of((0, 60, 24, 80), (0, 36, 24, 80), parts=2)
    kit = Part("kit", 0, True, "drums")
    piano_roll(replace(song, parts=(song.parts[0], kit)), tmp_path / "a.png")
    piano_roll(song_of((0, 60, 24, 80)), tmp_path / "b.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
