"""AdamW over all parameters of a network as one vector: a small network's update is calls more than sums.

Torch's own makes some calls for every parameter: to clear its gradient, to measure it, to scale it and to step. Here
parameters and gradients are views of two vectors, and each of these is one call. The mathematics are AdamW's
(Loshchilov and Hutter 2019, https://arxiv.org/abs/1711.05101), which treats every number alike.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["FlatAdamW"]

ALIGNED = 16  # numbers: every parameter begins on a cache line, as matrix products like it


class FlatAdamW(torch.optim.AdamW):
    """AdamW whose state is told and taken parameter by parameter, as torch's own.

    From here on the parameters are views: whoever gives one other memory (`module.to`, `parameter.data = ...`) takes it
    out of training. Not for CUDA, where LSTMs want their weights laid out in a way of their own.

    Args:
        parameters: of one device and one type.
        lr, weight_decay: as torch's.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], *, lr: float, weight_decay: float) -> None:
        self._shapes: list[torch.Size] = []
        self._begins: list[int] = []
        given, size = list(parameters), 0
        for parameter in given:
            self._shapes.append(parameter.shape)
            self._begins.append(size)
            size += -(-parameter.numel() // ALIGNED) * ALIGNED
        self._vector = nn.Parameter(given[0].detach().new_zeros(size))
        self._vector.grad = torch.zeros_like(self._vector)
        super().__init__([self._vector], lr=lr, weight_decay=weight_decay, fused=True)
        for parameter, kept in zip(given, self._parts(self._vector.detach()), strict=True):
            kept.copy_(parameter.detach())
            parameter.data = kept
        self._gradients = list(zip(given, self._parts(self._vector.grad), strict=True))
        self.zero_grad()

    def _parts(self, vector: Tensor) -> list[Tensor]:
        """A view of each parameter's share of a vector."""
        return [
            vector[begin : begin + shape.numel()].view(shape)
            for begin, shape in zip(self._begins, self._shapes, strict=True)
        ]

    def zero_grad(self, set_to_none: bool = False) -> None:
        """Clear all gradients; to be called before every backward pass."""
        assert self._vector.grad is not None
        self._vector.grad.zero_()
        for parameter, gradient in self._gradients:  # `module.zero_grad`, which Lightning calls, takes them off
            parameter.grad = gradient

    def clip_grad_norm(self, most: float) -> None:
        """Scale all gradients together so that their norm is at most `most`: `nn.utils.clip_grad_norm_`."""
        gradient = self._vector.grad
        assert gradient is not None
        gradient.mul_((most / (torch.linalg.vector_norm(gradient) + 1e-6)).clamp_(max=1.0))

    def state_dict(self) -> dict[str, Any]:
        """As torch's AdamW over the same parameters would tell it; the tensors are views of the state."""
        whole = super().state_dict()
        for group in whole["param_groups"]:
            group["params"] = list(range(len(self._shapes)))
        if whole["state"]:
            (state,) = whole["state"].values()
            parts = {name: self._parts(value) for name, value in state.items() if value.ndim}
            scalars = {name: value for name, value in state.items() if not value.ndim}
            whole["state"] = {
                number: {name: value.clone() for name, value in scalars.items()}  # torch counts steps in place
                | {name: values[number] for name, values in parts.items()}
                for number in range(len(self._shapes))
            }
        return whole

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take what `state_dict` told, of this class or of torch's AdamW."""
        whole = dict(state_dict)
        whole["param_groups"] = [{**group, "params": [0]} for group in whole["param_groups"]]
        if whole["state"]:
            whole["state"] = {0: self._joined(whole["state"])}
        super().load_state_dict(whole)

    def _joined(self, states: dict[int, dict[str, Tensor]]) -> dict[str, Tensor]:
        joined = {}
        for name, first in states[0].items():
            joined[name] = first
            if first.ndim:
                joined[name] = torch.zeros_like(self._vector)
                for number, part in enumerate(self._parts(joined[name])):
                    part.copy_(states[number][name])
        return joined
