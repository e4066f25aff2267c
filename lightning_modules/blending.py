"""Two heads of one shape as one, part of the way from the first to the second: their logits are mixed.

Mixed logits are a product of experts (Hinton 2002, https://doi.org/10.1162/089976602760128018): what either finds
impossible stays unlikely. Each output ends in a linear layer, so the mixture of two is an output of the same class over
both states side by side, and all that draws from an output draws from it: chords that fit or are barred too.
"""

from __future__ import annotations

import copy
from functools import singledispatch
from typing import Any

import torch
from torch import Tensor, nn

from lightning_modules.head import Head
from lightning_modules.outputs.grid import GridOutput
from lightning_modules.outputs.laplace import LaplaceOutput
from lightning_modules.outputs.lengths import LengthsOutput
from lightning_modules.outputs.output import Batch, Output
from lightning_modules.outputs.spelling import FactoredOutput
from lightning_modules.outputs.token import TokenOutput
from lightning_modules.stack import Memory, Stack

__all__ = ["blended", "blended_output"]


class _Encoders(nn.Module):
    """What two encoders say of a position, side by side."""

    def __init__(self, first: nn.Module, second: nn.Module) -> None:
        super().__init__()
        self.both = nn.ModuleList([first, second])

    def forward(self, batch: Batch) -> Tensor:
        """-> (batch, window, 2 * embedding)"""
        return torch.cat([encoder(batch) for encoder in self.both], dim=2)


class _Stacks(nn.Module):
    """Two stacks that do not hear each other, with the calls of one."""

    def __init__(self, first: Stack, second: Stack) -> None:
        super().__init__()
        self.first, self.second = first, second

    def forward(self, windows: Tensor, tail: int = 1, counted: Tensor | None = None) -> Tensor:
        """(batch, window, 2 * embedding) -> (batch, tail, 2 * hidden), as `Stack.forward`."""
        return self.follow(windows, None, tail, counted)[0]

    def follow(
        self, positions: Tensor, memory: Memory | None, tail: int = 1, counted: Tensor | None = None
    ) -> tuple[Tensor, Memory]:
        """As `Stack.follow`; the memories stand one after another."""
        middle = len(memory) // 2 if memory is not None else 0
        parts = (None, None) if memory is None else (memory[:middle], memory[middle:])
        told = [
            stack.follow(seen, part, tail, counted)
            for stack, seen, part in zip((self.first, self.second), positions.chunk(2, dim=2), parts, strict=True)
        ]
        return torch.cat([state for state, _ in told], dim=-1), [pair for _, after in told for pair in after]


def blended(first: Head, second: Head, mix: float) -> Head:
    """A head that predicts as the two together.

    Args:
        first, second: heads of one config over one vocabulary; they stay as they are.
        mix: how far it stands from the first (0) to the second (1); at either end it is that one.
    """
    if mix in (0.0, 1.0):
        return second if mix else first
    head = copy.copy(first)
    head._modules = dict(first._modules)
    head._buffers = dict(first._buffers)
    head.encoder = _Encoders(first.encoder, second.encoder)  # type: ignore[assignment]  # of the same calls
    head.stack = _Stacks(first.stack, second.stack)  # type: ignore[assignment]
    head.output = blended_output(first.output, second.output, mix)
    return head.eval()


def blended_output(first: Output, second: Output, mix: float) -> Output:
    """The output over both states whose logits are `(1 - mix)` of the first's and `mix` of the second's.

    Of a regression, it is the prediction that is mixed.

    Raises:
        ValueError: two of different classes.
    """
    if type(first) is not type(second):
        raise ValueError(f"a {type(first).__name__} and a {type(second).__name__} cannot be mixed")
    both = copy.deepcopy(first)
    with torch.no_grad():
        _join(both, first, second, mix)
    return both


@singledispatch
def _join(both: object, first: Any, second: Any, mix: float) -> None:
    """Give `both`, which is as the first, the weights of the two outputs together."""
    raise TypeError(f"how two of {type(both).__name__} are mixed is not known")


@_join.register
def _(both: FactoredOutput, first: FactoredOutput, second: FactoredOutput, mix: float) -> None:
    both.state, both.above = _beside(first.state, second.state), _joined(first.above, second.above)
    both.last = _rows(first.last, second.last)
    both.choice = _mixed(first.choice, second.choice, mix)


@_join.register
def _(both: LengthsOutput, first: LengthsOutput, second: LengthsOutput, mix: float) -> None:
    both.state, both.chord = _beside(first.state, second.state), _joined(first.chord, second.chord)
    both.pitch, both.above = _rows(first.pitch, second.pitch), _rows(first.above, second.above)
    both.layer = _mixed(first.layer, second.layer, mix)


@_join.register
def _(both: TokenOutput, first: TokenOutput, second: TokenOutput, mix: float) -> None:
    if first.bias is None or second.bias is None:  # of classes that no embedding weighs
        both.layer = _mixed(first.layer, second.layer, mix)
        return
    both.layer = _beside(first.layer, second.layer)
    embeddings = zip((*first.tied, *second.tied), (1 - mix, mix), strict=True)
    both.tied = (_embedding([share * tied.weight for tied, share in embeddings]),)
    both.bias = nn.Parameter((1 - mix) * first.bias + mix * second.bias)


@_join.register(GridOutput)
@_join.register(LaplaceOutput)
def _(
    both: GridOutput | LaplaceOutput,
    first: GridOutput | LaplaceOutput,
    second: GridOutput | LaplaceOutput,
    mix: float,
) -> None:
    both.layer = _mixed(first.layer, second.layer, mix)


def _linear(weight: Tensor, bias: Tensor | None) -> nn.Linear:
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
    layer.weight = nn.Parameter(weight)
    layer.bias = nn.Parameter(bias) if bias is not None else None  # type: ignore[assignment]  # as torch has it
    return layer


def _mixed(first: nn.Linear, second: nn.Linear, mix: float) -> nn.Linear:
    """The mixture of what both give, each of its own half of the input."""
    weight = torch.cat([(1 - mix) * first.weight, mix * second.weight], dim=1)
    return _linear(weight, (1 - mix) * first.bias + mix * second.bias)


def _beside(first: nn.Linear, second: nn.Linear) -> nn.Linear:
    """Both at once, each of its own half of the input."""
    weight = torch.block_diag(first.weight, second.weight)  # type: ignore[no-untyped-call]  # torch has no annotation
    return _linear(weight, torch.cat([first.bias, second.bias]))


def _joined(first: nn.Linear, second: nn.Linear) -> nn.Linear:
    """Both at once, of the same input; without biases."""
    return _linear(torch.cat([first.weight, second.weight]), None)


def _rows(first: nn.Embedding, second: nn.Embedding) -> nn.Embedding:
    """Both at once, of the same ids."""
    return _embedding([first.weight, second.weight])


def _embedding(weights: list[Tensor]) -> nn.Embedding:
    weight = torch.cat(weights, dim=1)
    return nn.Embedding(weight.shape[0], weight.shape[1], _weight=weight)
