"""What a head predicts, and how that is trained, scored and drawn: chord tokens, a grid of ticks, or a Laplace.

An output is an `nn.Module` over the stack's state that fits the `Output` protocol. It owns the output layer; the loop
around it is `head.py`'s. Batches are dicts of tensors, see `head.Batch`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

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

__all__ = ["Batch", "GridOutput", "LaplaceOutput", "Output", "Score", "Ticks", "TokenOutput", "Value"]

Batch = dict[str, Tensor]
Value = tuple[int, ...] | int  # a chord's pitches low to high, or ticks

_CHUNK = 1 << 20  # float64 numbers of a dense (targets, ticks) table held at once: 8 MiB


@dataclass(frozen=True)
class Score:
    """A pass over targets.

    Attributes:
        figures: what the outputs below say they give; plain floats.
        nats: of each target under the mixture, (targets,) float64 on the CPU, in the order of the batches.
    """

    figures: dict[str, float]
    nats: Tensor


@dataclass(frozen=True)
class Ticks:
    """The range of a timing column.

    Attributes:
        grid: ticks a quarter note.
        lowest, highest: the first and last tick that have a probability.
        histogram: the training distribution over them, float64 (highest - lowest + 1,).
    """

    grid: int
    lowest: int
    highest: int
    histogram: Tensor


class Output(Protocol):
    """What `head.Head` needs of an output module."""

    def __call__(self, state: Tensor) -> Tensor:
        """(batch, hidden) -> the raw output, a row a window."""
        ...

    def losses(self, raw: Tensor, batch: Batch) -> Tensor:
        """The unweighted training loss of each window, (batch,)."""
        ...

    def end_epoch(self, loss: Tensor) -> None:
        """Told the unweighted mean loss of the training epoch that ends."""
        ...

    def keep(self, raw: Tensor, batch: Batch) -> Batch:
        """What `score` needs of a batch: small tensors, a row a target."""
        ...

    def score(self, kept: Batch, mixture: float | None) -> Score:
        """Figures of all targets; `mixture` None fits `l` on them."""
        ...

    def draw(self, raw: Tensor, temperature: float, top_p: float, generator: torch.Generator | None) -> list[Value]:
        """One value a row."""
        ...


class TokenOutput(nn.Module):
    """A softmax over the values of a vocabulary, scored completely.

    Figures: valid, macro_nats (nats an event: their mean, and the mean over target classes of their means), mixture,
    top1, top5, macro (macro-averaged top-1 accuracy), all three by the softmax alone, and, of the targets inside the
    vocabulary (absent if there is none), cross_entropy and weighted_cross_entropy of the softmax alone. The targets
    outside the vocabulary are one class, never hit.
    """

    def __init__(self, hidden: int, values: Sequence[Value]) -> None:
        super().__init__()
        self.layer = nn.Linear(hidden, len(values))
        self.values = tuple(values)

    def forward(self, state: Tensor) -> Tensor:
        logits: Tensor = self.layer(state)  # (batch, values)
        return logits

    def losses(self, raw: Tensor, batch: Batch) -> Tensor:
        return cross_entropy(raw, batch["target"], reduction="none")

    def end_epoch(self, loss: Tensor) -> None:
        """Nothing to learn from it."""

    def keep(self, raw: Tensor, batch: Batch) -> Batch:
        best = raw.topk(min(5, raw.shape[1]), dim=1).indices == batch["target"][:, None]
        return {
            "model": _target_log_probs(raw, batch["target"]),
            "top1": best[:, 0],
            "top5": best.any(dim=1),
            **{name: batch[name] for name in ("target", "weight", "base")},
        }

    def score(self, kept: Batch, mixture: float | None) -> Score:
        figures, nats = _nats_figures(kept["model"], kept["base"], kept["target"], mixture)
        figures |= {
            "top1": float(kept["top1"].double().mean()),
            "top5": float(kept["top5"].double().mean()),
            "macro": macro_mean(kept["top1"], kept["target"]),
        }
        return Score(figures | _cross_entropies(kept), nats.cpu())

    def draw(self, raw: Tensor, temperature: float, top_p: float, generator: torch.Generator | None) -> list[Value]:
        return [self.values[i] for i in sample(raw, temperature, top_p, generator).tolist()]


class GridOutput(nn.Module):
    """A categorical over the ticks seen in training, mixed with the training histogram.

    Figures: valid, macro_nats, mixture as for tokens (classes are the clipped ticks); mae (quarter notes, the
    mixture's median against the true value), accuracy (its mode is the clipped value); cross_entropy and
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

    def losses(self, raw: Tensor, batch: Batch) -> Tensor:
        return cross_entropy(raw, batch["target"], reduction="none")

    def end_epoch(self, loss: Tensor) -> None:
        """Nothing to learn from it."""

    def keep(self, raw: Tensor, batch: Batch) -> Batch:
        return {
            "model": _target_log_probs(raw, batch["target"]),
            "probabilities": raw.softmax(dim=1),  # float32 (batch, values): the largest thing kept, 4 V bytes a target
            **{name: batch[name] for name in ("target", "weight", "base", "value", "true")},
        }

    def masses(self, probabilities: Tensor) -> Tensor:
        """(n, values) -> the same over all ticks of the range, float64 (n, ticks)."""
        dense = probabilities.new_zeros(len(probabilities), len(self.histogram), dtype=torch.float64)
        dense[:, self.values - self.ticks.lowest] = probabilities.double()
        return dense

    def score(self, kept: Batch, mixture: float | None) -> Score:
        figures, nats = _nats_figures(kept["model"], kept["base"], kept["value"], mixture)
        figures |= _point_figures(
            kept, kept["probabilities"], self.masses, self.histogram, figures["mixture"], self.ticks
        )
        return Score(figures | _cross_entropies(kept), nats.cpu())

    def draw(self, raw: Tensor, temperature: float, top_p: float, generator: torch.Generator | None) -> list[Value]:
        ticks: list[Value] = self.values[sample(raw, temperature, top_p, generator)].tolist()
        return ticks


class LaplaceOutput(nn.Module):
    """An L1 regression in quarter notes, scored as a Laplace on the grid mixed with the training histogram.

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
        self.register_buffer("scale", torch.tensor(float(ticks.grid), dtype=torch.float64))
        if (
            not self.layer.bias.is_meta
        ):  # start from the best constant: L1 moves a bias by no more than a step an update
            middle = median_tick(ticks.histogram[None], ticks.lowest).item() / ticks.grid
            nn.init.constant_(self.layer.bias, middle)

    def forward(self, state: Tensor) -> Tensor:
        quarters: Tensor = self.layer(state).squeeze(-1)  # (batch,)
        return quarters

    def losses(self, raw: Tensor, batch: Batch) -> Tensor:
        return (raw - batch["value"] / self.ticks.grid).abs()

    def end_epoch(self, loss: Tensor) -> None:
        self.scale.copy_((loss.double() * self.ticks.grid).clamp(min=LEAST_SCALE))

    def keep(self, raw: Tensor, batch: Batch) -> Batch:
        centre = raw.double() * self.ticks.grid
        return {"centre": centre, **{name: batch[name] for name in ("base", "value", "true")}}

    def masses(self, centre: Tensor) -> Tensor:
        """(n,) in ticks -> the Laplace over all ticks of the range, float64 (n, ticks)."""
        scale = max(float(self.scale), LEAST_SCALE)
        return laplace_masses(centre, scale, self.ticks.lowest, self.ticks.highest)

    def score(self, kept: Batch, mixture: float | None) -> Score:
        def of_target(rows: slice) -> Tensor:
            column = kept["value"][rows, None] - self.ticks.lowest
            return self.masses(kept["centre"][rows]).gather(1, column).squeeze(1)

        model = torch.cat([of_target(rows) for rows in _chunks(len(kept["value"]), len(self.histogram))]).log()
        figures, nats = _nats_figures(model, kept["base"], kept["value"], mixture)
        figures |= _point_figures(kept, kept["centre"], self.masses, self.histogram, figures["mixture"], self.ticks)
        return Score(figures | {"scale": float(self.scale)}, nats.cpu())

    def draw(self, raw: Tensor, temperature: float, top_p: float, generator: torch.Generator | None) -> list[Value]:
        """The predictions on the grid; a regression has nothing to draw, so the three options change nothing."""
        check_sampling(temperature, top_p)
        ticks = (raw.double() * self.ticks.grid).round().clamp(self.ticks.lowest, self.ticks.highest)
        values: list[Value] = ticks.long().tolist()
        return values


def _target_log_probs(logits: Tensor, target: Tensor) -> Tensor:
    """Natural log probability of each target, float64 (n,); -inf for one outside the vocabulary."""
    inside = target < logits.shape[1]
    columns = target.where(inside, 0)[:, None]
    found = logits.gather(1, columns).squeeze(1).double() - logits.logsumexp(dim=1).double()
    return found.where(inside, -torch.inf)


def _nats_figures(
    model: Tensor, base: Tensor, classes: Tensor, mixture: float | None
) -> tuple[dict[str, float], Tensor]:
    share = fit_mixture(model, base) if mixture is None else mixture
    nats = mixture_nats(model, base, share)
    return {"valid": float(nats.mean()), "macro_nats": macro_mean(nats, classes), "mixture": share}, nats


def _cross_entropies(kept: Batch) -> dict[str, float]:
    inside = kept["model"].isfinite()
    if not inside.any():
        return {}
    nats = -kept["model"][inside]
    weighted = nats * kept["weight"][inside]
    return {"cross_entropy": float(nats.mean()), "weighted_cross_entropy": float(weighted.mean())}


def _chunks(rows: int, columns: int) -> list[slice]:
    size = max(_CHUNK // columns, 1)
    return [slice(start, start + size) for start in range(0, rows, size)]


def _point_figures(
    kept: Batch, raw: Tensor, masses: Callable[[Tensor], Tensor], histogram: Tensor, mixture: float, ticks: Ticks
) -> dict[str, float]:
    """Mean absolute error and accuracy; the dense tables exist a chunk at a time."""
    error, hits = 0.0, 0
    for rows in _chunks(len(raw), len(histogram)):
        probabilities = (1 - mixture) * masses(raw[rows]) + mixture * histogram
        error += float((median_tick(probabilities, ticks.lowest) - kept["true"][rows]).abs().sum())
        hits += int((mode_tick(probabilities, ticks.lowest) == kept["value"][rows]).sum())
    return {"mae": error / ticks.grid / len(raw), "accuracy": hits / len(raw)}
