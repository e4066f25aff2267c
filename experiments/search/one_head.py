"""One head from its options to its winner: search -> confirm -> train on the run's own split -> export."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.command_line.cli import console, note, say
from experiments.dataset import Dataset
from experiments.figures import (
    METRICS,
    baseline_values,
    comparison,
    confirmed_in_words,
    in_words,
    metric_name,
    told_in_words,
    unit_of,
)
from experiments.files import place, read_json, write_json
from experiments.heads import HeadSpec
from experiments.initial import Initial, initial_of_head
from experiments.run_folder import Run
from experiments.search.beside import beside
from experiments.search.claim import check_ours, holding
from experiments.search.confirm import Choice, choose, repeat, time_needed, unconfirmed, with_final, without_final
from experiments.search.export import export_winner, stays
from experiments.search.going_on import going_on
from experiments.search.machines.cluster import Cluster, Room
from experiments.search.plan import Outcome, SearchPlan
from experiments.search.search import run_search
from experiments.search.stored import stored
from experiments.search.study.defaults import default_draw
from experiments.search.study.hyperparameters import fixed, search_space
from experiments.search.study.warm_start import warm_of
from experiments.search.trial.columns import Columns, columns_of
from experiments.search.watching.live import SearchView
from experiments.search.watching.look_on import study_line
from experiments.search.watching.tracked import following
from experiments.stopping import Interrupt
from experiments.tables import CONFIRM, FINAL, TrialTable
from experiments.tracking.guarded import Guarded
from experiments.tracking.trackers import Tracker
from experiments.tracking.wandb_runs import Tracking
from experiments.winner_limits import check_room
from experiments.winners import Winner, load_winner

if TYPE_CHECKING:
    from experiments.tune import TuneOptions

__all__ = ["GRACE", "HeadPlan", "is_finished", "search_head"]

LONG = ("vocabulary", "init")  # what a winner tells of itself that is too long for a tracker
IMPORT_AFTER = 15.0  # seconds after a search begins: its workers are up then, and the export's imports take seconds
GRACE = 8  # a trial trains at least max_epochs / GRACE epochs before ASHA may stop it


@dataclass(frozen=True)
class HeadPlan:
    """A head and the options of its search."""

    spec: HeadSpec
    options: TuneOptions


def is_finished(run: Run, plan: HeadPlan) -> bool:
    """Whether an earlier driver has done all that was asked, and exported the winner."""
    options, path = plan.options, run.winner(plan.spec.name)
    table = TrialTable.read(run.head(plan.spec.name) / "trials.csv", plan.spec.config.names())
    if table.finished() < options.trials or not path.exists():
        return False
    choices = choose(table, options.confirm, options.seed, options.patience)
    if not choices or unconfirmed(table, options.confirm, options.seed, options.patience):
        return False
    if options.folds > 1 and without_final(table, choices[0], options.seed):
        return False
    choice = with_final(table, choices[0]) if options.folds > 1 else choices[0]
    winner = load_winner(path)
    return choice is not None and (winner.facts.get("row") == choice.row.row or stays(winner, choice))


def search_head(
    run: Run,
    dataset: Dataset,
    plan: HeadPlan,
    cluster: Cluster,
    deadline: float | None,
    interrupt: Interrupt,
    tracking: Tracking,
) -> str:
    """Search one head and export its winner; why it ended early, or "".

    Raises:
        TakenError: another driver searches the head, or has meanwhile.
        UserError: nothing can be written, or every trial has failed.
    """
    spec, options = plan.spec, plan.options
    initial = initial_of_head(spec, options.init, dataset.options.grid)
    with holding(run, spec.name):
        check_ours(run, plan)
        columns = _columns(dataset, plan, initial)
        _note_column(run, spec, len(columns.own.vocabulary), dataset)
        room = Room(cluster, options.cpus_per_trial, options.gpus_per_trial, options.max_concurrent)
        if room.waits_for_nodes:
            note(f"{options.max_concurrent} trials at once do not fit on {cluster.label} yet; some wait for nodes")
        search = _plan(run, plan, deadline, initial, room, interrupt)
        if columns.folds:
            say(f"{spec.name}: {len(columns.folds)} folds over songs; a trial's figures are their mean")
        view = _view(run.head(spec.name), plan, columns, search.deadline)
        with following(tracking, run, dataset, plan) as trackers:
            after = 0.0 if "torch" in sys.modules else IMPORT_AFTER  # an earlier head's search has loaded it
            with view, beside(partial(_load, spec, trackers), after=after, gently=True):
                outcome, choices = _train(spec, columns, search, trackers, view)
            winner = export_winner(run, dataset, columns, options, search, outcome, choices)
            if winner is not None:
                for tracker in trackers:
                    tracker.winner(winner.path, {k: v for k, v in winner.facts.items() if k not in LONG})
                _announce(winner, outcome.table, choices, search)
    return outcome.reason


def _columns(dataset: Dataset, plan: HeadPlan, initial: Initial | None) -> Columns:
    """What the head trains on, as its fixed hyperparameters ask for it.

    Raises:
        UserError: it is more than a winner could hold.
    """
    spec, options = plan.spec, plan.options
    held = fixed(spec, options.preset, options.set) | (dict(initial.fixed) if initial else {})
    also = initial.vocabulary.values if initial else ()
    form = held.get("form", "plan" if options.space else "none") == "plan"  # a space of the user's own may draw it
    columns = columns_of(dataset, spec.column_for(held), options.folds, options.seed, also, form=form)
    check_room(columns.own.vocabulary, initial.to_json(dataset.options.parts) if initial else None)
    return columns


def _view(folder: Path, plan: HeadPlan, columns: Columns, deadline: float | None) -> SearchView:
    """What shows the search; say what there is to beat, and how to look on."""
    head, options, column = plan.spec.name, plan.options, columns.own.spec
    metric = metric_name(head, options.metric)
    baselines, unit = baseline_values(columns.searched_baselines, metric), unit_of(column, metric)
    if baselines:
        told = ", ".join(f"{name} {value:.3f}" for name, value in baselines.items())
        say(f"{head}: baselines, in {unit}: {told}")
    say(f"{head}: {study_line(folder / 'study.journal')}")
    return SearchView(console, column.title, options.trials, unit, baselines, deadline)


def _load(spec: HeadSpec, trackers: Sequence[Guarded]) -> None:
    """Import what the export needs, and some trackers too."""
    spec.load()
    for tracker in trackers:
        tracker.begin()


def _train(
    spec: HeadSpec, columns: Columns, plan: SearchPlan, trackers: Sequence[Tracker], view: SearchView
) -> tuple[Outcome, list[Choice]]:
    """All trainings of a head; how they ended, and the configurations in order, the winner's first."""

    def final(table: TrialTable) -> float:
        return time_needed(table, plan, int(bool(columns.folds)), networks=len(columns.searched))

    def confirming(table: TrialTable) -> float:
        return time_needed(table, plan, len(_unconfirmed(table, plan))) + final(table)

    with stored(columns, plan) as data:
        outcome = run_search(spec, data, plan, trackers, view, confirming)
        table, reason = outcome.table, outcome.reason
        if reason != "interrupted":
            pairs = _unconfirmed(table, plan)
            reason = repeat(CONFIRM, pairs, data, plan, outcome, trackers, view, final) or reason
        choices = choose(table, plan.confirm, plan.seed, plan.patience)
        if columns.folds and choices:
            if reason != "interrupted":
                pairs = without_final(table, choices[0], plan.seed)
                reason = repeat(FINAL, pairs, data.on_own_split(), plan, outcome, trackers, view) or reason
            last = with_final(table, choices[0])
            choices = [last, *choices[1:]] if last is not None else []
    return Outcome(table, reason, outcome.next_row), choices


