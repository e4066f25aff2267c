"""Windows as views on a column, and what each counts in the training loss.

A window is the W values before a target. All windows of a column are rows of one view on its padded inputs, so memory
grows with the events, not with events x W; only the rows of a batch are ever copied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from datamodules.columns import Column

__all__ = ["WEIGHTINGS", "Batch", "Batches", "Weighting", "Windows", "in_order", "pad_inputs", "weights"]

Weighting = str  # one of:
WEIGHTINGS: tuple[Weighting, ...] = ("none", "balanced", "sqrt")

Batch = dict[str, Tensor]

SCORED_AT_ONCE = 1024  # windows a batch that is only scored: large for speed; logits over a large vocabulary still fit


def weights(ids: NDArray[np.integer], scheme: Weighting) -> NDArray[np.float32]:
    """What each window counts in the training loss, by how frequent its target is; mean 1.

    Args:
        ids: the windows' targets, shape (N,).
        scheme: `none` (all alike), `balanced` (N / (K * count), K different targets: as scikit-learn's and Keras'
            "balanced"), or `sqrt` (in proportion to 1 / sqrt(count)).

    Returns:
        float32 (N,).
    """
    if scheme not in WEIGHTINGS:
        raise ValueError(f"weighting {scheme!r}: choose one of {', '.join(WEIGHTINGS)}")
    if scheme == "none" or not len(ids):
        return np.ones(len(ids), dtype=np.float32)
    counts = np.bincount(ids)
    exponent = -1.0 if scheme == "balanced" else -0.5
    by_id = np.zeros(len(counts))
    np.power(counts, exponent, out=by_id, where=counts > 0)
    by_id *= len(ids) / np.dot(by_id, counts)
    by_window: NDArray[np.float64] = by_id[ids]
    return by_window.astype(np.float32)


def pad_inputs(column: Column, window: int) -> Tensor:
    """The column's inputs with `window` times `<start>` before each song: int64 (E + S * window,)."""
    padded = np.full(len(column) + (len(column.starts) - 1) * window, column.vocabulary.start, dtype=np.int64)
    padded[np.arange(len(column)) + (column.songs() + 1) * window] = column.inputs
    return torch.from_numpy(padded)


class Windows:
    """The windows of one part of a column, in the order of their targets; N of them.

    The column's arrays are read where they lie, and may be read-only.
    """

    def __init__(
        self,
        column: Column,
        part: int,
        window: int,
        scheme: Weighting = "none",
        *,
        padded: Tensor | None = None,
    ) -> None:
        """Lays the view; `padded` is what `pad_inputs` made of the same column and window, if it is there already."""
        if window < 1:
            raise ValueError(f"window {window}: it must hold at least one value")
        self.column = column
        self.window = window
        self.events = column.targets(part)  # int64 (N,)
        self.weights = weights(column.ids[self.events], scheme)  # float32 (N,)
        padded = pad_inputs(column, window) if padded is None else padded
        self.view = padded.unfold(0, window, 1)  # (entries - window + 1, window)
        # event e of song s lies at e + (s + 1) * window of the padded inputs: its window begins `window` earlier
        self.rows = self.events + column.songs()[self.events] * window  # int64 (N,)

    def __len__(self) -> int:
        return len(self.events)

    def batch(self, indices: Tensor | NDArray[np.int64] | slice) -> Batch:
        """Copies out the windows `indices` (B of them, from 0 to N - 1).

        Returns:
            window: int64 (B, W), input ids.
            target: int64 (B,), a class from 0 to V - 1, or V for a value outside the vocabulary.
            weight: float32 (B,).
            base: float64 (B,), ln of the base distribution at the target.
            value: int64 (B,), the target in ticks, clipped to the range; 0 for chords.
            true: int64 (B,), the target in ticks as it stands in the song; 0 for chords.
        """
        chosen = indices.numpy() if isinstance(indices, Tensor) else indices
        column, events = self.column, self.events[chosen]
        true = column.value[events].astype(np.int64)
        clipped = true if column.spec.chords else np.clip(true, column.spec.lowest, column.highest)
        target = np.minimum(column.ids[events], column.vocabulary.unknown).astype(np.int64)
        return {
            "window": self.view[torch.from_numpy(self.rows[chosen])],
            "target": torch.from_numpy(target),
            "weight": torch.from_numpy(self.weights[chosen]),
            "base": torch.from_numpy(column.base[events]),
            "value": torch.from_numpy(clipped),
            "true": torch.from_numpy(true),
        }


@dataclass(frozen=True)
class Batches:
    """Batches to iterate over, as often as wanted: a DataLoader as far as Lightning is concerned.

    Attributes:
        make: begins a pass over them.
        count: how many there are.
    """

    make: Callable[[], Iterator[Batch]]
    count: int

    def __iter__(self) -> Iterator[Batch]:
        return self.make()

    def __len__(self) -> int:
        return self.count


def in_order(
    column: Column, part: int, window: int, weighting: Weighting = "none", *, padded: Tensor | None = None
) -> Batches:
    """The windows of any part of a column in order, in large batches: what a network is scored on."""
    windows = Windows(column, part, window, weighting, padded=padded)
    return Batches(partial(_ordered, windows), -(-len(windows) // SCORED_AT_ONCE))


def _ordered(windows: Windows) -> Iterator[Batch]:
    for begin in range(0, len(windows), SCORED_AT_ONCE):
        yield windows.batch(slice(begin, begin + SCORED_AT_ONCE))
