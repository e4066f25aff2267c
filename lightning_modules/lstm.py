"""LSTMs, one on the other, which carry their state from event to event."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lightning_modules.config import HeadConfig

__all__ = ["LSTMLayer", "layers"]


class LSTMLayer(nn.LSTM):
    """One `nn.LSTM` a layer: with a slot between two LSTMs there is no other way, and without one a single module of
    several layers was measured to be no faster."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__(width, hidden, batch_first=True)

    def forward(self, x: Tensor, kept: int) -> Tensor:  # type: ignore[override]  # as every backbone's layer
        """(batch, positions, width) -> (batch, kept, hidden)"""
        return self.follow(x, None)[0][:, -kept:]

    def follow(self, x: Tensor, memory: tuple[Tensor, Tensor] | None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """The states at all positions, and output and cell after the last, both (1, batch, hidden).

        With a memory, position by position: a call of the layer itself begins by laying out its weights, which takes
        several times as long as one position.
        """
        if memory is None:
            whole: tuple[Tensor, tuple[Tensor, Tensor]] = super().forward(x)
            return whole
        output, cell = memory[0][0], memory[1][0]
        outputs = []
        for position in x.unbind(dim=1):
            output, cell = torch.lstm_cell(position, (output, cell), *self.all_weights[0])
            outputs.append(output)
        return torch.stack(outputs, dim=1), (output[None], cell[None])


def layers(config: HeadConfig) -> list[LSTMLayer]:
    """The LSTMs of a backbone."""
    widths = [config.embedding] + [config.hidden] * (config.lstm_layers - 1)
    return [LSTMLayer(width, config.hidden) for width in widths]
