"""What the heads of numbers draw: durations, offsets, velocity."""

from __future__ import annotations

from typing import Any

from search_spaces.backbone import draw_backbone
from search_spaces.counts import draw_counts
from search_spaces.leaning import lean
from search_spaces.training import draw_inputs, draw_training, with_batch_size
from search_spaces.trial import Trial

__all__ = ["space"]


def space(trial: Trial) -> dict[str, Any]:
    """Hyperparameters of a `TimingConfig`; what is not drawn keeps its default."""
    # a distribution on the grid is sharper than a Laplace everywhere that was measured, its median's error too
    drawn = {"objective": lean(trial, "objective", {"grid": 0.8, "mae": 0.2}), **draw_inputs(trial)}
    return with_batch_size(drawn | draw_training(trial) | draw_backbone(trial) | draw_counts(trial))
