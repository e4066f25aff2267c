"""What grows in the driver of a long search: its time and memory a trial, at 100, 1,000 and 10,000 trials.

    python -m benchmarks.speed.driver_scale [--trials N] [--json FILE]

Trials do nothing but report three epochs, each in a message of its own, so that all that takes time is what is beside
training: Ray Tune, the sampler (TPE over the default space of the notes head), ASHA, the study's journal, the tables,
the view (shown, in a terminal of nobody's), and, with --wandb, W&B's runs. One search; each stretch of it that ends at
100, 1,000, ... trials is told: the driver's processor time a trial, the wall time a trial, and what the process holds
at its end.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar
from unittest.mock import patch

import ray
import tyro
from rich.console import Console

from benchmarks.measured import tell
from experiments.tables import TrialRow

CPUS = 2
EPOCHS = 3  # of a trial


@dataclass(frozen=True)
class Options:
    """Time and memory of a search's driver as trials add up."""

    trials: int = 10_000
    """of the search"""
    wandb: bool = False
    """with offline W&B runs too"""
    quick: bool = False
    """200 trials, to see that it runs"""
    json: Path | None = None
    """write the figures here too"""


def report(config: dict[str, Any], settings: Any = None) -> None:
    """A trial."""
    from ray import tune

    best = 1 + config["hyperparameters"]["learning_rate"]  # something to learn
    for epoch in range(1, EPOCHS + 1):
        own = {"epoch": epoch, "updates": 50 * epoch, "best": best, "best_epoch": 1, "seconds": 0.1 * epoch}
        tune.report({"epoch": epoch, "best": best, "reports": [{**own, "figures": {"valid": best}}]})


class Marks:
    """What the driver has used when so many trials have ended; a view."""

    AT: ClassVar = sorted({*(10**power * first for power in range(2, 5) for first in (1, 3)), 6000})

    def __init__(self, view: Any) -> None:
        self.view, self.found = view, [self._now(0)]

    def repeating(self, kind: str, rows: Any) -> None:
        """There is nothing to repeat."""

    def update(self, table: Any) -> None:
        """Called at every change."""
        self.view.update(table)
        ended = len(table.rows) - table.count("running") if len(table.rows) >= self._next else 0
        if ended >= self._next:
            self.found.append(self._now(ended))

    @property
    def _next(self) -> float:
        return next((at for at in self.AT if at > self.found[-1][0]), float("inf"))

    @staticmethod
    def _now(trials: int) -> tuple[int, float, float, float]:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return trials, time.process_time(), time.monotonic(), pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def measure(options: Options, folder: Path) -> dict[str, Any]:
    """One search."""
    from experiments.command_line.cli import note
    from experiments.heads import HEADS
    from experiments.search import running
    from experiments.search.plan import SearchPlan
    from experiments.search.search import run_search
    from experiments.search.stored import Stored
    from experiments.search.watching.live import SearchView
    from experiments.stopping import Interrupt
    from experiments.tracking.trackers import Search
    from experiments.tracking.wandb_runs import Tracking
    from experiments.tracking.wandb_tracker import WandbTracker
    from search_spaces import complete

    trials, spec = 200 if options.quick else options.trials, HEADS["notes"]
    plan = SearchPlan(
        run_id="scale", folder=folder, storage=str(folder / "tune"), trials=trials, confirm=0, max_epochs=EPOCHS,
        patience=EPOCHS, grace=2, seed=1, metric="valid", space=complete(spec.space, spec.config), initial=None,
        start=None, warm=lambda: None, began=time.monotonic(), deadline=None, cpus=1.0, gpus=lambda trials: 0.0,
        at_once=lambda: CPUS, resume="", interrupt=Interrupt(), max_failures=0,
    )  # fmt: skip
    mode = "offline" if options.wandb else "off"
    with (
        open(os.devnull, "w") as nobody,
        patch.object(running, "train_trial_on", report),
        Tracking(mode, folder, note) as tracking,
        SearchView(
            Console(file=nobody, force_terminal=True, width=120, height=40), "notes", trials, "nats", {}
        ) as view,
    ):
        marks = Marks(view)
        tracker = WandbTracker(Search(folder, "scale", "x", (), {}, tracking))
        table = run_search(spec, Stored(None), plan, (tracker,), marks).table
    if table.finished() != trials:
        sys.exit(f"{table.finished()} of {trials} trials have ended")
    marks.found.append(marks._now(trials))
    return told(marks, folder, table.rows.values(), mode)


def told(marks: Marks, folder: Path, rows: Collection[TrialRow], mode: str) -> dict[str, Any]:
    """Of each stretch of a search between two marks, and of all of it."""
    stretches = [pair for pair in zip(marks.found, marks.found[1:], strict=False) if pair[1][0] > pair[0][0]]
    return {
        "trials_up_to": [after[0] for _, after in stretches],
        "driver_ms_a_trial": [1e3 * (after[1] - before[1]) / (after[0] - before[0]) for before, after in stretches],
        "wall_ms_a_trial": [1e3 * (after[2] - before[2]) / (after[0] - before[0]) for before, after in stretches],
        "driver_mb": [after[3] for _, after in stretches],
        "journal_mb": (folder / "study.journal").stat().st_size / 1e6,
        "epochs_a_trial": sum(row.epoch for row in rows) / len(rows),
        "workers": CPUS,
        "wandb": mode,
    }


def main() -> None:
    """The command."""
    options = tyro.cli(Options)
    ray.init(address="local", num_cpus=CPUS, include_dashboard=False, logging_level="ERROR", log_to_driver=False)
    with tempfile.TemporaryDirectory() as folder:
        found = measure(options, Path(folder).resolve())
    tell("driver_scale", "The driver of a search as trials add up", found, options.json)


if __name__ == "__main__":
    main()
