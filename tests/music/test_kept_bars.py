"""The bars of a song around parts that stay: those of the file, and drums under all of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from winners_made import make_run

from datamodules.midi.reading import read_midi
from datamodules.midi.writing import write_midi
from datamodules.song import Notes, Part, Song, bar_lines
from experiments.command_line.cli import main
from experiments.generate import GenerateOptions, generate
from experiments.music.events.settings import Settings
from experiments.music.own_song.joining import joined, with_drums
from experiments.music.own_song.keeping import read_kept

pytestmark = pytest.mark.usefixtures("unseen")

MELODY, CHORDS, DRUMS = (Part(name, 0, name == "Drums", name.lower()) for name in ("Melody", "Chords", "Drums"))


def made(
    rows: list[tuple[int, int, int, int]], *parts: Part, metres: tuple[tuple[int, ...], ...] = ((0, 4, 4),)
) -> Song:
    """Of (onset, pitch, length, part), at 480 ticks a quarter note."""
    table = np.array([(onset, pitch, length, 70, part) for onset, pitch, length, part in sorted(rows)], np.int32)
    none = np.zeros((0, 2), np.int32)
    return Song(480, parts, Notes(*table.reshape(-1, 5).T), np.array([[0.0, 100.0]]), np.array(metres, np.int32), none)


def test_bars_behind_the_kept_notes_are_those_of_the_file(tmp_path: Path) -> None:
    bar, short = 4 * 480, 3 * 480
    melody = [(0, 70, bar, 0), (bar, 72, bar, 0)]
    chords = [(number * 480, 50 + number % 3, 480, 1) for number in range(24)]  # the last two are a short bar
    song = made([*melody, *chords], MELODY, CHORDS, metres=((0, 4, 4), (4 * bar, 3, 4), (4 * bar + 2 * short, 2, 4)))
    write_midi(song, tmp_path / "own.mid")
    kept = read_kept(f"melody:{tmp_path / 'own.mid'}", 24)
    lines = [2 * bar, 3 * bar, 4 * bar, 4 * bar + short, 4 * bar + 2 * short]
    ends = {bars: kept.end_of(Settings(bars=bars)) * 20 for bars in range(2, 10)}
    after = lines[-1] + 2 * 480  # the file's last bar line: behind it, its metre again
    assert ends == dict(zip(range(2, 10), [*lines, after, after + short, after + 2 * short], strict=False))


def test_drums_lie_under_all_bars(tmp_path: Path) -> None:
    """Where added notes end before the kept ones too; and one that is moved onto a kept note has a length still."""
    write_midi(made([(18, 70, 480, 0), (5 * 1920, 72, 480, 0)], MELODY), tmp_path / "own.mid")
    kept = read_kept(f"melody:{tmp_path / 'own.mid'}", 24)
    added = [np.array([value]) for value in (96, 50, 24, 70, 1)]
    drawn = joined(kept.song, (*kept.song.parts, CHORDS), added)
    kit = made([(0, 36, 1, 0)], DRUMS)
    like = Song(24, kit.parts, kit.notes, kit.tempos, kit.metres, kit.keys)
    whole = kept.dressed(drawn, Settings(), lambda added, song: with_drums(added, like, whole=song))
    drums = np.array([part.drums for part in whole.parts])[whole.notes.part]
    assert whole.notes.onset[drums].tolist() == [18, *range(1920, 6 * 1920, 1920)]
    assert whole.notes.length[drums].tolist() == [2, *[20] * 5]
    assert bar_lines(whole)[-1] == 6 * 1920


def test_kept_drums_stay_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_run(tmp_path / "runs" / "demo", ["offsets"])
    monkeypatch.chdir(tmp_path)
    write_midi(made([(480 * number, 36 + number % 2, 240, 0) for number in range(12)], DRUMS), Path("own.mid"))
    words = ["demo", "--keep", "drums:own.mid", "--drums", "like", "--out", "a.mid"]
    assert main(GenerateOptions, generate, prog="generate", arguments=words) == 0
    assert "--drums like: changes nothing, as the song's own drums are kept" in capsys.readouterr().err
    song = read_midi(Path("a.mid"))
    assert np.array([part.drums for part in song.parts])[song.notes.part].sum() == 12
