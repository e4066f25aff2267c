"""A new study that begins with an earlier one's trials, so far as it can draw them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState
from winners_made import make_run

from datamodules.errors import UserError
from experiments.heads import HEADS
from experiments.search.study.optuna_study import next_row, open_study
from experiments.search.study.resume import bring_up_to_date, enqueue_interrupted
from experiments.search.study.warm_start import BEST, warm_of, warm_start
from experiments.tables import EpochTable, TrialTable
from experiments.tune import TuneOptions
from search_spaces import complete

SPEC = HEADS["notes"]
TRIALS = 12


def space(**fixed: Any) -> Any:
    return complete(SPEC.space, SPEC.config, fixed)


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """A study of trials whose values fall, with one that failed and one that was left running."""
    path = tmp_path / "before" / "study.journal"
    study = open_study(path, "notes", 1)
    for number in range(TRIALS):
        trial = study.ask()
        trial.set_user_attr("row", number)
        space()(trial)
        study.tell(trial, float(TRIALS - number))
    study.tell(study.ask(), state=TrialState.FAIL)
    space()(study.ask())
    return path


def fresh(tmp_path: Path) -> optuna.Study:
    return open_study(tmp_path / "after" / "study.journal", "notes", 2)


def test_comparable_trials_are_known_and_no_rows(tmp_path: Path, journal: Path) -> None:
    study = fresh(tmp_path)
    assert str(TRIALS) in warm_start(study, space(), journal, comparable=True)
    assert [trial.value for trial in study.trials] == [float(TRIALS - number) for number in range(TRIALS)]
    before = open_study(journal, "notes", 1).trials
    assert [trial.params for trial in study.trials] == [trial.params for trial in before[:TRIALS]]
    assert next_row(study) == 0
    table = TrialTable(tmp_path / "trials.csv")
    bring_up_to_date(table, EpochTable(tmp_path / "epochs.csv"), study, 40)
    enqueue_interrupted(study)
    assert table.rows == {}
    assert len(study.trials) == TRIALS
    space()(study.ask())  # the sampler learns from them: they are of its space


def test_the_best_of_other_songs_are_tried_first(tmp_path: Path, journal: Path) -> None:
    study = fresh(tmp_path)
    warm_start(study, space(), journal, comparable=False)
    before = open_study(journal, "notes", 1).trials[:TRIALS]
    drawn = [space()(study.ask()) for _ in range(BEST)]
    assert drawn == [space()(optuna.trial.FixedTrial(trial.params)) for trial in reversed(before[-BEST:])]
    assert all(trial.value is None for trial in study.trials)


def test_what_the_new_space_cannot_draw_is_left_out(tmp_path: Path, journal: Path) -> None:
    def narrow(trial: Any) -> dict[str, Any]:
        return {"hidden": trial.suggest_int("hidden", 48, 120, log=True)}

    small = [t for t in open_study(journal, "notes", 1).trials[:TRIALS] if t.params["hidden"] <= 120]
    assert 0 < len(small) < TRIALS
    study = fresh(tmp_path)
    assert "left out" in warm_start(study, narrow, journal, comparable=True)
    assert [trial.params for trial in study.trials] == [{"hidden": trial.params["hidden"]} for trial in small]


NOTES = {"set": ["grain=note"]}


@pytest.mark.parametrize(
    ("before", "now", "comparable"),
    [
        ({}, {}, True),
        (NOTES, NOTES, True),
        ({}, NOTES, False),
        (NOTES, {}, False),
        ({"set": ["hidden=64"]}, {"set": ["window=8"]}, True),
        ({"init": "a winner"}, {"init": "a winner"} | NOTES, True),  # which has told both their grain
        ({"metric": "mae"}, {}, False),
        ({"set": [3]}, {}, False),
        ({"set": ["no_such=3"]}, {}, False),
        ({"preset": ["original"]}, {}, False),
    ],
)
def test_figures_count_if_they_are_of_the_same_kind(
    before: dict[str, Any], now: dict[str, Any], comparable: bool, tmp_path: Path
) -> None:
    """Over the same songs: nats of single notes are not those of events."""
    (earlier, _), (run, _) = (make_run(tmp_path / name, []) for name in ("before", "now"))
    options = TuneOptions(head="durations", warm_start="before", runs=tmp_path)
    judged = {name: getattr(options, name) for name in ("metric", "folds", "max_epochs", "init", "preset", "set")}
    earlier.note_head("durations", judged | before)
    warm = warm_of(replace(options, **now), "durations", run)
    assert warm is not None
    assert warm.comparable == comparable


@pytest.mark.parametrize("content", [b"", b"\x80\x04garbage\n", b'{"op_code": 0}\n', b"[1, 2]\n"])
def test_a_strangers_study_is_refused_in_a_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "study.journal"
    path.write_bytes(content)
    with pytest.raises(UserError, match="warm-start"):
        warm_start(fresh(tmp_path), space(), path, comparable=True)


def test_nothing_that_fits_is_told(tmp_path: Path, journal: Path) -> None:
    def other(trial: Any) -> dict[str, Any]:
        return {"x": trial.suggest_float("of_its_own", 0, 1)}

    with pytest.raises(UserError, match="no finished trial that this search could draw"):
        warm_start(fresh(tmp_path), other, journal, comparable=True)
