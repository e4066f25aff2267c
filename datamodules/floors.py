"""The least that a model can reach on the songs it was trained on, if a window is all that it sees.

A figure on training songs says little by itself: a table of the windows reaches the floor by heart.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from datamodules.columns import Column
from datamodules.windows import Weighting, Windows

__all__ = ["floors"]


def floors(column: Column, part: int, window: int, weighting: Weighting = "none") -> dict[str, float]:
    """Floors over a part's targets, given the `window` values before each.

    A loss with weights has another minimum than the one without: it gives rare targets more probability than they have.

    Returns:
        nats: the conditional entropy of the target, in nats per event. weighted: the least mean of weight * nats.
        at_weighted: the nats per event, unweighted, of the distribution that reaches it. For timing also mae: the mean
        absolute error of the conditional median, in quarter notes.
    """
    windows = Windows(column, part, window, weighting)
    shown = windows.view[windows.rows].numpy()  # (targets, window)
    _, context = np.unique(shown, axis=0, return_inverse=True)
    targets = column.ids[windows.events].astype(np.int64)
    context, weight = context.reshape(-1).astype(np.int64), windows.weights.astype(np.float64)
    learned = _nats(context, targets, weight)
    found = {
        "nats": float(_nats(context, targets, np.ones_like(weight)).mean()),
        "weighted": float((weight * learned).mean()),
        "at_weighted": float(learned.mean()),
    }
    if not column.spec.chords:
        found["mae"] = _median_error(context, column.value[windows.events]) / column.grid
    return found


def _nats(context: NDArray[np.int64], target: NDArray[np.int64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """-ln of each target's share of its context's weight, shape (targets,)."""
    _, pair = np.unique(context * (target.max() + 1) + target, return_inverse=True)
    share = np.bincount(pair, weights=weight)[pair] / np.bincount(context, weights=weight)[context]
    nats: NDArray[np.float64] = -np.log(share)
    return nats


def _median_error(context: NDArray[np.int64], value: NDArray[np.int32]) -> float:
    """Mean distance of the values to the median of their context."""
    order = np.lexsort((value, context))
    groups = np.split(value[order].astype(np.float64), np.flatnonzero(np.diff(context[order])) + 1)
    return float(sum(np.abs(group - np.median(group)).sum() for group in groups) / len(value))
