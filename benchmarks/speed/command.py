"""`experiments.tune` as a user starts it, timed from outside by the lines that it prints.

A search begins with the line "searching on ...", when Ray runs and before workers start. Its winner is there with the
line "winner: ...", but a user waits on: Ray ends, the first song is written, and W&B's runs are closed. So it ends with
the command. All are timed by one clock, as lines are read. The live table is on: the command is told that it writes to
a terminal.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measured import ROOT
from benchmarks.speed import spaces
from benchmarks.speed.spaces import HEAD
from experiments.heads import HEADS
from experiments.tables import SEARCH, EpochTable, TrialRow, TrialTable

__all__ = ["TUNE", "Search", "Timed", "reports", "search", "trials", "with_updates"]

TUNE = ("-m", "experiments.tune")  # what Python runs
LINES = {"began": re.compile(r"searching on "), "won": re.compile(r"winner: trial ")}
TERMINAL = {"FORCE_COLOR": "1", "TERM": "xterm-256color", "COLUMNS": "120", "LINES": "40"}


@dataclass(frozen=True)
class Search:
    """A search of the notes head over the bundled songs.

    Attributes:
        workers: trials at once; no more than the machine has cores.
        space: a function of benchmarks/speed/spaces.py.
        more: further arguments of the command; those that come last count.
    """

    trials: int
    max_epochs: int
    workers: int = 2
    space: str = "small"
    more: tuple[str, ...] = ()

    def arguments(self, runs: Path) -> list[str]:
        """The command's, for a run under `runs`."""
        space = f"{spaces.__file__}:{self.space}"
        counts = ("--trials", self.trials, "--max-epochs", self.max_epochs, "--max-concurrent", self.workers)
        place = ("--address", "local", "--runs", runs, "--name", "timed", "--space", space)
        return [HEAD, *map(str, counts + place), "--wandb", "offline", *self.more]


@dataclass(frozen=True)
class Timed:
    """A search that has ended.

    Attributes:
        run: its folder.
        began, won, ended: seconds from the command's start to the start of the search, to the winner, to the end.
    """

    run: Path
    began: float
    won: float
    ended: float

    @property
    def to_winner(self) -> float:
        """Seconds from the start of the search to the winner written; W&B's runs may still be open then."""
        return self.won - self.began

    @property
    def to_end(self) -> float:
        """Seconds from the start of the search to the command's end: all that a user waits for."""
        return self.ended - self.began


def with_updates(updates: int) -> tuple[str, ...]:
    """`TUNE` with another least number of updates an epoch, replaced before anything has read it."""
    lines = (
        "import runpy",
        "import datamodules.framing",
        f"datamodules.framing.UPDATES_PER_EPOCH = {updates}",
        "runpy.run_module('experiments.tune', run_name='__main__', alter_sys=True)",
    )
    return ("-c", "\n".join(lines))


def search(given: Search, folder: Path, program: Sequence[str] = TUNE) -> Timed:
    """Run a search in an empty folder; whatever it started has ended with it.

    Args:
        program: what Python runs, before the command's arguments.
    """
    seen: dict[str, float] = {}
    environment = {**os.environ, **TERMINAL, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    began = time.monotonic()
    command = [sys.executable, *program, *given.arguments(folder)]
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                for name, wanted in LINES.items():
                    if wanted.search(line):
                        seen.setdefault(name, time.monotonic() - began)
        except BaseException:
            process.terminate()  # it ends its Ray, and then itself
            raise
    run = folder / "timed"
    if process.returncode or set(seen) != set(LINES) or not (run / HEAD / "winner.safetensors").exists():
        sys.exit(f"the search failed with status {process.returncode}, or told no {set(LINES) - set(seen)}")
    return Timed(run, seen["began"], seen["won"], time.monotonic() - began)


def trials(run: Path) -> list[TrialRow]:
    """The trials of a run."""
    return TrialTable.read(run / HEAD / "trials.csv", HEADS[HEAD].config.names()).of_kind(SEARCH)


def reports(run: Path) -> dict[int, list[dict[str, float]]]:
    """The epochs of each trial of a run, by its row."""
    return EpochTable(run / HEAD / "epochs.csv").reports()
