"""Numbers for runs of values, so that runs can be counted and compared as arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["numbered", "paired"]


def numbered(values: NDArray[Any]) -> NDArray[np.int64]:
    """Equal values get equal numbers, from 0 up without gaps, in the order of the values; same shape."""
    numbers: NDArray[np.int64] = np.unique(values, return_inverse=True)[1].astype(np.int64, copy=False)
    return numbers


def paired(left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.int64]:
    """Equal pairs of numbers from 0 up get equal numbers, from 0 up without gaps; all of one shape."""
    return numbered(left * (int(right.max(initial=0)) + 1) + right)
