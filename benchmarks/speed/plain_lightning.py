"""A head as Lightning's and PyTorch's pages show it: a module that logs and optimizes automatically, and a `DataLoader`
over a `Dataset` of single windows. What ray_pattern.py trains.
"""

from __future__ import annotations

import math

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, RandomSampler

from datamodules.batches import SCORED_AT_ONCE
from datamodules.columns import Column
from datamodules.framing import Framing
from datamodules.midi_windows import MidiWindows
from datamodules.splits import TRAIN
from datamodules.windows import Batch, Segments, Windows
from lightning_modules.config import HeadConfig
from lightning_modules.head import Head

__all__ = ["PlainData", "PlainModule"]


class Items(Dataset[Batch]):
    """Single windows, cut out one by one."""

    def __init__(self, windows: Windows, segments: Segments) -> None:
        self.windows, self.segments = windows, segments

    def __len__(self) -> int:
        return len(self.segments)

    def __getitem__(self, index: int) -> Batch:
        return self.windows.batch(self.segments[index : index + 1])


def collate(items: list[Batch]) -> Batch:
    """One batch of single windows."""
    if any("counted" in item for item in items):  # of the others, all positions are targets
        items = [{"counted": torch.ones(1, len(item["target"]), dtype=torch.bool), **item} for item in items]
    return {name: torch.cat([item[name] for item in items]) for name in items[0]}


class PlainData(pl.LightningDataModule):
    """Training and validation; a training epoch has as many updates as `MidiWindows` gives it.

    Each epoch cuts and moves its windows at random anew, as ours does, so that the same configuration learns the same:
    to be used with `Trainer(reload_dataloaders_every_n_epochs=1)`.
    """

    def __init__(self, column: Column, config: HeadConfig, framing: Framing, updates: int) -> None:
        super().__init__()
        given = MidiWindows(
            column, framing, batch_size=config.batch_size, weighting=config.weighting, updates_per_epoch=updates
        )
        self.passes, self.updates, self.size = given.passes, given.updates, config.batch_size
        self.train, self.valid = (
            Windows(column, TRAIN, framing, config.weighting), Windows(column, column.valid_part, framing)
        )  # fmt: skip
        self.large = max(SCORED_AT_ONCE // framing.tail, 1)
        self.random = np.random.default_rng(0)

    def train_dataloader(self) -> DataLoader[Batch]:
        passes = [self.train.passed(self.random) for _ in range(self.passes)]
        segments = Segments(*(np.concatenate(part) for part in zip(*map(_arrays, passes), strict=True)))
        items = Items(self.train, segments)
        sampler = RandomSampler(items, num_samples=self.updates * self.size)
        return DataLoader(items, self.size, sampler=sampler, collate_fn=collate)

    def val_dataloader(self) -> DataLoader[Batch]:
        return DataLoader(Items(self.valid, self.valid.in_order()), self.large, collate_fn=collate)


def _arrays(segments: Segments) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return segments.last, segments.first, segments.shift


class PlainModule(pl.LightningModule):
    """A head's network, trained by Lightning's automatic optimization."""

    def __init__(self, head: Head, max_epochs: int) -> None:
        super().__init__()
        self.head, self.max_epochs = head, max_epochs
        self.kept: list[Batch] = []
        self.best = math.inf

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        losses = self.head.output.losses(self.head(batch), batch)
        loss = (losses * batch["weight"]).mean()
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        self.kept.append(self.head.keep(batch))

    def on_validation_epoch_end(self) -> None:
        figures, self.kept = self.head.tally(self.kept, None).figures, []
        self.best = min(self.best, figures["valid"])
        self.log_dict({"valid": figures["valid"], "best": self.best})

    def configure_optimizers(self) -> tuple[list[torch.optim.Optimizer], list[torch.optim.lr_scheduler.LRScheduler]]:
        config = self.head.config
        optimizer = torch.optim.AdamW(
            self.head.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
        )
        return [optimizer], [torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, self.max_epochs)]
