"""A trial that goes on trains epochs again; until it has, what it had reached before still counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from trials_made import Silent, columns, config, settings

from experiments.search.trial import trainable
from experiments.search.trial.storage import TrialStore
from experiments.search.trial.trainable import train_trial
from experiments.search.watching.observer import Observer
from experiments.tables import EpochTable, TrialRow, TrialTable


class Trial:
    """What Ray tells of a trial."""

    config = config()


class StoppedError(Exception):
    pass


def report(epoch: int, best: float, best_epoch: int) -> dict[str, Any]:
    own = {"epoch": epoch, "updates": 50 * epoch, "best": best, "best_epoch": best_epoch, "seconds": 1.0 * epoch}
    return {**own, "figures": {"valid": best}}


def test_a_search_that_is_stopped_soon_after_it_went_on_keeps_what_was_reached(tmp_path: Path) -> None:
    table = TrialTable(tmp_path / "trials.csv")
    table.rows[0] = TrialRow(0, status="interrupted", best=2.0, best_epoch=3, epoch=3, figures={"valid": 2.0})
    seen = Observer(table, EpochTable(tmp_path / "epochs.csv"), (), Silent())
    seen.on_trial_start(0, [], Trial())
    seen.on_trial_result(0, [], Trial(), {"reports": [report(1, 4.0, 1), report(2, 3.0, 2)]})  # from a checkpoint
    row = table.rows[0]
    assert (row.best, row.best_epoch, row.epoch, row.figures) == (2.0, 3, 3, {"valid": 2.0})
    seen.on_trial_result(0, [], Trial(), {"reports": [report(3, 2.0, 3), report(4, 1.5, 4)]})
    assert (row.best, row.best_epoch, row.epoch, row.figures) == (1.5, 4, 4, {"valid": 1.5})
    seen.finish()
    assert [line["epoch"] for line in EpochTable.read(tmp_path / "epochs.csv")[0]] == [1, 2, 3, 4]


@pytest.mark.parametrize("last_every", [0.0, 1e9], ids=["from its last", "anew"])
def test_the_best_weights_stay_until_there_are_better_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last_every: float
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr(trainable, "LAST_EVERY", last_every)
    monkeypatch.setattr(trainable.tune, "report", lambda message: None)
    own, store = columns(2)[:1], TrialStore(str(tmp_path))
    train_trial(config(), own, settings(tmp_path, max_epochs=2))
    last = store.read_bytes(0, "last")
    monkeypatch.setattr(trainable, "LAST_EVERY", 1e9)
    train_trial(config(), own, settings(tmp_path))
    found = store.read(0, "best")
    assert found is not None
    assert found[1]["epoch"] > 3  # the trial goes on from 2, or from its beginning, as `last` is
    assert store.read_bytes(0, "last") == last

    end_epoch = trainable._Trial.end_epoch

    def end_then_stop(trial: Any, *given: Any) -> bool:
        end_epoch(trial, *given)
        raise StoppedError

    with monkeypatch.context() as patch:
        patch.setattr(trainable._Trial, "end_epoch", end_then_stop)
        with pytest.raises(StoppedError):
            train_trial(config(), own, settings(tmp_path))
    again = store.read(0, "best")
    assert again is not None
    assert again[1] == found[1]
    train_trial(config(seed=5), own, settings(tmp_path, max_epochs=1))  # another training takes their place
    other = store.read(0, "best")
    assert other is not None
    assert (other[1]["seed"], other[1]["epoch"]) == (5, 1)
