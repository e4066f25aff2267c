"""A head's windows as ready-made batches for Lightning: no worker processes, nothing collated item by item.

The only file of this package that imports Lightning, which takes seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytorch_lightning as pl
import torch

from datamodules.batches import Batches, in_order
from datamodules.columns import Column
from datamodules.errors import UserError
from datamodules.framing import UPDATES_PER_EPOCH, Framing
from datamodules.splits import TRAIN
from datamodules.weights import Weighting
from datamodules.windows import Batch, Windows

__all__ = ["MidiWindows"]

UNKNOWN_RATE = 0.02  # of the training inputs are shown as <unknown>, so that a network has met it
UNTOLD_RATE = 0.1  # of the training windows are told no form, and as many none up to somewhere, as where one begins


class MidiWindows(pl.LightningDataModule):
    """The windows of a column, for any head.

    An epoch is as many whole passes over the training targets as make at least `updates_per_epoch` updates. The batches
    of epoch k depend on `seed` and k alone, never on a global random state. k is the trainer's epoch, counted from what
    `set_epoch` says.

    Batches are those of `Windows.batch`.
    """

    def __init__(
        self,
        column: Column,
        framing: Framing,
        *,
        batch_size: int,
        weighting: Weighting = "none",
        seed: int = 0,
        updates_per_epoch: int = UPDATES_PER_EPOCH,
        unknown_rate: float = UNKNOWN_RATE,
        untold_rate: float = UNTOLD_RATE,
    ) -> None:
        """Lays the windows.

        Args:
            column: of any head; its `valid_part` is validated on.
            framing: how the network looks at it.
            batch_size: windows an update, about: a pass is cut into batches of equal size. At least 2 (BatchNorm cannot
                train on one).
            weighting: how training targets are weighted, see `weights.weights`.
            seed: of the order of the training windows, their cut and key, and of what is hidden of them.
            updates_per_epoch: the least number of updates an epoch.
            unknown_rate: the share of training inputs that are replaced by `<unknown>`.
            untold_rate: the share of training windows that are told no form, where the others are.

        Raises:
            UserError: there are fewer than two training targets.
        """
        super().__init__()
        if batch_size < 2 or updates_per_epoch < 1 or not 0 <= unknown_rate <= 1 or seed < 0:
            raise ValueError("batch_size >= 2, updates_per_epoch >= 1, 0 <= unknown_rate <= 1 and seed >= 0 are needed")
        self.column, self.framing, self.seed = column, framing, seed
        self.unknown_rate, self.untold_rate = unknown_rate, untold_rate
        self._train = Windows(column, TRAIN, framing, weighting)
        if len(self._train) < 2:
            raise UserError(f"{len(self._train)} training targets are too few to train on: give more or longer songs")
        # of two targets at least: BatchNorm cannot train on one
        self._batches = max(min(round(self._train.expected / batch_size), len(self._train) // 2), 1)
        self.passes = -(-updates_per_epoch // self._batches)
        self._first_epoch = 0

    @property
    def updates(self) -> int:
        """Updates an epoch."""
        return self.passes * self._batches

    @property
    def epoch(self) -> int:
        """The epoch whose batches the training loader gives next."""
        return self._first_epoch + (self.trainer.current_epoch if self.trainer is not None else 0)

    def set_epoch(self, epoch: int) -> None:
        """Makes `epoch` the one that a fresh trainer begins with, or that is given while there is no trainer.

        For a run that goes on under a fresh trainer. A trainer that restored its own epoch needs no call.
        """
        self._first_epoch = epoch

    def train_dataloader(self) -> Batches:
        """One epoch of shuffled batches each time it is iterated."""
        return Batches(lambda: self._shuffled(self.epoch), self.updates)

    def val_dataloader(self) -> Batches:
        """The targets of the column's `valid_part` in order, in large batches, all of weight 1."""
        return self.in_order(self.column.valid_part)

    def in_order(self, part: int, weighting: Weighting = "none") -> Batches:
        """The targets of any part in order, in large batches, with nothing replaced."""
        return in_order(self.column, part, self.framing, weighting)

    def _shuffled(self, epoch: int) -> Iterator[Batch]:
        random = np.random.default_rng((self.seed, epoch))
        for _ in range(self.passes):
            segments = self._train.passed(random)
            order = random.permutation(len(segments))
            ends = np.linspace(0, len(order), self._batches + 1).round().astype(np.int64)
            for begin, end in pairwise(ends.tolist()):
                yield self._hidden(self._train.batch(segments[order[begin:end]]), random)

    def _hidden(self, batch: Batch, random: np.random.Generator) -> Batch:
        """Replaces some inputs by `<unknown>`, a `<start>` stays what it is; and tells some windows no form."""
        if self.unknown_rate and "window" in batch:
            window = batch["window"]
            hidden = torch.from_numpy(random.random(tuple(window.shape), dtype=np.float32) < self.unknown_rate)
            window[hidden & (window != self.column.vocabulary.start)] = self.column.vocabulary.unknown
        if self.untold_rate and "form" in batch:
            rows, positions = batch["form"].shape[:2]
            chance = random.random(rows)[:, None] / self.untold_rate
            begin = np.where(chance < 1, positions, random.integers(0, positions, (rows, 1)))
            untold = torch.from_numpy((chance < 2) & (np.arange(positions) < begin))
            batch["form"][untold] = 0
            batch["again"][untold] = 0
        return batch
