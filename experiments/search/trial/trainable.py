"""One trial: a configuration trained for up to `max_epochs`, reported once an epoch.

Over folds it is one network a fold, trained in lock step: an epoch of each, then one report of their mean, so that the
scheduler can stop the trial as any other.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

import pytorch_lightning as pl
import ray
import torch
from ray import tune

from datamodules.columns import Column
from datamodules.midi_windows import MidiWindows
from experiments.heads import HEADS
from experiments.initial import Initial
from experiments.search.machines.shared_storage import not_seen
from experiments.search.plan import TROUBLE, TrialSettings
from experiments.search.trial import checkpoint
from experiments.search.trial.reporting import Reporter
from experiments.search.trial.storage import StorageLostError, Tensors, TrialStore
from experiments.training import fit, load_optimizer, optimizer_tensors
from lightning_modules.head import Head

__all__ = ["train_trial"]

LAST_EVERY = 5.0  # seconds between two `last` checkpoints: what a dead worker may cost
END_WITHIN = 60.0  # seconds that a driver which was told of trouble has to end the search


def train_trial(
    config: dict[str, Any], columns: Sequence[Column], settings: TrialSettings, initial: Initial | None = None
) -> None:
    """Train one configuration; Ray Tune calls this in a worker process, one trial after another in the same process.

    Args:
        config: "hyperparameters" (the head's, whole), "row" (of trials.csv; also names the trial's folder) and, for a
            trial that repeats another with a seed of its own, "seed".
        columns: the head's column, or one a fold, out of Ray's object store: their arrays are read-only.
        initial: the weights to go on from; None for fresh ones.
    """
    # Ray sets it to the trial's CPUs, if nobody has
    told = (os.environ.get("OMP_NUM_THREADS") or "1").partition(",")[0]
    threads = max(int(float(told)), 1)
    torch.set_num_threads(threads)
    seed, row = config.get("seed"), config["row"]
    torch.manual_seed(settings.seed + 1_000_003 * row if seed is None else seed)
    order = settings.seed + row if seed is None else seed
    networks = [_network(config["hyperparameters"], column, order, settings.updates_per_epoch) for column in columns]
    if initial is not None:
        for network in networks:
            network.head.load_state_dict(initial.start(network.head.state_dict(), network.data.column.vocabulary))
    with Reporter(_send) as reporter:
        trial = _Trial(config, settings, networks, reporter)
        trial.check_storage()
        trial.restore()
        if trial.over:  # its driver died between the last checkpoint and the last report
            pass
        elif len(networks) == 1:
            _train_one(networks[0], trial, settings)
        else:
            _train_folds(networks, trial, settings)


def _send(reports: list[Mapping[str, Any]]) -> None:
    """Tell the driver. What the scheduler and the study look at is the last report's."""
    last = reports[-1]
    message = {"epoch": last["epoch"], "best": last["best"], "reports": [one for one in reports if TROUBLE not in one]}
    tune.report(message | ({TROUBLE: last[TROUBLE]} if TROUBLE in last else {}))


@dataclass
class _Network:
    """A network, what it learns from, and its optimizer's state where it goes on."""

    head: Head
    data: MidiWindows
    optimizer: Tensors = field(default_factory=dict)

    @property
    def targets(self) -> int:
        """How many targets its figures are over."""
        return len(self.data.column.targets(self.data.column.valid_part))


def _network(hyperparameters: dict[str, Any], column: Column, seed: int, updates_per_epoch: int) -> _Network:
    """A fresh network over a column; `seed` is of the order of the windows."""
    spec = HEADS[column.spec.name]
    config = spec.config.from_dict(hyperparameters)
    data = MidiWindows(
        column,
        spec.framing(config),
        batch_size=config.batch_size,
        weighting=config.weighting,
        seed=seed,
        updates_per_epoch=updates_per_epoch,
    )
    return _Network(spec.build(config, column.vocabulary, column.grid), data)


def _train_one(network: _Network, trial: _Trial, settings: TrialSettings) -> None:
    network.data.set_epoch(trial.epoch)
    reports = _Epochs(network, trial)
    fit(
        network.head,
        network.data,
        first=trial.epoch,
        epochs=settings.max_epochs,
        callbacks=[reports],
        gpu=settings.gpu,
    )


def _train_folds(folds: Sequence[_Network], trial: _Trial, settings: TrialSettings) -> None:
    """An epoch of each fold's network in turn, each under a Trainer of its own, until the trial stops."""
    for epoch in range(trial.epoch, settings.max_epochs):
        updates = 0
        for fold in folds:
            fold.data.set_epoch(epoch)
            turn = _Epochs(fold)
            fit(fold.head, fold.data, first=epoch, epochs=settings.max_epochs, callbacks=[turn], gpu=settings.gpu)
            updates += turn.updates
        if trial.end_epoch(_mean([fold.head.figures for fold in folds], [fold.targets for fold in folds]), updates):
            break


def _mean(figures: Sequence[Mapping[str, float]], targets: Sequence[int]) -> dict[str, float]:
    """Each figure's mean over the folds, weighted by their targets: as if each target were scored once."""
    total = sum(targets)
    return {
        name: sum(found[name] * count for found, count in zip(figures, targets, strict=True)) / total
        for name in figures[0]
        if all(name in found for found in figures)
    }


