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
        ValueError: see `check_sampling`; also logits that are not (batch, classes), or rows with NaN or without a
            finite largest one.
    """
    check_sampling(temperature, top_p)
    if logits.ndim != 2 or not logits.shape[1]:
        raise ValueError(f"logits must be (batch, classes), not of shape {tuple(logits.shape)}")
    falling, order = logits.double().sort(dim=1, descending=True, stable=True)  # NaN would come first
    if not falling[:, 0].isfinite().all():
        raise ValueError("logits hold NaN or are infinite: the network has diverged")
    if temperature == 0:
        return order[:, 0]
    # Largest first at 0: no overflow near a temperature of 0.
    reached = ((falling - falling[:, :1]) / temperature).exp().cumsum(dim=1)
    reached = reached / reached[:, -1:]
    held = reached.gather(1, (reached < top_p).sum(dim=1, keepdim=True))  # the first to reach top_p ends the nucleus
    uniform = torch.rand(len(held), 1, dtype=held.dtype, generator=generator, device=held.device)
    return order.gather(1, (reached <= uniform * held).sum(dim=1, keepdim=True)).squeeze(1)
