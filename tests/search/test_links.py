"""In a stranger's run a link leads to a file of ours: nothing of a search is written through one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from trials_made import plan_of
from winners_made import demo_songs, make_run

from datamodules.errors import UserError
from experiments.heads import HEADS
from experiments.search import search
from experiments.search.one_head import HeadPlan
from experiments.search.session import run_session
from experiments.search.trial.storage import MARK, TrialStore
from experiments.tune import TuneOptions


@pytest.mark.parametrize("there", [None, "file", "link", "dangling"])
def test_a_mark_takes_the_place_of_what_is_there_and_goes_through_no_link(there: str | None, tmp_path: Path) -> None:
    precious, mark, store = tmp_path / "precious", tmp_path / "tune" / MARK, TrialStore(str(tmp_path / "tune"))
    mark.parent.mkdir()
    precious.write_text("my only copy")
    if there == "file":
        mark.write_text("an earlier sign")
    elif there is not None:
        mark.symlink_to(precious if there == "link" else tmp_path / "nowhere")
    store.mark("s")
    assert store.is_marked("s")
    assert not mark.is_symlink()
    assert [path.name for path in mark.parent.iterdir()] == [MARK]
    assert precious.read_text() == "my only copy"
    assert not (tmp_path / "nowhere").exists()


def test_links_and_pipes_are_gone_before_the_storage_is_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = tmp_path / "ours"
    (ours / "00000").mkdir(parents=True)
    (ours / "best.safetensors").write_text("my only copy")
    trial = tmp_path / "run" / "tune" / "00001"
    trial.mkdir(parents=True)
    for link in (trial.parent / MARK, trial.parent / "00000", trial / "best.safetensors"):
        link.symlink_to(ours / link.name)
    os.mkfifo(trial.parent / "pipe")
    (trial / "last.safetensors").write_text("weights")
    seen: list[str] = []

    def check_storage(root: str, sign: str) -> None:
        seen.extend(str(path.relative_to(root)) for path in sorted(Path(root).rglob("*")))
        raise UserError("far enough")

    monkeypatch.setattr(search, "check_storage", check_storage)
    rest: Any = None
    with pytest.raises(UserError, match="far enough"):
        search.run_search(HEADS["notes"], rest, plan_of(tmp_path / "run"), (), rest)
    assert seen == ["00001", "00001/last.safetensors"]
    assert {path.name for path in ours.iterdir()} == {"00000", "best.safetensors"}


@pytest.mark.parametrize("folder", ["wandb", "offsets", "offsets/tune"])
def test_a_run_whose_folders_lead_out_of_it_is_not_searched(folder: str, tmp_path: Path) -> None:
    run, _ = make_run(tmp_path / "runs" / "a", [])
    (ours := tmp_path / "ours").mkdir()
    link = run.path / folder
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(ours)
    plans = [HeadPlan(HEADS[head], TuneOptions(head=head, wandb="off")) for head in ("notes", "offsets")]
    with pytest.raises(UserError, match=f"{link} is a link"):
        run_session(run, demo_songs(), plans, began=0.0)
    assert link.is_symlink()
    assert list(ours.iterdir()) == []
    assert run.facts["heads"] == {}
