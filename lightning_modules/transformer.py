"""A small causal transformer: pre-norm blocks of self-attention over relative positions.

Position enters as a learned bias for each distance, one a head (as in Raffel et al. 2020, https://arxiv.org/abs/1910.10683,
without buckets: a window is short), which begins by falling with the distance (Press et al. 2022,
https://arxiv.org/abs/2108.12409): from a flat start a short training does not learn where things stand.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, pad, scaled_dot_product_attention

from lightning_modules.config import HeadConfig

__all__ = ["Attention", "Block", "blocks"]

WIDER = 2  # nodes of a block's inner layer, in `hidden`s; 4 learned no faster
SWIFT = 16.0  # AdamW moves a parameter by its learning rate at most, and a bias has logits to go


class Attention(nn.Module):
    """Each position looks at itself and those before it."""

    def __init__(self, config: HeadConfig) -> None:
        super().__init__()
        hidden, self.heads = config.hidden, config.attention_heads
        self.query = nn.Linear(hidden, hidden)
        self.key_value = nn.Linear(hidden, 2 * hidden)
        self.out = nn.Linear(hidden, hidden)
        slopes = 2.0 ** (-8 / self.heads * torch.arange(self.heads))
        # (heads, window), by distance, in units of SWIFT logits
        self.bias = nn.Parameter(-slopes[:, None] * torch.arange(config.window) / SWIFT)

    def forward(self, x: Tensor, tail: int) -> Tensor:
        """(batch, window, hidden) -> what the last `tail` positions see, (batch, tail, hidden)."""
        batch, length, _ = x.shape
        query = self.query(x[:, -tail:]).view(batch, tail, self.heads, -1).transpose(1, 2)
        key, value = (
            part.view(batch, length, self.heads, -1).transpose(1, 2) for part in self.key_value(x).chunk(2, -1)
        )
        seen = scaled_dot_product_attention(query, key, value, attn_mask=self.mask(length, tail))
        out: Tensor = self.out(seen.transpose(1, 2).reshape(batch, tail, -1))
        return out

    def mask(self, length: int, tail: int) -> Tensor:
        """What is added to the logit of each (query, key), (heads, tail, length): -inf for a key that comes later."""
        falling = pad((SWIFT * self.bias[:, :length]).flip(-1), (0, tail - 1), value=-math.inf)
        return falling.unfold(-1, length, 1).flip(-2)


class Block(nn.Module):
    """Attention, then a layer of its own for each position; both add to what passes through.

    Args:
        width: numbers that enter, if they are not `hidden` yet.
        last: whether the sum is normalised at the end.
    """

    def __init__(self, config: HeadConfig, *, width: int | None, last: bool) -> None:
        super().__init__()
        hidden = config.hidden
        self.enter = nn.Linear(width, hidden) if width is not None else nn.Identity()
        self.before_attention, self.before_inner = nn.LayerNorm(hidden), nn.LayerNorm(hidden)
        self.attention = Attention(config)
        self.expand, self.contract = nn.Linear(hidden, WIDER * hidden), nn.Linear(WIDER * hidden, hidden)
        self.leave = nn.LayerNorm(hidden) if last else nn.Identity()
        for layer in (self.attention.query, self.attention.key_value, self.expand):
            nn.init.normal_(layer.weight, std=layer.in_features**-0.5)
            nn.init.zeros_(layer.bias)
        for layer in (self.attention.out, self.contract):  # a block begins as what enters it (Zhang et al. 2019)
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor, tail: int) -> Tensor:
        """(batch, window, width) -> (batch, tail, hidden)"""
        x = self.enter(x)
        x = x[:, -tail:] + self.attention(self.before_attention(x), tail)
        out: Tensor = self.leave(x + self.contract(gelu(self.expand(self.before_inner(x)))))
        return out


def blocks(config: HeadConfig) -> list[Block]:
    """The blocks of a backbone, one on the other."""
    depth = config.lstm_layers
    return [Block(config, width=None if layer else config.embedding, last=layer == depth - 1) for layer in range(depth)]
