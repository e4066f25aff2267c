"""A head trained for some epochs, of which the best is kept; Ctrl-C ends it with the best so far."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytorch_lightning as pl
from torch import Tensor

from experiments.stopping import Interrupt, stopping
from experiments.training import fit
from lightning_modules.head import Head

__all__ = ["Best", "Trained", "fit_best", "on_cpu"]


@dataclass(frozen=True)
class Best:
    """The best epoch.

    Attributes:
        epoch: from 1.
        figures: of its validation pass.
        tensors: its weights.
    """

    epoch: int
    figures: dict[str, float]
    tensors: dict[str, Tensor]


@dataclass(frozen=True)
class Trained:
    """How a training ended.

    Attributes:
        best: None if no epoch was better than what was to be beaten.
        epochs: that were trained.
        of: epochs that were asked for.
        interrupted: whether an end was asked for by Ctrl-C, maybe when there was no other epoch to come.
    """

    best: Best | None
    epochs: int
    of: int
    interrupted: bool

    @property
    def short(self) -> bool:
        """Whether the epochs are fewer than asked because of Ctrl-C."""
        return self.interrupted and self.epochs < self.of


def fit_best(
    head: Head,
    data: pl.LightningDataModule,
    *,
    epochs: int,
    progress: Callable[[int, int], Any],
    figure: str | None = "valid",
    below: float = math.inf,
    patience: int | None = None,
    schedule: str | None = None,
    gpu: bool = False,
) -> Trained:
    """Train `head` in place.

    Args:
        progress: called after each epoch with the number of those done and of all.
        figure: the least of it is the best; None if no epoch is to be judged, and the last is wanted.
        below: what it has to be below.
        patience: epochs without a better best after which training ends; None for never.
        schedule: of the learning rate; None for the head's own.
    """
    with stopping() as interrupt:
        keeper = _Keeper(head, figure, below, patience, interrupt, lambda done: progress(done, epochs))
        judged = figure is not None
        fit(head, data, epochs=epochs, callbacks=[keeper], schedule=schedule, gpu=gpu, validate=judged)
    return Trained(keeper.best, keeper.done, epochs, interrupt.asked)


class _Keeper(pl.Callback):
    """Looks at the figures of every epoch."""

    def __init__(
        self,
        head: Head,
        figure: str | None,
        below: float,
        patience: int | None,
        interrupt: Interrupt,
        progress: Callable[[int], Any],
    ) -> None:
        self.head, self.figure, self.below = head, figure, below
        self.patience, self.interrupt, self.progress = patience, interrupt, progress
        self.best: Best | None = None
        self.done = 0

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.done = trainer.current_epoch + 1
        self.progress(self.done)
        if self.figure is not None:
            value = self.head.figures.get(self.figure, math.inf)
            if value < (self.below if self.best is None else self.best.figures[self.figure]):
                self.best = Best(self.done, dict(self.head.figures), on_cpu(self.head.state_dict()))
        waited = self.done - (self.best.epoch if self.best else 0)
        trainer.should_stop = self.interrupt.asked or (self.patience is not None and waited >= self.patience)


def on_cpu(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A copy that further training does not touch."""
    return {name: tensor.detach().cpu().clone() for name, tensor in tensors.items()}
