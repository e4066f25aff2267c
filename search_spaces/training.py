"""What every head's space draws beside the counted layers, each range with its reason."""

from __future__ import annotations

from typing import Any

from lightning_modules.config import tail_of
from search_spaces.fixing import fixed_values
from search_spaces.leaning import lean
from search_spaces.trial import Trial

__all__ = ["draw_inputs", "draw_training", "with_batch_size"]

SHORT = 5  # the original's window: up to here one target a window, above it half of them


def draw_inputs(trial: Trial) -> dict[str, Any]:
    """inputs, window, loss and transpose."""
    fixed = fixed_values(trial)
    # 0.65 nats of notes and a fifth of the durations' error on chorales; on two songs the own column may do
    inputs = lean(trial, "inputs", {"context": 0.8, "own": 0.2})
    # from the original's 5; 32 is 0.2 nats better on chorales, 64 no better yet in the same time
    window = trial.suggest_int("window", 5, 64, log=True)
    return {
        "inputs": inputs,
        "window": window,
        # with a window of 32, half of it costs a fifth of one target a window for the same loss
        "loss": fixed.get("loss", "last" if window <= SHORT else "half"),
        # 0.3 nats of notes on chorales, and the better cure for rare chords; songs that repeat themselves need none
        "transpose": lean(trial, "transpose", {"window": 0.5, "none": 0.3, "song": 0.2}),
    }


def draw_training(trial: Trial) -> dict[str, Any]:
    """batch_targets, of which `with_batch_size` makes batch_size, learning_rate and weighting."""
    return {
        # targets an update, of about as many windows as make them: so that short and long windows learn alike
        "batch_targets": trial.suggest_int("batch_targets", 128, 512, log=True),
        # 3e-3 with a falling rate is good nearly everywhere, for a transformer too
        "learning_rate": trial.suggest_float("learning_rate", 5e-4, 1e-2, log=True),
        # weights cost nats, `valid`'s currency (sqrt 0.5 on chorales, balanced 1.6), and raised no macro accuracy;
        # kept, as the original's answer to a network that prefers some notes
        "weighting": lean(trial, "weighting", {"none": 0.8, "sqrt": 0.1, "balanced": 0.1}),
    }


def with_batch_size(drawn: dict[str, Any]) -> dict[str, Any]:
    """All that was drawn, batch_size in place of batch_targets: last, since a backbone may have changed the loss."""
    targets, tail = drawn["batch_targets"], tail_of(drawn["window"], drawn["loss"])
    own = {name: value for name, value in drawn.items() if name != "batch_targets"}
    return own | {"batch_size": max(round(targets / tail), 2)}
