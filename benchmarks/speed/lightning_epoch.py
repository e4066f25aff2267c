"""An epoch under Lightning, as a search trains, against a bare PyTorch loop over the same network and batches.

    python -m benchmarks.speed.lightning_epoch [--json FILE]

The network is a small notes head (five chords to predict the sixth, one LSTM of 64, a softmax over the vocabulary; not
the preset `original`, which has dense layers, BatchNorm, Dropout and class weights too) over the bundled songs, on one
thread. One side is `training.fit`; the other draws its batches from the same data module, steps torch's AdamW, clips
and validates alike, in a loop. From the same weights both must have equal losses. They take turns, and who begins
changes from pair to pair. The seconds of an epoch, with its validation and the making of its batches, are the mean over
a turn; the ratio is the median over the pairs. What `fit` takes outside of its epochs, to make a Trainer and to end it,
is a figure of its own.
"""

from __future__ import annotations

import sys
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median

import pytorch_lightning as pl
import torch
import tyro

from benchmarks.measured import tell
from datamodules.columns import Column
from datamodules.midi_windows import MidiWindows
from experiments.data_options import DataOptions
from experiments.dataset import read_dataset
from experiments.heads import HEADS
from experiments.training import fit
from lightning_modules.head import CLIP_NORM, Head, score
from search_spaces.presets import PRESETS

SPEC = HEADS["notes"]
PLAIN = {"dense_layers": 0, "batchnorm_layers": 0, "dropout_layers": 0, "dropout": 0.0, "weighting": "none"}
SETTINGS = {**PRESETS["original"]["notes"], **PLAIN, "hidden": 64, "batch_size": 64}
EQUAL = 1e-5  # the most that two losses may differ by


@dataclass(frozen=True)
class Options:
    """An epoch under Lightning against a bare loop."""

    epochs: int = 20
    """epochs a turn"""
    pairs: int = 7
    """turns of each side"""
    quick: bool = False
    """two pairs of two epochs: to see that it runs, not for figures"""
    json: Path | None = None
    """write the figures here too"""


class Side(pl.Callback):
    """A fresh network and its windows, alike for both sides, and the seconds of each of its epochs."""

    def __init__(self, column: Column) -> None:
        config = SPEC.config.from_dict(SETTINGS)
        torch.manual_seed(1)
        self.head: Head = SPEC.build(config, column.vocabulary, column.grid)
        self.data = MidiWindows(column, SPEC.framing(config), batch_size=config.batch_size)
        self.seconds: list[float] = []
        self.outside = self.last = 0.0

    def under_lightning(self, epochs: int) -> None:
        """Train by `fit`."""
        began = time.perf_counter()
        fit(self.head, self.data, epochs=epochs, callbacks=[self])
        self.outside = time.perf_counter() - began - sum(self.seconds)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """The first epoch begins."""
        self.last = time.perf_counter()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Validation has just closed an epoch, and the next one begins."""
        self.seconds.append(time.perf_counter() - self.last)
        self.last = time.perf_counter()

    def bare(self, epochs: int) -> None:
        """Train in a loop."""
        head, parameters = self.head.train(), list(self.head.parameters())
        rate, decay = head.config.learning_rate, head.config.weight_decay
        optimizer = torch.optim.AdamW(parameters, lr=rate, weight_decay=decay, fused=True)
        for epoch in range(epochs):
            began = time.perf_counter()
            self.data.set_epoch(epoch)
            total, count = torch.zeros((), dtype=torch.float64), 0
            for batch in self.data.train_dataloader():
                losses = head.output.losses(head(batch), batch) * batch["weight"]
                total += losses.detach().sum()
                count += len(losses)
                optimizer.zero_grad()
                losses.mean().backward()  # type: ignore[no-untyped-call]  # torch has no annotation here
                torch.nn.utils.clip_grad_norm_(parameters, CLIP_NORM)
                optimizer.step()
            head.figures = {**score(head, self.data.val_dataloader()).figures, "train_loss": float(total) / count}
            self.seconds.append(time.perf_counter() - began)


def differ(one: Side, other: Side) -> float:
    """By how much the losses differ, at most."""
    return max(abs(one.head.figures[name] - other.head.figures[name]) for name in ("train_loss", "valid"))


def pair(column: Column, epochs: int, *, lightning_first: bool) -> tuple[Side, Side]:
    """A turn of each side: Lightning's, the bare loop's. If they do not train alike, that ends the benchmark."""
    lightning, bare = Side(column), Side(column)
    if lightning_first:
        lightning.under_lightning(epochs)
    bare.bare(epochs)
    if not lightning_first:
        lightning.under_lightning(epochs)
    if not (apart := differ(lightning, bare)) <= EQUAL:
        sys.exit(f"the two sides do not train alike: their losses differ by up to {apart:g}")
    return lightning, bare


def main() -> None:
    """The command."""
    options = tyro.cli(Options)
    epochs, pairs = (2, 2) if options.quick else (options.epochs, options.pairs)
    warnings.filterwarnings("ignore", module="pytorch_lightning")  # its use of torch, nothing to act on
    torch.set_num_threads(1)
    column = read_dataset(DataOptions(())).column(SPEC.column)
    pair(column, 2, lightning_first=True)  # the check; what is slow only the first time is over then too
    turns = [pair(column, epochs, lightning_first=bool(number % 2)) for number in range(pairs)]
    ratios = [mean(lightning.seconds) / mean(bare.seconds) for lightning, bare in turns]
    figures = {
        "pairs": pairs,
        "epochs_a_turn": epochs,
        "updates_an_epoch": turns[0][0].data.updates,
        "losses_differ_by": max(differ(*turn) for turn in turns),
        "bare_epoch_s": median(mean(bare.seconds) for _, bare in turns),
        "lightning_epoch_s": median(mean(lightning.seconds) for lightning, _ in turns),
        "ratio": median(ratios),
        "ratio_of_each_pair": ratios,
        "outside_epochs_s": median(lightning.outside for lightning, _ in turns),
    }
    tell("lightning_epoch", "An epoch under Lightning against a bare PyTorch loop", figures, options.json)


if __name__ == "__main__":
    main()
