"""Trials that only sleep, on two CPUs: a search of this project against plain Ray Tune.

    python -m benchmarks.speed.sleeping [--json FILE]

A trial sleeps a second and reports once. On our side it takes the place of the training in `run_search`, and the rest
is as in any search of a notes head: reused workers, as many trials at once as there are CPUs, Tune's settings, the
study and its sampler, ASHA, the tables, the view, and offline W&B runs. Plain Ray is `tune.Tuner(trial, num_samples=N)`
with defaults: no searcher, no tables, no W&B, a process a trial. Each is a fresh process with a local Ray of two CPUs.
The clock starts when that runs and all is imported in the driver, not in the workers. It stops when all trials have
ended and, on our side, the view and W&B's runs are closed. The two take turns, and the median of each is told.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from unittest.mock import patch

import tyro

from benchmarks.measured import ROOT, tell
from benchmarks.speed.sleeper import sleep

CPUS = 2
PROCESS = "import sys; from benchmarks.speed.sleeping import searched; searched(*sys.argv[1:])"
QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0", "WANDB_SILENT": "true"}


@dataclass(frozen=True)
class Options:
    """Sleeping trials: ours against plain Ray Tune."""

    trials: int = 40
    """of a search"""
    sleep: float = 1.0
    """seconds of a trial"""
    runs: int = 3
    """searches of each kind"""
    quick: bool = False
    """one search of each kind, of four trials of 0.2 s: to see that it runs, not for figures"""
    json: Path | None = None
    """write the figures here too"""


def plain(folder: Path, trials: int) -> float:
    """The trials as Ray Tune runs them; seconds."""
    from ray import tune

    run = tune.RunConfig(storage_path=str(folder))
    tuner = tune.Tuner(sleep, tune_config=tune.TuneConfig(num_samples=trials), run_config=run)
    began = time.perf_counter()
    results = tuner.fit()
    seconds = time.perf_counter() - began
    if results.num_terminated != trials:
        sys.exit(f"{results.num_terminated} of {trials} trials have slept")
    return seconds


def ours(folder: Path, trials: int) -> float:
    """The trials as a search of ours runs them; seconds."""
    from rich.console import Console

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

    spec = HEADS["notes"]
    plan = SearchPlan(
        run_id="sleeping", folder=folder, storage=str(folder / "tune"), trials=trials, confirm=0, max_epochs=1,
        patience=1, grace=1, seed=1, metric="valid", space=spec.space, initial=None, start=None,
        warm=lambda: None, began=time.monotonic(), deadline=None, cpus=1.0, gpus=lambda trials: 0.0,
        at_once=lambda: CPUS, resume="", interrupt=Interrupt(), max_failures=0,
    )  # fmt: skip
    view = SearchView(Console(), "notes", trials, "nats", {})
    with (
        patch.object(running, "train_trial_on", sleep),
        Tracking("offline", folder, note) as tracking,
        view,
    ):
        began = time.perf_counter()
        tracker = WandbTracker(Search(folder, "sleeping", "x", (), {}, tracking))
        table = run_search(spec, Stored(None), plan, (tracker,), view).table
    seconds = time.perf_counter() - began  # W&B's runs are closed
    if table.count("done") != trials:
        sys.exit(f"{table.count('done')} of {trials} trials have slept")
    return seconds


def searched(kind: str, folder: str, trials: str) -> None:
    """A search of either kind in this process; its seconds go to FOLDER/seconds.json."""
    import ray

    ray.init(address="local", num_cpus=CPUS, include_dashboard=False, logging_level="ERROR", log_to_driver=False)
    seconds = {"plain": plain, "ours": ours}[kind](Path(folder), int(trials))
    ray.shutdown()
    Path(folder, "seconds.json").write_text(json.dumps(seconds))


def in_a_process(kind: str, trials: int, seconds: float) -> float:
    """The seconds of a search of either kind in a fresh process."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", PROCESS, kind, folder, str(trials)]
        environment = {**os.environ, **QUIET, "PYTHONPATH": str(ROOT), "SLEEP": str(seconds)}
        subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
        return float(json.loads(Path(folder, "seconds.json").read_text()))


def main() -> None:
    """The command."""
    options = tyro.cli(Options)
    trials, seconds, runs = (4, 0.2, 1) if options.quick else (options.trials, options.sleep, options.runs)
    found: dict[str, list[float]] = {"plain": [], "ours": []}
    for _ in range(runs):
        for kind, kept in found.items():
            kept.append(in_a_process(kind, trials, seconds))
    figures = {
        "trials": trials,
        "sleep_s": seconds,
        "cpus": CPUS,
        "least_s": -(-trials // CPUS) * seconds,
        "plain_s": median(found["plain"]),
        "ours_to_end_s": median(found["ours"]),
        "plain_each_s": found["plain"],
        "ours_to_end_each_s": found["ours"],
    }
    tell("sleeping", "Trials that only sleep: a search of ours against plain Ray Tune", figures, options.json)


if __name__ == "__main__":
    main()
