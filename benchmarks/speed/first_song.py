"""Seconds from the README's first command to a song.

    python -m benchmarks.speed.first_song [--json FILE]

The command is `python -m experiments.tune notes`, with nothing else: the bundled songs, a Ray of its own, W&B offline,
in an empty folder, with no song in the cache. The clock starts with the process and stops when it has ended; song.mid,
song.wav and song.png are there by then.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import tyro

from benchmarks.measured import ROOT, tell

COMMAND = ("-m", "experiments.tune", "notes")
SMALL = ("--trials", "1", "--max-epochs", "2")
LEFT = ("song.mid", "song.wav", "song.png")


@dataclass(frozen=True)
class Options:
    """Seconds from the README's first command to a song."""

    quick: bool = False
    """one trial of two epochs, to see that it runs"""
    json: Path | None = None
    """write the figures here too"""


def measure(options: Options) -> dict[str, float]:
    """Of one search: its seconds, its trials, and the bytes of what it wrote."""
    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder) / "runs"
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "TRITONE_CACHE": f"{folder}/cache"}
        environment["TRITONE_RUNS"] = str(runs)
        words = [sys.executable, *COMMAND, *(SMALL if options.quick else ())]
        began = time.perf_counter()
        done = subprocess.run(words, cwd=folder, env=environment, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - began
        written = {path.name for path in runs.glob("*/*") if path.name in LEFT}
        if done.returncode or written != set(LEFT):
            sys.exit(
                f"the search ended with status {done.returncode}; it wrote {', '.join(sorted(written)) or 'no song'}"
            )
        (table,) = runs.glob("*/notes/trials.csv")
        return {"command_s": seconds, "command_minutes": seconds / 60, "trials": table.read_text().count("\n") - 1}


def main() -> None:
    """The command."""
    options = tyro.cli(Options)
    tell("first_song", "From the README's first command to a song", measure(options), options.json)


if __name__ == "__main__":
    main()
