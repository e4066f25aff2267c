"""A song to a WAV file with a SoundFont of the user's own, by FluidSynth, where it is installed."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from datamodules.errors import UserError
from experiments.music.sound.wav import PEAK, RATE, save_wav

__all__ = ["check_soundfont", "write_soundfont_wav"]

HEADROOM = 0.2  # FluidSynth's gain: low enough not to clip before the level is set
LONGEST = 900.0  # seconds that it may take
INSTALL = "apt install fluidsynth, brew install fluid-synth, or choco install fluidsynth"


def check_soundfont(path: Path) -> None:
    """Find out what is wrong before a song is written.

    Raises:
        UserError: FluidSynth is not installed, or the file is no SoundFont.
    """
    if shutil.which("fluidsynth") is None:
        raise UserError(f"--soundfont needs FluidSynth: {INSTALL}; or leave the option out")
    try:
        with path.open("rb") as file:
            begin = file.read(12)
    except OSError as error:
        raise UserError(f"--soundfont {path}: cannot be read ({error.strerror or error})") from error
    if begin[:4] != b"RIFF" or begin[8:] != b"sfbk":
        raise UserError(f"--soundfont {path}: is no SoundFont (an .sf2 or .sf3 file)")


def write_soundfont_wav(midi: Path, soundfont: Path, path: Path) -> None:
    """Write what a MIDI file sounds like as a 16-bit stereo WAV file, whole or not at all.

    Raises:
        UserError: FluidSynth fails (status 1).
    """
    import soundfile

    check_soundfont(soundfont)
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "raw.wav"
        command = ["fluidsynth", "-niq", "-g", str(HEADROOM), "-r", str(RATE), "-O", "float", "-T", "wav"]
        command += ["-F", str(raw), str(soundfont.absolute()), str(midi.absolute())]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST, stdin=subprocess.DEVNULL)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise UserError(f"--soundfont: FluidSynth failed ({type(error).__name__})", status=1) from error
        if done.returncode or not raw.is_file():
            said = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
            raise UserError(f"--soundfont {soundfont}: FluidSynth failed ({said})", status=1)
        sound, _ = soundfile.read(raw, dtype="float32", always_2d=True)
    loudest = float(np.abs(sound).max(initial=0.0))
    if loudest < 1e-6:
        raise UserError(f"--soundfont {soundfont}: is silent for this song; it lacks its instruments", status=1)
    sound *= PEAK / loudest
    save_wav(sound, path)
