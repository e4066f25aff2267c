"""TPE for long searches: Optuna's own up to a thousand trials, and from there on no dearer."""

from __future__ import annotations

from typing import Any

import optuna
import pytest
from optuna.trial import TrialState, create_trial

from experiments.heads import HEADS
from experiments.search.study import sampler as module
from experiments.search.study.sampler import GOOD, HISTORY, thinned, tpe
from search_spaces import complete

SPEC = HEADS["notes"]
SPACE = complete(SPEC.space, SPEC.config)
pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")


def searched(by: optuna.samplers.BaseSampler, trials: int) -> list[dict[str, Any]]:
    """What is asked, two trials at a time."""
    study = optuna.create_study(sampler=by)
    found, running = [], []
    for _ in range(trials):
        trial = study.ask()
        found.append(SPACE(trial))
        running.append((trial, found[-1]["hidden"] / 100 + found[-1]["learning_rate"]))
        if len(running) == 2:
            study.tell(*running.pop(0))
    return found


def test_up_to_a_thousand_trials_it_is_optunas(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = searched(tpe(3), 60)
    for name in ("_sample", "__init__"):  # what is left of ours are the seeds
        monkeypatch.delattr(module._RecentTPE, name)
    own = module._RecentTPE(seed=3, multivariate=True, group=True, constant_liar=True)
    own._seed = 3
    assert searched(own, 60) == ours


def test_beyond_it_asks_of_the_best_and_the_newest(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    original = optuna.samplers.TPESampler._sample

    def count(self: Any, study: Any, trial: Any, space: Any) -> Any:
        seen.append(len(study._get_trials(states=(TrialState.COMPLETE,))))
        return original(self, study, trial, space)

    monkeypatch.setattr(optuna.samplers.TPESampler, "_sample", count)
    monkeypatch.setattr(module, "HISTORY", 30)
    whole = searched(tpe(3), 60)
    assert max(seen) == 30
    monkeypatch.setattr(module, "HISTORY", 1000)
    assert searched(tpe(3), 60)[:30] == whole[:30]
    assert max(seen) == 58


def test_the_best_the_newest_and_the_running_are_kept_in_order() -> None:
    trials = []
    for number in range(HISTORY + 500):
        running = number % 500 == 7
        value = None if running else float((number * 7919) % 3001)
        trial = create_trial(state=TrialState.RUNNING if running else TrialState.COMPLETE, value=value)
        trial.number = number
        trials.append(trial)
    trials[20] = create_trial(state=TrialState.FAIL)
    trials[20].number = 20
    kept = thinned(trials)
    numbers = [trial.number for trial in kept]
    assert numbers == sorted(numbers)
    assert {7, 20, 507, 1007} <= set(numbers)
    ended = [trial for trial in trials if trial.state is TrialState.COMPLETE]
    best = {trial.number for trial in sorted(ended, key=lambda trial: trial.value)[:GOOD]}
    assert best <= set(numbers)
    assert len([trial for trial in kept if trial.state is TrialState.COMPLETE]) == HISTORY
    newest = [trial.number for trial in ended if trial.number not in best][-(HISTORY - GOOD) :]
    assert set(newest) <= set(numbers)
    assert thinned(trials[: HISTORY - 10]) == trials[: HISTORY - 10]
