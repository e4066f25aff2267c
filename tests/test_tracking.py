"""W&B: offline without a key, and never able to stop or slow a search."""

import time
from pathlib import Path

import pytest

from benchmarks.faults.searches import until
from experiments.tracking import Tracker, resolve_mode


def test_auto_is_offline_without_a_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("WANDB_MODE", raising=False)
    assert resolve_mode("auto") == "offline"
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    assert resolve_mode("auto") == "online"
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert resolve_mode("auto") == "offline"
    monkeypatch.setenv("WANDB_MODE", "disabled")
    assert resolve_mode("auto") == "off"
    assert resolve_mode("online") == "online"


@pytest.mark.timeout(120)
def test_many_offline_runs_in_one_process(tmp_path: Path) -> None:
    said: list[str] = []
    tracker = Tracker("offline", tmp_path, "demo/notes", said.append, "x")
    for row in range(3):
        tracker.start(row, {"hidden": 32 + row})
    for epoch in (1, 2):
        for row in range(3):
            tracker.log(row, {"epoch": epoch, "valid": 3.0 / epoch})
    for row in range(3):
        tracker.finish(row, {"best": 1.5})
    (tmp_path / "winner.safetensors").write_bytes(b"weights")
    tracker.winner(tmp_path / "winner.safetensors", {"best": 1.5})
    tracker.close()
    assert said == []
    files = list((tmp_path / "wandb").glob("offline-run-*/run-*.wandb"))
    assert len(files) == 4  # three trials, and the run that keeps the winner
    wanted = (b"demo/notes", b"hidden", b"valid", b"demo-notes-winner")

    def written() -> bool:
        whole = b"".join(file.read_bytes() for file in files)
        return all(words in whole for words in wanted)

    assert until(written, 30)  # W&B closes its files a moment later


@pytest.mark.timeout(120)
def test_a_trial_that_goes_on_does_so_in_its_own_run(tmp_path: Path) -> None:
    for epochs in ((1, 2), (1, 2, 3)):  # the second time under another driver, which is told of all epochs
        tracker = Tracker("offline", tmp_path, "demo/notes", pytest.fail, "run-notes")
        tracker.start(7, {"hidden": 32})
        for epoch in epochs:
            tracker.log(7, {"epoch": epoch, "valid": 3.0 / epoch})
            tracker.start(7, {"hidden": 32})  # it has a new worker
        tracker.finish(7, {"best": 1.0}, failed=True)
        tracker.close()
    files = list((tmp_path / "wandb").glob("offline-run-*/run-*.wandb"))
    assert {file.name for file in files} == {"run-run-notes-00007.wandb"}
    assert len(files) == 2


def test_a_failing_wandb_is_told_once_and_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    tracker = Tracker("offline", tmp_path, "demo/notes", said.append, "x")

    def refuse(*_: object) -> None:
        raise RuntimeError("no room\nand a long story")

    monkeypatch.setattr(tracker, "_open", refuse)
    for row in range(5):
        tracker.start(row, {})
        tracker.log(row, {"epoch": 1})
        tracker.finish(row, {})
    tracker.close()
    assert said == ["W&B is left out from here on: no room"]


def test_a_hanging_wandb_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    tracker = Tracker("offline", tmp_path, "demo/notes", said.append, "x")
    monkeypatch.setattr(tracker, "_open", lambda *_: time.sleep(30))
    monkeypatch.setattr(tracker, "PATIENCE", 0.2)
    before = time.monotonic()
    tracker.start(0, {})
    tracker.log(0, {"epoch": 1})
    tracker.close()
    assert time.monotonic() - before < 10
    assert said == ["W&B is left out from here on: it does not answer"]


def test_off_does_nothing(tmp_path: Path) -> None:
    tracker = Tracker("off", tmp_path / "none", "demo/notes", pytest.fail, "x")
    tracker.start(0, {})
    tracker.close()
    assert not (tmp_path / "none").exists()
