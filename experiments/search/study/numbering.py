"""Which draw of a search a trial is: a search that was stopped in a trial goes on as if it had not been."""

from __future__ import annotations

import optuna
from optuna.trial import FrozenTrial, TrialState

__all__ = ["RESUMED", "draw_number"]

RESUMED = "resumed_as"  # the attribute of a trial whose driver died, and which another took up under a new number


def draw_number(study: optuna.Study, trial: FrozenTrial) -> int:
    """The number that a trial would have, had none before it been taken up again."""
    closed = study.get_trials(deepcopy=False, states=(TrialState.FAIL,))
    return trial.number - sum(RESUMED in other.user_attrs for other in closed if other.number < trial.number)
