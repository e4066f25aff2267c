"""After the search the best few are trained again with other seeds, and the best mean wins."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from trackers_made import wandb_tracker
from trials_made import plan_of

from experiments.figures import confirmed_in_words
from experiments.search.confirm import (
    SEED_STEP,
    Choice,
    best_few,
    choose,
    repeat,
    seeds,
    time_needed,
    unconfirmed,
    with_final,
    without_final,
)
from experiments.search.plan import Outcome
from experiments.search.running import Listed
from experiments.search.stored import Stored
from experiments.search.watching.live import SearchView
from experiments.tables import CONFIRM, FINAL, TrialRow, TrialTable
from experiments.tracking.wandb_runs import Tracking

SEED, PATIENCE = 1, 10


def searched(*bests: float, **also: Any) -> TrialTable:
    """A table of trials of different hyperparameters that all ran in full."""
    table = TrialTable(Path("trials.csv"))
    for number, best in enumerate(bests):
        row = TrialRow(number, status="done", hyperparameters={"hidden": 10 + number}, best=best, best_epoch=4, epoch=5)
        table.rows[number] = row
        row.seconds = 10.0
    for name, values in also.items():
        for row, value in zip(table.rows.values(), values, strict=True):
            setattr(row, name, value)
    return table


def confirmed(table: TrialTable, of: int, *bests: float, status: str = "done", first: int = 0) -> None:
    """Add confirmations of a trial, with the first seeds or later ones."""
    for seed, best in zip(seeds(SEED, first + len(bests))[first:], bests, strict=True):
        number = table.next_row
        hyperparameters = dict(table.rows[of].hyperparameters)
        table.rows[number] = TrialRow(
            number, CONFIRM, of, seed, status=status, hyperparameters=hyperparameters, best=best, best_epoch=3, epoch=5
        )


def chosen(table: TrialTable, confirm: int) -> Choice:
    return choose(table, confirm, SEED, PATIENCE)[0]


def test_seeds_are_other_ones_and_larger_counts_begin_with_the_smaller() -> None:
    assert seeds(7, 3) == [7 + SEED_STEP, 7 + 2 * SEED_STEP, 7 + 3 * SEED_STEP]
    assert seeds(7, 5)[:3] == seeds(7, 3)
    assert seeds(7, 0) == []


def test_the_best_few_are_different_and_ran_in_full_if_enough_did() -> None:
    table = searched(
        3.0, 2.0, 2.5, 4.0, 2.2, status=["done", "stopped early", "stopped early", "done", "failed"],
        epoch=[40, 8, 15, 40, 20], best_epoch=[30, 8, 5, 40, 19],
    )  # fmt: skip
    # 2 ended by itself, ten epochs after its best; 1 was stopped by the scheduler
    assert [row.row for row in best_few(table, PATIENCE)] == [2, 0, 3]
    assert [row.row for row in best_few(table, PATIENCE, few=5)] == [2, 0, 3, 1, 4]
    table.rows[3].hyperparameters = dict(table.rows[0].hyperparameters)
    assert [row.row for row in best_few(table, PATIENCE)] == [2, 0, 1]
    table.rows[2].best = math.inf
    confirmed(table, 0, 1.0)
    assert [row.row for row in best_few(table, PATIENCE)] == [0, 1, 4]
    assert best_few(searched(), PATIENCE) == []


def test_one_that_the_time_cut_short_is_among_the_best_few_by_what_it_has_reached(tmp_path: Path) -> None:
    table = searched(
        3.0, 2.0, 2.8, 2.5, 3.5, status=["done", "stopped early", "done", "interrupted", "interrupted"],
        epoch=[5, 2, 5, 2, 1], best_epoch=[5, 2, 5, 2, 1],
    )  # fmt: skip
    # 3 beats all that ran in full, which the scheduler preferred to 1; what 4 would have come to, nobody knows
    assert [row.row for row in best_few(table, PATIENCE, few=5)] == [3, 2, 0, 1, 4]
    assert unconfirmed(table, 1, SEED, PATIENCE)[0] == (3, SEED + SEED_STEP)
    assert time_needed(table, plan_of(tmp_path, deadline=1000.0), 1) == pytest.approx(1.2 * 10 / 2 * 5)
    table.rows[3].status = "running"  # what follows is planned for while the search goes on
    table.rows[4].best = 2.9
    assert [row.row for row in best_few(table, PATIENCE, few=5)] == [3, 2, 4, 0, 1]
    for row in (0, 2):  # where none ran in full, all are taken by what they have reached
        table.rows[row].status = "stopped early"
    assert [row.row for row in best_few(table, PATIENCE, few=5)] == [1, 3, 2, 4, 0]


def test_what_is_missing_comes_seed_by_seed() -> None:
    table = searched(2.0, 3.0, 1.0)
    first, second = seeds(SEED, 2)
    assert unconfirmed(table, 2, SEED, PATIENCE) == [
        (2, first), (0, first), (1, first), (2, second), (0, second), (1, second)
    ]  # fmt: skip
    confirmed(table, 2, 1.1)
    confirmed(table, 0, 2.0, status="interrupted")
    confirmed(table, 1, math.inf, status="failed")
    assert unconfirmed(table, 1, SEED, PATIENCE) == [(0, first)]
    assert unconfirmed(table, 0, SEED, PATIENCE) == []


def test_the_best_mean_wins_and_its_best_training_is_exported() -> None:
    table = searched(2.0, 2.1, 2.2, 2.3)
    confirmed(table, 0, 2.6, 1.9, 2.7)  # its rank, and its single best, were luck
    confirmed(table, 1, 2.4, 2.5, 2.6)
    confirmed(table, 2, 2.3, 2.4, 2.2)
    choice = chosen(table, 3)
    assert (choice.of.row, choice.row.best) == (2, 2.2)
    found = choice.confirmed()
    assert found["mean"] == pytest.approx(2.3)
    assert found["sd"] == pytest.approx(0.1)
    assert found["values"] == [2.3, 2.4, 2.2]
    assert (found["seeds"], found["of"]) == (seeds(SEED, 3), 2)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    order = [choice.of.row for choice in choose(table, 3, SEED, PATIENCE)]
    assert order == [2, 0, 1]
    assert chosen(table, 0).row is table.rows[0]


def test_what_is_incomplete_is_compared_alike() -> None:
    table = searched(2.0, 2.1, 2.2)
    confirmed(table, 0, 2.6)
    confirmed(table, 1, 2.5, 9.0)
    assert chosen(table, 3) == Choice(table.rows[0], table.rows[0])  # one of the few has none: nothing is confirmed
    confirmed(table, 2, 2.7)
    choice = chosen(table, 3)
    assert (choice.of.row, [row.best for row in choice.repeats]) == (1, [2.5])
    assert choice.confirmed()["sd"] is None
    confirmed(table, 2, 1.0, first=2)  # of the third seed, without the second
    assert chosen(table, 3) == choice


def test_a_configuration_that_fails_with_another_seed_does_not_win() -> None:
    table = searched(2.0, 2.1, 2.2)
    confirmed(table, 0, 1.0)
    confirmed(table, 0, math.inf, status="failed", first=1)
    for of in (1, 2):
        confirmed(table, of, 2.0 + of, 3.0)
    assert chosen(table, 2).of.row == 1
    assert unconfirmed(table, 2, SEED, PATIENCE) == []
    for row in table.of_kind(CONFIRM):
        row.status, row.best = "failed", math.inf
    assert chosen(table, 2) == Choice(table.rows[0], table.rows[0])


def test_nor_does_it_where_the_confirmations_of_the_others_are_missing() -> None:
    table = searched(2.0, 2.0, 2.2, 2.1)
    table.rows[1].hyperparameters = dict(table.rows[0].hyperparameters)  # drawn twice
    confirmed(table, 0, math.inf, status="failed")
    assert chosen(table, 1) == Choice(table.rows[3], table.rows[3])
    confirmed(table, 3, math.inf, status="failed")
    assert chosen(table, 1) == Choice(table.rows[2], table.rows[2])
    assert chosen(table, 0) == Choice(table.rows[0], table.rows[0])  # not confirmed at all


def test_confirmations_outlive_a_search_that_goes_on() -> None:
    table = searched(2.0, 2.1, 2.2)
    for of in range(3):
        confirmed(table, of, 2.5 - of / 10, 2.5 - of / 10)
    for best in (1.0, 1.1, 1.2):  # three new ones push them out of the best few
        row = TrialRow(
            table.next_row, status="done", hyperparameters={"hidden": best}, best=best, best_epoch=1, epoch=5
        )
        table.rows[row.row] = row
    new = [row.row for row in best_few(table, PATIENCE)]
    assert chosen(table, 2).of.row == 2  # the new ones are not confirmed yet
    for of in new:
        confirmed(table, of, 3.0, 3.0)
    assert chosen(table, 2).of.row == 2  # and were lucky
    for row in table.of_kind(CONFIRM):
        row.best = 2.0 if row.of == new[1] else row.best
    assert chosen(table, 2).of.row == new[1]


def test_nothing_to_choose_from() -> None:
    assert choose(searched(), 3, SEED, PATIENCE) == []
    assert choose(searched(math.inf, status=["failed"]), 3, SEED, PATIENCE) == []


def test_over_folds_the_winner_is_the_final_training() -> None:
    table = searched(2.0, 2.1)
    choice = chosen(table, 0)
    assert without_final(table, choice, SEED) == [(0, SEED)]
    assert with_final(table, choice) is None
    table.rows[2] = TrialRow(2, FINAL, 0, SEED, status="interrupted", best=1.5, best_epoch=1, epoch=1)
    assert without_final(table, choice, SEED) == [(0, SEED)]
    final = with_final(table, choice)
    assert final is not None
    assert (final.row.row, final.of.row) == (2, 0)  # its best epoch so far will do
    table.rows[2].status = "done"
    assert without_final(table, choice, SEED) == []
    assert chosen(table, 0) == choice  # a final training is not ranked with the search's


def test_time_is_kept_for_what_follows_the_search(tmp_path: Path) -> None:
    table = searched(2.0, 2.1, 2.2)
    plan = plan_of(tmp_path, deadline=1000.0)
    assert time_needed(table, plan, 9) == pytest.approx(1.2 * 5 * 10)  # five rounds of two
    assert time_needed(table, plan, 0) == 0
    assert time_needed(searched(), plan, 9) == 0
    assert time_needed(table, plan_of(tmp_path), 9) == 0
    assert time_needed(table, plan_of(tmp_path, deadline=60.0), 9) == 30
    few = searched(2.0, status=["stopped early"], epoch=[1], best_epoch=[1])
    assert time_needed(few, plan, 1) == pytest.approx(1.2 * 5 * 10)  # it had one of five epochs
    assert time_needed(few, plan, 1, networks=5) == pytest.approx(1.2 * 10)  # one network, of a trial of five folds


def test_what_is_to_be_done_stands_in_the_table_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def run_trials(plan: Any, stored: Any, searcher: Listed, count: int, *_: Any) -> str:
        while isinstance(configuration := searcher.suggest("x"), dict):
            asked.append(configuration)
        assert count == len(asked)
        return "time"

    monkeypatch.setattr("experiments.search.confirm.run_trials", run_trials)
    table = searched(2.0, 2.1)
    table.path = tmp_path / "trials.csv"
    confirmed(table, 0, 2.0, status="interrupted")
    table.rows[9] = TrialRow(9, CONFIRM, 7, 3, status="waiting")  # planned for one that is no longer among the best
    tracker = wandb_tracker(Tracking("off", tmp_path, print), "g", "x")
    view = SearchView(Console(), "notes", 2, "nats", {})
    pairs = unconfirmed(table, 2, SEED, PATIENCE)
    outcome = Outcome(table, "", next_row=20)
    assert repeat(CONFIRM, pairs, Stored(None), plan_of(tmp_path, confirm=2), outcome, (tracker,), view) == "time"
    with table.path.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["kind"] == "confirm"]
    first, second = map(str, seeds(SEED, 2))
    assert [(row["row"], row["of"], row["seed"], row["status"]) for row in rows] == [
        ("2", "0", first, "waiting"),
        ("20", "1", first, "waiting"),  # a row that the study has given away is not taken
        ("21", "0", second, "waiting"),
        ("22", "1", second, "waiting"),
    ]
    assert [(c["row"], c["seed"], c["hyperparameters"]) for c in asked] == [
        (int(row["row"]), int(row["seed"]), {"hidden": 10 + int(row["of"])}) for row in rows
    ]
    assert repeat(CONFIRM, [], Stored(None), plan_of(tmp_path), outcome, (tracker,), view) == ""
    assert repeat(CONFIRM, pairs, Stored(None), plan_of(tmp_path, deadline=1.0), outcome, (tracker,), view) == "time"


def test_a_row_that_was_trained_is_kept_when_its_trial_is_no_longer_among_the_best(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("experiments.search.confirm.run_trials", lambda *_: "time")
    table = searched(2.0, 2.1, 2.2, 2.3)
    table.path = tmp_path / "trials.csv"
    first = seeds(SEED, 1)[0]
    for of in range(4):  # two drivers were stopped: 3 was among the best, trained a little, and was planned again
        table.rows[4 + of] = TrialRow(4 + of, CONFIRM, of, first, status="waiting")
    table.rows[7].epoch = 3
    view = SearchView(Console(), "notes", 4, "nats", {})
    pairs = unconfirmed(table, 1, SEED, PATIENCE)
    assert repeat(CONFIRM, pairs, (), plan_of(tmp_path), Outcome(table, "", next_row=8), (), view) == "time"
    assert table.rows[7].status == "interrupted"
    assert table.next_row == 8  # its epochs stand in epochs.csv: no other trial may take its number


def test_the_view_says_what_it_counts(capsys: pytest.CaptureFixture[str]) -> None:
    table = searched(2.0, 2.1, 2.2)
    console = Console(width=200, force_terminal=False)
    with SearchView(console, "notes", 3, "nats", {"KN": 3.0}) as view:
        view.update(table)
        confirmed(table, 0, 2.0, 2.1)
        confirmed(table, 1, 2.0, math.inf, status="running")
        view.repeating(CONFIRM, {row.row for row in table.of_kind(CONFIRM)})
        view.update(table)
    said = capsys.readouterr().out
    assert "notes: 3 of 3 trials" in said
    assert "notes: confirming: 2 of 4, 2 running" in said
    terminal = Console(width=200, force_terminal=True)
    with SearchView(terminal, "notes", 3, "nats", {}) as view:
        view.update(table)
    assert "3 as 0" in capsys.readouterr().out


def test_in_words() -> None:
    three = {"confirmed": {"mean": 3.6312, "sd": 0.0213, "values": [1.0, 2.0, 3.0]}}
    assert confirmed_in_words(three) == "mean of 3 seeds 3.631 ± 0.021"
    assert confirmed_in_words({"confirmed": {"mean": 3.6, "sd": None, "values": [3.6]}}) == "mean of 1 seed 3.600"
    folds = {"folds": {"mean": 4.0, "targets": [10, 20]}}
    assert confirmed_in_words(folds) == "mean of 2 folds 4.000"
    assert confirmed_in_words(three | folds) == "mean of 3 seeds 3.631 ± 0.021, each of 2 folds"
    for strange in ({}, {"confirmed": 3}, {"confirmed": {"mean": "x", "values": []}}, {"folds": None}):
        assert confirmed_in_words(strange) == ""
