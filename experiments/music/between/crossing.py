"""Windows of one song whose past is another's: what a head of the first is to say after events of the second.

A head that learnt one song alone says anything after events that it never heard, and between two songs it hears little
else. So the beginning of some windows, up to any place in them, is taken from the other song; what is known of each
event to come, its place in the bar above all, and what comes stay the song's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from datamodules.batches import Batches
from datamodules.columns import Column
from datamodules.context import past_size
from datamodules.framing import Framing
from datamodules.midi_windows import MidiWindows
from datamodules.splits import TRAIN
from datamodules.windows import Batch, Windows

__all__ = ["CrossedWindows"]


class CrossedWindows(MidiWindows):
    """The windows of a column, some with the past of another.

    Args:
        other: of the other song, over the same vocabulary.
        share: of the windows, whose past is crossed.
        options: see `MidiWindows`.
    """

    def __init__(self, column: Column, framing: Framing, other: Column, share: float, **options: Any) -> None:
        super().__init__(column, framing, **options)
        self._foreign, self._share = Windows(other, TRAIN, framing), share

    def train_dataloader(self) -> Batches:
        """As that of `MidiWindows`."""
        return Batches(lambda: self._crossed(self.epoch), self.updates)

    def _crossed(self, epoch: int) -> Iterator[Batch]:
        random = np.random.default_rng((self.seed, epoch, 1))
        for batch in super().train_dataloader():
            self._cross(batch, random)
            yield batch

    def _cross(self, batch: Batch, random: np.random.Generator) -> None:
        """Put the past of other windows in front of some, in place."""
        inputs = [name for name in ("window", "chord", "numbers") if name in batch]
        rows, window = batch[inputs[0]].shape[:2]
        segments = self._foreign.passed(random)
        foreign = self._foreign.batch(segments[random.integers(len(segments), size=rows)])
        until = np.where(random.random(rows) < self._share, random.integers(1, window + 1, rows), 0)
        crossed = torch.from_numpy(np.arange(window) < until[:, None])
        for name in inputs:
            own, there = batch[name], foreign[name]
            if name == "numbers":  # behind those of the past stand those of the event to come
                own, there = own[..., : past_size()], there[..., : past_size()]
            own[crossed] = there[crossed]
