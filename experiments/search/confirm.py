"""A winner that is no accident: the best few configurations are trained again with other seeds, and the best mean wins.

The best of many trials owes its place to its configuration and to its luck; with other seeds the luck is drawn again.
All of them get the same seeds, in the order of the seeds, so that a driver that must end early has compared alike.
"""

from __future__ import annotations

import json
import math
import statistics
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from experiments.search.plan import Outcome, SearchPlan
from experiments.search.running import Listed, run_trials
from experiments.search.stored import Stored
from experiments.search.watching.observer import Halt, Observer, View
from experiments.tables import CONFIRM, FINAL, FINISHED, SEARCH, EpochTable, TrialRow, TrialTable
from experiments.tracking.trackers import Tracker

__all__ = [
    "FEW",
    "Choice",
    "best_few",
    "choose",
    "repeat",
    "seeds",
    "time_needed",
    "unconfirmed",
    "with_final",
    "without_final",
]

FEW = 3  # configurations that are confirmed: below the third place, luck seldom hides a better one
SEED_STEP = 10_000_019  # between the seeds; no multiple of what the search's own seeds differ by
CUT_SHORT = ("interrupted", "running")  # statuses of trials that nothing judged: they go on if the search does
MARGIN = 1.2  # a training may take longer than the last one did


def seeds(seed: int, confirm: int) -> list[int]:
    """The seeds of the confirmations of a run with `seed`."""
    return [seed + SEED_STEP * number for number in range(1, confirm + 1)]


def best_few(table: TrialTable, patience: int, few: int = FEW) -> list[TrialRow]:
    """The best trials of different hyperparameters, those that ran in full before those that were stopped early.

    Of those in full, by their best, are also trials that the end of the time cut short (or Ctrl-C, or that still train)
    if they beat one of them: the scheduler judged the others, and these can only get better.
    """
    rows = [row for row in table.of_kind(SEARCH) if math.isfinite(row.best)]
    bar = max((row.best for row in rows if _in_full(row, patience)), default=-math.inf)

    def behind(row: TrialRow) -> bool:
        return not _in_full(row, patience) and not (row.status in CUT_SHORT and row.best < bar)

    found: dict[str, TrialRow] = {}
    for row in sorted(rows, key=lambda row: (behind(row), row.best, row.row)):
        found.setdefault(json.dumps(row.hyperparameters, sort_keys=True), row)
        if len(found) == few:
            break
    return list(found.values())


def _in_full(row: TrialRow, patience: int) -> bool:
    """Whether a trial had all its epochs, or ended by itself: the scheduler did not stop it."""
    return row.status == "done" or (row.status == "stopped early" and row.epoch - row.best_epoch >= patience)


def unconfirmed(table: TrialTable, confirm: int, seed: int, patience: int) -> list[tuple[int, int]]:
    """The (row, seed) that the best few still lack, all rows of a seed before the next seed."""
    finished = {(row.of, row.seed) for row in table.of_kind(CONFIRM) if row.status in FINISHED}
    few = best_few(table, patience) if confirm else []
    pairs = [(row.row, other) for other in seeds(seed, confirm) for row in few]
    return [pair for pair in pairs if pair not in finished]


def time_needed(table: TrialTable, plan: SearchPlan, trainings: int, *, networks: int = 1) -> float:
    """About how many seconds it takes to train the best again so many times: at most half of the search's time.

    Args:
        networks: how many a trial of the search trained, as over folds, where these trainings are of one each.
    """
    rows = best_few(table, plan.patience) if trainings and plan.deadline is not None else []
    if not rows or plan.deadline is None:
        return 0.0
    whole = [
        row.seconds if _in_full(row, plan.patience) else row.seconds / max(row.epoch, 1) * plan.max_epochs
        for row in rows
    ]
    rounds = math.ceil(trainings / plan.at_once())
    return min(MARGIN * rounds * max(whole) / networks, (plan.deadline - plan.began) / 2)


def repeat(
    kind: str,
    pairs: Sequence[tuple[int, int]],
    stored: Stored,
    plan: SearchPlan,
    outcome: Outcome,
    trackers: Sequence[Tracker],
    view: View,
    reserve: Callable[[TrialTable], float] = lambda _: 0.0,
) -> str:
    """Train trials of the search again, each to its end, going on with those that an earlier driver left.

    Args:
        kind: of their rows.
        pairs: the row that is repeated, and its seed, each.
        stored: what they train on.
        outcome: of the search.
        reserve: seconds before the deadline that are needed for what follows.

    Returns:
        Why it ended early ("interrupted", "time"), or "".

    Raises:
        UserError: nothing can be written.
    """
    if not pairs:
        return ""
    if plan.deadline is not None and time.monotonic() > plan.deadline:
        return "time"
    table, rows = outcome.table, _rows(kind, pairs, outcome)
    table.write()  # what is to be done outlives its driver
    view.repeating(kind, {row.row for row in table.of_kind(kind) if row.of in {of for of, _ in pairs}})
    observer = Observer(table, EpochTable(plan.folder / "epochs.csv"), trackers, view)
    configurations = [
        {"hyperparameters": row.hyperparameters, "row": row.row, "seed": row.seed, "max_epochs": plan.max_epochs}
        for row in rows
    ]
    halt = Halt(plan.interrupt, plan.deadline, observer, reserve)
    return run_trials(plan, stored, Listed(configurations), len(rows), observer, halt)


