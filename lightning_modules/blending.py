"""Two heads of one shape as one, part of the way from the first to the second: their logits are mixed.

Mixed logits are a product of experts (Hinton 2002, https://doi.org/10.1162/089976602760128018): what either finds
impossible stays unlikely. Each output ends in a linear layer, so the mixture of two is an output of the same class over
both states side by side, and all that draws from an output draws from it: chords that fit or are barred too.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from lightning_modules.head import Head
from lightning_modules.lengths import LengthsOutput
from lightning_modules.outputs import Batch, GridOutput, LaplaceOutput, Output, TokenOutput, Value
from lightning_modules.spelling import FactoredOutput
from lightning_modules.stack import Memory

__all__ = ["Blended", "Drawn", "blended_output"]


class Blended:
    """What draws as two heads together.

    Args:
        first, second: heads of one config over one vocabulary.
        mix: how far it stands from the first (0) to the second (1).

    Attributes:
        output: of both states side by side.
    """

    def __init__(self, first: Head, second: Head, mix: float) -> None:
        self.heads = (first.eval(), second.eval())
        self.output = blended_output(first.output, second.output, mix)

    def follow(self, batch: Batch, memory: Memory | None) -> tuple[Tensor, Memory]:
        """As `Head.follow`; the states stand side by side, (batch, 2 * hidden), the memories one after another."""
        middle = len(memory) // 2 if memory is not None else 0
        parts = (None, None) if memory is None else (memory[:middle], memory[middle:])
        told = [head.follow(batch, part) for head, part in zip(self.heads, parts, strict=True)]
        return torch.cat([state for state, _ in told], dim=1), [pair for _, after in told for pair in after]

    @torch.inference_mode()
    def draw(
        self,
        state: Tensor,
        batch: Batch,
        *,
        temperature: float = 1.0,
        top_p: float = 1.0,
        generator: torch.Generator | None = None,
    ) -> list[Value]:
        """As `Head.draw`."""
        return self.output.draw(state, batch, temperature, top_p, generator)


class Drawn(Blended):
    """The mixture of two heads' probabilities in place of their logits: each value is wholly the one's or the other's.

    Where chords must fit or are barred, `output` mixes their logits all the same.
    """

    def __init__(self, first: Head, second: Head, mix: float) -> None:
        super().__init__(first, second, mix)
        self.mix = mix

    @torch.inference_mode()
    def draw(
        self,
        state: Tensor,
        batch: Batch,
        *,
        temperature: float = 1.0,
        top_p: float = 1.0,
        generator: torch.Generator | None = None,
    ) -> list[Value]:
        """As `Head.draw`; one of the heads is drawn, by the mix, and then its value."""
        number = int(torch.rand(1, generator=generator).item() < self.mix)
        own = state.chunk(2, dim=1)[number]
        return self.heads[number].draw(own, batch, temperature=temperature, top_p=top_p, generator=generator)


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
        if isinstance(both, FactoredOutput) and isinstance(first, FactoredOutput):
            assert isinstance(second, FactoredOutput)
            both.state, both.above = _beside(first.state, second.state), _joined(first.above, second.above)
            both.last = _rows(first.last, second.last)
            both.choice = _mixed(first.choice, second.choice, mix)
        elif isinstance(both, LengthsOutput) and isinstance(first, LengthsOutput):
            assert isinstance(second, LengthsOutput)
            both.state, both.chord = _beside(first.state, second.state), _joined(first.chord, second.chord)
            both.pitch, both.above = _rows(first.pitch, second.pitch), _rows(first.above, second.above)
            both.layer = _mixed(first.layer, second.layer, mix)
        elif isinstance(both, TokenOutput) and isinstance(first, TokenOutput) and first.tied:
            assert isinstance(second, TokenOutput)
            assert first.bias is not None
            assert second.bias is not None
            both.layer = _beside(first.layer, second.layer)
            weights = [(1 - mix) * first.tied[0].weight, mix * second.tied[0].weight]
            both.tied = (nn.Embedding.from_pretrained(torch.cat(weights, dim=1)),)
            both.bias = nn.Parameter((1 - mix) * first.bias + mix * second.bias)
        else:
            assert isinstance(first, TokenOutput | GridOutput | LaplaceOutput)
            assert isinstance(second, TokenOutput | GridOutput | LaplaceOutput)
            assert isinstance(both, TokenOutput | GridOutput | LaplaceOutput)
            both.layer = _mixed(first.layer, second.layer, mix)
    return both


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
    return _linear(torch.block_diag(first.weight, second.weight), torch.cat([first.bias, second.bias]))


def _joined(first: nn.Linear, second: nn.Linear) -> nn.Linear:
    """Both at once, of the same input; without biases."""
    return _linear(torch.cat([first.weight, second.weight]), None)


def _rows(first: nn.Embedding, second: nn.Embedding) -> nn.Embedding:
    """Both at once, of the same ids."""
    return nn.Embedding.from_pretrained(torch.cat([first.weight, second.weight], dim=1))
