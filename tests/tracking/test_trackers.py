"""Whatever a tracker does, the search goes on: it is told once, and left out."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from datamodules.errors import UserError
from experiments.tracking.guarded import Guarded
from experiments.tracking.trackers import TRACKERS, Search, TrackerSpec
from experiments.tracking.wandb_runs import Tracking
from experiments.tune import TuneOptions

CALLS: list[tuple[Any, ...]] = []


class Noted:
    """Notes what it is told, and does what else the test asks for."""

    then: Callable[[str], None] = staticmethod(lambda call: None)

    def __init__(self, search: Search) -> None:
        self.now = search.now
        self.then("made")

    def start(self, row: int, config: Mapping[str, Any], *, tag: str = "") -> None:
        self._note("start", row, dict(config), tag)

    def log(self, row: int, report: Mapping[str, Any]) -> None:
        self._note("log", row, dict(report))

    def finish(self, row: int, summary: Mapping[str, Any], *, failed: bool = False) -> None:
        self._note("finish", row, dict(summary), failed)

    def winner(self, path: Path, facts: Mapping[str, Any]) -> None:
        self._note("winner", path, dict(facts))

    def close(self) -> None:
        self._note("close")

    def _note(self, call: str, *told: Any) -> None:
        CALLS.append((call, *told))
        self.then(call)


TOLD = [
    ("start", 3, {"hidden": 8}, "confirm"),
    ("log", 3, {"epoch": 1}),
    ("finish", 3, {"best": 2.0}, True),
    ("winner", Path("x"), {"epoch": 1}),
    ("close",),
]


@pytest.fixture(autouse=True)
def _nothing_noted() -> None:
    CALLS.clear()


def search(
    folder: Path, tell: Callable[[str], Any], *, late: bool = False, told: Callable[[], None] = lambda: None
) -> Guarded:
    """A driver that tells a tracker all there is to tell, calls `told`, and closes it."""
    off = Tracking("off", folder, tell)
    spec = TrackerSpec("noted", f"{__name__}:Noted", "The notes", late)
    with Guarded(spec, Search(folder, "run/notes", "x-notes", (), {}, off), tell) as tracker:
        config, report = {"hidden": 8}, {"epoch": 1}
        tracker.start(3, config, tag="confirm")
        tracker.log(3, report)
        config["hidden"], report["epoch"] = 9, 9  # what is told is what it was then
        tracker.finish(3, {"best": 2.0}, failed=True)
        tracker.winner(Path("x"), {"epoch": 1})
        if late:
            time.sleep(0.1)
            assert not CALLS
        told()
    return tracker


@pytest.mark.parametrize("late", [False, True])
def test_everything_is_told_in_order(late: bool, tmp_path: Path) -> None:
    search(tmp_path, pytest.fail, late=late)
    assert CALLS == TOLD


@pytest.mark.parametrize("call", ["made", "start", "log", "finish", "winner", "close"])
def test_one_that_fails_is_left_out(call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(now: str) -> None:
        if now == call:
            raise RuntimeError("no\nmore")

    monkeypatch.setattr(Noted, "then", staticmethod(fail))
    said: list[str] = []
    search(tmp_path, said.append)
    assert said == ["The notes is left out from here on: no"]
    assert [told[0] for told in CALLS] == ["start", "log", "finish", "winner", "close"][: len(CALLS)]
    assert not CALLS or CALLS[-1][0] == call


def test_one_that_hangs_is_waited_for_no_longer_than_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = threading.Event()
    monkeypatch.setattr(Noted, "then", staticmethod(lambda call: answers.wait()))
    monkeypatch.setattr(Guarded, "PATIENCE", 0.2)
    said: list[str] = []
    search(tmp_path, said.append)  # comes back, though there is no answer yet
    answers.set()
    assert said == ["The notes is left out from here on: it does not answer"]


def test_the_time_is_that_of_the_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And not when it is heard: here, all are heard when the driver has long gone on."""
    seen: list[float] = []
    gone_on, times = threading.Event(), [time.time()]
    monkeypatch.setattr(Noted, "_note", lambda self, *told: seen.append(self.now()))
    monkeypatch.setattr(Noted, "then", staticmethod(lambda call: gone_on.wait(60)))

    def told() -> None:
        times.append(time.time())
        time.sleep(0.01)
        gone_on.set()

    search(tmp_path, pytest.fail, told=told)
    assert len(seen) == 5
    assert times[0] <= min(seen)
    assert max(seen[:4]) <= times[1] < seen[4]


@pytest.mark.parametrize("name", TRACKERS)
def test_every_tracker_is_one_that_a_package_may_bring(name: str, tmp_path: Path) -> None:
    spec = TRACKERS[name]
    assert (spec.name, spec.problem()) == (name, "")
    tracker = spec.build(Search(tmp_path, "run/notes", "x-notes", (), {}, Tracking("off", tmp_path, pytest.fail)))
    for call in ("start", "log", "finish", "winner", "close"):
        assert callable(getattr(tracker, call))


def test_an_unknown_one_is_named() -> None:
    with pytest.raises(UserError, match="--track tensorbord: there is wandb, tensorboard; did you mean tensorboard"):
        TuneOptions(head="notes", track=("tensorbord",))
