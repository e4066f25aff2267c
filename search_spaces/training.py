"""What every head's space draws beside the counted layers, each range with its reason."""

from __future__ import annotations

from typing import Any

from search_spaces.trial import Trial

__all__ = ["draw_training"]


def draw_training(trial: Trial) -> dict[str, Any]:
    """hidden, window, learning_rate, batch_size and weighting."""
    return {
        # a step costs twice as much at 192 as at 128 and four times as much at 256, which gained nothing on chorales
        # within three minutes; under 32 the loss falls slower than the time
        "hidden": trial.suggest_int("hidden", 32, 192, log=True),
        # from the original's 5; 32 is 0.2 nats better on chorales, 128 only 0.04 more at four times the cost
        "window": trial.suggest_int("window", 5, 32, log=True),
        # 6e-3 with batch normalisation learned two songs in 6 epochs; at 5e-4 a draw was still falling after 30
        "learning_rate": trial.suggest_float("learning_rate", 5e-4, 1e-2, log=True),
        # an epoch is at least 50 updates, so on two songs 256 windows an update cost twice 128's time and learned less
        "batch_size": trial.suggest_categorical("batch_size", (32, 64, 128)),
        # weights cost nats, `valid`'s currency (sqrt some, balanced most); kept, as rare notes are what they are for
        "weighting": trial.suggest_categorical("weighting", ("none", "sqrt", "balanced")),
    }
