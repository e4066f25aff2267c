"""The least that a model can reach on the songs it was trained on, if a window of its own column is all that it sees.

A figure on training songs says little by itself: a table of the windows reaches the floor by heart.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from datamodules.columns import Column
from datamodules.grams import numbered, paired
from datamodules.lengths import notes_of
from datamodules.weights import Weighting, weights

__all__ = ["floors"]


def floors(column: Column, part: int, window: int, weighting: Weighting = "none") -> dict[str, float]:
    """Floors over a part's targets, given the `window` values before each; a head with more inputs can go below.

    A loss with weights has another minimum than the one without: it gives rare targets more probability than they have.

    Returns:
        nats: the conditional entropy of the target, in nats per event. weighted: the least mean of weight * nats.
        at_weighted: the nats per event, unweighted, of the distribution that reaches it. For numbers also mae: the mean
        absolute error of the conditional median, in their unit. Of grain note the pitches are given too, an event's
        nats are those of all its lengths, and mae is over notes.
    """
    events = column.targets(part)
    context, targets = _contexts(column, events, window), column.ids[events].astype(np.int64)
    group, value = context, column.value[events]
    if column.spec.grain == "note":
        bits, starts, lengths = column.context.bits, column.context.starts, column.context.lengths
        context = paired(context, _numbers(bits[event].tobytes() for event in events))
        targets = _numbers(lengths[starts[event] : starts[event + 1]].tobytes() for event in events)
        notes, row = notes_of(column.context, events)
        group, value = paired(context[row], notes - starts[events][row]), lengths[notes]
    weight = weights(column.ids[events], weighting).astype(np.float64)
    learned = _nats(context, targets, weight)
    found = {
        "nats": float(_nats(context, targets, np.ones_like(weight)).mean()),
        "weighted": float((weight * learned).mean()),
        "at_weighted": float(learned.mean()),
    }
    if not column.spec.chords:
        found["mae"] = _median_error(group, value) / column.per_unit
    return found


def _numbers(keys: Iterable[bytes]) -> NDArray[np.int64]:
    """Equal keys get equal numbers, from 0 up without gaps, shape (keys,)."""
    known: dict[bytes, int] = {}
    return np.array([known.setdefault(key, len(known)) for key in keys], dtype=np.int64)


def _contexts(column: Column, events: NDArray[np.int64], window: int) -> NDArray[np.int64]:
    """A number for the window before each event, equal for equal ones, shape (events,)."""
    inputs, depth = column.inputs, events - column.starts[column.songs()[events]]
    context = np.zeros(len(events), dtype=np.int64)
    for distance in range(1, window + 1):
        shown = inputs[np.maximum(events - distance, 0)]
        context = paired(context, np.where(distance <= depth, shown, column.vocabulary.start))
    return numbered(context)


def _nats(context: NDArray[np.int64], target: NDArray[np.int64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """-ln of each target's share of its context's weight, shape (targets,)."""
    _, pair = np.unique(context * (target.max() + 1) + target, return_inverse=True)
    share = np.bincount(pair, weights=weight)[pair] / np.bincount(context, weights=weight)[context]
    nats: NDArray[np.float64] = -np.log(share)
    return nats


def _median_error(context: NDArray[np.int64], value: NDArray[np.int32]) -> float:
    """Mean distance of the values to the median of their context."""
    order = np.lexsort((value, context))
    group, values = context[order], value[order].astype(np.float64)
    first = np.flatnonzero(np.diff(group, prepend=group[0] - 1))
    sizes = np.diff(first, append=len(values))
    medians = (values[first + (sizes - 1) // 2] + values[first + sizes // 2]) / 2
    return float(np.abs(values - np.repeat(medians, sizes)).mean())
