"""The one number that mixes a model with the base distribution that knows every value."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["HIGHEST_MIXTURE", "LOWEST_MIXTURE", "fit_mixture"]

LOWEST_MIXTURE, HIGHEST_MIXTURE = 0.001, 0.999  # never 0: what the model rules out keeps a probability


def fit_mixture(model: NDArray[np.float64], base: NDArray[np.float64]) -> float:
    """The `l` that maximises ``sum ln((1 - l) * model + l * base)``, from 0.001 to 0.999.

    The sum is concave in `l`, so its derivative falls and has one zero, which bisection finds.

    Args:
        model: the model's probability of each target, shape (targets,); may be 0.
        base: the base's probability of each target, shape (targets,); above 0.
    """
    if not len(model):
        raise ValueError("a mixture needs targets to be fitted on")
    base = np.maximum(base, np.finfo(np.float64).tiny)
    gain = base - model

    def slope(mixture: float) -> float:
        return float(np.sum(gain / (model + mixture * gain)))

    low, high = LOWEST_MIXTURE, HIGHEST_MIXTURE
    if slope(low) <= 0:
        return low
    if slope(high) >= 0:
        return high
    for _ in range(50):  # halves the interval down to the precision of a float64
        middle = (low + high) / 2
        low, high = (middle, high) if slope(middle) > 0 else (low, middle)
    return (low + high) / 2
