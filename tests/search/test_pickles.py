"""A run of which every file that may hold a pickle does: no command opens one."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from hostile_made import Malice, call

from experiments.tables import TrialTable

pytestmark = pytest.mark.usefixtures("one_ray")


@pytest.mark.slow
def test_no_command_opens_a_pickle_of_a_run(
    searched: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)  # what `generate` writes, it writes there
    marker, evil = tmp_path / "executed", pickle.dumps(Malice(tmp_path / "executed"))
    pickle.loads(evil)
    marker.unlink()  # it would work
    folder = tmp_path / "runs" / "a"
    shutil.copytree(searched, folder)
    shutil.copytree(searched.parent / "cache", tmp_path / "cache")
    tune_folder = folder / "offsets" / "tune"
    there = [path for path in [*tune_folder.rglob("*"), *(tmp_path / "cache").rglob("*")] if path.is_file()]
    also = [
        f"{name}.{kind}" for name in ("experiment_state-2099-01-01_00-00-00", "trainable") for kind in ("json", "pkl")
    ]
    also += ["tuner.pkl", "searcher-state-2099.pkl", "search_gen_state-2099.json", "callback_states.pkl"]
    assert any(path.name == "tuner.pkl" for path in there)
    for path in (*there, *(tune_folder / name for name in also)):
        path.write_bytes(evil)
    for row in range(5):  # those to come too
        for name in ("last.safetensors", "best.safetensors", "params.pkl", "error.pkl", "params.json", "result.json"):
            (tune_folder / f"{row:05d}").mkdir(exist_ok=True)
            (tune_folder / f"{row:05d}" / name).write_bytes(evil)
    precious = tmp_path / "precious"
    precious.write_bytes(b"precious")
    for name in ("tuner.pkl", ".validate_storage_marker"):
        (tune_folder / name).unlink(missing_ok=True)
        (tune_folder / name).symlink_to(precious)
    commands: Sequence[Sequence[str]] = [
        ("tune", "--resume", "a", "offsets", "--trials", "4"),
        ("runs",),
        ("runs", "a"),
        ("evaluate", "a"),
        ("train", "offsets", "--run", "a", "--epochs", "2"),
        ("generate", "a", "--events", "20"),
    ]
    for command in commands:
        status = call(*command)
        said = capfd.readouterr()
        assert status == 0 or (command[0] == "tune" and "are gone" in said.err), (command, said)
        assert "Traceback" not in said.out + said.err, command
        assert not marker.exists(), command
    assert len(TrialTable.read(folder / "offsets" / "trials.csv", ()).rows) == 4
    assert precious.read_bytes() == b"precious"
    (folder / "offsets" / "winner.safetensors").write_bytes(evil)
    for command in commands:
        assert call(*command) == (0 if command[0] == "runs" else 2), command
        assert "Traceback" not in "".join(capfd.readouterr())
    assert not marker.exists()
