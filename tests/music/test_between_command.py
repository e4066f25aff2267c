"""Songs between two through the command: what it says, and what it refuses."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from midi_files import midi_file, on, track
from winners_made import make_run

from datamodules.midi.reading import read_midi
from experiments.command_line.cli import main
from experiments.generate import GenerateOptions
from experiments.generate import generate as command
from experiments.music.between import mixing
from experiments.music.between.autoencoder import BarLearning
from experiments.music.between.learning import Learning
from songs import bundled

pytestmark = pytest.mark.usefixtures("unseen")

SHORT, BARS = Learning(epochs=1, updates=2), BarLearning(updates=3, batch=4)

A, B = bundled()


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    make_run(tmp_path / "runs" / "demo")
    monkeypatch.setattr(mixing, "LEARNING", SHORT)
    monkeypatch.setattr(mixing, "BARS", BARS)
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> int:
        return main(GenerateOptions, command, prog="generate", arguments=["demo", *words])

    return run


def flat(capsys: pytest.CaptureFixture[str]) -> str:
    found = capsys.readouterr()
    return re.sub(r"\s+", " ", found.out + found.err)


def test_the_command(call: Callable[..., int], capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert (
        call("--between", str(A), str(B), "--mix", "0.3", "--mix-notes", "1", "--bars", "4", "--candidates", "2") == 0
    )
    told = flat(capsys)
    assert "which has the notes of A's key, D major" in told
    assert "mix: 0.3, notes 1, by mixed predictions" in told
    assert "checked against 2 training songs" in told
    data = (tmp_path / "output-1.mid").read_bytes()
    assert b"between tin_roof_morning.mid with SHA-256" in data
    assert str(tmp_path).encode() not in data
    song = read_midi(tmp_path / "output-1.mid")
    assert song.metres.tolist()[0] == [0, 4, 4]


@pytest.mark.long
@pytest.mark.parametrize("way", ["embedding", "autoencoder"])
def test_the_other_ways(call: Callable[..., int], capsys: pytest.CaptureFixture[str], way: str) -> None:
    assert call("--between", str(A), str(B), "--way", way, "--events", "12", "--key", "C", "--max-copy", "6") == (
        2 if way == "autoencoder" else 0
    )
    told = flat(capsys)
    assert ("--max-copy" in told) == (way == "autoencoder") or "kept at" in told or "could not be kept" in told
    assert call("--between", str(A), str(B), "--way", way, "--events", "12", "--key", "C") == 0
    assert "moved down 2 semitones to --key, C major" in flat(capsys)


def quiet_file(path: Path) -> None:
    path.write_bytes(midi_file(track((0, on(60)), (480, on(60, 0)))))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--between", str(A), "gone.mid"], "--between gone.mid: "),
        (["--between", "broken.mid", str(A)], "--between broken.mid: "),
        (
            ["--between", str(A), "quiet.mid"],
            "--between quiet.mid: 1 events of pitched notes are too few to learn from",
        ),
        (["--between", str(A), str(B), "--mix", "1.5"], "--mix 1.5: must be from 0 (the first song) to 1 (the second)"),
        (["--between", str(A), str(B), "--mix-notes", "-1"], "--mix-notes -1: must be from 0"),
        (["--between", str(A), str(B), "--mix", "nan"], "--mix nan: must be from 0"),
        (["--between", str(A), str(B), "--continue", str(A)], "--continue: goes with no song --between two others"),
        (["--between", str(A), str(B), "--keep", f"melody:{A}"], "--keep: goes with no song --between two others"),
        (["--between", str(A), str(B), "--prime", str(A)], "--prime: goes with no song --between two others"),
        (["--between", str(A), str(B), "--mix-ngram"], "--mix-ngram: goes with no song --between two others"),
        (["--mix", "0.5"], "--mix: mixes two songs; name them, as --between A.mid B.mid"),
        (["--way", "embedding"], "--way: mixes two songs"),
        (
            ["--between", str(A), str(B), "--way", "autoencoder", "--mix-notes", "0"],
            "--mix-notes: an auto-encoder mixes whole bars; give --mix, or another --way",
        ),
        (["--between", str(A), str(B), "--way", "autoencoder", "--form", "AABA"], "--form: goes with no song"),
        (["--between", str(A), str(B), "--way", "magic"], "--way"),
        (["--between", str(A)], "--between needs 2 values: --between A B"),
    ],
)
def test_what_is_refused_is_one_line(
    call: Callable[..., int], capsys: pytest.CaptureFixture[str], words: list[str], told: str
) -> None:
    Path("broken.mid").write_bytes(b"MThd no song")
    quiet_file(Path("quiet.mid"))
    assert call(*words) == 2
    found = capsys.readouterr()
    whole = re.sub(r"\s+", " ", found.out + found.err)
    assert told in whole
    assert "Traceback" not in whole
