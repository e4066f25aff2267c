"""Trials at random: what any other searcher is to be held against (Bergstra and Bengio 2012)."""

from __future__ import annotations

from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial

from experiments.search.study.numbering import draw_number

__all__ = ["at_random"]


def at_random(seed: int) -> optuna.samplers.BaseSampler:
    """Each hyperparameter over its range, alike on every number of workers, and after a resume."""
    return _AtRandom(seed)


class _AtRandom(optuna.samplers.BaseSampler):
    """Optuna's own, with a seed for each value: by one seed, what a resume draws first had come before already."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Nothing is drawn together."""
        return {}

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Nothing is drawn together."""
        return {}

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """A value by the seed, the trial's number and the name."""
        words = np.random.SeedSequence([self.seed, draw_number(study, trial), *param_name.encode()])
        own = optuna.samplers.RandomSampler(seed=int(words.generate_state(1)[0]))
        return own.sample_independent(study, trial, param_name, param_distribution)
