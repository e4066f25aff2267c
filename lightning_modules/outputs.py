"""What a head predicts, and how that is trained, scored and drawn: chord tokens, a grid of ticks, or a Laplace.

An output is an `nn.Module` over the stack's state that fits the `Output` protocol. It owns the output layer; the loop
around it is `head.py`'s. Batches are dicts of tensors, see `head.Batch`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, linear

from lightning_modules.sampling import check_sampling, sample
from lightning_modules.scoring import (
    LEAST_SCALE,
    fit_mixture,
    laplace_masses,
    macro_mean,
    median_tick,
    mixture_nats,
    mode_tick,
)

__all__ = [
    "Batch",
    "GridOutput",
    "LaplaceOutput",
    "Output",
    "Score",
    "Ticks",
    "TokenOutput",
    "Value",
    "charged",
    "chunks",
    "cross_entropies",
    "nats_figures",
    "point_figures",
    "target_log_probs",
]

Batch = dict[str, Tensor]
Value = tuple[int, ...] | int  # a chord's pitches low to high, or ticks

_CHUNK = 1 << 20  # float64 numbers of a dense (targets, ticks) table held at once: 8 MiB


@dataclass(frozen=True)
class Score:
    """A pass over targets.

    Attributes:
        figures: what the outputs below say they give; plain floats.
        nats: of each target under the mixture, (targets,) float64 on the CPU, in the order of the batches.
        errors: of each target, whose mean is the mae, alike; None where there is none. Of grain note an event's is the
            sum over its notes, divided by the mean number of notes.
        told: of each target, the nats in `nats` that tell its song's form, alike; None where no form is told.
    """

    figures: dict[str, float]
    nats: Tensor
    errors: Tensor | None = None
    told: Tensor | None = None


@dataclass(frozen=True)
class Ticks:
    """The range of a column of numbers: ticks, or steps of another kind.

    Attributes:
        grid: steps to the unit of the figures: ticks a quarter note.
        lowest, highest: the first and last step that have a probability.
        histogram: the training distribution over them, float64 (highest - lowest + 1,).
    """

    grid: int
    lowest: int
    highest: int
    histogram: Tensor

    @property
    def span(self) -> float:
        """Steps that a regression counts as 1: a sixteenth of the range, which is a quarter note of timing."""
        return self.highest / 16


class Output(Protocol):
    """What `head.Head` needs of an output module."""

    def losses(self, state: Tensor, batch: Batch) -> Tensor:
        """The unweighted training loss of each target, (n,), from the states that predict them, (n, hidden)."""
        ...

    def end_epoch(self, loss: Tensor) -> None:
        """Told the unweighted mean loss of the training epoch that ends."""
        ...

    def keep(self, state: Tensor, batch: Batch) -> Batch:
        """What `score` needs of a batch: small tensors, a row a target."""
        ...

    def score(self, kept: Batch, mixture: float | None) -> Score:
        """Figures of all targets; `mixture` None fits `l` on them."""
        ...

    def draw(
        self, state: Tensor, batch: Batch, temperature: float, top_p: float, generator: torch.Generator | None
    ) -> list[Value]:
        """One value a row; the states are those of the last positions of `batch`, which needs no targets."""
        ...


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

    def score(self, kept: Batch, mixture: float | None) -> Score:
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
        dense = probabilities.new_zeros(len(probabilities), len(self.histogram), dtype=torch.float64)
        dense[:, self.values - self.ticks.lowest] = probabilities.double()
        return dense

    def score(self, kept: Batch, mixture: float | None) -> Score:
        figures, nats = nats_figures(kept["model"], kept["base"], kept["value"], mixture)
        points, errors = point_figures(
            kept, kept["probabilities"], self.masses, self.histogram, figures["mixture"], self.ticks
        )
        return Score(figures | points | cross_entropies(kept), nats.cpu(), errors.cpu())

    def draw(
        self, state: Tensor, batch: Batch, temperature: float, top_p: float, generator: torch.Generator | None
    ) -> list[Value]:
        ticks: list[Value] = self.values[sample(self(state), temperature, top_p, generator)].tolist()
        return ticks


class LaplaceOutput(nn.Module):
    """An L1 regression (of timing in quarter notes), scored as a Laplace on the grid mixed with the training histogram.

    Figures: valid, macro_nats, mixture, mae, accuracy as for the grid, and scale (ticks).
    """

    histogram: Tensor
    scale: Tensor

    def __init__(self, hidden: int, ticks: Ticks) -> None:
        super().__init__()
        self.layer = nn.Linear(hidden, 1)
        self.ticks = ticks
        self.register_buffer("histogram", ticks.histogram, persistent=False)
        # mean absolute training error in ticks: part of what was learned, so a winner has it
        self.register_buffer("scale", torch.tensor(ticks.span, dtype=torch.float64))
        if (
            not self.layer.bias.is_meta
        ):  # start from the best constant: L1 moves a bias by no more than a step an update
            middle = median_tick(ticks.histogram[None], ticks.lowest).item() / ticks.span
            nn.init.constant_(self.layer.bias, middle)

    def forward(self, state: Tensor) -> Tensor:
        spans: Tensor = self.layer(state).squeeze(-1)  # (batch,)
        return spans

    def losses(self, state: Tensor, batch: Batch) -> Tensor:
        losses: Tensor = (self(state) - batch["value"] / self.ticks.span).abs()
        return losses

    def end_epoch(self, loss: Tensor) -> None:
        self.scale.copy_((loss.double() * self.ticks.span).clamp(min=LEAST_SCALE))

    def keep(self, state: Tensor, batch: Batch) -> Batch:
        centre = self(state).double() * self.ticks.span
        return {"centre": centre, **{name: batch[name] for name in ("base", "value", "true")}}

    def masses(self, centre: Tensor) -> Tensor:
        """(n,) in ticks -> the Laplace over all ticks of the range, float64 (n, ticks)."""
        scale = max(float(self.scale), LEAST_SCALE)
        return laplace_masses(centre, scale, self.ticks.lowest, self.ticks.highest)

    def score(self, kept: Batch, mixture: float | None) -> Score:
        def of_target(rows: slice) -> Tensor:
            column = kept["value"][rows, None] - self.ticks.lowest
            return self.masses(kept["centre"][rows]).gather(1, column).squeeze(1)

        model = torch.cat([of_target(rows) for rows in chunks(len(kept["value"]), len(self.histogram))]).log()
        figures, nats = nats_figures(model, kept["base"], kept["value"], mixture)
        points, errors = point_figures(
            kept, kept["centre"], self.masses, self.histogram, figures["mixture"], self.ticks
        )
        return Score(figures | points | {"scale": float(self.scale)}, nats.cpu(), errors.cpu())

    def draw(
        self, state: Tensor, batch: Batch, temperature: float, top_p: float, generator: torch.Generator | None
    ) -> list[Value]:
        """The predictions on the grid; a regression has nothing to draw, so the three options change nothing."""
        check_sampling(temperature, top_p)
        ticks = (self(state).double() * self.ticks.span).round().clamp(self.ticks.lowest, self.ticks.highest)
        values: list[Value] = ticks.long().tolist()
        return values


def charged(score: Score, told: Tensor) -> Score:
    """A score of a head that is told its songs' forms, with what that costs counted in, so that it is like any other.

    Its figures gain told, nats an event: what is in valid and macro_nats of it.

    Args:
        told: nats of each target, float64 (n,).
    """
    mean = float(told.mean())
    counted = {name: score.figures[name] + mean for name in ("valid", "macro_nats")}
    return replace(score, figures=score.figures | counted | {"told": mean}, nats=score.nats + told, told=told)


def target_log_probs(logits: Tensor, target: Tensor) -> Tensor:
    """Natural log probability of each target, float64 (n,); -inf for one outside the vocabulary."""
    inside = target < logits.shape[1]
    columns = target.where(inside, 0)[:, None]
    found = logits.gather(1, columns).squeeze(1).double() - logits.logsumexp(dim=1).double()
    return found.where(inside, -torch.inf)


def nats_figures(
    model: Tensor, base: Tensor, classes: Tensor, mixture: float | None
) -> tuple[dict[str, float], Tensor]:
    share = fit_mixture(model, base) if mixture is None else mixture
    nats = mixture_nats(model, base, share)
    return {"valid": float(nats.mean()), "macro_nats": macro_mean(nats, classes), "mixture": share}, nats


def cross_entropies(kept: Batch) -> dict[str, float]:
    inside = kept["model"].isfinite()
    if not inside.any():
        return {}
    nats = -kept["model"][inside]
    weighted = nats * kept["weight"][inside]
    return {"cross_entropy": float(nats.mean()), "weighted_cross_entropy": float(weighted.mean())}


def chunks(rows: int, columns: int) -> list[slice]:
    size = max(_CHUNK // columns, 1)
    return [slice(start, start + size) for start in range(0, rows, size)]


def point_figures(
    kept: Batch, raw: Tensor, masses: Callable[[Tensor], Tensor], histogram: Tensor, mixture: float, ticks: Ticks
) -> tuple[dict[str, float], Tensor]:
    """Mean absolute error and accuracy, and each target's error; the dense tables exist a chunk at a time."""
    errors, hits = [], 0
    for rows in chunks(len(raw), len(histogram)):
        probabilities = (1 - mixture) * masses(raw[rows]) + mixture * histogram
        errors.append((median_tick(probabilities, ticks.lowest) - kept["true"][rows]).abs())
        hits += int((mode_tick(probabilities, ticks.lowest) == kept["value"][rows]).sum())
    error = torch.cat(errors).double() / ticks.grid
    return {"mae": float(error.mean()), "accuracy": hits / len(raw)}, error
