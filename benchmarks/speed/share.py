"""The share of a search's time that a bare PyTorch loop would need for the same work.

    python -m benchmarks.speed.share [--trials N] [--max-epochs N] [--json FILE]

One run measures both: first the command, `python -m experiments.tune notes` over the bundled songs (hidden 64 to 256,
learning rate and counted layers drawn, two workers), with W&B offline, study, tables, checkpoints and live table on;
then the bare loop (bare_loop.py) of exactly the trials and epochs that it ran, as many at once.

    share_to_end = seconds of the bare loop, over all trials / (workers x seconds of the search to the command's end)

A search's seconds are those from the line "searching on ..." to the command's end, when W&B's runs are closed and the
first song is written (command.py). Beside it stand the share to the winner alone, and that of the whole command, from
its start, which imports and starts Ray too. `valid_apart` is the largest
difference between a trial's validation loss and the bare loop's after one epoch. The two round differently, which
high learning rates make large within an epoch; that they are the same work is tested in float64 (test_fast_paths.py).
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro

from benchmarks.measured import tell
from benchmarks.speed.bare_loop import REPETITIONS, Bare, Job, time_jobs
from benchmarks.speed.command import Search, Timed, reports, search, trials
from benchmarks.speed.spaces import HEAD
from experiments.heads import HEADS
from experiments.run_folder import Run
from experiments.tables import TrialRow

__all__ = ["bare_of"]


@dataclass(frozen=True)
class Options:
    """The share of a search's time that a bare PyTorch loop would need."""

    trials: int = 64
    """of the search"""
    max_epochs: int = 30
    """the most that a trial trains"""
    workers: int = 2
    """trials at once; no more than there are cores"""
    repetitions: int = REPETITIONS
    """of the bare loop, whose median counts"""
    quick: bool = False
    """three trials of two epochs, to see that it runs"""
    json: Path | None = None
    """write the figures here too"""


def bare_of(run: Path, rows: list[TrialRow], given: Search, repetitions: int = REPETITIONS) -> Bare:
    """The bare loop of a run's trials."""
    opened = Run(run)
    column = opened.dataset().column(HEADS[HEAD].column)
    seed = opened.data_options.seed
    jobs = [Job(row.hyperparameters, row.row, row.epoch, given.max_epochs, seed) for row in rows]
    return time_jobs(column, jobs, given.workers, repetitions)


def measure(given: Search, folder: Path, repetitions: int) -> dict[str, Any]:
    """A search, and then its bare loop."""
    timed = search(given, folder)
    rows = [row for row in trials(timed.run) if row.epoch]
    rows.sort(key=lambda row: -row.seconds)
    return figures(timed, rows, bare_of(timed.run, rows, given, repetitions), given)


def figures(timed: Timed, rows: list[TrialRow], bare: Bare, given: Search) -> dict[str, Any]:
    """What is told; `rows` and the bare loops are in one order."""
    found = reports(timed.run)
    apart = [abs(found[row.row][0]["valid"] - loop.valid[0]) for row, loop in zip(rows, bare.loops, strict=True)]
    return {
        "share_to_end": bare.seconds / (given.workers * timed.to_end),
        "share_to_winner": bare.seconds / (given.workers * timed.to_winner),
        "share_of_command": bare.seconds / (given.workers * timed.ended),
        "bare_in_trials": bare.seconds / sum(row.seconds for row in rows),
        "trials_in_search_to_end": sum(row.seconds for row in rows) / (given.workers * timed.to_end),
        "trials_an_hour": 3600 * len(rows) / timed.to_end,
        "seconds_to_end": timed.to_end,
        "seconds_to_winner": timed.to_winner,
        "command_seconds": timed.ended,
        "bare_seconds": list(bare.sums),
        "trials": len(rows),
        "stopped_early": sum(row.status == "stopped early" for row in rows),
        "epochs": sum(row.epoch for row in rows),
        "updates": sum(row.updates for row in rows),
        "valid_apart": max(apart),
        "workers": given.workers,
    }


def main() -> None:
    """The command."""
    options = tyro.cli(Options)
    trials_, epochs = (3, 2) if options.quick else (options.trials, options.max_epochs)
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Search(trials_, epochs, options.workers), Path(folder).resolve(), options.repetitions)
    tell("share", "Share of the bare loop", found, options.json)


if __name__ == "__main__":
    main()
