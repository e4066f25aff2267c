"""The range of a column of numbers."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

__all__ = ["Ticks"]


@dataclass(frozen=True)
class Ticks:
    """The range of a column of numbers: ticks, or steps of another kind.

    Attributes:
        grid: steps to the unit of the figures: ticks a quarter note.
        lowest, highest: the first and last step that have a probability.
        histogram: the training distribution over them, float64 (highest - lowest + 1,).
    """

    grid: int
    lowest: int
    highest: int
    histogram: Tensor

    @property
    def span(self) -> float:
        """Steps that a regression counts as 1: a sixteenth of the range, which is a quarter note of timing."""
        return self.highest / 16
