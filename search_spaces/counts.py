"""The counted layers, conditional on each other.

Optuna wants one distribution under one name, while the most that batch normalisation and dropout can count depends on
the slots drawn before. So a share of the slots is drawn (`batchnorm_share`, `dropout_share`) and mapped to the count:
no draw exceeds the slots, each count is equally likely, and what TPE learns in one depth it knows in another.
"""

from __future__ import annotations

from typing import Any

from search_spaces.fixing import fixed_values
from search_spaces.trial import Trial

__all__ = ["draw_counts"]

MOST_LSTM = 2  # each costs as much as the whole network before it; the best draws on two songs have one or two
MOST_DENSE = 3  # cheap: one matrix product a window, where an LSTM has eight a position
DROPOUT = (0.05, 0.6)  # chorales want 0.3 to 0.6; songs that repeat themselves little or none, or no dropout layer


def draw_counts(trial: Trial) -> dict[str, Any]:
    """lstm_layers, dense_layers, batchnorm_layers, dropout_layers and, with dropout layers, dropout."""
    fixed = fixed_values(trial)
    # slots that were asked for
    needed = max(int(fixed.get(name, 0)) for name in ("batchnorm_layers", "dropout_layers"))
    least = max(1, needed - int(fixed.get("dense_layers", MOST_DENSE)))
    most = max(MOST_LSTM, least)
    lstm = trial.suggest_int("lstm_layers", least, most)
    # the range may depend on what is fixed, not on what is drawn: lifted where the drawn LSTMs leave too few slots
    dense = max(trial.suggest_int("dense_layers", max(0, needed - most), MOST_DENSE), needed - lstm)
    counts: dict[str, Any] = {"lstm_layers": lstm, "dense_layers": dense}
    for kind in ("batchnorm", "dropout"):
        counts[f"{kind}_layers"] = _count(trial, kind, lstm + dense)
    if counts["dropout_layers"]:
        counts["dropout"] = trial.suggest_float("dropout", *DROPOUT)
    return counts


def _count(trial: Trial, kind: str, slots: int) -> int:
    name = f"{kind}_layers"
    if name in fixed_values(trial):
        return trial.suggest_int(name, 0, slots)  # answered, not drawn
    share = trial.suggest_float(f"{kind}_share", 0.0, 1.0)
    return min(int(share * (slots + 1)), slots)
