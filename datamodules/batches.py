"""Windows in batches, to iterate over as often as wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from datamodules.columns import Column
from datamodules.framing import Framing
from datamodules.weights import Weighting
from datamodules.windows import Batch, Segments, Windows

__all__ = ["SCORED_AT_ONCE", "Batches", "in_order"]

SCORED_AT_ONCE = 1024  # targets a batch that is only scored: large for speed; logits over a large vocabulary still fit


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


def in_order(column: Column, part: int, framing: Framing, weighting: Weighting = "none") -> Batches:
    """All targets of a part in order, in large batches: what a network is scored on."""
    windows = Windows(column, part, framing, weighting)
    segments = windows.in_order()
    size = max(SCORED_AT_ONCE // framing.tail, 1)
    return Batches(partial(_ordered, windows, segments, size), -(-len(segments) // size))


def _ordered(windows: Windows, segments: Segments, size: int) -> Iterator[Batch]:
    for begin in range(0, len(segments), size):
        yield windows.batch(segments[begin : begin + size])
