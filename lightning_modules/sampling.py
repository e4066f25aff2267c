"""Logits to ids: temperature, nucleus (top-p) filtering, an explicit generator."""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["check_sampling", "sample"]


def check_sampling(temperature: float, top_p: float) -> None:
    """Refuse what has no meaning.

    Raises:
        ValueError: `temperature` negative or not finite, `top_p` outside (0, 1].
    """
    if not (math.isfinite(temperature) and temperature >= 0):
        raise ValueError(f"temperature must be a finite number of at least 0, not {temperature!r}")
    if not 0 < top_p <= 1:
        raise ValueError(f"top_p must be above 0 and at most 1, not {top_p!r}")


def sample(
    logits: Tensor, temperature: float = 1.0, top_p: float = 1.0, generator: torch.Generator | None = None
) -> Tensor:
    """Draw one id a row: (batch, classes) -> int64 (batch,).

    Args:
        logits: unnormalised log probabilities, floating point.
        temperature: divides the logits; 0 takes the likeliest class.
        top_p: keep the fewest likeliest classes that hold at least this probability after the temperature, and draw
            among them (nucleus sampling, Holtzman et al. 2020, https://arxiv.org/abs/1904.09751).
        generator: the source of randomness, on the logits' device; None takes torch's global one.

    Raises:
        ValueError: see `check_sampling`; also logits that are not (batch, classes) or hold NaN.
    """
    check_sampling(temperature, top_p)
    if logits.ndim != 2 or not logits.shape[1]:
        raise ValueError(f"logits must be (batch, classes), not of shape {tuple(logits.shape)}")
    if logits.isnan().any():
        raise ValueError("logits hold NaN: the network has diverged")
    if temperature == 0:
        return logits.argmax(dim=1)
    scores = logits.double()
    scores = (scores - scores.amax(dim=1, keepdim=True)) / temperature  # largest first at 0: no overflow near 0
    probabilities = scores.softmax(dim=1)
    if top_p < 1:
        ordered, order = probabilities.sort(dim=1, descending=True, stable=True)
        before = ordered.cumsum(dim=1) - ordered  # the likeliest class has 0 before it, so one always stays
        probabilities = torch.zeros_like(probabilities).scatter_(1, order, ordered.where(before < top_p, 0.0))
    return torch.multinomial(probabilities, 1, generator=generator).squeeze(1)
