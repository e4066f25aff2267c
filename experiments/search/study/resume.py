"""Going on with a search whose driver has died. Nothing is unpickled, and Ray's own restore is never called.

The study is told of every end of a trial first, so it is the truth; trials.csv is rebuilt from it and from epochs.csv.
Trials that were running are enqueued again in the row that they had, where their worker finds their checkpoint.
"""

from __future__ import annotations

from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from experiments.search.study.numbering import RESUMED
from experiments.search.study.optuna_study import row_of
from experiments.tables import FINISHED, EpochTable, TrialRow, TrialTable

__all__ = ["bring_up_to_date", "enqueue_interrupted"]


def bring_up_to_date(table: TrialTable, epochs: EpochTable, study: optuna.Study, max_epochs: int) -> None:
    """Put into the table what the study knows and the dead driver had not written."""
    reports = epochs.reports()
    for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.FAIL)):
        number = row_of(trial)
        if number is None or RESUMED in trial.user_attrs:
            continue
        if number not in table.rows or table.rows[number].status not in FINISHED:
            table.rows[number] = _row(trial, number, reports.get(number, []), max_epochs)


def _row(trial: FrozenTrial, number: int, reports: list[dict[str, float]], max_epochs: int) -> TrialRow:
    row = TrialRow(number, hyperparameters=dict(trial.user_attrs.get("hyperparameters", {})))
    for report in reports:
        row.take({name: report[name] for name in row.OWN}, {k: v for k, v in report.items() if k not in row.OWN})
    if trial.state is TrialState.FAIL:
        row.status, row.reason = "failed", "not known: its driver died before writing it down"
    else:
        row.status = "done" if row.epoch >= max_epochs else "stopped early"
        if trial.value is not None and trial.value != row.best:  # of a loss of power, which the study alone outlives
            row.best, row.reason = trial.value, "some of its epochs were not on disk when its driver died"
    return row


def enqueue_interrupted(study: optuna.Study) -> None:
    """Close the trials that a dead driver left RUNNING, and enqueue each again in the row that it had."""
    trials: list[FrozenTrial] = study.get_trials(deepcopy=False)
    for trial in trials:
        if trial.state is TrialState.RUNNING:
            # Without a row it died before anything was started.
            resumed = "enqueued" if row_of(trial) is not None else "nothing was started"
            study._storage.set_trial_user_attr(trial._trial_id, RESUMED, resumed)
            study.tell(trial.number, state=TrialState.FAIL)
    followed = {before for trial in trials if isinstance(before := trial.user_attrs.get("resume_from"), int)}
    for trial in study.get_trials(deepcopy=False, states=(TrialState.FAIL,)):
        # Also one whose driver died between the two steps of an earlier resume.
        if trial.user_attrs.get(RESUMED) == "enqueued" and trial.number not in followed:
            attributes: dict[str, Any] = {"resume_from": trial.number, "row": row_of(trial)}
            study.enqueue_trial(trial.params, user_attrs=attributes)
