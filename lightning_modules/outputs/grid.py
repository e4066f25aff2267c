"""Numbers as values of a vocabulary."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from lightning_modules.outputs.figures import (
    cross_entropies,
    nats_figures,
    over_ticks,
    point_figures,
    settled,
    target_log_probs,
)
from lightning_modules.outputs.output import Batch, Score, Value
from lightning_modules.outputs.ticks import Ticks
from lightning_modules.sampling import sample

__all__ = ["GridOutput"]


class GridOutput(nn.Module):
    """A categorical over the ticks seen in training, mixed with the training histogram.

    Figures: valid, macro_nats, mixture as for tokens (classes are the clipped ticks); mae (in units, as quarter
    notes: the mixture's median against the true value), accuracy (its mode is the clipped value); cross_entropy and
    weighted_cross_entropy of the softmax alone, as for tokens.
    """

    values: Tensor
    histogram: Tensor

    def __init__(self, hidden: int, values: Sequence[int], ticks: Ticks) -> None:
        super().__init__()
        self.layer = nn.Linear(hidden, len(values))
        self.ticks = ticks
        # not in the state: a winner's vocabulary holds both
        self.register_buffer("values", torch.tensor(values, dtype=torch.int64), persistent=False)
        self.register_buffer("histogram", ticks.histogram, persistent=False)

    def forward(self, state: Tensor) -> Tensor:
        logits: Tensor = self.layer(state)  # (batch, values)
        return logits

    def losses(self, state: Tensor, batch: Batch) -> Tensor:
        return cross_entropy(self(state), batch["target"], reduction="none")

    def end_epoch(self, loss: Tensor) -> None:
        """Nothing to learn from it."""

    def keep(self, state: Tensor, batch: Batch) -> Batch:
        raw = self(state)
        return {
            "model": target_log_probs(raw, batch["target"]),
            "probabilities": raw.softmax(dim=1),  # float32 (batch, values): the largest thing kept, 4 V bytes a target
            **{name: batch[name] for name in ("target", "weight", "base", "value", "true")},
        }

    def masses(self, probabilities: Tensor) -> Tensor:
        """(n, values) -> the same over all ticks of the range, float64 (n, ticks)."""
        return over_ticks(probabilities, self.values, self.ticks)

    def settle(self, kept: Batch, mixture: float) -> Batch:
        return settled(kept, "probabilities", self.masses, self.histogram, mixture, self.ticks)

    def score(self, kept: Batch, mixture: float) -> Score:
        figures, nats = nats_figures(kept["model"], kept["base"], kept["value"], mixture)
        return Score(figures | point_figures(kept) | cross_entropies(kept), nats.cpu(), kept["error"].cpu())

    def draw(
        self, state: Tensor, batch: Batch, temperature: float, top_p: float, generator: torch.Generator | None
    ) -> list[Value]:
        ticks: list[Value] = self.values[sample(self(state), temperature, top_p, generator)].tolist()
        return ticks
