"""One search: a Ray Tune run over one head, from its columns to its tables and the trials' weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import optuna

from datamodules.errors import UserError
from experiments.command_line.cli import say
from experiments.heads import HeadSpec
from experiments.search.links import clear_links
from experiments.search.machines.shared_storage import check_storage
from experiments.search.plan import Outcome, SearchPlan
from experiments.search.running import run_trials
from experiments.search.stored import Stored
from experiments.search.study.optuna_study import StudySearch, next_row, open_study, row_of
from experiments.search.study.resume import bring_up_to_date, enqueue_interrupted
from experiments.search.study.scheduler import Rungs, rungs_of
from experiments.search.study.space_change import check_space
from experiments.search.study.warm_start import warm_start
from experiments.search.watching.observer import Halt, Observer, View
from experiments.tables import EpochTable, TrialTable
from experiments.tracking.trackers import Tracker

__all__ = ["run_search"]


def run_search(
    spec: HeadSpec,
    stored: Stored,
    plan: SearchPlan,
    trackers: Sequence[Tracker],
    view: View,
    reserve: Callable[[TrialTable], float] = lambda _: 0.0,
) -> Outcome:
    """Search until `plan.trials` trials are finished, going on with those that an earlier driver left.

    Args:
        stored: what the trials train on.
        reserve: seconds before the deadline that are needed for what follows the search.

    Raises:
        UserError: nothing can be written, the space is not the study's, or what an earlier driver left is damaged.
    """
    clear_links(plan.folder / "tune")  # before anything is written there, and for all trainings that follow
    check_storage(plan.storage, plan.sign)
    table = TrialTable.read(plan.folder / "trials.csv", spec.config.names())
    study = open_study(plan.folder / "study.journal", spec.name, plan.seed, plan.searcher)
    check_space(study, plan.space, plan.folder)
    epochs = EpochTable(plan.folder / "epochs.csv")
    _go_on(table, epochs, study, plan)
    if not study.get_trials(deepcopy=False):
        _begin(study, plan)
    missing, first_row = plan.trials - table.finished(), max(table.next_row, next_row(study))
    if missing <= 0:
        return Outcome(table, "", first_row)
    observer = Observer(table, epochs, trackers, view)
    halt = Halt(plan.interrupt, plan.deadline, observer, reserve)
    searcher = StudySearch(study, plan.space, plan.max_epochs, first_row)
    reason = run_trials(plan, stored, searcher, missing, observer, halt, _asha(plan, study, epochs))
    return Outcome(table, reason, max(table.next_row, next_row(study)))


def _begin(study: optuna.Study, plan: SearchPlan) -> None:
    """Put into a study without trials what it begins with.

    Raises:
        UserError: an earlier study holds nothing for it. This one is gone again: its head can be searched anew.
    """
    try:
        if warm := plan.warm():
            say(f"{study.study_name}: {warm_start(study, plan.space, warm.journal, comparable=warm.comparable)}")
    except UserError:
        (plan.folder / "study.journal").unlink()
        raise
    if plan.start:
        study.enqueue_trial(dict(plan.start), skip_if_exists=True)


def _go_on(table: TrialTable, epochs: EpochTable, study: optuna.Study, plan: SearchPlan) -> None:
    """Take up what an earlier driver left. The run may be a stranger's, and its study hold what ours never would.

    Raises:
        UserError: it does.
    """
    try:
        bring_up_to_date(table, epochs, study, plan.max_epochs)
        next_row(study)
        enqueue_interrupted(study)
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise UserError(f"{plan.folder / 'study.journal'} is damaged ({reason}); start a new run") from error


def _asha(plan: SearchPlan, study: optuna.Study, epochs: EpochTable) -> Rungs:
    """What stops trials early. It knows how far those of earlier drivers came; those that repeat one do not count."""
    rungs, reports = rungs_of(plan), epochs.reports()
    for row in {row_of(trial) for trial in study.get_trials(deepcopy=False)}:
        if row in reports:
            rungs.fill(row, reports[row])
    return rungs
