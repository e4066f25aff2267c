"""What stands at a position of a window, as one vector: the sum of what each kind of input says."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lightning_modules.outputs.output import PITCHES, Batch

__all__ = ["SPREAD", "Encoder", "Inputs"]

SPREAD = 0.25  # of the initial vector of a pitch, and of a song: a chord of a few is as large as the embedding of an id


@dataclass(frozen=True)
class Inputs:
    """The inputs that a head has; see `datamodules.windows.Windows.batch`.

    Attributes:
        ids: rows of the embedding of its own column (the vocabulary's values, <unknown>, <start>), or 0 for none.
        chords: whether the chords before are inputs.
        numbers: how many numbers stand at a position.
        known: whether the pitches of the event to come are.
        form: how many numbers tell where in the song's form it stands, beside the pitches that were there before; or 0.
    """

    ids: int = 0
    chords: bool = False
    numbers: int = 0
    known: bool = False
    form: int = 0


class Encoder(nn.Module):
    """Inputs to vectors of `embedding` numbers. A chord is the sum of the embeddings of its pitches."""

    def __init__(self, inputs: Inputs, embedding: int) -> None:
        super().__init__()
        self.ids = nn.Embedding(inputs.ids, embedding) if inputs.ids else None
        self.chord = _pitches(PITCHES + 1, embedding) if inputs.chords else None  # and a song's start
        self.known = _pitches(PITCHES, embedding) if inputs.known else None
        self.numbers = nn.Linear(inputs.numbers, embedding) if inputs.numbers else None
        # They begin with zeros: a label that comes in no training song must say nothing, and neither must no form.
        self.form = nn.Parameter(torch.zeros(inputs.form, embedding)) if inputs.form else None
        self.again = nn.Parameter(torch.zeros(PITCHES, embedding)) if inputs.form else None

    def forward(self, batch: Batch) -> Tensor:
        """-> (batch, window, embedding)"""
        parts = []
        if self.ids is not None:
            parts.append(self.ids(batch["window"]))
        if self.chord is not None:
            parts.append(batch["chord"] @ self.chord)
        if self.known is not None:
            parts.append(batch["known"] @ self.known)
        if self.numbers is not None:
            parts.append(self.numbers(batch["numbers"]))
        if self.form is not None and self.again is not None:
            parts += [batch["form"] @ self.form, batch["again"] @ self.again]
        return torch.stack(parts).sum(dim=0) if len(parts) > 1 else parts[0]


def _pitches(rows: int, embedding: int) -> nn.Parameter:
    return nn.Parameter(torch.randn(rows, embedding) * SPREAD)
