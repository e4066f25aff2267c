"""Chords as tokens of a vocabulary."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, linear

from lightning_modules.outputs.figures import cross_entropies, nats_figures, target_log_probs
from lightning_modules.outputs.output import Batch, Score, Value
from lightning_modules.sampling import sample
from lightning_modules.scoring import macro_mean

__all__ = ["TokenOutput"]


class TokenOutput(nn.Module):
    """A softmax over the values of a vocabulary, scored completely.

    Figures: valid, macro_nats (nats an event: their mean, and the mean over target classes of their means), mixture,
    top1, top5, macro (macro-averaged top-1 accuracy), all three by the softmax alone, and, of the targets inside the
    vocabulary (absent if there is none), cross_entropy and weighted_cross_entropy of the softmax alone. The targets
    outside the vocabulary are one class, never hit.
    """

    def __init__(self, hidden: int, values: Sequence[Value], tied: nn.Embedding | None = None) -> None:
        """`tied`: the embedding of the inputs, to weigh the classes by (Press and Wolf 2017)."""
        super().__init__()
        width = len(values) if tied is None else tied.embedding_dim
        self.layer = nn.Linear(hidden, width)
        self.bias = nn.Parameter(torch.zeros(len(values))) if tied is not None else None
        self.tied = (tied,) if tied is not None else ()  # in a tuple: its weights are the encoder's, not ours
        self.values = tuple(values)

    def forward(self, state: Tensor) -> Tensor:
        logits: Tensor = self.layer(state)  # (n, values)
        for embedding in self.tied:
            logits = linear(logits, embedding.weight[: len(self.values)], self.bias)
        return logits

    def losses(self, state: Tensor, batch: Batch) -> Tensor:
        return cross_entropy(self(state), batch["target"], reduction="none")

    def end_epoch(self, loss: Tensor) -> None:
        """Nothing to learn from it."""

    def keep(self, state: Tensor, batch: Batch) -> Batch:
        raw = self(state)
        best = raw.topk(min(5, raw.shape[1]), dim=1).indices == batch["target"][:, None]
        return {
            "model": target_log_probs(raw, batch["target"]),
            "top1": best[:, 0],
            "top5": best.any(dim=1),
            **{name: batch[name] for name in ("target", "weight", "base")},
        }

    def settle(self, kept: Batch, mixture: float) -> Batch:
        return kept

    def score(self, kept: Batch, mixture: float) -> Score:
        figures, nats = nats_figures(kept["model"], kept["base"], kept["target"], mixture)
        figures |= {
            "top1": float(kept["top1"].double().mean()),
            "top5": float(kept["top5"].double().mean()),
            "macro": macro_mean(kept["top1"], kept["target"]),
        }
        return Score(figures | cross_entropies(kept), nats.cpu())

    def draw(
        self, state: Tensor, batch: Batch, temperature: float, top_p: float, generator: torch.Generator | None
    ) -> list[Value]:
        return [self.values[i] for i in sample(self(state), temperature, top_p, generator).tolist()]
