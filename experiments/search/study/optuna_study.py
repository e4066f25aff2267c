"""The Optuna study of one head, and the searcher that lets Ray Tune ask it for trials.

The journal (`HEAD/study.journal`) is lines of JSON: opening a stranger's executes nothing, and `optuna-dashboard` reads
it live.
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import optuna
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from ray.tune.result import TRAINING_ITERATION
from ray.tune.search.optuna import OptunaSearch

from datamodules.errors import UserError
from datamodules.files import read_whole
from experiments.searchers import DEFAULT, SEARCHERS
from experiments.tables import MOST_ROWS
from search_spaces import Space

__all__ = ["LARGEST", "METRIC", "StudySearch", "next_row", "open_study", "row_of"]

LARGEST = 1 << 30  # bytes of a journal: hundreds of thousands of trials
METRIC = "best"  # what searcher, scheduler and ranking minimise: the least `valid` (or --metric) so far


def open_study(journal: Path, head: str, seed: int, searcher: str = DEFAULT) -> optuna.Study:
    """The study in `journal`, created where there is none, with the seeded sampler of a searcher.

    Raises:
        UserError: it is damaged, or no study of ours.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    journal.parent.mkdir(parents=True, exist_ok=True)
    _make_ready(journal)
    # The default lock is a symbolic link, which some network file systems refuse.
    backend = JournalFileBackend(str(journal), lock_obj=JournalFileOpenLock(str(journal)))
    try:
        study = optuna.create_study(
            storage=optuna.storages.JournalStorage(backend),
            study_name=head,
            direction="minimize",
            load_if_exists=True,
        )
        if study.directions != [optuna.study.StudyDirection.MINIMIZE]:
            raise ValueError("a study of another kind")
        begun = len(study.get_trials(deepcopy=False))
    except OSError:  # the disk, not the journal
        raise
    except Exception as error:  # Optuna expects no damage: it can raise anything in there
        raise UserError(f"{journal} is damaged ({type(error).__name__}: {error}); start a new run") from error
    study.sampler = SEARCHERS[searcher].build(seed, begun)
    return study


def _make_ready(journal: Path) -> None:
    """Cut off a last line that its writer did not finish: Optuna would write the next one behind it.

    Raises:
        UserError: it is no file, or a link to one: what is written is never written to where a stranger points.
    """
    lock = journal.with_name(f"{journal.name}.lock")
    if lock.is_symlink() and not lock.exists():  # Optuna would wait for its end for ever
        lock.unlink()
    if journal.is_symlink() or (journal.exists() and not journal.is_file()):
        raise UserError(f"{journal} is not a regular file; start a new run")
    if not journal.exists():
        return
    try:
        data = read_whole(journal, LARGEST)
    except OSError as error:
        raise UserError(f"cannot read {journal}: {error.strerror or error}") from error
    if data and not data.endswith(b"\n"):
        os.truncate(journal, data.rfind(b"\n") + 1)


def next_row(study: optuna.Study) -> int:
    """The first row that no trial of the study has."""
    rows = [row_of(trial) for trial in study.get_trials(deepcopy=False)]
    return max((row for row in rows if row is not None), default=-1) + 1


def row_of(trial: optuna.trial.BaseTrial) -> int | None:
    """The row of trials.csv that a trial of the study fills; None if it got none.

    Raises:
        ValueError: it is no row; the study may be a stranger's.
    """
    row = trial.user_attrs.get("row")
    if row is None or (type(row) is int and 0 <= row < MOST_ROWS):
        return row
    raise ValueError(f"a trial's row is {str(row)[:40]}")


class StudySearch(OptunaSearch):  # type: ignore[misc]  # Ray ships no types
    """OptunaSearch over an opened study, whose trials also carry the row of trials.csv that they fill.

    Args:
        study: from `open_study`.
        space: trial -> all hyperparameters.
        max_epochs: the most that a trial trains.
        first_row: the first row that no earlier trial has.
    """

    def __init__(self, study: optuna.Study, space: Space, max_epochs: int, first_row: int) -> None:
        self._draw, self._max_epochs, self._next_row = space, max_epochs, first_row
        self._told: dict[str, int] = {}  # trial -> its last epoch that the study knows
        super().__init__(self._define, metric=METRIC, mode="min", study_name=study.study_name)
        self._ot_study = study

    def _setup_study(self, mode: str | list[str]) -> None:
        """Keep the base class from creating a study of its own."""

    def _define(self, trial: Any) -> dict[str, Any]:
        row = row_of(trial)
        if row is None:
            row, self._next_row = self._next_row, self._next_row + 1
            trial.set_user_attr("row", row)
        hyperparameters = self._draw(trial)
        trial.set_user_attr("hyperparameters", hyperparameters)
        # Under a name of their own: what the sampler drew (trial.params) can be a roundabout form of them.
        return {"hyperparameters": hyperparameters, "row": row, "max_epochs": self._max_epochs}

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Tell the study, by epoch: a report can be of several, and after a failure some come again."""
        if result["epoch"] <= self._told.get(trial_id, 0):
            return
        self._told[trial_id] = result["epoch"]
        super().on_trial_result(trial_id, {**result, TRAINING_ITERATION: result["epoch"]})

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Tell the study. A figure that is no number would leave the trial RUNNING for ever: it is an error."""
        if result is not None and not math.isfinite(result.get(METRIC, math.nan)):
            result, error = None, True
        super().on_trial_complete(trial_id, None if error else result, error)

    # Ray pickles its searcher to restore from; we never restore (see `experiments/search/study/resume.py`).
    def save(self, checkpoint_path: str) -> None:
        """Write an empty state."""
        Path(checkpoint_path).write_bytes(b"")

    def __getstate__(self) -> dict[str, Any]:
        return {}
