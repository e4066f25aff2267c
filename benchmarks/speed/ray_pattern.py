"""The same search by this project and by Ray's documented pattern, in one run: trials an hour.

    python -m benchmarks.speed.ray_pattern [--size light|short] [--trials N] [--max-epochs N] [--json FILE]

First the command, as in share.py. Then what the pages of Ray and Lightning show: a function trainable, a `DataLoader`
over a `Dataset` of single windows, `TuneReportCheckpointCallback`, `WandbLoggerCallback` (offline), `OptunaSearch`,
ASHA, and Tune's own settings. It is told the configurations that the first search drew, in their order, and has its
networks, batch size, updates an epoch, patience, grace, reduction and number of CPUs. Its windows
are cut and moved anew each epoch too, without which it would stop to learn, and end, earlier. In its favour: windows
are cut by this project's code, the optimizer is fused, validation batches are large, and Lightning's logger, bar,
summary and own checkpoints are off. As trials end early by what they learn, the epochs of both are told.

Both are timed from when Ray runs until nothing of them is left. Ours ends as the command does (command.py): the winner
is written, Ray has ended, W&B's runs are closed; the first song, which the pattern does not write, is in its seconds
too. The pattern begins with the making of its Tuner; its W&B is closed within `fit`, then the best result is known and
its Ray ended. Neither driver's imports are counted before that, the workers' are on both sides.

How large the ratio is depends on how long a trial trains: what the pattern costs a trial (a worker that starts, a W&B
process) and an epoch (a checkpoint, a report that is waited for) is spread over it. So there are three sizes: the notes
head as it is; `light`, a window of 5 and 16 updates an epoch; and `short`, trials of about a second.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple
from unittest import mock

import numpy as np
import optuna
import pytorch_lightning as pl
import ray
import tyro
from optuna.storages.journal import JournalFileBackend
from ray import tune
from ray.air.integrations.wandb import WandbLoggerCallback
from ray.tune.integration.pytorch_lightning import TuneReportCheckpointCallback
from ray.tune.schedulers import ASHAScheduler
from ray.tune.search.optuna import OptunaSearch

import benchmarks.speed.spaces
from benchmarks.measured import tell
from benchmarks.speed.command import TUNE, Search, Timed, search, trials, with_updates
from benchmarks.speed.plain_lightning import PlainData, PlainModule
from benchmarks.speed.spaces import HEAD
from datamodules.columns import Column
from datamodules.framing import UPDATES_PER_EPOCH
from experiments.heads import HEADS
from experiments.run_folder import Run
from experiments.search.one_head import GRACE
from experiments.search.plan import REDUCTION
from experiments.tables import TrialRow
from lightning_modules.head import CLIP_NORM
from search_spaces import complete

PATIENCE = 10  # epochs, as `tune` has it by default


class Size(NamedTuple):
    """What a trial is."""

    space: str  # of benchmarks/speed/spaces.py
    max_epochs: int
    updates: int  # an epoch, at least


SIZES = {"own": Size("small", 30, UPDATES_PER_EPOCH), "light": Size("light", 30, 16), "short": Size("short", 5, 16)}


@dataclass(frozen=True)
class Options:
    """Trials an hour, against Ray's documented pattern."""

    trials: int = 64
    """of each search"""
    max_epochs: int | None = None
    """the most that a trial trains (default: 30, 30, 5)"""
    workers: int = 2
    """CPUs of each search; no more than there are cores"""
    size: Literal["own", "light", "short"] = "own"
    """own: the notes head; light: a window of 5, 16 updates an epoch; short: that, hidden 64 and 5 epochs"""
    quick: bool = False
    """three trials of two epochs, to see that it runs"""
    json: Path | None = None
    """write the figures here too"""


@dataclass(frozen=True)
class Define:
    """What `OptunaSearch` draws from: a class, as it must be pickled."""

    space: str

    def __call__(self, trial: Any) -> dict[str, Any]:
        return {"hyperparameters": complete(getattr(benchmarks.speed.spaces, self.space), HEADS[HEAD].config)(trial)}


def train(config: dict[str, Any], column: Column, updates: int, max_epochs: int) -> None:
    """A trial of the documented pattern."""
    spec = HEADS[HEAD]
    hyperparameters = spec.config.from_dict(config["hyperparameters"])
    data = PlainData(column, hyperparameters, spec.framing(hyperparameters), updates)
    trainer = pl.Trainer(
        max_epochs=max_epochs,
        accelerator="cpu",
        devices=1,
        gradient_clip_val=CLIP_NORM,
        callbacks=[
            TuneReportCheckpointCallback(on="validation_end"),
            pl.callbacks.EarlyStopping("valid", patience=PATIENCE),
        ],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        reload_dataloaders_every_n_epochs=1,
    )
    network = spec.build(hyperparameters, column.vocabulary, column.grid)
    trainer.fit(PlainModule(network, max_epochs), data)


