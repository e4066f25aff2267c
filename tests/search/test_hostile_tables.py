"""Tables, studies and weights of strangers: what cannot be is damage, and nothing is written where they point."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hostile_made import DEEP, HUGE, Malice, container

from datamodules.errors import UserError
from experiments.tables import EpochTable, TrialTable

TRIAL = {"row": "0", "kind": "search", "status": "done", "best": "1.5", "reason": ""}
TRIAL |= dict.fromkeys(("best_epoch", "epoch", "updates", "seconds"), "1")


@pytest.mark.parametrize("name", ["row", "of", "seed", "epoch", "updates"])
@pytest.mark.parametrize("value", ["-1", HUGE, "1e9", "../../x"])
def test_numbers_of_trials_that_cannot_be_are_damage(name: str, value: str, tmp_path: Path) -> None:
    cells = {**TRIAL, name: value}
    (tmp_path / "trials.csv").write_text(",".join(cells) + "\n" + ",".join(cells.values()) + "\n")
    with pytest.raises(UserError, match="damaged"):
        TrialTable.read(tmp_path / "trials.csv", ())


def test_hostile_tables_are_damage(tmp_path: Path) -> None:
    (tmp_path / "trials.csv").write_text(",".join([*TRIAL, "hidden"]) + "\n" + ",".join([*TRIAL.values(), DEEP]) + "\n")
    assert TrialTable.read(tmp_path / "trials.csv", ("hidden",)).rows[0].hyperparameters == {"hidden": DEEP}
    (tmp_path / "epochs.csv").write_text("row,epoch,valid\n0,1,low\n")
    with pytest.raises(UserError, match="damaged"):
        EpochTable(tmp_path / "epochs.csv").reports()
    for name in ("trials.csv", "epochs.csv"):
        (tmp_path / name).unlink()
        os.mkfifo(tmp_path / name)
    with pytest.raises(UserError, match="not a regular file"):
        TrialTable.read(tmp_path / "trials.csv", ())
    with pytest.raises(UserError, match="not a regular file"):
        EpochTable(tmp_path / "epochs.csv")


def test_a_journal_is_never_written_where_a_stranger_points(tmp_path: Path) -> None:
    from experiments.search.study.optuna_study import open_study

    journal, precious = tmp_path / "study.journal", tmp_path / "precious"
    precious.write_bytes(b"a line\nno end of line")
    journal.symlink_to(precious)
    with pytest.raises(UserError, match="not a regular file"):
        open_study(journal, "notes", 1)
    assert precious.read_bytes() == b"a line\nno end of line"
    journal.unlink()
    os.mkfifo(journal)
    with pytest.raises(UserError, match="not a regular file"):
        open_study(journal, "notes", 1)
    journal.unlink()
    (tmp_path / "study.journal.lock").symlink_to(tmp_path / "nowhere")  # Optuna would look for it for ever
    assert not open_study(journal, "notes", 1).trials


@pytest.mark.parametrize(
    "attributes",
    [{"row": "0"}, {"row": 10**30}, {"row": -1}, {"row": [0]}, {"row": 0, "hyperparameters": 7}],
    ids=["text", "huge", "negative", "list", "no hyperparameters"],
)
def test_a_study_that_holds_what_ours_never_would_is_damage(attributes: dict[str, Any], tmp_path: Path) -> None:
    from experiments.search.search import _go_on
    from experiments.search.study.optuna_study import open_study

    study = open_study(tmp_path / "study.journal", "notes", 1)
    trial = study.ask()
    for name, value in attributes.items():
        trial.set_user_attr(name, value)
    study.tell(trial, 1.0)
    table, plan = TrialTable(tmp_path / "trials.csv"), SimpleNamespace(folder=tmp_path, max_epochs=3)
    again = open_study(tmp_path / "study.journal", "notes", 1)
    with pytest.raises(UserError, match=r"study\.journal is damaged"):
        _go_on(table, EpochTable(tmp_path / "epochs.csv"), again, plan)  # type: ignore[arg-type]


@pytest.mark.parametrize("content", [DEEP + "\n", '{"op_code": 0, "worker_id": 3}\n', "7\n", '{"op_code": 99}\n'])
def test_a_journal_of_anything_is_damage(content: str, tmp_path: Path) -> None:
    from experiments.search.study.optuna_study import open_study
    from experiments.search.study.warm_start import _finished

    (tmp_path / "study.journal").write_text(content)
    with pytest.raises(UserError, match="damaged"):
        open_study(tmp_path / "study.journal", "notes", 1)
    with pytest.raises(UserError, match="damaged"):
        _finished(tmp_path / "study.journal", "notes")


def test_a_study_of_another_kind_is_damage(tmp_path: Path) -> None:
    import optuna
    from optuna.storages.journal import JournalFileBackend

    from experiments.search.study.optuna_study import open_study

    storage = optuna.storages.JournalStorage(JournalFileBackend(str(tmp_path / "study.journal")))
    optuna.create_study(storage=storage, study_name="notes", directions=["minimize", "maximize"])
    with pytest.raises(UserError, match="another kind"):
        open_study(tmp_path / "study.journal", "notes", 1)


def test_weights_of_a_trial_that_are_none_count_as_not_there(tmp_path: Path) -> None:
    from experiments.search.trial.storage import TrialStore

    store = TrialStore(str(tmp_path))
    for row in range(4):
        (tmp_path / store.trial(row)).mkdir()
    place = [tmp_path / store.trial(row) / "last.safetensors" for row in range(4)]
    os.mkfifo(place[0])
    place[1].write_bytes(pickle.dumps(Malice(tmp_path / "executed")))
    container(place[2], DEEP)
    with place[3].open("wb") as file:
        file.truncate(1 << 42)
    assert [store.read(row, "last") for row in range(4)] == [None] * 4
    assert not (tmp_path / "executed").exists()
