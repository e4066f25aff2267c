"""What the heads of numbers share: steps of a grid, learned as a categorical or as a regression."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from lightning_modules.config import TimingConfig
from lightning_modules.encoder import Encoder, Inputs
from lightning_modules.head import Head
from lightning_modules.outputs.grid import GridOutput
from lightning_modules.outputs.laplace import LaplaceOutput
from lightning_modules.outputs.output import Output
from lightning_modules.outputs.ticks import Ticks

__all__ = ["TimingHead"]


class TimingHead(Head):
    """A categorical over the numbers seen in training, or an L1 regression (`config.objective`).

    Args:
        config: the hyperparameters.
        inputs: what it sees.
        values: the vocabulary's V numbers, by id. Inputs are ids 0 to V - 1, V = <unknown>, V + 1 = <start>.
        grid: steps to a unit: ticks a quarter note, or 1 where a step is the unit.
        lowest: the first step of the range; the histogram's length gives the last.
        histogram: probabilities of the training targets over the range, all above 0.
        output: of a head that has one of its own, made of the hidden nodes, the values and their range.

    Raises:
        ValueError: no values or no histogram, values outside its range, or a histogram that is no distribution.
    """

    config: TimingConfig

    def __init__(
        self,
        config: TimingConfig,
        inputs: Inputs,
        values: Sequence[int],
        *,
        grid: int,
        lowest: int,
        histogram: NDArray[np.float64] | None,
        output: Callable[[int, Sequence[int], Ticks], Output] | None = None,
    ) -> None:
        ticks = _checked(values, grid, lowest, histogram)
        if output is not None:
            made = output(config.hidden, values, ticks)
        elif config.objective == "mae":
            made = LaplaceOutput(config.hidden, ticks)
        else:
            made = GridOutput(config.hidden, values, ticks)
        super().__init__(config, Encoder(inputs, config.embedding), made)


def _checked(values: Sequence[int], grid: int, lowest: int, histogram: NDArray[np.float64] | None) -> Ticks:
    if not len(values) or histogram is None:
        raise ValueError("a timing head needs the ticks of its vocabulary and their training histogram")
    highest = lowest + len(histogram) - 1
    if min(values) < lowest or max(values) > highest:
        raise ValueError(f"the vocabulary's ticks must be from {lowest} to {highest}")
    if not (np.all(histogram > 0) and abs(float(np.sum(histogram)) - 1) < 1e-6):
        raise ValueError("the histogram must hold probabilities above 0 that sum to 1")
    distribution = torch.from_numpy(np.array(histogram, dtype=np.float64))  # a copy: what comes may be read-only
    return Ticks(grid, lowest, highest, distribution)
