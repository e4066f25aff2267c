"""Seconds from the start of `tune` to the first epoch that a trial has reported.

    python -m benchmarks.speed.first_epoch [--json FILE]

The command is `python -m experiments.tune notes --wandb offline --trials 2 --max-epochs 2 --address local`: the bundled
songs, a Ray of its own, in an empty folder, with no song in the cache. The clock starts with the process and stops when
the first row stands in epochs.csv, which is looked at every 20 ms; the command then runs to its end, whose seconds are
told too. The median is over all runs; the first of them may find a cold disk.
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

import tyro

from benchmarks.measured import ROOT, tell

EVERY = 0.02  # seconds between two looks
COMMAND = "-m experiments.tune notes --wandb offline --trials 2 --max-epochs 2 --address local --name run"


@dataclass(frozen=True)
class Options:
    """Seconds from the start of a search to its first epoch."""

    runs: int = 3
    """searches, of which the median is taken"""
    quick: bool = False
    """one search: to see that it runs, not for figures"""
    json: Path | None = None
    """write the figures here too"""


def rows(table: Path) -> int:
    """Whole lines of the table below its header."""
    try:
        return max(table.read_text().count("\n") - 1, 0)
    except FileNotFoundError:
        return 0


def search() -> tuple[float, float]:
    """Seconds from the start of a search to its first row in epochs.csv, and to its end."""
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "runs" / "run" / "notes" / "epochs.csv"
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "TRITONE_CACHE": f"{folder}/cache"}
        environment["TRITONE_RUNS"] = f"{folder}/runs"
        first, began = None, time.perf_counter()
        with subprocess.Popen(
            [sys.executable, *COMMAND.split()], cwd=folder, env=environment, stdout=subprocess.DEVNULL
        ) as process:
            while first is None and process.poll() is None:
                time.sleep(EVERY)
                if rows(table):
                    first = time.perf_counter() - began
        if process.returncode or first is None:
            sys.exit(f"the search ended with status {process.returncode}, {rows(table)} rows in epochs.csv")
        return first, time.perf_counter() - began


def main() -> None:
    """The command."""
    options = tyro.cli(Options)
    found = [search() for _ in range(1 if options.quick else options.runs)]
    firsts, ends = ([pair[which] for pair in found] for which in (0, 1))
    figures = {
        "first_epoch_s": median(firsts),
        "first_epoch_of_each_run_s": firsts,
        "whole_command_s": median(ends),
    }
    tell("first_epoch", "From the start of a search to its first epoch", figures, options.json)


if __name__ == "__main__":
    main()
