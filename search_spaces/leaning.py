"""Choices of unequal odds. Optuna draws categories alike, so most of a short search would go where little is found.

A share from 0 to 1 is drawn and mapped to the choice, so the odds are ours and the sampler still learns from it.
"""

from __future__ import annotations

from search_spaces.fixing import fixed_values
from search_spaces.trial import Trial

__all__ = ["lean"]


def lean(trial: Trial, name: str, odds: dict[str, float]) -> str:
    """One of the choices of `name`, drawn by their odds, which sum to 1; the usual one comes first."""
    if name in fixed_values(trial):
        return str(trial.suggest_categorical(name, tuple(odds)))  # answered, not drawn
    share, reached = trial.suggest_float(f"{name}_share", 0.0, 1.0), 0.0
    for choice, odd in odds.items():
        reached += odd
        if share <= reached:
            return choice
    return next(reversed(odds))
