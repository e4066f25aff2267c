"""Probabilities to figures: the mixture with a base distribution, the Laplace over ticks, medians, modes, macro means.

All in float64 torch tensors; knows nothing of networks. See the design's "What a trial reports".
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = [
    "LEAST_SCALE",
    "MIXTURE_RANGE",
    "fit_mixture",
    "laplace_masses",
    "macro_mean",
    "median_tick",
    "mixture_nats",
    "mode_tick",
]

MIXTURE_RANGE = (0.001, 0.999)
LEAST_SCALE = 0.25  # ticks; a smaller error than this is below what the grid can show


def fit_mixture(model: Tensor, base: Tensor) -> float:
    """The share `l` of the base that makes ``(1 - l) * exp(model) + l * exp(base)`` likeliest.

    The sum of the logarithms is concave in `l`, so its derivative is bisected: deterministic, exact to 1e-12.

    Args:
        model: natural log probability of each target under the model, (targets,); -inf where it has none.
        base: the same under the base distribution, finite.

    Returns:
        `l`, within `MIXTURE_RANGE`.

    Raises:
        ValueError: no targets, or different numbers of them.
    """
    if model.shape != base.shape or not model.numel():
        raise ValueError(
            f"fit_mixture needs as many model as base probabilities, at least one: {model.shape}, {base.shape}"
        )
    model, base = model.double(), base.double()
    top = torch.maximum(model, base)  # each target's larger one becomes 1: nothing underflows
    model, gain = (model - top).exp(), (base - top).exp() - (model - top).exp()
    low, high = MIXTURE_RANGE
    if float((gain / (model + low * gain)).sum()) <= 0:
        return low
    if float((gain / (model + high * gain)).sum()) >= 0:
        return high
    for _ in range(40):
        middle = (low + high) / 2
        if float((gain / (model + middle * gain)).sum()) > 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def mixture_nats(model: Tensor, base: Tensor, mixture: float) -> Tensor:
    """``-ln((1 - l) * exp(model) + l * exp(base))`` of each target, (targets,) float64."""
    return -torch.logaddexp(model.double() + math.log1p(-mixture), base.double() + math.log(mixture))


def laplace_masses(centre: Tensor, scale: float, lowest: int, highest: int) -> Tensor:
    """A Laplace distribution on the grid: the mass of each tick +- 1/2, renormalised to the range.

    Args:
        centre: in ticks, (n,); one outside the range is taken at its nearest end.
        scale: mean absolute deviation in ticks.

    Returns:
        float64 (n, highest - lowest + 1); rows sum to 1.
    """
    ticks = torch.arange(lowest, highest + 1, dtype=torch.float64, device=centre.device)
    distance = (ticks - centre.double().clamp(lowest, highest)[:, None]).abs() / scale
    half = 0.5 / scale
    outside = math.sinh(half) * (-distance).exp()  # the whole tick lies on one side of the centre
    inside = 1 - math.exp(-half) * distance.clamp(max=half).cosh()  # the centre lies within the tick
    masses = torch.where(distance >= half, outside, inside)
    return masses / masses.sum(dim=1, keepdim=True)


def median_tick(probabilities: Tensor, lowest: int) -> Tensor:
    """The first tick at which half the probability is reached, (n, ticks) -> int64 (n,)."""
    reached = probabilities.cumsum(dim=1) >= 0.5 - 1e-12  # the rounding of a sum is not a tick
    return reached.int().argmax(dim=1) + lowest


def mode_tick(probabilities: Tensor, lowest: int) -> Tensor:
    """The likeliest tick (the lowest of equals), (n, ticks) -> int64 (n,)."""
    return probabilities.argmax(dim=1) + lowest


def macro_mean(values: Tensor, classes: Tensor) -> float:
    """The mean over classes of their mean value; both (n,)."""
    _, index, counts = classes.unique(  # type: ignore[no-untyped-call]  # torch has no annotation here
        return_inverse=True, return_counts=True
    )
    sums = torch.zeros(len(counts), dtype=torch.float64, device=values.device).index_add_(0, index, values.double())
    return float((sums / counts).mean())