def drawn(run: Path, trials: int) -> list[dict[str, Any]]:
    """What the trials of a run's study drew, in order."""
    backend = JournalFileBackend(str(run / HEAD / "study.journal"))
    study = optuna.load_study(study_name=HEAD, storage=optuna.storages.JournalStorage(backend))
    return [trial.params for trial in study.get_trials(deepcopy=False)][:trials]


def tuner(given: Search, timed: Timed, column: Column, updates: int, folder: Path) -> tune.Tuner:
    """Ray's documented pattern over what a search drew."""
    searcher = OptunaSearch(
        space=Define(given.space),
        metric="best",
        mode="min",
        points_to_evaluate=drawn(timed.run, given.trials),
        seed=1,
    )
    scheduler = ASHAScheduler(
        metric="best",
        mode="min",
        max_t=given.max_epochs,
        grace_period=max(given.max_epochs // GRACE, 2),
        reduction_factor=REDUCTION,
    )
    return tune.Tuner(
        tune.with_parameters(train, column=column.prepared(), updates=updates, max_epochs=given.max_epochs),
        tune_config=tune.TuneConfig(search_alg=searcher, scheduler=scheduler, num_samples=given.trials),
        run_config=tune.RunConfig(
            name="pattern",
            storage_path=str(folder),
            callbacks=[WandbLoggerCallback(project="pattern", mode="offline")],
        ),
    )


def pattern(given: Search, timed: Timed, updates: int, folder: Path) -> tuple[float, list[int]]:
    """The seconds of a search by the pattern, and the epochs of each trial."""
    column = Run(timed.run).dataset().column(HEADS[HEAD].column)
    # W&B's callback asks for a key unless the environment says so; Tune tells of every trial on standard output
    with (
        mock.patch.dict(os.environ, WANDB_MODE="offline"),
        (folder / "said").open("w") as said,
        contextlib.redirect_stdout(said),
    ):
        ray.init(address="local", num_cpus=given.workers, include_dashboard=False, log_to_driver=False)
        try:
            began = time.monotonic()
            results = tuner(given, timed, column, updates, folder).fit()
            results.get_best_result("best", "min", scope="all")
        finally:
            ray.shutdown()
        seconds = time.monotonic() - began
    if results.errors:
        sys.exit(f"{len(results.errors)} trials of the pattern failed, the first with: {results.errors[0]}")
    return seconds, [int(result.metrics["training_iteration"]) for result in results]


def measure(options: Options, folder: Path) -> dict[str, Any]:
    """Both searches."""
    size = SIZES[options.size]
    count, epochs = (3, 2) if options.quick else (options.trials, options.max_epochs or size.max_epochs)
    given, updates = Search(count, epochs, options.workers, size.space), size.updates
    timed = search(given, folder, TUNE if updates == UPDATES_PER_EPOCH else with_updates(updates))
    rows = trials(timed.run)
    seconds, ran = pattern(given, timed, updates, folder)
    return figures(timed, rows, seconds, ran, given.workers)


def figures(timed: Timed, rows: list[TrialRow], seconds: float, ran: list[int], workers: int) -> dict[str, Any]:
    """What is told.

    Args:
        rows: the command's trials.
        seconds, ran: of the pattern, and the epochs of its trials.
    """
    epochs = sum(row.epoch for row in rows)
    return {
        "ratio_to_end": (len(rows) / timed.to_end) / (len(ran) / seconds),
        "ratio_of_epochs_to_end": (epochs / timed.to_end) / (sum(ran) / seconds),
        "trials_an_hour": 3600 * len(rows) / timed.to_end,
        "pattern_trials_an_hour": 3600 * len(ran) / seconds,
        "seconds_to_end": timed.to_end,
        "pattern_seconds_to_end": seconds,
        "seconds_to_winner": timed.to_winner,
        "epochs": epochs,
        "pattern_epochs": sum(ran),
        "updates_an_epoch": sum(row.updates for row in rows) / epochs,
        "trial_seconds": float(np.mean([row.seconds for row in rows])),
        "trials": len(rows),
        "workers": workers,
    }


def main() -> None:
    """The command."""
    options = tyro.cli(Options)
    with tempfile.TemporaryDirectory() as folder:
        found = measure(options, Path(folder).resolve())
    tell("ray_pattern", "Trials, against Ray's documented pattern", found, options.json)


if __name__ == "__main__":
    main()
