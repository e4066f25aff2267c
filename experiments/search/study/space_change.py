"""Whether a study was drawn from the space that is to go on with it: a changed one would be compared with what it no
longer draws.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState

from datamodules.errors import UserError
from search_spaces import Space

__all__ = ["changes", "check_space"]

MOST = 200  # trials that are looked at, the last ones: enough to meet every branch of a conditional space
DRAWN = "hyperparameters"  # the attribute of a trial whose draw went to its end


class _UnknownError(Exception):
    """The space draws what the trial has not."""


class _Replay(optuna.trial.FixedTrial):
    """Gives what a trial drew, and keeps what it is drawn from now."""

    def __init__(self, params: Mapping[str, Any]) -> None:
        super().__init__(dict(params))
        self.seen: dict[str, BaseDistribution] = {}

    def _suggest(self, name: str, distribution: BaseDistribution) -> Any:
        self.seen[name] = distribution
        if name not in self._params:
            raise _UnknownError(name)
        return self._params[name]


def check_space(study: optuna.Study, space: Space, folder: Path) -> None:
    """Let a study be gone on with by its own space alone.

    Args:
        folder: of the head, in its run's folder.

    Raises:
        UserError: the space has changed.
    """
    if changed := changes(study, space):
        raise UserError(
            f"{folder}: the search space has changed since this study was begun ({'; '.join(changed[:3])}); start a new"
            f" run, with --warm-start {shlex.quote(str(folder.parent))} to begin with what this one has found"
        )


def changes(study: optuna.Study, space: Space) -> list[str]:
    """What the space draws otherwise than the study's trials were drawn, in words; empty if nothing."""
    drawn = [trial for trial in study.get_trials(deepcopy=False) if _whole(trial)]
    found: dict[str, None] = {}
    for trial in drawn[-MOST:]:
        found.update(dict.fromkeys(_changes(trial, space)))
    return list(found)


def _whole(trial: FrozenTrial) -> bool:
    return DRAWN in trial.user_attrs and trial.state is not TrialState.WAITING


def _changes(trial: FrozenTrial, space: Space) -> list[str]:
    replay = _Replay(trial.params)
    try:
        space(replay)
    except Exception as error:  # a value that a space of the user's own takes no more, or whatever it raises
        unknown = isinstance(error, _UnknownError)
        gone = [] if unknown else [f"{type(error).__name__}: {error}"]
    else:
        gone = [f"{name} is not drawn any more" for name in trial.params if name not in replay.seen]
    before = trial.distributions
    new = [f"{name} is new" for name in replay.seen if name not in before]
    other = [
        f"{name} was {_told(before[name])}, is {_told(now)}"
        for name, now in replay.seen.items()
        if name in before and before[name] != now
    ]
    return [*other, *new, *(gone if not other else [])]


def _told(distribution: BaseDistribution) -> str:
    if isinstance(distribution, CategoricalDistribution):
        return "one of " + ", ".join(map(str, distribution.choices))
    if isinstance(distribution, FloatDistribution | IntDistribution):
        scale = (
            ", log" if distribution.log else f", by {distribution.step}" if distribution.step not in (None, 1) else ""
        )
        return f"{distribution.low:g} to {distribution.high:g}{scale}"
    return str(distribution)
