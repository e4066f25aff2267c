"""Optuna's TPE for long searches: a suggestion costs no more after ten thousand trials than after one thousand.

Optuna's sampler looks at every finished trial at each suggestion, and the driver waits: a tenth of a second after a
thousand trials, and a second and a half after ten thousand. Of what it looks at, it models the best 25 as good, and of
the others weighs the newest most (Bergstra et al. 2011, Watanabe 2023; `optuna.samplers.TPESampler`). Here it sees the
best 25 and the newest others, HISTORY in all; up to that many it is Optuna's, with a seed for each trial.
"""

from __future__ import annotations

import heapq
import warnings
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import optuna
from optuna.search_space.group_decomposed import _GroupDecomposedSearchSpace, _SearchSpaceGroup
from optuna.trial import FrozenTrial, TrialState

from experiments.search.study.numbering import draw_number

__all__ = ["HISTORY", "tpe"]

HISTORY = 1000  # finished trials that a suggestion is made from
GOOD = 25  # at most as many are modelled as good (optuna's default gamma)
ENDED = (TrialState.COMPLETE, TrialState.PRUNED)


def tpe(seed: int) -> optuna.samplers.BaseSampler:
    """TPE for a space where some hyperparameters exist only beside others, seeded."""
    with warnings.catch_warnings():  # Optuna calls these arguments experimental, and has for years
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return _RecentTPE(seed, multivariate=True, group=True, constant_liar=True)


class _RecentTPE(optuna.samplers.TPESampler):
    def __init__(self, seed: int, **options: Any) -> None:
        super().__init__(seed=seed, **options)
        self._seed = seed
        self._group_decomposed_search_space = _Groups(include_pruned=True)
        self._asked, self._known = -1, cast(optuna.Study, None)

    def before_trial(self, study: optuna.Study, trial: FrozenTrial) -> None:
        """By one seed for all, a search that goes on would draw its first trials once more: they are at random."""
        first, second = np.random.SeedSequence([self._seed, draw_number(study, trial)]).generate_state(2)
        self._rng.rng.seed(first)
        self._random_sampler = optuna.samplers.RandomSampler(seed=int(second))
        super().before_trial(study, trial)

    def _sample(self, study: Any, trial: FrozenTrial, search_space: dict[str, Any]) -> dict[str, Any]:
        if trial.number != self._asked:  # a suggestion has several parts, which are made from the same trials
            self._asked = trial.number
            seen = thinned(study._get_trials(deepcopy=False, use_cache=False))
            self._known = cast(optuna.Study, _Part(study, seen))
        return super()._sample(self._known, trial, search_space)


def thinned(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """The running trials and HISTORY of the finished ones, in their order: the best and the newest."""
    ended = [trial for trial in trials if trial.state in ENDED]
    if len(ended) <= HISTORY:
        return list(trials)
    told = (trial for trial in ended if trial.state is TrialState.COMPLETE)
    best = {trial.number for trial in heapq.nsmallest(GOOD, told, key=lambda trial: trial.value or 0.0)}
    others = [trial.number for trial in ended if trial.number not in best]
    kept = best | set(others[-(HISTORY - len(best)) :])
    return [trial for trial in trials if trial.state not in ENDED or trial.number in kept]


class _Part:
    """A study, of which some trials are seen."""

    def __init__(self, study: Any, trials: list[FrozenTrial]) -> None:
        self._study, self._trials = study, trials

    def __getattr__(self, name: str) -> Any:
        return getattr(self._study, name)

    def _get_trials(self, deepcopy: bool = True, states: Any = None, use_cache: bool = False) -> list[FrozenTrial]:
        return [trial for trial in self._trials if states is None or trial.state in states]


class _Groups(_GroupDecomposedSearchSpace):
    """Which hyperparameters go together, of all trials; each is looked at once."""

    def __init__(self, include_pruned: bool) -> None:
        super().__init__(include_pruned)
        self._seen: set[int] = set()

    def calculate(self, study: Any, use_cache: bool = False) -> _SearchSpaceGroup:
        trials = study._get_trials(deepcopy=False, states=ENDED, use_cache=use_cache)
        new = [trial for trial in trials if trial.number not in self._seen]
        self._seen.update(trial.number for trial in new)
        return super().calculate(cast(optuna.Study, _Part(study, new)))
