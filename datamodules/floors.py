"""The least that a model can reach on the songs it was trained on, if a window is all that it sees.

A figure on training songs says little by itself: a table of the windows reaches the floor by heart.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from datamodules.columns import Column
from datamodules.windows import Windows

__all__ = ["floors"]


def floors(column: Column, part: int, window: int) -> dict[str, float]:
    """Floors over a part's targets, given the `window` values before each.

    Returns:
        nats: the conditional entropy of the target, in nats per event; for timing also mae: the mean absolute error
        of the conditional median, in quarter notes.
    """
    windows = Windows(column, part, window)
    shown = windows.view[windows.rows].numpy()  # (targets, window)
    _, context = np.unique(shown, axis=0, return_inverse=True)
    targets = column.ids[windows.events].astype(np.int64)
    found = {"nats": _entropy(context.reshape(-1).astype(np.int64), targets)}
    if not column.spec.chords:
        found["mae"] = _median_error(context.reshape(-1), column.value[windows.events]) / column.grid
    return found


def _entropy(context: NDArray[np.int64], target: NDArray[np.int64]) -> float:
    """H(target | context) of the empirical distribution."""
    _, pair, together = np.unique(context * (target.max() + 1) + target, return_inverse=True, return_counts=True)
    share = together[pair] / np.bincount(context)[context]
    return float(-np.log(share).mean())


def _median_error(context: NDArray[np.int64], value: NDArray[np.int32]) -> float:
    """Mean distance of the values to the median of their context."""
    order = np.lexsort((value, context))
    groups = np.split(value[order].astype(np.float64), np.flatnonzero(np.diff(context[order])) + 1)
    return float(sum(np.abs(group - np.median(group)).sum() for group in groups) / len(value))
