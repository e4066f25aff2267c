"""The durations head: how long the next event sounds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lightning_modules.config import TimingConfig
from lightning_modules.head import Head
from lightning_modules.timing import timing_output

__all__ = ["DurationsHead"]


class DurationsHead(Head):
    """A categorical over the ticks seen in training, or an L1 regression in quarter notes (`config.objective`).

    Args:
        config: the hyperparameters.
        values: the vocabulary's V ticks, by id. Inputs are ids 0 to V - 1, V = <unknown>, V + 1 = <start>.
        grid: ticks a quarter note.
        lowest: the first tick of the range.
        histogram: the training distribution over ticks `lowest` to 16 quarter notes.

    Raises:
        ValueError: see `timing.timing_output`.
    """

    config: TimingConfig

    def __init__(
        self,
        config: TimingConfig,
        values: Sequence[int],
        *,
        grid: int = 24,
        lowest: int = 1,
        histogram: NDArray[np.float64] | None = None,
    ) -> None:
        super().__init__(config, len(values) + 2, timing_output(config, values, grid, lowest, histogram))
