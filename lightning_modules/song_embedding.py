"""A head that knows which song it is in: a learned vector a song, added to what stands at every position.

Between two songs it is given a vector between theirs, as Johnson et al. do for languages
(2017, https://arxiv.org/abs/1611.04558).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lightning_modules.encoder import SPREAD, Encoder
from lightning_modules.head import Head
from lightning_modules.outputs.output import Batch

__all__ = ["SongEncoder", "embedded", "stand"]


class SongEncoder(nn.Module):
    """An encoder that adds the vector of each window's song, `batch["song"]`, int64 (batch,); else that of the mix.

    Attributes:
        mix: how far the vector stands from the first song's (0) to the second's (1).
    """

    def __init__(self, encoder: Encoder, embedding: int) -> None:
        super().__init__()
        self.encoder, self.mix = encoder, 0.0
        self.song = nn.Parameter(torch.randn(2, embedding) * SPREAD)

    def forward(self, batch: Batch) -> Tensor:
        """-> (batch, window, embedding)"""
        encoded: Tensor = self.encoder(batch)
        if "song" in batch:
            return encoded + self.song[batch["song"]][:, None]
        return encoded + torch.lerp(self.song[0], self.song[1], self.mix)


def embedded(head: Head) -> SongEncoder:
    """Make a head one that knows its song, in place; what else it has learnt stays."""
    encoder = SongEncoder(head.encoder, head.config.embedding)
    head.encoder = encoder  # type: ignore[assignment]  # of the same call
    return encoder


def stand(head: Head, mix: float) -> None:
    """Let a head that knows its song stand between the two, from the first (0) to the second (1)."""
    assert isinstance(head.encoder, SongEncoder)
    head.encoder.mix = mix
