"""Search spaces of the performance benchmarks: small networks, everything else as the notes head has it by default.

For `tune --space benchmarks/speed/spaces.py:NAME`.
"""

from __future__ import annotations

import itertools
import random
from typing import Any

from search_spaces.counts import draw_counts
from search_spaces.trial import Trial

__all__ = ["HEAD", "light", "listed", "short", "small"]

HEAD = "notes"  # that is searched
HIDDEN = (64, 256)
_DRAWS = itertools.count()  # anew in each search: the command loads this file by its path


def small(trial: Trial) -> dict[str, Any]:
    """Hidden 64 to 256, the learning rate, and the counted layers."""
    return {
        "hidden": trial.suggest_int("hidden", *HIDDEN, log=True),
        "learning_rate": trial.suggest_float("learning_rate", 5e-4, 1e-2, log=True),
        **draw_counts(trial),
    }


def light(trial: Trial) -> dict[str, Any]:
    """As `small`, with the original's window of 5 and one target each, 64 windows an update."""
    return {**small(trial), "window": 5, "loss": "last", "batch_size": 64}


def short(trial: Trial) -> dict[str, Any]:
    """The original's window of 5 and one target each, 64 windows an update, hidden 64: a trial of a moment."""
    drawn = {"learning_rate": trial.suggest_float("learning_rate", 5e-4, 1e-2, log=True), **draw_counts(trial)}
    return {**drawn, "hidden": HIDDEN[0], "window": 5, "loss": "last", "batch_size": 64}


def listed(trial: Trial) -> dict[str, Any]:
    """Draws as `small`, so that sampler and study work as ever, but gives the next of a list that is always the same.

    So two searches train the same networks, whatever their samplers learn.
    """
    small(trial)
    chance = random.Random(next(_DRAWS))
    low, high = HIDDEN
    return {
        "hidden": round(low * (high / low) ** chance.random()),
        "lstm_layers": chance.choice((1, 2)),
        "dense_layers": chance.choice((1, 2, 3)),
    }
