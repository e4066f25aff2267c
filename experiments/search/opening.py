"""From a command's options to a run, its songs and a plan for each head; all that can be wrong is found here."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datamodules.column_spec import ColumnSpec
from datamodules.columns import only_value
from datamodules.errors import UserError
from datamodules.folds import make_folds
from experiments.command_line.cli import note
from experiments.data_options import DataOptions
from experiments.dataset import Dataset, read_dataset
from experiments.heads import ALL, HeadSpec, named_heads
from experiments.initial import initial_of_head, initial_place, say_heard
from experiments.plugins import note_unknown_heads
from experiments.run_folder import Run, create_run, default_runs, new_name, open_run, resume_command
from experiments.search.machines.cluster import check_words, in_a_job
from experiments.search.one_head import HeadPlan
from experiments.search.study.hyperparameters import fixed, search_space, settings_of, try_space
from experiments.search.study.warm_start import check_warm
from search_spaces import Space

if TYPE_CHECKING:
    from experiments.tune import TuneOptions

__all__ = ["check", "open_session", "resume_plans"]


def open_session(options: TuneOptions) -> tuple[Run, Dataset, list[HeadPlan]]:
    """Read the songs and open the run for a fresh search.

    Raises:
        UserError: bad songs or options, nothing to learn, or a head that the run has searched already.
    """
    assert options.head is not None
    check_words()
    head, runs = options.head, _lasting(options.runs or default_runs())
    if options.init is not None:
        options = dataclasses.replace(options, init=str(initial_place(options.init, options.runs)))
    specs = named_heads(head)
    plans = []
    for spec in specs:  # everything that can be wrong in the command is found before the songs are read
        settings = options.set if len(specs) == 1 else settings_of(spec, options.set)
        init = _init_of(spec, options, alone=len(specs) == 1)
        plans.append(HeadPlan(spec, dataclasses.replace(options, head=spec.name, set=settings, init=init)))
        check(plans[-1], alone=len(specs) == 1)
    if options.warm_start is not None:
        plans = _warmed(plans, options.warm_start, options.runs)
    dataset = read_dataset(DataOptions.given(options))
    if in_a_job() and not all(path.is_absolute() for path in (*options.songs, *options.valid, *options.test)):
        note("songs that are given by a relative path go with the Ray job's folder: --resume will not find them")
    plans = _with_something_to_learn(plans, dataset)
    for plan in plans:
        if initial := initial_of_head(plan.spec, plan.options.init, options.grid):
            say_heard(initial, dataset)
    if options.folds > 1:
        make_folds(dataset.split, dataset.events, options.folds, options.seed)
    run = create_run((runs / (options.name or new_name())).resolve(), dataset)
    for plan in plans:
        if (run.head(plan.spec.name) / "study.journal").exists():
            raise UserError(
                f"{run.path} has searched {plan.spec.name} already: go on with `{resume_command(run.path)}`, or choose"
                " another --name"
            )
    return run, dataset, plans


def _lasting(runs: Path) -> Path:
    """Where runs are kept; a Ray job's working folder is gone with the job.

    Raises:
        UserError: it is in there.
    """
    if in_a_job() and not runs.is_absolute():
        raise UserError(
            f"--runs {runs}: inside a Ray job it must be an absolute path, on a disk that stays when the job is over"
        )
    return runs


def _init_of(spec: HeadSpec, options: TuneOptions, *, alone: bool) -> str | None:
    """What a head goes on from: in `all`, nothing for one that --init lacks."""
    if (
        options.init is None
        or alone
        or Path(options.init).is_file()
        or Run(Path(options.init)).winner(spec.name).exists()
    ):
        return options.init
    note(f"--init {options.init} has no winner of {spec.name}: that head begins with fresh weights")
    return None


def _warmed(plans: Sequence[HeadPlan], name: str, runs: Path | None) -> list[HeadPlan]:
    """The plans with the run that each study begins with: in `all`, none for a head that --warm-start has nothing for.

    Raises:
        UserError: it has nothing for any of them.
    """
    warmed: list[HeadPlan] = []
    lacking: list[UserError] = []
    for plan in plans:
        warm: str | None = None
        try:
            warm = check_warm(name, runs, plan.spec.name, _space_of(plan))
        except UserError as error:
            lacking.append(error)
        warmed.append(HeadPlan(plan.spec, dataclasses.replace(plan.options, warm_start=warm)))
    if len(lacking) == len(plans):
        raise lacking[0]
    for reason in lacking:
        note(f"{reason}; that head begins without it")
    return warmed


def _with_something_to_learn(plans: Sequence[HeadPlan], dataset: Dataset) -> list[HeadPlan]:
    """The plans whose training targets differ, as the loudness of a score without dynamics does not.

    Raises:
        UserError: there is none.
    """
    kept = []
    for plan in plans:
        column, grid = _column_spec(plan), dataset.options.grid
        value = only_value(column, dataset.events, dataset.split, grid)
        if value is None:
            kept.append(plan)
            continue
        told = f"{column.name}: every training event has the same {column.noun} ({column.told(value, grid)})"
        if len(plans) == 1:
            raise UserError(f"{told}: nothing to learn; give songs in which it differs")
        note(f"{told}: nothing to learn, left out")
    if not kept:
        raise UserError("every training event of these songs is the same: nothing to learn; give other songs")
    return kept


def _column_spec(plan: HeadPlan) -> ColumnSpec:
    """The column at the grain that the search will have."""
    spec, options = plan.spec, plan.options
    initial = initial_of_head(spec, options.init, options.grid)
    return spec.column_for(fixed(spec, options.preset, options.set) | (dict(initial.fixed) if initial else {}))


def resume_plans(name: str, runs: Path | None, head: str | None) -> tuple[Run, dict[str, dict[str, Any]]]:
    """The run to go on with, and the stored options of its heads: of `head`, or of all.

    Raises:
        UserError: there is no such run, or it has not searched the head; or Ray could not take the command line.
    """
    check_words()
    where = runs or default_runs()
    run = open_run(name, where if Path(name).is_absolute() else _lasting(where))
    note_unknown_heads(run)
    stored = {name: run.facts["heads"][name] for name in run.searched()}
    if not stored:
        raise UserError(f"{run.path} was stopped before its first search; start a new run")
    if head not in (None, ALL):
        if head not in stored:
            raise UserError(f"{run.path} has not searched {head}; it has {', '.join(stored) or 'no head'}")
        stored = {head: stored[head]}
    return run, stored


def check(plan: HeadPlan, *, alone: bool) -> str | None:
    """What can be wrong with a head's options; the SHA-256 of the winner that it begins from, if there is one."""
    options = plan.options
    initial = initial_of_head(plan.spec, options.init, options.grid)
    space = _space_of(plan)
    if options.space:
        try_space(space, options.space)
    if options.metric == "mae" and plan.spec.column.chords and alone:
        raise UserError(f"--metric mae: {plan.spec.name} have no distance; choose nats or macro")
    return initial.digest if initial else None


def _space_of(plan: HeadPlan) -> Space:
    """What the search draws from."""
    options = plan.options
    initial = initial_of_head(plan.spec, options.init, options.grid)
    return search_space(plan.spec, options.preset, options.set, options.space, initial)
