"""One search: a Ray Tune run over one head, from its column to its tables and the trials' weights."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray import tune
from ray.tune.schedulers import ASHAScheduler

from datamodules.columns import Column
from datamodules.errors import UserError
from experiments.heads import HeadSpec
from experiments.search.cluster import Cluster
from experiments.search.observer import Halt, Observer, View, last_line
from experiments.search.resume import bring_up_to_date, enqueue_interrupted
from experiments.search.storage import TrialStore
from experiments.search.study import METRIC, StudySearch, next_row, open_study
from experiments.search.trainable import TrialSettings, train_trial
from experiments.tables import EpochTable, TrialTable
from experiments.tracking import Tracker
from experiments.training import stopping

__all__ = ["Outcome", "SearchPlan", "run_search"]

REDUCTION = 3  # ASHA keeps a third at each rung: the usual choice between haste and patience (Li et al. 2020)


@dataclass(frozen=True)
class SearchPlan:
    """All that a search needs to know beside its data.

    Attributes:
        folder: HEAD's folder in the run.
        storage: path or URI of the trials' weights.
        trials: how many rows trials.csv shall have in the end.
        max_epochs: the most that a trial trains.
        patience: epochs without a better best after which a trial stops by itself.
        grace: epochs that no trial is stopped before.
        space: trial -> all hyperparameters.
        deadline: of `time.monotonic`, or None.
        cpus, gpus: what one trial takes.
        concurrent: how many trials at once, or None for what the cluster holds.
    """

    run_id: str
    folder: Path
    storage: str
    trials: int
    max_epochs: int
    patience: int
    grace: int
    seed: int
    metric: str
    space: Callable[[Any], dict[str, Any]]
    deadline: float | None
    cpus: float
    gpus: float
    concurrent: int | None
    updates_per_epoch: int = 50

    def settings(self) -> TrialSettings:
        """What all trials share."""
        return TrialSettings(
            run_id=self.run_id,
            storage=self.storage,
            max_epochs=self.max_epochs,
            patience=self.patience,
            seed=self.seed,
            metric=self.metric,
            updates_per_epoch=self.updates_per_epoch,
            gpu=self.gpus > 0,
        )


@dataclass(frozen=True)
class Outcome:
    """How a search ended: `reason` is "" (all trials done), "interrupted" or "time"."""

    table: TrialTable
    reason: str


def run_search(
    spec: HeadSpec, column: Column, plan: SearchPlan, cluster: Cluster, tracker: Tracker, view: View
) -> Outcome:
    """Search until `plan.trials` trials are finished, going on with those that an earlier driver left.

    Raises:
        UserError: nothing can be written, or a trial can never fit on the cluster.
    """
    TrialStore(plan.storage).check()
    workers = _workers(plan, cluster)
    table = TrialTable.read(plan.folder / "trials.csv", spec.config.names())
    study = open_study(plan.folder / "study.journal", spec.name, plan.seed)
    epochs = EpochTable(plan.folder / "epochs.csv")
    bring_up_to_date(table, epochs, study, plan.max_epochs)
    enqueue_interrupted(study)
    missing = plan.trials - table.finished()
    observer = Observer(table, epochs, tracker, view)
    if missing <= 0:
        return Outcome(table, "")
    halt = Halt(plan.deadline, observer)
    search = StudySearch(study, plan.space, plan.max_epochs, max(table.next_row, next_row(study)))
    tuner = _tuner(plan, missing, workers, search, ray.put(column), observer, halt)
    with stopping(halt.interrupt), _quiet_tune():
        try:
            tuner.fit()
        except Exception as error:  # Ray's own, a disk that is full, a --space that fails in some draws
            observer.finish()
            if "dynamic value space" in str(error):  # Optuna's words
                raise UserError(
                    f"{plan.folder}: the search space has changed since this study was begun; start a new run", status=1
                ) from error
            raise UserError(f"the search ended: {last_line(error)}", status=1) from error
    observer.finish()
    return Outcome(table, halt.reason)


def _workers(plan: SearchPlan, cluster: Cluster) -> int:
    """How many trials run at once."""
    fits = [total / each for total, each in ((cluster.cpus, plan.cpus), (cluster.gpus, plan.gpus)) if each > 0]
    room = int(min(fits, default=1) + 1e-9)
    if room < 1:
        raise UserError(
            f"a trial asks for {plan.cpus:g} CPUs and {plan.gpus:g} GPUs; {cluster.label} has {cluster.cpus:g} and"
            f" {cluster.gpus:g}: lower --cpus-per-trial or --gpus-per-trial"
        )
    return min(room, plan.concurrent) if plan.concurrent else room


def _tuner(
    plan: SearchPlan,
    missing: int,
    workers: int,
    search: StudySearch,
    column: Any,
    observer: Observer,
    halt: Halt,
) -> tune.Tuner:
    return tune.Tuner(
        tune.with_resources(
            tune.with_parameters(train_trial_on, reference=[column], settings=plan.settings()),
            {"cpu": plan.cpus, "gpu": plan.gpus},
        ),
        tune_config=tune.TuneConfig(
            search_alg=search,
            scheduler=ASHAScheduler(
                time_attr="epoch",
                metric=METRIC,
                mode="min",
                max_t=plan.max_epochs,
                grace_period=min(max(plan.grace, 1), plan.max_epochs),
                reduction_factor=REDUCTION,
            ),
            num_samples=missing,
            max_concurrent_trials=workers,
            reuse_actors=True,  # a fresh worker imports torch and Lightning again: 4 to 5 s
            trial_dirname_creator=lambda trial: f"{trial.config['row']:05d}",
        ),
        run_config=tune.RunConfig(
            name="tune",
            storage_path=str(plan.folder),
            stop=halt,
            callbacks=[observer],
            verbose=0,
            failure_config=tune.FailureConfig(max_failures=0),
        ),
    )


def train_trial_on(config: dict[str, Any], reference: list[Any], settings: TrialSettings) -> None:
    """`train_trial` with the column fetched from the object store, shared read-only between a node's workers."""
    train_trial(config, ray.get(reference[0]), settings)


TUNE_SETTINGS = {
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # ours knows what to keep
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # our tables say it once, and cheaper
    "TUNE_GLOBAL_CHECKPOINT_S": str(10**9),  # pickles that nobody opens
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",  # the reason stands in trials.csv
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
    "RAY_AIR_NEW_OUTPUT": "0",  # the new one prints where its folder is, whatever the verbosity
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
}


@contextmanager
def _quiet_tune() -> Iterator[None]:
    before = {name: os.environ.get(name) for name in TUNE_SETTINGS}
    os.environ.update(TUNE_SETTINGS)
    logger = logging.getLogger("ray.tune")
    level = logger.level
    logger.setLevel(logging.CRITICAL)  # what it tells of failed trials stands in trials.csv, and we tell it at the end
    try:
        yield
    finally:
        logger.setLevel(level)
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.__setitem__(name, value)
