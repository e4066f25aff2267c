"""What is seen and heard in the page on a run is what its MIDI files hold, to 1/480 quarter note."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from winners_made import make_run

from datamodules.midi.reading import read_midi
from datamodules.midi.writing import write_midi
from datamodules.song import NOTE_COLUMNS, Notes, Part, Song
from experiments.command_line.cli import main
from experiments.music.sound.wav import RATE
from experiments.report import ReportOptions, report
from experiments.report_page import music


def played(path: Path) -> None:
    """A triad on each quarter, by a hand that strikes no two keys at once, and never on the grid."""
    rows = [(480 * beat + 7 * number, 60 + 4 * number, 301, 80, 0) for beat in range(1, 17) for number in range(3)]
    columns = Notes(*np.array(rows, np.int32).T)
    none = np.zeros((0, 2), np.int32)
    tempos, metres = np.array([[0.0, 100.0], [1921.0, 60.0]]), np.array([[0, 4, 4]], np.int32)
    write_midi(Song(480, (Part("Piano", 0, False, "chords"),), columns, tempos, metres, none), path)


def test_a_played_song_is_heard_as_it_was_played(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, _ = make_run(tmp_path / "runs" / "demo", ["offsets"])
    run.note_head("offsets", {})
    path = tmp_path / "mine.mid"
    played(path)
    heard: list[Song] = []

    def render(song: Song) -> np.ndarray:
        heard.append(song)
        return np.zeros((RATE, 2), np.float32)

    monkeypatch.setattr(music, "render", render)
    words = ["demo", "--song", str(path), "--blind", "0", "--runs", str(tmp_path / "runs")]
    assert main(ReportOptions, report, prog="report", arguments=words) == 0
    page = (run.path / "report.html").read_text()
    assert "What a new song goes on from, unless another is named: " in page  # this one went on from none of ours
    assert "16 events, 48 notes" in page  # as the heads and `generate` count them: three keys are one chord
    for song in heard:
        own = read_midi(Path(song.name), grid=480, together=0.0)
        assert song.grid == 480
        for column in NOTE_COLUMNS:
            assert np.array_equal(getattr(song.notes, column), getattr(own.notes, column)), column
        assert np.array_equal(song.tempos, own.tempos)
    assert len(heard) == 2
    assert Path(heard[0].name) == path
    (roll, *_) = re.findall(r'<svg viewBox="[^"]*" preserveAspectRatio="none".*?</svg>', page, re.DOTALL)
    lefts = {float(x) for x in re.findall(r'<rect x="([\d.]+)" y="[\d.]+" width="[\d.]+" height="4"', roll)}
    assert len(lefts) == 3  # and so it is drawn, in the second that sounds
