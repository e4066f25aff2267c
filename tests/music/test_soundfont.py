"""`generate --soundfont` and `--play`: programs of the user's machine, stood in for by scripts; one is real."""

from __future__ import annotations

import shutil
import stat
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from winners_made import make_run

from experiments.command_line.cli import main
from experiments.generate import GenerateOptions, generate
from experiments.music.sound.wav import PEAK, RATE

SOUNDFONTS = sorted(Path("/usr/share/sounds").glob("sf*/*.sf[23]"))
PLAYS = """
import sys, wave, struct
out = sys.argv[sys.argv.index("-F") + 1]
assert open(sys.argv[-1], "rb").read(4) == b"MThd"
assert open(sys.argv[-2], "rb").read(4) == b"RIFF"
with wave.open(out, "wb") as file:
    file.setnchannels(2); file.setsampwidth(2); file.setframerate(44100)
    file.writeframes(struct.pack("<8h", 0, 0, 1000, -2000, 500, 500, 0, 0) * 1000)
"""


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of all programs that a command finds: empty."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path / "bin"


def program(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.write_text(f"#!{sys.executable}\n{text}")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def soundfont(folder: Path) -> str:
    path = folder / "a.sf2"
    path.write_bytes(b"RIFF\x00\x00\x00\x00sfbk")
    return str(path)


def call(tmp_path: Path, *arguments: str) -> int:
    make_run(tmp_path / "runs" / "demo", ["offsets"])
    return main(GenerateOptions, generate, prog="generate", arguments=["demo", "--events", "16", *arguments])


def test_a_soundfont_is_played_at_the_usual_level(tmp_path: Path, programs: Path) -> None:
    program(programs, "fluidsynth", PLAYS)
    assert call(tmp_path, "--soundfont", soundfont(tmp_path)) == 0
    sound, rate = soundfile.read("output.wav")
    assert (rate, sound.shape) == (RATE, (4000, 2))
    assert abs(sound).max() == pytest.approx(PEAK, abs=1e-3)
    assert sound[:4, 1] == pytest.approx(np.array([0, -PEAK, PEAK / 4, 0]), abs=1e-3)


@pytest.mark.parametrize(
    ("text", "status", "told"),
    [
        (None, 2, "needs FluidSynth: apt install"),
        (
            "import sys\nprint('fluidsynth: no memory', file=sys.stderr); sys.exit(3)",
            1,
            "FluidSynth failed (fluidsynth",
        ),
        ("", 1, "FluidSynth failed (status 0)"),
        (PLAYS.replace("1000, -2000, 500, 500", "0, 0, 0, 0"), 1, "is silent for this song"),
    ],
)
def test_what_fails_is_one_line(
    tmp_path: Path, programs: Path, capsys: pytest.CaptureFixture[str], text: str | None, status: int, told: str
) -> None:
    if text is not None:
        program(programs, "fluidsynth", text)
    assert call(tmp_path, "--soundfont", soundfont(tmp_path)) == status
    said = capsys.readouterr().err
    assert told in said
    assert len(said.strip().splitlines()) == 1
    assert Path("output.mid").exists() == (status == 1)  # what was written before stays


def test_what_is_no_soundfont_is_refused_first(
    tmp_path: Path, programs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program(programs, "fluidsynth", PLAYS)
    (tmp_path / "b.sf2").write_bytes(b"RIFF....WAVE")
    for name, told in (("b.sf2", "is no SoundFont"), ("c.sf2", "cannot be read (No such file")):
        assert call(tmp_path, "--soundfont", str(tmp_path / name)) == 2
        assert told in capsys.readouterr().err
    assert not Path("output.mid").exists()


def test_a_song_is_played_where_there_is_a_player(
    tmp_path: Path, programs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(tmp_path, "--play") == 0
    assert "no player was found" in capsys.readouterr().err
    program(programs, "aplay", "import sys; open('played', 'a').write(sys.argv[-1] + ' ')")
    assert call(tmp_path, "--play", "--candidates", "2") == 0
    assert "playing output-1.wav with aplay" in capsys.readouterr().out
    assert [Path(name).name for name in Path("played").read_text().split()] == ["output-1.wav", "output-2.wav"]
    program(programs, "aplay", "import sys; sys.exit('no sound card')")
    assert call(tmp_path, "--play") == 0
    assert "aplay cannot play here (no sound card); open output.wav" in capsys.readouterr().err


@pytest.mark.skipif(shutil.which("fluidsynth") is None or not SOUNDFONTS, reason="needs FluidSynth and a SoundFont")
def test_a_real_soundfont_is_heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert call(tmp_path, "--soundfont", str(SOUNDFONTS[0])) == 0
    sound, rate = soundfile.read("output.wav")
    own_length = len(sound) / rate
    assert rate == RATE
    assert own_length > 1
    assert abs(sound).max() == pytest.approx(PEAK, abs=1e-3)
    assert np.sqrt((sound**2).mean()) > 0.01
