"""A search that was stopped decides as one that was not: its rungs know what each trial had reached at them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState
from ray.tune.schedulers import ASHAScheduler
from trials_made import Silent, plan_of

from experiments.heads import HEADS
from experiments.search import search
from experiments.search.plan import REDUCTION
from experiments.search.study.optuna_study import open_study, row_of
from experiments.tables import CONFIRM, EpochTable, TrialRow, TrialTable

EPOCHS, GRACE = 20, 2  # rungs after 2, 6 and 18 epochs
TRIALS, AT_ONCE, PATIENCE = 24, 6, 8
GO_ON, STOP = ASHAScheduler.CONTINUE, ASHAScheduler.STOP


@dataclass
class Step:
    """An epoch of a trial, what the scheduler said to it, and whether it was the last: "failed", "complete" or ""."""

    row: int
    epoch: int
    best: float
    said: str = GO_ON
    end: str = ""


class Driver:
    """What a driver gives Ray, of the folder that earlier ones have left."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        given: list[Any] = []
        monkeypatch.setattr(search, "run_trials", lambda *arguments: given.extend(arguments) or "interrupted")
        plan = plan_of(folder, max_epochs=EPOCHS, grace=GRACE, trials=1000)
        search.run_search(HEADS["offsets"], (), plan, (), Silent())
        self.scheduler = given[-1]
        self.epochs = EpochTable(folder / "epochs.csv")
        self.study = open_study(folder / "study.journal", "offsets", 1)
        self.trials: dict[int, Any] = {}  # as Ray has them
        self.asked: dict[int, optuna.Trial] = {}
        for _ in self.study.get_trials(states=(TrialState.WAITING,)):
            self.start(None)

    def start(self, row: int | None) -> None:
        """Ray is given a trial: a new one, or one that goes on."""
        trial = self.study.ask()
        if row is None:
            row = row_of(trial)
        else:
            trial.set_user_attr("row", row)
        assert row is not None
        self.asked[row] = trial
        self.trials[row] = SimpleNamespace(trial_id=f"of this driver: {len(self.trials)}", config={"row": row})
        self.scheduler.on_trial_add(None, self.trials[row])

    def tell(self, steps: Sequence[Step]) -> str:
        """A message of one trial, of one or more epochs."""
        row, last = steps[-1].row, steps[-1]
        reports = [{"epoch": step.epoch, "best": step.best} for step in steps]
        message = {**reports[-1], "reports": reports}
        said = str(self.scheduler.on_trial_result(None, self.trials[row], message))
        for report in reports:
            self.epochs.add(row, report | {"updates": 1, "best_epoch": 1, "seconds": 1.0})
        if said == STOP or last.end == "complete":
            self.scheduler.on_trial_complete(None, self.trials[row], message)
            self.study.tell(self.asked[row], last.best)
        elif last.end == "failed":
            self.study.tell(self.asked[row], state=TrialState.FAIL)
        return said


def of_one_driver(random: Random) -> list[Step]:
    """What trials report one after another, and what Ray's own ASHA says, where no driver dies."""
    asha = ASHAScheduler("epoch", "best", "min", max_t=EPOCHS, grace_period=GRACE, reduction_factor=REDUCTION)
    steps: list[Step] = []
    at: dict[int, Step] = {}
    left = list(range(TRIALS))
    while left or at:
        while left and len(at) < AT_ONCE:
            at[left[0]] = Step(left[0], 0, 9.0)
            asha.on_trial_add(None, SimpleNamespace(trial_id=left.pop(0)))
        before = at[random.choice(list(at))]
        epoch = before.epoch + 1
        value = before.row % 5 + 8 / epoch + random.random()
        step = Step(before.row, epoch, min(before.best, value))
        trial, result = SimpleNamespace(trial_id=step.row), {"epoch": step.epoch, "best": step.best}
        step.said = asha.on_trial_result(None, trial, result)
        if step.said == GO_ON:
            step.end = random.choices(("", "failed", "complete"), (30, 1, 1))[0]
        if step.said == STOP or step.end == "complete":
            asha.on_trial_complete(None, trial, result)
        at[step.row] = step
        if step.said == STOP or step.end:
            del at[step.row]
        steps.append(step)
    return steps


def repeat(driver: Driver, known: Sequence[Step], random: Random) -> None:
    """A trial goes on from a checkpoint: it tells all up to there at once, and trains again what lies behind."""
    kept = random.randint(0, len(known))
    if kept:
        assert driver.tell(known[:kept]) == GO_ON
    for step in known[kept:]:
        assert driver.tell([step]) == GO_ON


@pytest.mark.parametrize("seed", range(8))
def test_a_search_decides_alike_however_often_its_driver_dies(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = Random(seed)
    steps = of_one_driver(random)
    assert {step.said for step in steps if step.epoch in (2, 6)} == {GO_ON, STOP}
    deaths = {0, *random.sample(range(len(steps)), 3)}
    known: dict[int, list[Step]] = {}
    for number, step in enumerate(steps):
        if number in deaths:
            driver, behind = Driver(tmp_path, monkeypatch), set(known)
        if step.row not in driver.trials:
            assert step.row not in known
            driver.start(step.row)
        elif step.row in behind:
            repeat(driver, known[step.row], random)
        behind.discard(step.row)
        assert driver.tell([step]) == step.said, step
        known.setdefault(step.row, []).append(step)


def test_what_is_no_trial_of_the_search_is_in_no_rung(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Driver(tmp_path, monkeypatch)
    for row in range(3):
        first.start(row)
        first.tell([Step(row, 1, 5.0 + row), Step(row, 2, 4.0 + row)])
    table = TrialTable(tmp_path / "trials.csv")
    for row in range(3, 9):  # the best again with other seeds, to the end
        table.rows[row] = TrialRow(row, CONFIRM, 0, row, status="done", best=1.0, best_epoch=2, epoch=2)
        first.epochs.add(row, {"epoch": 2, "best": 1.0, "updates": 1, "best_epoch": 1, "seconds": 1.0})
    table.write()
    first.epochs.add(1, {"epoch": 3, "best": float("nan"), "updates": 1, "best_epoch": 1, "seconds": 1.0})
    second = Driver(tmp_path, monkeypatch)
    for row, best, said in ((9, 4.6, GO_ON), (10, 4.7, STOP)):
        second.start(row)
        assert second.tell([Step(row, 1, best), Step(row, 2, best)]) == said


def test_a_message_across_a_rung_is_judged_at_the_rung(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    driver = Driver(tmp_path, monkeypatch)
    for row, bests in enumerate(((3.0, 3.0), (5.0, 4.0, 2.0, 2.0))):
        driver.start(row)
        said = driver.tell([Step(row, epoch, best) for epoch, best in enumerate(bests, start=1)])
        assert said == (STOP if row else GO_ON)  # with 4.0 after two epochs, whatever came later
