"""Playing a WAV file through whatever player the machine has."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from experiments.command_line.cli import note, say

__all__ = ["PLAYERS", "play"]

PLAYERS = {  # what is looked for, in this order, and how it is called
    "afplay": ("afplay",),  # macOS
    "pw-play": ("pw-play",),  # PipeWire
    "paplay": ("paplay",),  # PulseAudio
    "aplay": ("aplay", "-q"),  # ALSA
    "ffplay": ("ffplay", "-nodisp", "-autoexit", "-loglevel", "error"),
    "play": ("play", "-q"),  # SoX
}


def play(sound: Path | None) -> None:
    """Play a file to its end; Ctrl-C stops it. What cannot be played is told, and is no failure."""
    if sound is None:
        note("--play: there is no sound to play")
        return
    command = next((words for name, words in PLAYERS.items() if shutil.which(name)), None)
    if command is None:
        note(f"--play: no player was found ({', '.join(PLAYERS)}); open {sound}")
        return
    say(f"playing {sound} with {command[0]} (Ctrl-C stops it)")
    sys.stdout.flush()
    try:
        done = subprocess.run(
            [*command, str(sound.absolute())], capture_output=True, text=True, stdin=subprocess.DEVNULL
        )
    except KeyboardInterrupt:
        return
    if done.returncode:
        said = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
        note(f"--play: {command[0]} cannot play here ({said}); open {sound}")
