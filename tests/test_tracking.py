"""W&B: offline without a key, and never able to stop or slow a search."""

import time
from pathlib import Path

import pytest

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
    tracker = Tracker("offline", tmp_path, "demo/notes", said.append)
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
    whole = b"".join(file.read_bytes() for file in files)
    for words in (b"demo/notes", b"hidden", b"valid", b"demo-notes-winner"):
        assert words in whole


def test_a_failing_wandb_is_told_once_and_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    tracker = Tracker("offline", tmp_path, "demo/notes", said.append)

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
    tracker = Tracker("offline", tmp_path, "demo/notes", said.append)
    monkeypatch.setattr(tracker, "_open", lambda *_: time.sleep(30))
    monkeypatch.setattr(tracker, "PATIENCE", 0.2)
    before = time.monotonic()
    tracker.start(0, {})
    tracker.log(0, {"epoch": 1})
    tracker.close()
    assert time.monotonic() - before < 10
    assert said == ["W&B is left out from here on: it does not answer"]


def test_off_does_nothing(tmp_path: Path) -> None:
    tracker = Tracker("off", tmp_path / "none", "demo/notes", pytest.fail)
    tracker.start(0, {})
    tracker.close()
    assert not (tmp_path / "none").exists()
