"""One trial: a configuration trained for up to `max_epochs`, reported once an epoch."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytorch_lightning as pl
import torch
from ray import tune

from datamodules.columns import Column
from datamodules.midi_windows import MidiWindows
from experiments.heads import HEADS
from experiments.search.storage import TrialStore
from experiments.training import fit, load_optimizer, optimizer_tensors

__all__ = ["TrialSettings", "train_trial"]

LAST_EVERY = 5.0  # seconds between two `last` checkpoints: what a dead worker may cost


@dataclass(frozen=True)
class TrialSettings:
    """What all trials of a search share."""

    run_id: str
    storage: str
    max_epochs: int
    patience: int  # epochs without a better `best` after which a trial stops by itself
    seed: int
    metric: str  # the figure that `best` is the minimum of
    updates_per_epoch: int
    gpu: bool


def train_trial(config: dict[str, Any], column: Column, settings: TrialSettings) -> None:
    """Train one configuration; Ray Tune calls this in a worker process, one trial after another in the same process.

    Args:
        config: "hyperparameters" (the head's, whole) and "row" (of trials.csv; also names the trial's folder).
        column: the head's column, out of Ray's object store: its arrays are read-only.
    """
    spec = HEADS[column.spec.name]
    threads = max(int(float(os.environ.get("OMP_NUM_THREADS", "1"))), 1)  # Ray sets it to the trial's CPUs
    torch.set_num_threads(threads)
    torch.manual_seed(settings.seed + 1_000_003 * config["row"])
    head_config = spec.config.from_dict(config["hyperparameters"])
    head = spec.build(head_config, column.vocabulary, column.grid)
    data = MidiWindows(
        column,
        window=head_config.window,
        batch_size=head_config.batch_size,
        weighting=head_config.weighting,
        seed=settings.seed + config["row"],
        updates_per_epoch=settings.updates_per_epoch,
    )
    trial = _Trial(config, settings)
    trial.restore(head, data)
    if trial.epoch >= settings.max_epochs:  # its driver died between the last checkpoint and the last report
        tune.report(trial.reported)
        return
    fit(head, data, epochs=settings.max_epochs - trial.epoch, callbacks=[trial], gpu=settings.gpu)


class _Trial(pl.Callback):
    """Reports each epoch, and keeps `best` (weights) and `last` (all that is needed to go on)."""

    def __init__(self, config: Mapping[str, Any], settings: TrialSettings) -> None:
        self.settings, self.row = settings, int(config["row"])
        self.store = TrialStore(settings.storage)
        # A file of another search, or of other hyperparameters, is not ours to go on from.
        self.identity = {"run": settings.run_id, "hyperparameters": config["hyperparameters"]}
        self.epoch, self.updates, self.best, self.best_epoch, self.seconds = 0, 0, math.inf, 0, 0.0
        self.optimizer: dict[str, torch.Tensor] = {}
        self.reported: dict[str, Any] = {}
        self.saved = self.began = time.monotonic()

    def restore(self, head: pl.LightningModule, data: MidiWindows) -> None:
        """Go on from this trial's `last`, if it has one."""
        found = self.store.read(self.row, "last")
        if found is None or any(found[1].get(key) != value for key, value in self.identity.items()):
            return
        tensors, facts = found
        weights = {name[len("head.") :]: tensor for name, tensor in tensors.items() if name.startswith("head.")}
        head.load_state_dict(weights)
        self.optimizer = {name: tensor for name, tensor in tensors.items() if name.startswith("optimizer.")}
        torch.set_rng_state(tensors["random"])
        self.epoch, self.updates, self.seconds = facts["epoch"], facts["updates"], facts["seconds"]
        self.best, self.best_epoch = facts["best"], facts["best_epoch"]
        self.reported = {name: value for name, value in facts.items() if name not in self.identity}
        data.set_epoch(self.epoch)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Give the optimizer its state back."""
        if self.optimizer:
            load_optimizer(trainer.optimizers[0], self.optimizer)
        self.began = time.monotonic() - self.seconds

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Report the epoch that validation has just closed."""
        figures: dict[str, float] = pl_module.figures  # type: ignore[assignment]
        self.epoch, self.updates = self.epoch + 1, self.updates + int(trainer.num_training_batches)
        value = figures[self.settings.metric]
        if not (math.isfinite(value) and math.isfinite(figures["train_loss"])):
            raise FloatingPointError(
                f"{self.settings.metric} is {value}, train_loss {figures['train_loss']} in epoch {self.epoch}"
            )
        self.seconds = time.monotonic() - self.began
        improved = value < self.best
        if improved:
            self.best, self.best_epoch = value, self.epoch
        report = {
            "epoch": self.epoch,
            "updates": self.updates,
            "best": self.best,
            "best_epoch": self.best_epoch,
            "seconds": round(self.seconds, 3),
            "figures": dict(figures),
        }
        if improved:
            self._save("best", pl_module, report)
        if time.monotonic() - self.saved > LAST_EVERY:
            self._save("last", pl_module, report, trainer.optimizers[0])
            self.saved = time.monotonic()
        tune.report(report)
        if self.epoch - self.best_epoch >= self.settings.patience:
            trainer.should_stop = True

    def _save(
        self,
        name: str,
        head: pl.LightningModule,
        report: Mapping[str, Any],
        optimizer: torch.optim.Optimizer | None = None,
    ) -> None:
        if optimizer is None:
            tensors = {key: tensor.detach().contiguous() for key, tensor in head.state_dict().items()}
        else:
            tensors = {f"head.{key}": tensor.detach().contiguous() for key, tensor in head.state_dict().items()}
            tensors |= optimizer_tensors(optimizer) | {"random": torch.get_rng_state()}
        self.store.write(self.row, name, tensors, {**self.identity, **report})
