"""What stops trials early: ASHA, which a search that was stopped goes on with as if it had not been.

At each rung Ray's own compares a trial with all that have come there before, and it knows them by ids that every driver
gives anew. So a resumed search would begin with empty rungs, and the trials that go on, which report first at a later
epoch, would enter them late and with a later best: newcomers, compared with longer training, were stopped too often.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ray.tune.schedulers import ASHAScheduler

from experiments.search.plan import REDUCTION, SearchPlan
from experiments.search.study.optuna_study import METRIC

__all__ = ["Rungs", "rungs_of"]


@dataclass(frozen=True)
class _Row:
    """A trial as the rungs know it: by its row, which outlives its driver. ASHA asks a trial for nothing but its id."""

    trial_id: str


class Rungs(ASHAScheduler):  # type: ignore[misc]  # Ray ships no types
    """ASHA that knows trials by their rows, and looks at each epoch that a message tells of, not at the last alone.

    A rung takes a trial's first figure and judges it by that, once: what a trial that goes on repeats changes nothing.
    """

    def fill(self, row: int, reports: Iterable[Mapping[str, float]]) -> None:
        """Put what a trial has told earlier drivers into the rungs; they judge it no more where it has been.

        Args:
            reports: its epochs in order, as epochs.csv has them; one whose figure is no number is left out.
        """
        known = _Row(str(row))
        super().on_trial_add(None, known)
        for report in reports:
            if math.isfinite(report.get(METRIC, math.nan)):
                super().on_trial_result(None, known, report)
        super().on_trial_remove(None, known)  # what it reached stays

    def on_trial_add(self, tune_controller: Any, trial: Any) -> None:
        """A trial is to be trained: a new one, or one that goes on."""
        super().on_trial_add(tune_controller, _by_row(trial))

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        """Whether a trial trains on after a message. One that goes on can tell of several rungs at once."""
        for report in result.get("reports", ()):
            if super().on_trial_result(tune_controller, _by_row(trial), report) == self.STOP:
                return str(self.STOP)
        return str(self.CONTINUE)

    def on_trial_complete(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> None:
        """A trial has ended; what it reached stays."""
        super().on_trial_complete(tune_controller, _by_row(trial), result)

    def on_trial_remove(self, tune_controller: Any, trial: Any) -> None:
        """A trial was taken back before it began."""
        super().on_trial_remove(tune_controller, _by_row(trial))


def _by_row(trial: Any) -> _Row:
    return _Row(str(trial.config["row"]))


def rungs_of(plan: SearchPlan) -> Rungs:
    """The scheduler of a search, its rungs empty."""
    return Rungs(
        time_attr="epoch",
        metric=METRIC,
        mode="min",
        max_t=plan.max_epochs,
        grace_period=min(plan.grace, plan.max_epochs),
        reduction_factor=REDUCTION,
    )
