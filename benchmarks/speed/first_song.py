"""Seconds from the README's first command to a song.

    python -m benchmarks.speed.first_song [--json FILE]

The command is `python -m experiments.tune notes`, with nothing else: the bundled songs, a Ray of its own, W&B offline,
in an empty folder, with no song in the cache. The clock starts with the process and stops when it has ended; song.mid,
song.wav and song.png are there by then. Which trials are stopped early depends on which of two is done first, so that
searches may train for unlike many epochs: the median is over three.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import NamedTuple

import tyro

from benchmarks.measured import ROOT, tell

COMMAND = ("-m", "experiments.tune", "notes")
SMALL = ("--trials", "1", "--max-epochs", "2")
LEFT = ("song.mid", "song.wav", "song.png")


@dataclass(frozen=True)
class Options:
    """Seconds from the README's first command to a song."""

    runs: int = 3
    """searches, of which the median is taken"""
    quick: bool = False
    """one search, of one trial of two epochs: to see that it runs"""
    json: Path | None = None
    """write the figures here too"""


class Search(NamedTuple):
    """What a search took: seconds from its start to its end, its trials, and the epochs of all of them."""

    seconds: float
    trials: int
    epochs: int


def search(more: tuple[str, ...] = ()) -> Search:
    """Search in an empty folder, and see that there is a song.

    Args:
        more: further words of the command.
    """
    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder) / "runs"
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "TRITONE_CACHE": f"{folder}/cache"}
        environment["TRITONE_RUNS"] = str(runs)
        words = [sys.executable, *COMMAND, *more]
        began = time.perf_counter()
        done = subprocess.run(words, cwd=folder, env=environment, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - began
        written = {path.name for path in runs.glob("*/*") if path.name in LEFT}
        if done.returncode or written != set(LEFT):
            sys.exit(
                f"the search ended with status {done.returncode}; it wrote {', '.join(sorted(written)) or 'no song'}"
            )
        (notes,) = runs.glob("*/notes")
        trials, epochs = ((notes / name).read_text().count("\n") - 1 for name in ("trials.csv", "epochs.csv"))
        return Search(seconds, trials, epochs)


def main() -> None:
    """The command."""
    options = tyro.cli(Options)
    found = [search(SMALL)] if options.quick else [search() for _ in range(options.runs)]
    seconds = [one.seconds for one in found]
    figures = {
        "command_s": median(seconds),
        "command_s_of_each_run": seconds,
        "trials": found[0].trials,
        "epochs_of_each_run": [one.epochs for one in found],
    }
    tell("first_song", "From the README's first command to a song", figures, options.json)


if __name__ == "__main__":
    main()
