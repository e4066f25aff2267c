"""A new study that begins with an earlier one's trials, so far as it can draw them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import FixedTrial, TrialState
from trials_made import plan_of
from winners_made import make_run

from datamodules.errors import UserError
from experiments.heads import HEADS
from experiments.search import search
from experiments.search.claim import stored
from experiments.search.opening import open_session
from experiments.search.plan import Warm
from experiments.search.study.defaults import default_draw
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
        ({"metric": ["mae"]}, {}, False),
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


def test_chords_are_judged_by_nats_whatever_the_other_heads_of_all_are(tmp_path: Path) -> None:
    (earlier, _), (run, _) = (make_run(tmp_path / name, []) for name in ("before", "now"))
    options = TuneOptions(head="notes", warm_start="before", runs=tmp_path)
    earlier.note_head("notes", stored(replace(options, metric="mae")))
    warm = warm_of(options, "notes", run)
    assert warm is not None
    assert warm.comparable


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


@pytest.mark.parametrize("comparable", [True, False])
def test_no_configuration_is_tried_that_is_known_or_waits(comparable: bool, tmp_path: Path) -> None:
    """An earlier search began with the defaults, and may have drawn a configuration twice."""
    start = default_draw(space(), SPEC.config().to_dict())
    before = open_study(tmp_path / "before" / "study.journal", "notes", 1)
    for draw in (start, start, None, None):
        if draw is not None:
            before.enqueue_trial(draw)
        space()(trial := before.ask())
        before.tell(trial, float(trial.number))
    study, warm = fresh(tmp_path), Warm(tmp_path / "before" / "study.journal", comparable)
    search._begin(study, plan_of(tmp_path / "after", space=space(), warm=lambda: warm, start=start))
    known = [space()(FixedTrial(trial.params)) for trial in study.get_trials(states=(TrialState.COMPLETE,))]
    drawn = [space()(study.ask()) for _ in range(4)]
    assert (len(known), drawn[:3]) == (4, drawn[:3]) if comparable else (0, known_of(before))
    assert not any(one in known or drawn.count(one) > 1 for one in drawn)


def known_of(study: optuna.Study) -> list[dict[str, Any]]:
    """The different configurations of a study, in their order."""
    found: list[dict[str, Any]] = []
    for trial in study.trials:
        if (drawn := space()(FixedTrial(trial.params))) not in found:
            found.append(drawn)
    return found


def test_a_study_that_cannot_begin_is_none(tmp_path: Path) -> None:
    """So that its head can be searched anew, or gone on with when the earlier run is back."""
    study, plan = fresh(tmp_path), plan_of(tmp_path / "after", space=space())
    gone = replace(plan, warm=lambda: Warm(tmp_path / "gone" / "study.journal", True))
    with pytest.raises(UserError, match="warm-start"):
        search._begin(study, gone)
    assert not (tmp_path / "after" / "study.journal").exists()
    search._begin(fresh(tmp_path), plan)


# what is found out before the songs are read


def searched(path: Path, heads: Sequence[str], *, begun: Sequence[str], **fixed: Any) -> None:
    """A run that has noted some heads, and has a finished trial of some of these."""
    run, _ = make_run(path, [])
    for head in heads:
        run.note_head(head, stored(TuneOptions(head=head)))
    for head in begun:
        study, spec = open_study(run.head(head) / "study.journal", head, 1), HEADS[head]
        complete(spec.space, spec.config, fixed)(trial := study.ask())
        study.tell(trial, 1.0)


def test_in_all_a_head_of_which_there_is_nothing_begins_without_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`tune all` was stopped in its first search."""
    runs = tmp_path / "runs"
    searched(runs / "a", list(HEADS), begun=["notes"])
    _, _, plans = open_session(TuneOptions(head="all", warm_start="a", name="b"))
    begun = {"notes": str((runs / "a").resolve())}
    assert {plan.spec.name: plan.options.warm_start for plan in plans} == dict.fromkeys(HEADS) | begun
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == len(HEADS) - 1
    assert all("that head begins without it" in line for line in lines)


def test_a_search_must_be_able_to_draw_something_of_the_earlier_one(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    searched(runs / "a", ["offsets"], begun=["offsets"], hidden=128)
    options = TuneOptions(head="offsets", warm_start="a", name="b")
    with pytest.raises(UserError, match="no finished trial that this search could draw"):
        open_session(options)
    assert not (runs / "b").exists()
    _, _, (plan,) = open_session(replace(options, set=("hidden=128",)))
    assert plan.options.warm_start == str((runs / "a").resolve())


@pytest.mark.parametrize(("head", "words"), [("offsets", "has not searched offsets"), ("notes", "there is no")])
def test_an_earlier_run_that_has_nothing_at_all_is_refused(head: str, words: str, tmp_path: Path) -> None:
    searched(tmp_path / "runs" / "a", ["notes"], begun=[])
    for heads in (head, "all"):
        with pytest.raises(UserError, match=words if heads == head else "--warm-start"):
            open_session(TuneOptions(head=heads, warm_start="a", name="b"))  # type: ignore[arg-type]
    assert not (tmp_path / "runs" / "b").exists()
