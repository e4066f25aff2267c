"""What the timing heads share: ticks of a grid, learned as a categorical or as a regression."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from lightning_modules.config import TimingConfig
from lightning_modules.outputs import GridOutput, LaplaceOutput, Ticks

__all__ = ["timing_output"]


def timing_output(
    config: TimingConfig, values: Sequence[int], grid: int, lowest: int, histogram: NDArray[np.float64] | None
) -> GridOutput | LaplaceOutput:
    """The output that `config.objective` names.

    Args:
        config: the hyperparameters.
        values: the vocabulary's ticks, by id.
        grid: ticks a quarter note.
        lowest: the first tick of the range; the histogram's length gives the last.
        histogram: probabilities of the training targets over the range, all above 0.

    Raises:
        ValueError: no values or no histogram, values outside its range, or a histogram that is no distribution.
    """
    if not len(values) or histogram is None:
        raise ValueError("a timing head needs the ticks of its vocabulary and their training histogram")
    highest = lowest + len(histogram) - 1
    if min(values) < lowest or max(values) > highest:
        raise ValueError(f"the vocabulary's ticks must be from {lowest} to {highest}")
    if not (np.all(histogram > 0) and abs(float(np.sum(histogram)) - 1) < 1e-6):
        raise ValueError("the histogram must hold probabilities above 0 that sum to 1")
    distribution = torch.from_numpy(np.array(histogram, dtype=np.float64))  # a copy: what comes may be read-only
    ticks = Ticks(grid, lowest, highest, distribution)
    if config.objective == "mae":
        return LaplaceOutput(config.hidden, ticks)
    return GridOutput(config.hidden, list(values), ticks)
