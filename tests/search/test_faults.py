"""Processes killed and disks filled while a search runs: nothing is lost. `python -m benchmarks.faults` does more."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.faults import disks, drivers, endings, failing, trainers
from benchmarks.faults.searches import NAME, SMALL, Search, until
from benchmarks.faults.slow import PROGRAM

pytestmark = pytest.mark.slow


@pytest.mark.long
def test_a_killed_driver_costs_nothing(tmp_path: Path) -> None:
    found = drivers.killed(tmp_path, kills=2, trials=4, epochs=6, compared=False)
    assert found["kills"] == 2
    assert (found["problems"], found["epochs_lost"]) == ([], 0)


@pytest.mark.long
def test_killed_trainers_cost_nothing(tmp_path: Path) -> None:
    found = trainers.killed(tmp_path, trials=2, epochs=24, every=7.5, probability=1.0, most=4)
    assert found["kills"] >= 2
    assert found["failures_told"] >= 1
    assert (found["problems"], found["epochs_lost"]) == ([], 0)


@pytest.mark.long
def test_a_trial_that_raises_goes_on(tmp_path: Path) -> None:
    found = failing.failed(tmp_path, "raised")
    assert (found["ended"], found["provoked"], found["problems"], found["epochs_lost"]) == (0, True, [], 0), found
    assert (found["status"], found["failures"], found["others"]) == ("done", 1, ["done"])


@pytest.mark.long
def test_a_trial_whose_loss_is_no_number_fails_alone(tmp_path: Path) -> None:
    found = failing.failed(tmp_path, "nan", failures=1)
    assert (found["ended"], found["provoked"], found["problems"], found["epochs_lost"]) == (0, True, [], 0), found
    assert (found["status"], found["failures"], found["others"]) == ("failed", 1, ["done"])
    assert "nan" in found["reason"]
    assert "1 of 4 trials failed" in found["said"]


@pytest.mark.long
def test_a_trial_that_takes_all_memory_goes_on_later(tmp_path: Path) -> None:
    found = failing.failed(tmp_path, "memory")
    assert (found["ended"], found["provoked"], found["problems"], found["epochs_lost"]) == (0, True, [], 0), found
    assert (found["status"], found["failures"], found["others"]) == ("done", 1, ["done"])


@pytest.mark.long
@pytest.mark.parametrize("how", ["ctrl-c", "sigterm"])
def test_a_search_that_is_asked_to_end_does_with_what_it_found(tmp_path: Path, how: str) -> None:
    found = endings.ended(tmp_path, how, after=2.0)
    assert found["status"] == 1
    assert "--resume" in found["said"]
    assert found["lines_of_error"] == 1
    assert found["winner"]
    assert found["song"]


@pytest.mark.long
@pytest.mark.parametrize(("how", "where"), [("full", "run"), ("read-only", "run"), ("gone", "storage")])
def test_a_disk_that_fails_ends_a_search_in_one_line_and_loses_nothing(tmp_path: Path, how: str, where: str) -> None:
    if reason := disks.can_mount():
        pytest.skip(reason)
    found = disks.failed(tmp_path, how, where)
    assert found["status"] == 1, found
    assert (found["lines_of_error"], found["notes"]) == (1, int(where == "run")), found
    assert "cannot write" in found["said"]
    assert "--resume" in found["said"]
    assert (found["traceback"], found["unreadable"], found["problems_after_resume"]) == (False, [], [])


@pytest.mark.long
def test_one_search_a_head_and_two_heads_side_by_side(tmp_path: Path) -> None:
    options = ("--trials", "2", "--max-epochs", "16", "--patience", "16", "--max-concurrent", "1", *SMALL)
    first = Search(tmp_path, options, PROGRAM, wandb="off")
    other = Search(tmp_path, options, PROGRAM, wandb="off", searched="durations")
    searching = first.start()
    assert until(lambda: (first.head / "study.journal").exists() or searching.poll() is not None, 60)
    again = first.start(resume=True)  # begins to look while the other has all its trials before it
    _, error = again.communicate(timeout=200)
    beside = other.start()
    assert again.returncode == 2
    assert "another search of this head is running" in error
    assert len(error.strip().splitlines()) == 1
    for process in (searching, beside):
        _, error = process.communicate(timeout=200)
        assert process.returncode == 0, error
    assert first.problems(2) == other.problems(2) == []
    facts = json.loads((tmp_path / "runs" / NAME / "run.json").read_text())
    assert set(facts["heads"]) == {"offsets", "durations"}
    assert set(json.loads((tmp_path / "runs" / NAME / "songs.json").read_text())["vocabulary"]) == set(facts["heads"])
