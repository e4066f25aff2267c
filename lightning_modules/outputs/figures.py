"""The figures that outputs have in common, from what they kept of each target."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from lightning_modules.outputs.output import Batch
from lightning_modules.outputs.ticks import Ticks
from lightning_modules.scoring import macro_mean, median_tick, mixture_nats, mode_tick

__all__ = [
    "by_row",
    "chunks",
    "cross_entropies",
    "nats_figures",
    "over_ticks",
    "point_figures",
    "settled",
    "target_log_probs",
]

_CHUNK = 1 << 16  # float64 numbers of a dense (targets, ticks) table held at once: 512 KiB; larger ones leave holes


def target_log_probs(logits: Tensor, target: Tensor) -> Tensor:
    """Natural log probability of each target, float64 (n,); -inf for one outside the vocabulary."""
    inside = target < logits.shape[1]
    columns = target.where(inside, 0)[:, None]
    found = logits.gather(1, columns).squeeze(1).double() - logits.logsumexp(dim=1).double()
    return found.where(inside, -torch.inf)


def nats_figures(model: Tensor, base: Tensor, classes: Tensor, mixture: float) -> tuple[dict[str, float], Tensor]:
    """valid, macro_nats and mixture; and the nats of each target, float64 (n,).

    Args:
        model, base: natural log probability of each target under the model and the base distribution, (n,).
        classes: of each target, int64 (n,): what macro_nats is the mean over.
        mixture: the base's share.
    """
    nats = mixture_nats(model, base, mixture)
    return {"valid": float(nats.mean()), "macro_nats": macro_mean(nats, classes), "mixture": mixture}, nats


def cross_entropies(kept: Batch) -> dict[str, float]:
    """cross_entropy and weighted_cross_entropy, in nats, of the targets inside the vocabulary; {} if there is none."""
    inside = kept["model"].isfinite()
    if not inside.any():
        return {}
    nats = -kept["model"][inside]
    weighted = nats * kept["weight"][inside]
    return {"cross_entropy": float(nats.mean()), "weighted_cross_entropy": float(weighted.mean())}


def by_row(values: Tensor, row: Tensor, rows: int) -> Tensor:
    """Values (K,), summed over those of each row, int64 (K,): (rows,)."""
    return values.new_zeros(rows).index_add(0, row, values)


def over_ticks(probabilities: Tensor, values: Tensor, ticks: Ticks) -> Tensor:
    """Of values int64 (V,), (n, V) -> the same over all ticks of the range, float64 (n, ticks)."""
    dense = probabilities.new_zeros(len(probabilities), len(ticks.histogram), dtype=torch.float64)
    dense[:, values - ticks.lowest] = probabilities.double()
    return dense


def chunks(rows: int, columns: int) -> list[slice]:
    """Rows of a dense table, so many at once that a part of it stays small."""
    size = max(_CHUNK // columns, 1)
    return [slice(start, start + size) for start in range(0, rows, size)]


def settled(
    kept: Batch, raw: str, masses: Callable[[Tensor], Tensor], histogram: Tensor, mixture: float, ticks: Ticks
) -> Batch:
    """What was kept, with each number's error (in units, float64) and hit in place of what they are told by, `raw`.

    The dense tables exist a chunk at a time.

    Args:
        masses: of rows of `raw`, over all ticks of the range.
    """
    others = {name: values for name, values in kept.items() if name != raw}
    errors = kept["true"].new_empty(len(kept[raw]), dtype=torch.float64)  # first: the tables are let go around it
    hits = kept["true"].new_empty(len(kept[raw]), dtype=torch.bool)
    for rows in chunks(len(kept[raw]), len(histogram)):
        probabilities = (1 - mixture) * masses(kept[raw][rows]) + mixture * histogram
        errors[rows] = (median_tick(probabilities, ticks.lowest) - kept["true"][rows]).abs().double() / ticks.grid
        hits[rows] = mode_tick(probabilities, ticks.lowest) == kept["value"][rows]
    return others | {"error": errors, "hit": hits}


def point_figures(kept: Batch) -> dict[str, float]:
    """Mean absolute error and accuracy, of what was settled."""
    return {"mae": float(kept["error"].mean()), "accuracy": int(kept["hit"].sum()) / len(kept["hit"])}