def _unconfirmed(table: TrialTable, plan: SearchPlan) -> list[tuple[int, int]]:
    return unconfirmed(table, plan.confirm, plan.seed, plan.patience)


def _storage(run: Run, plan: HeadPlan) -> str:
    """Where the trials of a head keep their weights."""
    if not plan.options.storage:
        return str(run.head(plan.spec.name) / "tune")
    # by the run's id, not its name: a run can be renamed, and two can have one name
    where, question, query = place(plan.options.storage).partition("?")
    return f"{where.rstrip('/')}/{run.facts['id']}/{plan.spec.name}{question}{query}"


def _plan(
    run: Run,
    plan: HeadPlan,
    deadline: float | None,
    initial: Initial | None,
    room: Room,
    interrupt: Interrupt,
) -> SearchPlan:
    spec, options, folder = plan.spec, plan.options, run.head(plan.spec.name)
    space = search_space(spec, options.preset, options.set, options.space, initial)
    return SearchPlan(
        run_id=run.facts["id"],
        folder=folder,
        storage=_storage(run, plan),
        trials=options.trials,
        confirm=options.confirm,
        max_epochs=options.max_epochs,
        patience=options.patience,
        grace=max(options.max_epochs // GRACE, 2),
        seed=options.seed,
        metric=METRICS[metric_name(spec.name, options.metric)][0],
        searcher=options.searcher,
        space=space,
        initial=initial,
        warm=partial(warm_of, options, spec.name, run),
        start=None if options.space else default_draw(space, spec.config().to_dict()),
        began=time.monotonic(),
        deadline=deadline,
        cpus=options.cpus_per_trial,
        gpus=room.take,
        at_once=room,
        resume=going_on(run, plan),
        interrupt=interrupt,
        max_failures=options.max_failures,
    )


def _note_column(run: Run, spec: HeadSpec, vocabulary: int, dataset: Dataset) -> None:
    """Put the head's vocabulary size and the leakage into songs.json."""
    path = run.path / "songs.json"
    with run.writing():
        before = read_json(path)
        sizes = before.get("vocabulary") if isinstance(before, dict) else None
        vocabularies = {**(sizes if isinstance(sizes, dict) else {}), spec.name: vocabulary}
        leakage = {"validation": dataset.validation_leakage}
        write_json(path, {**dataset.to_json(), "vocabulary": vocabularies, "leakage": leakage})


def _announce(winner: Winner, table: TrialTable, choices: Sequence[Choice], plan: SearchPlan) -> None:
    """The winner in words, beside the baselines, and what it was chosen by."""
    facts = winner.facts
    title = "; ".join(filter(None, (f"{winner.column.title} on {winner.label}", confirmed_in_words(facts))))
    say()
    console.print(comparison(title, facts["figures"], facts["baselines"], column=winner.column))
    for line in told_in_words(facts["figures"]):
        say(f"{winner.spec.name}: {line}")
    say(f"winner: trial {facts['row']}, epoch {facts['epoch']}: {in_words(winner.config)}; {winner.path}")
    for choice in choices if choices[0].repeats else []:
        values = ", ".join(f"{row.best:.4f}" for row in choice.repeats)
        say(
            f"  trial {choice.of.row}: {choice.of.best:.4f} in the search; with other seeds {values}: {choice.mean:.4f}"
        )
    if left := _unconfirmed(table, plan):
        done = len(choices[0].repeats)
        best = "the search's best" if choices[0].of is table.best() else "the best that failed with no other seed"
        chosen = f"chosen by {done} of {plan.confirm} seeds" if done else f"not confirmed: it is {best}"
        note(f"{winner.spec.name}: {len(left)} confirmations are missing; the winner is {chosen}")
    if failed := table.count("failed"):
        note(f"{failed} of {len(table.rows)} trials failed; why stands in {table.path}")