def _rows(kind: str, pairs: Sequence[tuple[int, int]], outcome: Outcome) -> list[TrialRow]:
    """The rows of the table that are to be filled: those of an earlier driver where there are any."""
    table, rows = outcome.table, []
    there = {(row.of, row.seed): row for row in table.of_kind(kind)}
    for row in there.values():  # planned for a trial that is no longer among the best
        if row.status == "waiting" and (row.of, row.seed) not in pairs:
            if row.epoch:  # by a driver that was stopped in it: its number stands in epochs.csv, and is nobody else's
                row.status = "interrupted"
            else:
                del table.rows[row.row]
    for of, seed in pairs:
        number = max(table.next_row, outcome.next_row)
        fresh = TrialRow(number, kind, of, seed, hyperparameters=dict(table.rows[of].hyperparameters))
        row = there.get((of, seed), fresh)
        table.rows[row.row] = row
        row.status = "waiting"
        rows.append(row)
    return rows


@dataclass(frozen=True)
class Choice:
    """The winner's configuration, and the training that is exported.

    Attributes:
        of: the trial of the search that drew it.
        row: the training whose weights are exported.
        repeats: the confirmations that it was chosen by; none if the search alone chose.
    """

    of: TrialRow
    row: TrialRow
    repeats: tuple[TrialRow, ...] = ()

    @property
    def mean(self) -> float:
        """The mean of `best` over the confirmations."""
        return statistics.fmean(row.best for row in self.repeats)

    def confirmed(self) -> dict[str, Any]:
        """What a winner tells of its confirmations; one alone has no standard deviation."""
        values = [row.best for row in self.repeats]
        return {
            "mean": self.mean,
            "sd": statistics.stdev(values) if len(values) > 1 else None,
            "values": values,
            "seeds": [row.seed for row in self.repeats],
            "of": self.of.row,
        }


def choose(table: TrialTable, confirm: int, seed: int, patience: int) -> list[Choice]:
    """The configurations in order, the winner's first; none if no trial has finished an epoch.

    Where confirmations are missing, those of the seeds that all of the best few have count; where there are none, the
    search's best wins unconfirmed. A configuration that fails with another seed is no winner, unless all of them fail.
    """
    wanted = seeds(seed, confirm)
    rows = [row for row in table.of_kind(CONFIRM) if row.seed in wanted and row.of in table.rows]
    failed = {row.of for row in rows if row.status == "failed"}
    groups = sorted({row.of for row in rows if row.of is not None} - failed)
    have = {of: _leading(of, rows, wanted) for of in groups}
    few = [row.row for row in best_few(table, patience) if row.row not in failed]
    depth = min((len(have.get(of, ())) for of in few), default=0)
    if not depth and any(len(leading) == confirm for leading in have.values()):
        depth = confirm  # of the best few before the search went on
    choices = []
    for of in groups:
        if depth and len(have[of]) >= depth:
            repeats = have[of][:depth]
            exported = min(repeats, key=lambda row: (row.best, row.row))
            choices.append(Choice(table.rows[of], exported, tuple(repeats)))
    return sorted(choices, key=lambda choice: (choice.mean, choice.of.row)) or _unconfirmed_choice(table, failed)


def _unconfirmed_choice(table: TrialTable, failed: Collection[int | None]) -> list[Choice]:
    """The search's best, of those that have not failed with another seed if there are any; none if there is no trial.

    Args:
        failed: rows of trials.
    """
    rows = [row for row in table.of_kind(SEARCH) if math.isfinite(row.best)]
    bad = [table.rows[of].hyperparameters for of in failed if of is not None]
    best = min(rows, key=lambda row: (row.hyperparameters in bad, row.best, row.row), default=None)
    return [] if best is None else [Choice(best, best)]


def _leading(of: int, rows: Sequence[TrialRow], wanted: Sequence[int]) -> list[TrialRow]:
    """The finished confirmations of a trial, up to the first seed that it lacks."""
    done = {row.seed: row for row in rows if row.of == of and row.status in FINISHED and math.isfinite(row.best)}
    found: list[TrialRow] = []
    for seed in wanted:
        if seed not in done:
            break
        found.append(done[seed])
    return found


def without_final(table: TrialTable, choice: Choice, seed: int) -> list[tuple[int, int]]:
    """The (row, seed) to train on the run's own split before the winner of a search over folds can be exported."""
    done = any(row.of == choice.of.row and row.status in FINISHED for row in table.of_kind(FINAL))
    return [] if done else [(choice.of.row, seed)]


def with_final(table: TrialTable, choice: Choice) -> Choice | None:
    """The choice as it was trained on the run's own split; None if it was not."""
    finals = [row for row in table.of_kind(FINAL) if row.of == choice.of.row and math.isfinite(row.best)]
    return replace(choice, row=min(finals, key=lambda row: row.best)) if finals else None
