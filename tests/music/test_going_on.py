"""What continues a song stands behind its last bar, in the song's own metre, whatever its maps and its end are like."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from winners_made import make_run

from datamodules.midi.reading import read_midi
from datamodules.midi.writing import write_midi
from datamodules.song import Notes, Part, Song, bar_lines
from experiments.command_line.cli import main
from experiments.generate import GenerateOptions, generate
from experiments.music.own_song.going_on import going_on

pytestmark = pytest.mark.usefixtures("unseen")

MELODY, DRUMS = Part("Melody", 73, False, "melody"), Part("Kit", 0, True, "drums")
Rows = list[tuple[int, int, int]]


def own_song(end: int, metres: Rows, drums: int = 0, tempos: tuple[tuple[float, float], ...] = ((0.0, 120.0),)) -> Song:
    """Eighths up to a tick, and a drum on each quarter up to another."""
    table = [(tick, 60 + tick % 7, 12, 64, 0) for tick in range(0, end, 12)]
    table = sorted([*table, *((tick, 36, 24, 64, 1) for tick in range(0, drums, 24))], key=lambda row: (row[0], row[4]))
    parts = (MELODY, DRUMS) if drums else (MELODY,)
    notes = Notes(*np.array(table, np.int32).T)
    return Song(24, parts, notes, np.array(tempos), np.array(metres, np.int32), np.zeros((0, 2), np.int32))


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    make_run(tmp_path / "runs" / "demo")
    monkeypatch.chdir(tmp_path)
    return lambda *words: main(GenerateOptions, generate, prog="generate", arguments=["demo", *words])


FOURS = (0, 4, 4)


@pytest.mark.parametrize(
    ("metres", "end", "more", "size"),
    [
        ([FOURS, (288, 2, 4)], 336, [(336, 4, 4)], 96),  # a last bar that a pickup took from
        ([(0, 1, 4), (24, 4, 4), (312, 3, 4)], 384, [(384, 4, 4)], 96),  # and the pickup
        ([FOURS, (288, 6, 4)], 432, [(432, 4, 4)], 96),
        ([FOURS, (288, 3, 4)], 432, [], 72),  # two bars are a metre
        ([FOURS], 250, [], 96),  # it ends in the middle of a bar
        ([FOURS, (384, 3, 4)], 384, [], 96),  # what stands behind its last bar was for nothing
        ([FOURS, (480, 3, 4)], 360, [], 96),
    ],
)
def test_new_bars_are_in_the_songs_metre(
    metres: Rows, end: int, more: Rows, size: int, call: Callable[..., int]
) -> None:
    own = own_song(end, metres)
    write_midi(own, Path("own.mid"))
    lines = [line for line in bar_lines(own) if line < end]
    last = lines[-1] + (size if not more else end - lines[-1])  # the end of its last bar
    assert call("--continue", "own.mid", "--bars", "3", "--drums", "none", "--out", "a.mid") == 0
    song = read_midi(Path("a.mid"))
    assert song.metres.tolist() == [list(row) for row in [*(row for row in metres if row[0] < end), *more]]
    ends = song.notes.onset + song.notes.length
    assert bar_lines(song)[: len(lines)] == lines
    assert last < ends.max() <= last + 3 * size
    new = song.notes.onset[song.notes.onset >= end]
    assert len(new)
    kept = [row for row in zip(song.notes.onset.tolist(), song.notes.pitch.tolist(), strict=True) if row[0] < end]
    assert kept[: len(own.notes)] == list(zip(own.notes.onset.tolist(), own.notes.pitch.tolist(), strict=True))


def test_new_bars_come_after_what_plays_on(call: Callable[..., int]) -> None:
    """Behind the last event that the heads hear, drums play for five more bars: these are the song's own."""
    own = own_song(250, [FOURS], drums=8 * 96)
    write_midi(own, Path("own.mid"))
    assert call("--continue", "own.mid", "--bars", "2", "--drums", "like", "--out", "a.mid") == 0
    song = read_midi(Path("a.mid"))
    drums = np.array([part.drums for part in song.parts])[song.notes.part]
    melody = song.notes.onset[~drums]
    assert melody[melody > 250].min() >= 7 * 96  # in its last bar, at the earliest
    assert melody.max() >= 8 * 96
    assert song.notes.onset[drums].tolist() == list(range(0, bar_lines(song)[-1], 24))
    assert bar_lines(song)[-1] <= 10 * 96


@pytest.mark.parametrize(("rings", "end"), [(0, 288), (5, 288), (23, 288), (24, 384), (200, 480)])
def test_a_late_release_is_no_bar_and_a_held_note_is(rings: int, end: int) -> None:
    own = own_song(288, [FOURS])
    length = own.notes.length.copy()
    length[-1] += rings
    own = replace(own, notes=replace(own.notes, length=length))
    assert going_on(own, own).end == end


def test_maps_end_with_the_song() -> None:
    """A tempo at its end counts for what follows, as that in its last bar does; a later one was for nothing."""
    tempos = ((0.0, 120.0), (200.0, 60.0), (288.0, 90.0), (400.0, 200.0))
    own = replace(own_song(250, [FOURS], tempos=tempos), keys=np.array([[0, 2], [300, 5]], np.int32))
    exact = replace(own, grid=480, tempos=own.tempos * [20, 1], keys=own.keys * np.array([20, 1], np.int32))
    found, fine, end = going_on(own, exact)
    assert end == 288
    assert found.tempos.tolist() == [list(row) for row in tempos[:3]]
    assert fine.tempos.tolist() == [[tick * 20, tempo] for tick, tempo in tempos[:3]]
    assert found.keys.tolist() == fine.keys.tolist() == [[0, 2]]
