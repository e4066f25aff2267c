"""Notes as a song may hold them: none of a part sounds beyond the next onset of its pitch, nor twice at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from datamodules.song import Notes

__all__ = ["settle", "settled"]

Ints = NDArray[np.int64]


def settle(part: Ints, pitch: Ints, onset: Ints, end: Ints, velocity: Ints) -> tuple[Ints, Ints]:
    """Let no note of a part sound beyond the next onset of its pitch, nor twice at once.

    Args:
        part, pitch, onset, end, velocity: shape (notes,), in any order and unit.

    Returns:
        The indices of the notes that stay, by part, pitch and onset (of notes alike in all three, the longest, then
        the loudest), and their ends.
    """
    order = np.lexsort((-velocity, -end, onset, pitch, part))
    part, pitch, onset = part[order], pitch[order], onset[order]
    same = (part[1:] == part[:-1]) & (pitch[1:] == pitch[:-1])
    kept = np.r_[True, ~(same & (onset[1:] == onset[:-1]))][: len(order)]
    order, part, pitch, onset = order[kept], part[kept], pitch[kept], onset[kept]
    ends = end[order]
    same = (part[1:] == part[:-1]) & (pitch[1:] == pitch[:-1])
    ends[:-1] = np.where(same, np.minimum(ends[:-1], onset[1:]), ends[:-1])
    return order, ends


def settled(onset: Ints, pitch: Ints, end: Ints, velocity: Ints, part: Ints) -> Notes:
    """The notes that stay of those that `settle` is given, as a song's table: shape (notes,) each, in any order."""
    kept, ends = settle(part, pitch, onset, end, velocity)
    order = np.lexsort((pitch[kept], part[kept], onset[kept]))
    rows = kept[order]
    table = (onset[rows], pitch[rows], ends[order] - onset[rows], velocity[rows], part[rows])
    return Notes(*(column.astype(np.int32) for column in table))
