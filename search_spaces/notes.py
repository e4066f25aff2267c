"""The search space of the notes head."""

from __future__ import annotations

from typing import Any

from search_spaces.counts import draw_counts
from search_spaces.training import draw_training
from search_spaces.trial import Trial

__all__ = ["space"]


def space(trial: Trial) -> dict[str, Any]:
    """Hyperparameters of a `NotesConfig`; what is not drawn keeps its default."""
    return {**draw_training(trial), **draw_counts(trial)}