class _Epochs(pl.Callback):
    """Gives an optimizer its state back, and ends each epoch: with a report, or after one, if `trial` is None."""

    def __init__(self, network: _Network, trial: _Trial | None = None) -> None:
        self.network, self.trial, self.updates = network, trial, 0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Go on where an earlier Trainer was."""
        if self.network.optimizer:
            load_optimizer(trainer.optimizers[0], self.network.optimizer)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Validation has just closed the epoch."""
        self.updates = int(trainer.num_training_batches)
        # Tensors of the optimizer as they are, not copies: what is kept is read before the next step.
        self.network.optimizer = optimizer_tensors(trainer.optimizers[0])
        trainer.should_stop = self.trial is None or self.trial.end_epoch(self.network.head.figures, self.updates)


class _Trial:
    """Reports each epoch, and keeps `best` (weights) and `last` (all that is needed to go on)."""

    def __init__(
        self, config: Mapping[str, Any], settings: TrialSettings, networks: Sequence[_Network], reporter: Reporter
    ) -> None:
        self.settings, self.row, self.networks, self.reporter = settings, int(config["row"]), networks, reporter
        self.store = TrialStore(settings.storage)
        # A file of another search, of other hyperparameters, or of another seed, is not ours to go on from.
        self.identity = {
            "run": settings.run_id,
            "hyperparameters": config["hyperparameters"],
            "seed": config.get("seed"),
            "networks": len(networks),
        }
        self.epoch, self.updates, self.best, self.best_epoch = 0, 0, math.inf, 0
        self.kept = math.inf  # the figure of the weights that are kept: behind, where epochs are trained again
        self.reports: list[dict[str, Any]] = []  # of all epochs
        self.saved = self.began = time.monotonic()

    def check_storage(self) -> None:
        """Whether this node sees the driver's storage: it may have joined after all others were asked.

        Raises:
            StorageLostError: it does not.
        """
        if not self.store.is_marked(self.settings.sign):
            self._end_search(not_seen(self.store.root, [ray.util.get_node_ip_address()]))

    def _end_search(self, reason: str) -> NoReturn:
        """No failure of this trial: the driver ends the search, and this process with it."""
        self.reporter.add({"epoch": self.epoch, "best": self.best, TROUBLE: reason}, wait=True)
        time.sleep(END_WITHIN)
        raise StorageLostError(reason)

    def restore(self) -> None:
        """Go on from this trial's `last`, if it has one that is whole."""
        if best := self._own("best"):
            figure = best[1].get("best")
            self.kept = figure if type(figure) is float and math.isfinite(figure) else math.inf
        if (found := self._own("last")) is None:
            return
        tensors, facts = found
        if not checkpoint.fits(self.networks, tensors, facts):
            return  # damaged: the trial starts anew, which loses time and nothing else
        checkpoint.take(self.networks, tensors, gpu=self.settings.gpu)
        self.epoch, self.updates, self.best, self.best_epoch = (
            facts[name] for name in ("epoch", "updates", "best", "best_epoch")
        )
        self.began = time.monotonic() - facts["seconds"]
        self.reports = list(facts["reports"])
        for report in self.reports:  # the study of a new driver knows none, and a dead one may not have written all
            self.reporter.add(report, wait=False)

    def _own(self, name: str) -> tuple[Tensors, dict[str, Any]] | None:
        """What this very trial has kept, to an earlier driver or before a failure; None if there is nothing whole."""
        found = self.store.read(self.row, name)
        ours = found is not None and all(found[1].get(key) == value for key, value in self.identity.items())
        return found if ours else None

    @property
    def over(self) -> bool:
        """Whether the trial ends by itself after its last epoch."""
        return self.epoch - self.best_epoch >= self.settings.patience or self.epoch >= self.settings.max_epochs

    def end_epoch(self, figures: Mapping[str, float], updates: int) -> bool:
        """Report the epoch that validation has just closed; whether the trial stops here."""
        self.epoch, self.updates = self.epoch + 1, self.updates + updates
        value = figures[self.settings.metric]
        if not (math.isfinite(value) and math.isfinite(figures["train_loss"])):
            raise FloatingPointError(
                f"{self.settings.metric} is {value}, train_loss {figures['train_loss']} in epoch {self.epoch}"
            )
        if improved := value < self.best:
            self.best, self.best_epoch = value, self.epoch
        report = {
            "epoch": self.epoch,
            "updates": self.updates,
            "best": self.best,
            "best_epoch": self.best_epoch,
            "seconds": round(time.monotonic() - self.began, 3),
            "figures": dict(figures),
        }
        self.reports.append(report)
        try:
            self._keep(report, improved=improved)
        except StorageLostError as error:
            self._end_search(str(error.strerror))
        if wait := self.over or self.epoch in self.settings.rungs:
            self.store.sync(self.row, "best")  # the study may hear that the trial is complete: its weights must be kept
        self.reporter.add(report, wait=wait)
        return self.over

    def _keep(self, report: Mapping[str, Any], *, improved: bool) -> None:
        # the networks of folds are no winner's; of epochs that are trained again, what they reached is there already
        if improved and self.best < self.kept and len(self.networks) == 1:
            tensors = {key: tensor.detach().contiguous() for key, tensor in self.networks[0].head.state_dict().items()}
            self.store.write(self.row, "best", tensors, {**self.identity, **report})
            self.kept = self.best
        if time.monotonic() - self.saved > LAST_EVERY:
            # with all reports: no epoch is lost that a driver was told of, and lost before it was on disk
            self.store.write(
                self.row,
                "last",
                checkpoint.whole(self.networks, gpu=self.settings.gpu),
                {**self.identity, **report, "reports": self.reports},
            )
            self.saved = time.monotonic()
