"""A study is gone on with only by the space that it was drawn from; what has changed is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest

from datamodules.errors import UserError
from experiments.heads import HEADS
from experiments.search.study.space_change import changes, check_space
from search_spaces import complete

Space = Callable[[Any], dict[str, Any]]


def drawn(space: Space, trials: int = 20) -> optuna.Study:
    """A study of trials as a search draws them."""
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=3))
    for _ in range(trials):
        trial = study.ask()
        trial.set_user_attr("hyperparameters", space(trial))
        study.tell(trial, 1.0)
    return study


def own(trial: Any) -> dict[str, Any]:
    layers = trial.suggest_int("layers", 1, 2)
    return {
        "rate": trial.suggest_float("rate", 1e-4, 1e-2, log=True),
        "kind": trial.suggest_categorical("kind", ("a", "b")),
        "dropout": trial.suggest_float("dropout", 0, 0.5) if layers == 2 else 0.0,
    }


@pytest.mark.parametrize("head", list(HEADS))
def test_every_heads_own_space_has_not_changed(head: str) -> None:
    spec = HEADS[head]
    assert changes(drawn(complete(spec.space, spec.config)), complete(spec.space, spec.config)) == []


def test_fixing_a_hyperparameter_is_a_change() -> None:
    spec = HEADS["offsets"]
    study = drawn(complete(spec.space, spec.config))
    assert changes(study, complete(spec.space, spec.config, {"hidden": 64})) == ["hidden is not drawn any more"]


def test_what_changed_is_told() -> None:
    def other(trial: Any) -> dict[str, Any]:
        trial.suggest_int("layers", 1, 3)
        trial.suggest_float("rate", 1e-4, 1e-2)
        trial.suggest_categorical("kind", ("a", "b", "c"))
        return {"width": trial.suggest_int("width", 1, 8)}

    told = changes(drawn(own), other)
    assert "layers was 1 to 2, is 1 to 3" in told
    assert "rate was 0.0001 to 0.01, log, is 0.0001 to 0.01" in told
    assert "kind was one of a, b, is one of a, b, c" in told
    assert "width is new" in told


def test_a_branch_that_few_trials_took_counts_too() -> None:
    def other(trial: Any) -> dict[str, Any]:
        layers = trial.suggest_int("layers", 1, 2)
        trial.suggest_float("rate", 1e-4, 1e-2, log=True)
        trial.suggest_categorical("kind", ("a", "b"))
        return {"dropout": trial.suggest_float("dropout", 0, 0.9) if layers == 2 else 0.0}

    assert changes(drawn(own), other) == ["dropout was 0 to 0.5, is 0 to 0.9"]


def test_a_draw_that_was_cut_off_tells_nothing() -> None:
    study = optuna.create_study()
    study.ask().suggest_int("layers", 1, 2)  # its driver died there
    study.enqueue_trial({"layers": 1, "other": 7})
    assert changes(study, own) == []


def test_a_space_that_fails_on_what_was_drawn_has_changed() -> None:
    def broken(trial: Any) -> dict[str, Any]:
        raise RuntimeError("no such thing")

    assert changes(drawn(own), broken) == ["RuntimeError: no such thing"]


def test_the_run_to_begin_with_is_one_word(tmp_path: Path) -> None:
    folder = tmp_path / "my runs" / "a" / "notes"
    with pytest.raises(UserError, match=f"--warm-start '{folder.parent}' "):
        check_space(drawn(own), lambda trial: {"width": trial.suggest_int("width", 1, 8)}, folder)
