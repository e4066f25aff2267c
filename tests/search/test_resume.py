"""What a dead driver leaves behind is brought in order from the study and epochs.csv, whenever it died."""

from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from experiments.search.study.optuna_study import next_row, open_study
from experiments.search.study.resume import bring_up_to_date, enqueue_interrupted
from experiments.tables import EpochTable, TrialTable


def ask(study: optuna.Study, row: int | None) -> optuna.Trial:
    trial = study.ask()
    trial.suggest_float("x", 0, 1)
    if row is not None:
        trial.set_user_attr("row", row)
        trial.set_user_attr("hyperparameters", {"hidden": 10 + row})
    return trial


def waiting(study: optuna.Study) -> list[int]:
    return [trial.user_attrs["row"] for trial in study.get_trials(states=(TrialState.WAITING,))]


def test_running_trials_are_enqueued_once_in_their_rows(tmp_path: Path) -> None:
    study = open_study(tmp_path / "study.journal", "notes", 1)
    first, second = ask(study, 0), ask(study, 1)
    ask(study, None)  # died before it got a row
    study.tell(first, 2.0)
    enqueue_interrupted(study)
    assert waiting(study) == [1]
    assert study.trials[second.number].user_attrs["resumed_as"] == "enqueued"
    enqueue_interrupted(open_study(tmp_path / "study.journal", "notes", 1))  # the next driver died at once
    again = open_study(tmp_path / "study.journal", "notes", 1)
    assert waiting(again) == [1]
    assert next_row(again) == 2
    taken = again.ask()
    assert taken.user_attrs["row"] == 1
    assert taken.suggest_float("x", 0, 1) == study.trials[second.number].params["x"]


def test_a_driver_that_died_between_closing_and_enqueueing(tmp_path: Path) -> None:
    study = open_study(tmp_path / "study.journal", "notes", 1)
    trial = ask(study, 0)
    trial.set_user_attr("resumed_as", "enqueued")
    study.tell(trial, state=TrialState.FAIL)
    enqueue_interrupted(study)
    assert waiting(study) == [0]


def test_the_table_is_rebuilt_from_the_study_and_the_epochs(tmp_path: Path) -> None:
    study = open_study(tmp_path / "study.journal", "notes", 1)
    epochs = EpochTable(tmp_path / "epochs.csv")
    for epoch, best, best_epoch in ((1, 3.0, 1), (2, 2.5, 2), (3, 2.5, 2)):
        own = {"epoch": epoch, "updates": 50 * epoch, "best": best, "best_epoch": best_epoch, "seconds": 1.0 * epoch}
        epochs.add(0, {**own, "valid": best, "top1": epoch / 10})
    study.tell(ask(study, 0), 2.5)
    study.tell(ask(study, 1), state=TrialState.FAIL)
    table = TrialTable(tmp_path / "trials.csv")
    bring_up_to_date(table, EpochTable(epochs.path), study, max_epochs=3)
    row = table.rows[0]
    assert (row.status, row.best, row.best_epoch, row.epoch, row.updates) == ("done", 2.5, 2, 3, 150)
    assert row.figures == {"valid": 2.5, "top1": pytest.approx(0.2)}
    assert row.hyperparameters == {"hidden": 10}
    assert table.rows[1].status == "failed"
    assert table.finished() == 2


def test_after_a_loss_of_power_the_study_is_believed(tmp_path: Path) -> None:
    study = open_study(tmp_path / "study.journal", "notes", 1)
    epochs = EpochTable(tmp_path / "epochs.csv")
    own = {"epoch": 1, "updates": 50, "best": 3.0, "best_epoch": 1, "seconds": 1.0}
    epochs.add(0, {**own, "valid": 3.0})  # of its second epoch, with 2.5, nothing came to the disk
    study.tell(ask(study, 0), 2.5)
    table = TrialTable(tmp_path / "trials.csv")
    bring_up_to_date(table, EpochTable(epochs.path), study, max_epochs=3)
    assert (table.rows[0].best, table.rows[0].epoch) == (2.5, 1)
    assert "not on disk" in table.rows[0].reason


def test_a_torn_journal_is_mended(tmp_path: Path) -> None:
    journal = tmp_path / "study.journal"
    study = open_study(journal, "notes", 1)
    study.tell(ask(study, 0), 2.0)
    whole = journal.read_bytes()
    journal.write_bytes(whole + whole.splitlines()[-1][:9])
    again = open_study(journal, "notes", 1)
    again.tell(ask(again, 1), 1.0)
    assert [trial.value for trial in open_study(journal, "notes", 1).trials] == [2.0, 1.0]
