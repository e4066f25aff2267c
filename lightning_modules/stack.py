"""The backbone and the dense layers, built from their counts. Knows nothing of what goes in or comes out.

`lstm_layers` LSTMs (or another backbone's layers in their place, see `backbones`) of `hidden` nodes, then
`dense_layers` dense layers (Linear + ReLU); the output layer is the head's. After each of them there is a slot;
`batchnorm_layers` and `dropout_layers` fill slots from the output backwards.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from lightning_modules.backbones import BACKBONES
from lightning_modules.config import HeadConfig

__all__ = ["ChannelNorm", "Memory", "Stack"]

Memory = list[Any]  # of each layer that carries one, after its last position: of an LSTM, its output and its cell


class ChannelNorm(nn.BatchNorm1d):
    """Batch normalisation over the last dimension, whatever stands before it: (..., channels) -> (..., channels)."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.flatten(0, -2)).view_as(x)


class Slot(nn.Sequential):
    """What follows a layer: nothing, batch normalisation, dropout, or both in this order."""

    def __init__(self, channels: int, *, batchnorm: bool, dropout: float | None) -> None:
        norm = [ChannelNorm(channels)] if batchnorm else []
        drop = [nn.Dropout(dropout)] if dropout is not None else []
        super().__init__(*norm, *drop)


class Stack(nn.Module):
    """Embedded windows to the state that an output layer reads."""

    def __init__(self, config: HeadConfig) -> None:
        super().__init__()
        hidden, slots = config.hidden, config.slots
        spec = BACKBONES[config.backbone]
        self.carries = spec.carries
        self.backbone = nn.ModuleList(spec.build(config))
        self.dense = nn.ModuleList(nn.Linear(hidden, hidden) for _ in range(config.dense_layers))
        self.slots = nn.ModuleList(
            Slot(
                hidden,
                batchnorm=slot >= slots - config.batchnorm_layers,
                dropout=config.dropout if slot >= slots - config.dropout_layers else None,
            )
            for slot in range(slots)
        )

    def forward(self, windows: Tensor, tail: int = 1, counted: Tensor | None = None) -> Tensor:
        """(batch, window, embedding) -> the states at the last `tail` positions, (batch, tail, hidden).

        Args:
            counted: bool (batch, tail), which of these positions are wanted: then (n, hidden), those alone. The others
                cost the layers above nothing, and do not enter batch normalisation.
        """
        return self.follow(windows, None, tail, counted)[0]

    def follow(
        self, positions: Tensor, memory: Memory | None, tail: int = 1, counted: Tensor | None = None
    ) -> tuple[Tensor, Memory]:
        """The states of positions that come after others, and what is remembered after them.

        Args:
            positions: (batch, positions, embedding).
            memory: what this returned of the positions before; None if there are none. Not every backbone remembers.
            tail, counted: see `forward`.
        """
        x, slots, after = positions, iter(self.slots), Memory()
        for depth, layer in enumerate(self.backbone):
            last = depth == len(self.backbone) - 1
            kept = tail if last else x.shape[1]  # the layers above need no other positions
            if self.carries:
                follow: Callable[..., tuple[Tensor, Any]] = layer.follow  # type: ignore[assignment]
                x, remembered = follow(x, None if memory is None else memory[depth])
                x = x[:, -kept:]
                after.append(remembered)
            else:
                x = layer(x, kept)
            x = next(slots)(x[counted] if last and counted is not None else x)
        for dense in self.dense:
            x = next(slots)(dense(x).relu())
        return x, after
