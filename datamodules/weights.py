"""What each target counts in the training loss, by how frequent it is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["WEIGHTINGS", "Weighting", "weights"]

Weighting = str  # one of:
WEIGHTINGS: tuple[Weighting, ...] = ("none", "balanced", "sqrt")


def weights(ids: NDArray[np.integer], scheme: Weighting) -> NDArray[np.float32]:
    """What each target counts in the training loss, by how frequent it is; mean 1.

    Args:
        ids: the targets, shape (N,).
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
