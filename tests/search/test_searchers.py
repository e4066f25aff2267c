"""One contract for every searcher: a new one is tested by being registered."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import optuna
import pytest

from datamodules.errors import UserError
from experiments.heads import HEADS
from experiments.search.study.optuna_study import open_study
from experiments.search.study.resume import enqueue_interrupted
from experiments.searchers import DEFAULT, SEARCHERS, SearcherSpec
from experiments.tune import TuneOptions, _merged
from search_spaces import complete

SPEC = HEADS["notes"]
SPACE = complete(SPEC.space, SPEC.config)
EVERY = pytest.mark.parametrize("name", SEARCHERS)


def search(study: optuna.Study, trials: int) -> list[dict[str, Any]]:
    found = []
    for _ in range(trials):
        trial = study.ask()
        found.append(SPACE(trial))
        study.tell(trial, found[-1]["hidden"] / 100 + found[-1]["learning_rate"])
    return found


@EVERY
def test_the_same_seed_draws_the_same_trials(name: str, tmp_path: Path) -> None:
    first, again, other = (
        search(open_study(tmp_path / f"{number}.journal", "notes", seed, name), 30)
        for number, seed in enumerate((5, 5, 6))
    )
    assert first == again != other
    assert len({repr(drawn) for drawn in first}) == 30
    assert all(SPEC.config.from_dict(drawn).to_dict() == drawn for drawn in first), "a conditional space"


@EVERY
@pytest.mark.parametrize("parts", [(1, 3, 8), (5, 20), (14, 2)])
def test_what_is_drawn_after_a_resume_is_what_would_have_been(
    name: str, parts: tuple[int, ...], tmp_path: Path
) -> None:
    whole = search(open_study(tmp_path / "whole.journal", "notes", 1, name), sum(parts))
    drawn = [one for part in parts for one in search(open_study(tmp_path / "parts.journal", "notes", 1, name), part)]
    assert drawn == whole


@EVERY
@pytest.mark.parametrize("stopped", [(4,), (2, 9), (11, 12)])
def test_what_is_drawn_after_a_stop_in_a_trial_is_what_would_have_been(
    name: str, stopped: tuple[int, ...], tmp_path: Path
) -> None:
    whole = search(open_study(tmp_path / "whole.journal", "notes", 1, name), 16)
    drawn: list[dict[str, Any]] = []
    for row in (*stopped, 16):
        study = open_study(tmp_path / "parts.journal", "notes", 1, name)
        enqueue_interrupted(study)
        drawn += search(study, row - len(drawn))
        if row < 16:
            trial = study.ask()  # its driver dies
            trial.set_user_attr("row", row)
            assert SPACE(trial) == whole[row]
    assert drawn == whole


def test_a_searcher_that_draws_by_its_seed_alone_gets_another_after_a_resume(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SEARCHERS._own, "made", SearcherSpec("made", "optuna.samplers:RandomSampler"))
    whole = search(open_study(tmp_path / "whole.journal", "notes", 1, "made"), 12)
    drawn = [one for _ in range(3) for one in search(open_study(tmp_path / "parts.journal", "notes", 1, "made"), 4)]
    assert drawn[:4] == whole[:4]
    assert len({repr(one) for one in drawn}) == 12


def test_tpe_learns_and_random_does_not(tmp_path: Path) -> None:
    def late(name: str) -> float:
        drawn = search(open_study(tmp_path / f"{name}.journal", "notes", 2, name), 80)[50:]
        return sum(one["hidden"] for one in drawn) / len(drawn)

    assert late("tpe") < 0.7 * late("random")  # the least is asked for


def test_a_search_keeps_its_searcher() -> None:
    told = dataclasses.asdict(TuneOptions(head="notes"))
    before = {name: list(value) if isinstance(value, tuple) else value for name, value in told.items()}
    assert _merged("notes", {**before, "searcher": "random"}, ["--resume", "x"]).searcher == "random"
    old = {name: value for name, value in before.items() if name != "searcher"}
    assert _merged("notes", old, ["--resume", "x", "--trials", "30"]).searcher == DEFAULT, (
        "of a run before there were two"
    )
    with pytest.raises(UserError, match="--searcher cannot change on --resume"):
        _merged("notes", before, ["--resume", "x", "--searcher", "random"])
    packages = {"searchers": {"made": "toy 0.1"}}
    with pytest.raises(
        UserError, match=r"unknown searcher 'made': it is of the package toy 0\.1, which is not installed"
    ):
        _merged("notes", {**before, "searcher": "made", "packages": packages}, ["--resume", "x"])
    with pytest.raises(UserError, match="unknown searcher 'made': it may be of a package"):
        _merged("notes", {**before, "searcher": "made"}, ["--resume", "x"])
