"""A head's windows as ready-made batches for Lightning: no worker processes, nothing collated item by item.

The only file of this package that imports Lightning, which takes seconds.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytorch_lightning as pl
import torch

from datamodules.columns import Column
from datamodules.errors import UserError
from datamodules.splits import TRAIN
from datamodules.windows import Batch, Batches, Weighting, Windows, in_order, pad_inputs

__all__ = ["MidiWindows"]

UNKNOWN_RATE = 0.02  # of the training inputs are shown as <unknown>, so that a network has met it
UPDATES_PER_EPOCH = 50  # at least: so that an epoch of a short song is worth a validation pass
SLICE = 1 << 18  # input ids gathered at once: fewer, larger copies cost less than one a batch (2 MB)


class MidiWindows(pl.LightningDataModule):
    """The windows of a column, for any head.

    An epoch is as many whole passes over the training windows as make at least `updates_per_epoch` updates. The batches
    of epoch k depend on `seed` and k alone, never on a global random state. k is the trainer's epoch, counted from what
    `set_epoch` says.

    Batches are those of `Windows.batch`.
    """

    def __init__(
        self,
        column: Column,
        *,
        window: int = 5,
        batch_size: int = 64,
        weighting: Weighting = "none",
        seed: int = 0,
        updates_per_epoch: int = UPDATES_PER_EPOCH,
        unknown_rate: float = UNKNOWN_RATE,
    ) -> None:
        """Lays the windows.

        Args:
            column: of any head; its `valid_part` is validated on.
            window: values that the network sees.
            batch_size: windows an update, at least 2 (BatchNorm cannot train on one).
            weighting: how training windows are weighted, see `windows.weights`.
            seed: of the order of the training windows and of the replaced inputs.
            updates_per_epoch: the least number of updates an epoch.
            unknown_rate: the share of training inputs that are replaced by `<unknown>`.

        Raises:
            UserError: there are fewer than two training windows.
        """
        super().__init__()
        if batch_size < 2 or updates_per_epoch < 1 or not 0 <= unknown_rate <= 1 or seed < 0:
            raise ValueError("batch_size >= 2, updates_per_epoch >= 1, 0 <= unknown_rate <= 1 and seed >= 0 are needed")
        self.column = column
        self.window = window
        self.batch_size = batch_size
        self.seed = seed
        self.unknown_rate = unknown_rate
        self._padded = pad_inputs(column, window)
        self._train = Windows(column, TRAIN, window, weighting, padded=self._padded)
        if len(self._train) < 2:
            raise UserError(f"{len(self._train)} training targets are too few to train on: give more or longer songs")
        self._ends = _batch_ends(len(self._train), batch_size)
        self.passes = -(-updates_per_epoch // len(self._ends))
        self._first_epoch = 0

    @property
    def updates(self) -> int:
        """Updates an epoch."""
        return self.passes * len(self._ends)

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
        """One epoch of shuffled batches each time it is iterated; none of them is a single window."""
        return Batches(lambda: self._shuffled(self.epoch), self.updates)

    def val_dataloader(self) -> Batches:
        """The windows of the column's `valid_part` in order, in large batches, all of weight 1."""
        return self.in_order(self.column.valid_part)

    def in_order(self, part: int, weighting: Weighting = "none") -> Batches:
        """The windows of any part in order, in large batches, with nothing replaced."""
        return in_order(self.column, part, self.window, weighting, padded=self._padded)

    def _shuffled(self, epoch: int) -> Iterator[Batch]:
        random = np.random.default_rng((self.seed, epoch))
        per_slice = max(SLICE // (self.window * self.batch_size), 1)  # batches
        for _ in range(self.passes):
            order = random.permutation(len(self._train))
            for first in range(0, len(self._ends), per_slice):
                begin = self._ends[first - 1] if first else 0
                ends = self._ends[first : first + per_slice]
                gathered = self._train.batch(order[begin : ends[-1]])
                self._hide(gathered, random)
                sizes = np.diff(ends, prepend=begin).tolist()
                names = gathered.keys()
                for parts in zip(*(torch.split(tensor, sizes) for tensor in gathered.values()), strict=True):
                    yield dict(zip(names, parts, strict=True))

    def _hide(self, batch: Batch, random: np.random.Generator) -> None:
        """Replaces some inputs by `<unknown>`; a `<start>` stays what it is."""
        if self.unknown_rate:
            window = batch["window"]
            hidden = torch.from_numpy(random.random(tuple(window.shape), dtype=np.float32) < self.unknown_rate)
            window[hidden & (window != self.column.vocabulary.start)] = self.column.vocabulary.unknown


def _batch_ends(windows: int, batch_size: int) -> list[int]:
    """Where the batches of a pass end. A last batch of one window, on which BatchNorm fails, joins the one before."""
    ends = [*range(batch_size, windows, batch_size), windows]
    if len(ends) > 1 and windows - ends[-2] == 1:
        del ends[-2]
    return ends
