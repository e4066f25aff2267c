"""What a search's bookkeeping costs: W&B (offline), the study, TensorBoard's files, the tables and the live view.

    python -m benchmarks.speed.bookkeeping [--trials N] [--epochs N] [--json FILE]

The command `python -m experiments.tune notes` over the bundled songs, with all of it on and with all of it off, in
turn, three times each; the ratio of their seconds is told for each pair. Off is: --wandb off, --no-tensorboard, a study
in memory, and tables that are kept in memory, neither written nor shown. Both train the same networks to the end:
configurations come from a list (`spaces.listed`, the sampler still draws) and no trial is stopped early, so that they
do the same work. Weights are kept in both.

`ratio` is of the seconds from the start of the search to the winner (command.py); `ratio_to_end` of those to the
command's end, when W&B's runs are closed and the first song is written.
"""

from __future__ import annotations

import contextlib
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import tyro

from benchmarks.measured import tell
from benchmarks.speed.command import Search, Timed, search, trials

PAIRS = 3


@dataclass(frozen=True)
class Options:
    """What a search's bookkeeping costs."""

    trials: int = 24
    """of each search"""
    epochs: int = 10
    """of each trial"""
    workers: int = 2
    """trials at once; no more than there are cores"""
    quick: bool = False
    """one pair of three trials of two epochs, to see that it runs"""
    json: Path | None = None
    """write the figures here too"""


def tune(kept: bool) -> int:
    """The command, in this process, with the arguments that it got: without ASHA, and without books unless `kept`."""
    import optuna

    import experiments.search.search
    from experiments.command_line.cli import main as run
    from experiments.search.watching.live import SearchView
    from experiments.tables import EpochTable, TrialTable
    from experiments.tune import TuneOptions
    from experiments.tune import tune as command

    def nothing(*_: object) -> None:
        """In place of what writes or shows."""

    with contextlib.ExitStack() as replaced:
        replaced.enter_context(mock.patch.object(experiments.search.search, "_asha", nothing))
        if not kept:
            memory = optuna.storages.InMemoryStorage()
            replaced.enter_context(mock.patch.object(optuna.storages, "JournalStorage", return_value=memory))
            for owner, name in ((TrialTable, "write"), (EpochTable, "add"), (SearchView, "update")):
                replaced.enter_context(mock.patch.object(owner, name, nothing))
        return run(TuneOptions, command, prog="tune")


def timed(options: Options, kept: bool) -> Timed:
    """One search, with its books or without."""
    count, epochs = (3, 2) if options.quick else (options.trials, options.epochs)
    more = ("--patience", str(epochs), "--wandb", "offline" if kept else "off")
    more += ("--tensorboard",) if kept else ("--no-tensorboard",)
    program = ("-c", f"import sys; from benchmarks.speed.bookkeeping import tune; sys.exit(tune({kept}))")
    with tempfile.TemporaryDirectory() as folder:
        found = search(Search(count, epochs, options.workers, "listed", more), Path(folder).resolve(), program)
        rows = trials(found.run) if kept else []
    if any(row.epoch != epochs for row in rows):
        sys.exit("a trial was stopped early: the searches did not do the same work")
    return found


def measure(options: Options) -> dict[str, Any]:
    """Pairs of searches: the one that comes first is the other's turn next time."""
    pairs: list[tuple[Timed, Timed]] = []
    for number in range(1 if options.quick else PAIRS):
        order = (True, False) if number % 2 == 0 else (False, True)
        found = {kept: timed(options, kept) for kept in order}
        pairs.append((found[True], found[False]))
    to_winner = [on.to_winner / off.to_winner for on, off in pairs]
    to_end = [on.to_end / off.to_end for on, off in pairs]
    return {
        "ratio": statistics.median(to_winner),
        "ratio_to_end": statistics.median(to_end),
        "ratios": to_winner,
        "ratios_to_end": to_end,
        "on_seconds": [on.to_winner for on, _ in pairs],
        "off_seconds": [off.to_winner for _, off in pairs],
        "on_seconds_to_end": [on.to_end for on, _ in pairs],
        "off_seconds_to_end": [off.to_end for _, off in pairs],
        "workers": options.workers,
    }


def main() -> None:
    """The command."""
    options = tyro.cli(Options)
    tell("bookkeeping", "A search with its bookkeeping / without", measure(options), options.json)


if __name__ == "__main__":
    main()
