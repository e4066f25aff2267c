"""The search space of the offsets head."""

from __future__ import annotations

from typing import Any

from search_spaces.counts import draw_counts
from search_spaces.training import draw_training
from search_spaces.trial import Trial

__all__ = ["space"]


def space(trial: Trial) -> dict[str, Any]:
    """Hyperparameters of a `TimingConfig`; what is not drawn keeps its default."""
    objective = trial.suggest_categorical("objective", ("grid", "mae"))
    return {"objective": objective, **draw_training(trial), **draw_counts(trial)}
