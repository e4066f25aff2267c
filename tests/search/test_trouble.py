"""A storage that is full or gone is no failure of a trial: the search ends in one line, and can go on later."""

from __future__ import annotations

import errno
import math
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from ray.air.execution._internal.actor_manager import RayActorManager
from ray.exceptions import OutOfMemoryError, RayActorError
from trackers_made import wandb_tracker
from trials_made import Silent, columns, config, settings

from datamodules.errors import UserError
from experiments.search.machines.deaths import deaths_are_alike
from experiments.search.plan import TROUBLE
from experiments.search.trial import trainable
from experiments.search.trial.storage import StorageLostError, TrialStore
from experiments.search.trial.trainable import train_trial
from experiments.search.watching.observer import Halt, Observer
from experiments.stopping import Interrupt, stopping
from experiments.tables import EpochTable, TrialTable
from experiments.tracking.wandb_runs import Tracking


class Trial:
    """What Ray tells of a trial."""

    def __init__(self, error_file: Path | None = None) -> None:
        self.config = {"row": 0, "hyperparameters": {"hidden": 8}, "max_epochs": 3}
        self.error_file = error_file


def observer(folder: Path) -> Observer:
    tracker = wandb_tracker(Tracking("off", folder, lambda text: None), "r/offsets", "x")
    return Observer(TrialTable(folder / "trials.csv"), EpochTable(folder / "epochs.csv"), (tracker,), Silent())


def refusing(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(TrialStore, "_write", refuse)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EIO, errno.EACCES, errno.ESTALE])
def test_a_trial_that_cannot_keep_its_weights_tells_its_driver(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    messages: list[dict[str, Any]] = []
    monkeypatch.setattr(trainable.tune, "report", messages.append)
    monkeypatch.setattr(trainable, "END_WITHIN", 0.0)
    refusing(monkeypatch, number)
    with pytest.raises(StorageLostError):
        train_trial(config(), columns(2)[:1], settings(tmp_path))
    (message,) = messages
    assert message["reports"] == []  # the epoch is not kept, and so not told: it will be trained again
    assert os.strerror(number) in message[TROUBLE]


def test_a_trial_on_a_machine_with_another_disk_there_tells_its_driver(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    messages: list[dict[str, Any]] = []
    monkeypatch.setattr(trainable.tune, "report", messages.append)
    monkeypatch.setattr(trainable, "END_WITHIN", 0.0)
    for at_the_same_path in ("", "another", "s2"):
        TrialStore(str(tmp_path)).mark("s")
        here = settings(tmp_path)
        if at_the_same_path:
            TrialStore(str(tmp_path)).mark(at_the_same_path)
        else:
            (tmp_path / ".storage").unlink()
        with pytest.raises(StorageLostError):
            train_trial(config(), columns(2)[:1], here)
        message = messages.pop()
        assert message["reports"] == []
        assert f"--storage {tmp_path}: " in message[TROUBLE]
        assert "cannot see it; give a place that all nodes reach" in message[TROUBLE]
        assert {path.name for path in tmp_path.iterdir()} <= {".storage"}  # nothing was trained
    assert messages == []


def test_what_is_wrong_with_one_trials_place_is_its_own_failure(tmp_path: Path) -> None:
    (tmp_path / "00000").touch()
    store = TrialStore(str(tmp_path))
    with pytest.raises(OSError, match="00000") as raised:
        store.write(0, "best", {}, {})
    assert not isinstance(raised.value, StorageLostError)


def test_the_driver_ends_the_search_and_says_why(tmp_path: Path) -> None:
    seen = observer(tmp_path)
    halt = Halt(Interrupt(), None, seen)
    report = {"epoch": 1, "updates": 5, "best": 2.0, "best_epoch": 1, "seconds": 1.0, "figures": {"valid": 2.0}}
    seen.on_trial_start(0, [], Trial())
    seen.on_trial_result(0, [], Trial(), {"reports": [report]})
    assert not halt.stop_all()
    seen.on_trial_result(0, [], Trial(), {"reports": [], TROUBLE: "cannot write /store: No space left on device"})
    assert halt.stop_all()
    with pytest.raises(UserError, match="No space left") as raised:
        seen.finish()
    assert raised.value.status == 1
    rows = TrialTable.read(tmp_path / "trials.csv", ("hidden",)).rows
    assert (rows[0].status, rows[0].epoch, rows[0].failures) == ("interrupted", 1, 0)


def test_failures_are_counted_and_the_last_one_is_told(tmp_path: Path) -> None:
    seen = observer(tmp_path)
    why = tmp_path / "error.txt"
    why.write_text("Traceback (most recent call last):\n  ...\nFloatingPointError: valid is nan\n")
    for _ in range(2):
        seen.on_trial_start(0, [], Trial())
        seen.on_trial_recover(0, [], Trial(why))
    row = seen.table.rows[0]
    assert (row.failures, row.reason, row.status) == (2, "FloatingPointError: valid is nan", "running")
    seen.on_trial_error(0, [], Trial(why))
    assert (row.status, math.isinf(row.best)) == ("failed", True)
    row.epoch = 3
    seen.on_trial_complete(0, [], Trial())
    assert (row.status, row.reason, row.failures) == ("done", "", 2)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_asks_for_an_end_and_a_second_one_ends(tmp_path: Path, number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt), stopping() as interrupt:  # noqa: PT012
        halt = Halt(interrupt, None, observer(tmp_path))
        assert not halt.stop_all()
        signal.raise_signal(number)
        assert interrupt.asked
        assert halt.stop_all()
        assert halt.reason == "interrupted"
        signal.raise_signal(number)
    assert signal.getsignal(number) is before


def test_a_worker_that_ran_out_of_memory_is_a_dead_worker() -> None:
    """Ray Tune itself would end the search."""
    told: list[Exception] = []

    class Manager(RayActorManager):
        def __init__(self) -> None:
            self._failed_actor_ids: set[Any] = set()

        def _cleanup_actor(self, tracked_actor: Any) -> None:
            pass

        def __del__(self) -> None:
            pass

    class Tracked:
        actor_id = 1
        _on_error = None

    class Task:
        _tracked_actor = Tracked()

        @staticmethod
        def _on_error(actor: Any, exception: Exception) -> None:
            told.append(exception)

    with pytest.raises(RuntimeError, match="unexpected"):
        Manager()._actor_task_failed(tracked_actor_task=Task(), exception=OutOfMemoryError("no memory"))
    with deaths_are_alike():
        Manager()._actor_task_failed(tracked_actor_task=Task(), exception=OutOfMemoryError("no memory"))
    assert isinstance(told[0], RayActorError)
    assert "--max-concurrent" in str(told[0])
