"""Is one model better than another, or only luckier? Figures of the same targets, and intervals of their difference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from datamodules.baselines.by_target import baseline_errors, baseline_nats
from experiments.evaluating.bootstrap import Interval, Units, Verdict, interval, verdict
from experiments.figures import TITLES, unit_of

if TYPE_CHECKING:
    from datamodules.baselines.averages import Figures
    from datamodules.column_spec import ColumnSpec
    from datamodules.columns import Column
    from experiments.dataset import Dataset
    from experiments.winners import Winner

__all__ = [
    "Difference",
    "Scored",
    "against_baselines",
    "baseline_title",
    "column_by",
    "difference",
    "score_winner",
]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Scored:
    """A winner on targets.

    Attributes:
        figures: as `lightning_modules.head.score` gives them.
        nats: of each target, float64 (N,).
        sums: by figure, nats and for timing mae: the sum over each unit's targets, float64 (U,).
        intervals: by figure, where the units are enough.
        told: of each target, what of its nats tells its song's form, float64 (N,); None where no form is told.
    """

    figures: dict[str, float]
    nats: Floats
    sums: dict[str, Floats]
    intervals: dict[str, Interval]
    told: Floats | None = None


@dataclass(frozen=True)
class Difference:
    """A winner's figure less another model's, on the same targets: below 0 the winner is better."""

    figure: str
    value: float
    interval: Interval | None
    unit: str = "nats"

    @property
    def verdict(self) -> Verdict:
        return verdict(self.interval)

    def sentence(self, other: str) -> str:
        """In words; `other` is the other model's name."""
        unit = self.unit
        if self.interval is None:
            return f"{self.value:+.3f} {unit} against {other}: {self.verdict}"
        low, high = self.interval
        if self.verdict == "better":
            return f"better than {other} by {-self.value:.3f} {unit} ({-high:.3f} to {-low:.3f})"
        if self.verdict == "worse":
            return f"worse than {other} by {self.value:.3f} {unit} ({low:.3f} to {high:.3f})"
        return f"no difference from {other} beyond the noise: {self.value:+.3f} {unit} ({low:+.3f} to {high:+.3f})"

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        ends = list(self.interval) if self.interval is not None else None
        return {"difference": self.value, "interval": ends, "verdict": self.verdict}


def score_winner(winner: Winner, column: Column, part: int, units: Units) -> Scored:
    """Score a winner on a part; the figures of one that spells its chords get a `top5` too, by a beam.

    Args:
        column: by the winner's own vocabulary, see `column_by`.
        units: of the part's targets.
    """
    from datamodules.batches import in_order
    from lightning_modules.head import score

    head, batches = winner.head(), in_order(column, part, winner.framing)
    whole = score(head, batches, winner.mixture)
    if winner.framing.spelled:
        from lightning_modules.outputs.beam import among_likeliest

        whole.figures["top5"] = among_likeliest(head, batches)
    nats: Floats = whole.nats.numpy()
    sums = {"nats": units.sums(nats)}
    if whole.errors is not None:
        sums["mae"] = units.sums(whole.errors.numpy())
    found = {figure: interval(units, sums_of) for figure, sums_of in sums.items()}
    told = None if whole.told is None else whole.told.numpy()
    return Scored(whole.figures, nats, sums, {name: ends for name, ends in found.items() if ends is not None}, told)


def difference(figure: str, ours: Floats, other: Floats, units: Units, spec: ColumnSpec) -> Difference:
    """The difference of two models' means over all targets, from their sums over each unit's, both (U,)."""
    mean = float((ours - other).sum() / units.sizes.sum())
    return Difference(figure, mean, interval(units, ours - other), unit_of(spec, figure))


def against_baselines(
    scored: Scored, column: Column, part: int, baselines: Mapping[str, Figures], units: Units
) -> dict[str, tuple[str, Difference]]:
    """The winner against the best baseline of each of its figures: the baseline's key, and the difference.

    The best is the best on these very targets, which a user could not have known: in doubt this favours the baseline.
    """
    events = column.targets(part)
    found = {}
    for figure, values in (("nats", baseline_nats), ("mae", baseline_errors)):
        those = {name: row for name, row in baselines.items() if figure in row}
        if figure in scored.sums and those:
            best = min(reversed(those), key=lambda name: those[name][figure])  # of equals the last: "best"
            other = units.sums(values(column, best, those[best], events))
            found[figure] = best, difference(figure, scored.sums[figure], other, units, column.spec)
    return found


def baseline_title(name: str, figures: Figures) -> str:
    """A baseline's name in sentences."""
    order = f" ({figures['order']})" if "order" in figures else ""
    return TITLES.get(name, name) + order


def column_by(winner: Winner, column: Column, dataset: Dataset) -> Column:
    """The same targets, laid out by the vocabulary that a winner of another run knows.

    Args:
        column: a column of the head over the dataset's songs, which says whose target each event is.
    """
    from datamodules.columns import column_for

    standing = dataset.standing if winner.framing.form else None
    found = column_for(column.spec, winner.vocabulary, column.grid, dataset.events)
    return replace(found, part=column.part, standing=standing)
