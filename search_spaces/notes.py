"""The search space of the notes head."""

from __future__ import annotations

from typing import Any

from search_spaces.backbone import draw_backbone
from search_spaces.counts import draw_counts
from search_spaces.leaning import lean
from search_spaces.training import draw_inputs, draw_training, with_batch_size
from search_spaces.trial import Trial

__all__ = ["space"]


def space(trial: Trial) -> dict[str, Any]:
    """Hyperparameters of a `NotesConfig`; what is not drawn keeps its default."""
    # pitch by pitch is 1.4 nats better on chorales; a song that is all repetition may do with its own few chords
    output = lean(trial, "output", {"factored": 0.8, "token": 0.2})
    drawn = {"output": output, **draw_inputs(trial)}
    if output == "token":
        drawn["tied"] = trial.suggest_categorical("tied", ("no", "yes"))
    return with_batch_size(drawn | draw_training(trial) | draw_backbone(trial) | draw_counts(trial))
