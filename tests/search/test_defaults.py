"""The first trial of a search has the defaults, whatever roundabout names its space draws."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import optuna
import pytest

from experiments.heads import HEADS
from experiments.search.study.defaults import default_draw
from experiments.search.study.hyperparameters import fixed, search_space
from experiments.search.study.optuna_study import StudySearch, open_study
from search_spaces import PRESETS, Space, Trial, complete


def drawn(space: Space, parameters: dict[str, Any]) -> dict[str, Any]:
    """What the space gives of a trial that was enqueued with these parameters."""
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    study.enqueue_trial(parameters)
    trial = study.ask()  # a value out of its range would be a warning, which is an error here
    found = space(trial)
    assert set(trial.params) == set(parameters)  # nothing was left to chance
    return found


@pytest.mark.parametrize("name", HEADS)
def test_every_space_can_give_the_defaults(name: str) -> None:
    spec = HEADS[name]
    defaults = spec.config().to_dict()
    space = search_space(spec, None, (), None)
    assert drawn(space, default_draw(space, defaults)) == defaults


@pytest.mark.parametrize("name", HEADS)
@pytest.mark.parametrize("preset", [None, *PRESETS])
@pytest.mark.parametrize(
    "settings",
    [("hidden=20", "learning_rate=0.1"), ("batchnorm_layers=3",), ("lstm_layers=2", "dropout_layers=0"), ("window=5",)],
    ids=" ".join,
)
def test_what_is_fixed_holds_and_the_rest_is_near_the_defaults(
    name: str, preset: str | None, settings: tuple[str, ...]
) -> None:
    spec = HEADS[name]
    held, defaults = fixed(spec, preset, settings), spec.config().to_dict()
    space = search_space(spec, preset, settings, None)
    found = drawn(space, default_draw(space, defaults))
    assert found.items() >= held.items()
    shapes = {"lstm_layers", "dense_layers", "batchnorm_layers", "dropout_layers"}  # slots that a count asks for
    follows = {"batch_size", "loss"}  # of the window
    others = {name for name in defaults if name not in {*held, *shapes, *follows, *spec.config.implied(held)}}
    assert {name: found[name] for name in others} == {name: defaults[name] for name in others}


def test_what_a_space_cannot_give_is_the_nearest() -> None:
    def space(trial: Trial) -> dict[str, Any]:
        doubled = trial.suggest_int("half", 1, 300) * 2
        return {
            "hidden": trial.suggest_int("hidden", 200, 300, step=10),
            "window": min(doubled, 50),
            "learning_rate": trial.suggest_float("learning_rate", 0.01, 0.1, log=True),
            "batch_size": trial.suggest_categorical("batch_size", (8, 12, 64)),
            "weighting": trial.suggest_categorical("weighting", ("sqrt", "balanced")),
        }

    whole = complete(space, HEADS["notes"].config)
    defaults = HEADS["notes"].config().to_dict() | {"hidden": 128, "window": 32, "batch_size": 16}
    found = default_draw(whole, defaults)
    assert (found["hidden"], found["learning_rate"], found["batch_size"]) == (200, 0.01, 12)
    assert found["weighting"] == "sqrt"
    assert drawn(whole, found)["window"] == pytest.approx(32, abs=8)
    # nothing to draw at all
    assert default_draw(complete(lambda trial: {}, HEADS["notes"].config), defaults) == {}


def test_the_first_trial_of_a_study_takes_it_and_the_second_does_not(tmp_path: Path) -> None:
    spec = HEADS["notes"]
    space = search_space(spec, None, ("hidden=16",), None)
    start = default_draw(space, spec.config().to_dict())
    study = open_study(tmp_path / "study.journal", "notes", 1)
    study.enqueue_trial(start)
    searcher = StudySearch(study, space, max_epochs=3, first_row=0)
    first, second = searcher.suggest("a"), searcher.suggest("b")
    assert (first["row"], second["row"]) == (0, 1)
    assert first["hyperparameters"] == spec.config().to_dict() | {"hidden": 16}
    assert second["hyperparameters"] != first["hyperparameters"]
    assert second["hyperparameters"]["hidden"] == 16
