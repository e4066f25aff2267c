"""From a command's options to winners: songs -> columns -> searches -> winners -> a song to hear."""

from __future__ import annotations

import dataclasses
import math
import shlex
import time
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datamodules.columns import only_value
from datamodules.corpus.finding import absolute
from datamodules.errors import UserError
from datamodules.folds import make_folds
from experiments.command_line.cli import note, say
from experiments.command_line.config_file import as_toml
from experiments.dataset import DataOptions, Dataset, read_dataset
from experiments.figures import in_words
from experiments.files import place, write_text
from experiments.heads import ALL, HEADS, WRITING, HeadSpec, named_heads
from experiments.initial import initial_of_head, initial_place, say_heard
from experiments.plugins import note_unknown_heads
from experiments.progress import reading
from experiments.run_folder import Run, create_run, default_runs, new_name, open_run, resume_command
from experiments.search.beside import beside
from experiments.search.export import AllFailedError
from experiments.search.machines.cluster import connected, in_a_job
from experiments.search.one_head import HeadPlan, is_finished, search_head
from experiments.search.study.hyperparameters import search_space, settings_of, try_space
from experiments.search.study.warm_start import earlier_run
from experiments.search.watching.look_on import board_line
from experiments.search.watching.tracked import track_song
from experiments.stopping import stopping
from experiments.tracking.wandb_runs import Tracking
from experiments.winners import load_winner

if TYPE_CHECKING:
    from experiments.music.writing import Written
    from experiments.tune import TuneOptions

__all__ = ["HeadPlan", "open_session", "resume_plans", "run_session"]


def open_session(options: TuneOptions) -> tuple[Run, Dataset, list[HeadPlan]]:
    """Read the songs and open the run for a fresh search.

    Raises:
        UserError: bad songs or options, nothing to learn, or a head that the run has searched already.
    """
    assert options.head is not None
    head, runs = options.head, _lasting(options.runs or default_runs())
    if options.init is not None:
        options = dataclasses.replace(options, init=str(initial_place(options.init, options.runs or default_runs())))
    specs = named_heads(head)
    plans = []
    for spec in specs:  # everything that can be wrong in the command is found before the songs are read
        settings = options.set if len(specs) == 1 else settings_of(spec, options.set)
        init = _init_of(spec, options, alone=len(specs) == 1)
        warm = _warm_of(spec, options, alone=len(specs) == 1)
        own = dataclasses.replace(options, head=spec.name, set=settings, init=init, warm_start=warm)
        plans.append(HeadPlan(spec, own))
        _check(plans[-1], alone=len(specs) == 1)
    dataset = _read(DataOptions.given(options))
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
                f"{run.path} has searched {plan.spec.name} already: go on with"
                f" `python -m experiments.tune --resume {run.name}`, or choose another --name"
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


def _warm_of(spec: HeadSpec, options: TuneOptions, *, alone: bool) -> str | None:
    """The run that a head's study begins with: in `all`, none for a head that --warm-start has not searched."""
    try:
        earlier = earlier_run(options, spec.name)
    except UserError as error:
        if alone or not (open_run(str(options.warm_start), options.runs or default_runs())).searched():
            raise
        note(str(error))
        return None
    return str(earlier.path) if earlier else None


def _with_something_to_learn(plans: Sequence[HeadPlan], dataset: Dataset) -> list[HeadPlan]:
    """The plans whose training targets differ, as the loudness of a score without dynamics does not.

    Raises:
        UserError: there is none.
    """
    kept = []
    for plan in plans:
        column, grid = plan.spec.column, dataset.options.grid
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


def resume_plans(name: str, runs: Path | None, head: str | None) -> tuple[Run, dict[str, dict[str, Any]]]:
    """The run to go on with, and the stored options of its heads: of `head`, or of all.

    Raises:
        UserError: there is no such run, or it has not searched the head.
    """
    run = open_run(name, _lasting(runs or default_runs()))
    note_unknown_heads(run)
    stored = {name: run.facts["heads"][name] for name in run.searched()}
    if not stored:
        raise UserError(f"{run.path} was stopped before its first search; start a new run")
    if head not in (None, ALL):
        if head not in stored:
            raise UserError(f"{run.path} has not searched {head}; it has {', '.join(stored) or 'no head'}")
        stored = {head: stored[head]}
    return run, stored


def run_session(run: Run, dataset: Dataset, plans: Sequence[HeadPlan], *, began: float) -> None:
    """Search each head in turn, and write a song at the end.

    Args:
        began: `time.monotonic` at the command's start: --time-budget counts from there.
    """
    _introduce(run, dataset)
    missing = []
    for plan in plans:
        digest = _check(plan, alone=False)
        before = run.facts["heads"].get(plan.spec.name, {}).get("init_sha256", digest)
        if before != digest:
            raise UserError(f"--init {plan.options.init} has changed since this search began from it: start a new run")
        run.note_head(plan.spec.name, _stored(plan.options) | ({"init_sha256": digest} if digest else {}))
        _note_config(run, plan)
        if is_finished(run, plan):
            confirmed = f" and confirmed with {plan.options.confirm} seeds" if plan.options.confirm else ""
            say(
                f"{plan.spec.name}: its {plan.options.trials} trials are finished{confirmed}; a larger --trials or"
                " --confirm extends it"
            )
        else:
            missing.append(plan)
    with Tracking(plans[0].options.wandb, run.path, note) as tracking:
        reason, failed = _search_heads(run, dataset, missing, began, tracking) if missing else ("", "")
        with stopping():  # a moment's work
            if song := _first_song(run, plans):
                track_song(tracking, run, dataset, song)
        if len(plans) > 1 and reason != "interrupted":
            _report(run)  # takes its time, and can be stopped: all that was found is kept by now
    _farewell(run, plans, reason)
    if failed:
        raise UserError(failed, status=1)
    if not any(run.winner(plan.spec.name).exists() for plan in plans):
        raise UserError("the time was over before there was a winner: give it longer", status=1)


def _search_heads(
    run: Run, dataset: Dataset, plans: Sequence[HeadPlan], began: float, tracking: Tracking
) -> tuple[str, str]:
    """Search one head after another; why it ended early, or "", and what failed, or ""."""
    reason = failed = ""
    # Tune imports it to count who uses W&B: here while Ray starts, which is mostly waiting
    with (
        beside(lambda: import_module("ray.air.integrations.wandb")),
        connected(plans[0].options.address) as cluster,
        stopping() as interrupt,  # after Ray has put its own handler in place
    ):
        say(f"searching on {cluster.label}: {cluster.cpus:g} CPUs, {cluster.gpus:g} GPUs")
        if any(plan.options.tensorboard for plan in plans):
            say(board_line(run.path))
        for number, plan in enumerate(plans):
            deadline = _deadline(plan.options.time_budget, began, len(plans) - number)
            try:
                reason = search_head(run, dataset, plan, cluster, deadline, interrupt, tracking) or reason
            except AllFailedError as error:  # the other heads may do better
                note(str(error))
                failed = str(error)
            if interrupt.asked and number + 1 < len(plans):
                reason = "interrupted"
            if reason == "interrupted":
                break
    return reason, failed


def _deadline(budget: float | None, began: float, heads: int) -> float | None:
    """When a head's search must end, of `time.monotonic`: what is left is shared alike between the heads to come."""
    if budget is None:
        return None
    now = time.monotonic()
    return now + max(began + budget - now, 0.0) / heads


def _check(plan: HeadPlan, *, alone: bool) -> str | None:
    """What can be wrong with a head's options; the SHA-256 of the winner that it begins from, if there is one."""
    options = plan.options
    initial = initial_of_head(plan.spec, options.init, options.grid)
    space = search_space(plan.spec, options.preset, options.set, options.space, initial)
    if plan.options.space:
        try_space(space, plan.options.space)
    if plan.options.metric == "mae" and plan.spec.column.chords and alone:
        raise UserError(f"--metric mae: {plan.spec.name} have no distance; choose nats or macro")
    return initial.digest if initial else None


def _read(options: DataOptions) -> Dataset:
    with reading() as progress:
        return read_dataset(options, progress)


def _stored(options: TuneOptions) -> dict[str, Any]:
    def plain(value: Any) -> Any:
        if isinstance(value, Path):
            return absolute(value)
        return [plain(item) for item in value] if isinstance(value, tuple) else value

    whole = {field.name: plain(getattr(options, field.name)) for field in dataclasses.fields(options)}
    of_this_call = {"resume": None, "config": None, "quiet": False}
    return whole | of_this_call | {"storage": options.storage and place(options.storage)}


def _note_config(run: Run, plan: HeadPlan) -> None:
    """Write the file that would repeat a head's search, in a run of another name."""
    options = dataclasses.replace(plan.options, head=plan.spec.name)
    told = as_toml(options, without=("name", "runs", "resume", "config", "quiet"))
    command = "python -m experiments.tune --config FILE --name NAME"
    write_text(run.head(plan.spec.name) / "tune.toml", f"# again: {command}\n{told}")


def _introduce(run: Run, dataset: Dataset) -> None:
    """Say what was read."""
    rejected = [row for row, _ in dataset.rows if not row.accepted]
    events = sum(map(len, dataset.events))
    say(f"run {run.name} in {run.path}")
    names = ", ".join(Path(song.name).name for song in dataset.songs[:3]) + (", ..." if len(dataset.songs) > 3 else "")
    say(f"songs: {len(dataset.songs)} ({names}), {events:,} events; {dataset.split.describe()}")
    for row in rejected[:10]:
        say(f"  left out: {row.path}: {row.reason}")
    if len(rejected) > 10:
        say(f"  left out: {len(rejected) - 10} more, all in {run.path / 'songs.json'}")
    leaks = {name: share for name, share in dataset.validation_leakage.items() if share is not None}
    if leaks:
        shares = ", ".join(f"{name} {100 * share:.0f} %" for name, share in leaks.items())
        say(f"leakage: of the 6-grams in validation, these occur in training too: {shares}")
    if dataset.split.name == "none":
        note("nothing is held out (--split none): every figure below is on the training songs")


def _first_song(run: Run, plans: Sequence[HeadPlan]) -> Written | None:
    """Write a song, so that there is something to hear; None if there is no winner."""
    from experiments.music.making import first_song

    heads = [name for name in WRITING if run.winner(name).exists()]
    return first_song(run, heads, seed=plans[0].options.seed) if heads else None


def _report(run: Run) -> None:
    """Write the page on the run, so that there is something to look at."""
    from experiments.report import write_report

    try:
        say(f"report: {write_report(run).describe()}")
    except UserError as error:  # the search is done all the same
        note(f"no report: {error}")


def _winners(run: Run, plans: Sequence[HeadPlan]) -> None:
    """Say again what was found, where several searches have told of it in between."""
    for plan in plans if len(plans) > 1 else ():
        if (path := run.winner(plan.spec.name)).exists():
            winner = load_winner(path)
            value = winner.facts["figures"].get("valid", math.nan)  # a run may come from a stranger
            say(f"{plan.spec.name}: {value:.3f} {winner.column.nats} on {winner.label}; {in_words(winner.config)}")
    say(f"all of it is in {run.path}")


def _farewell(run: Run, plans: Sequence[HeadPlan], reason: str) -> None:
    say()
    _winners(run, plans)
    again = resume_command(run.path, space=plans[0].options.space, storage=plans[0].options.storage)
    if reason == "interrupted":
        raise UserError(f"stopped before the end; what was found is kept. Go on with: {again}", status=1)
    if reason == "time":
        say(f"the time budget is used up; go on with: {again} --time-budget SECONDS")
    if len(plans) > 1 or all(run.winner(name).exists() for name in HEADS):
        say(f"next: python -m experiments.generate {run.path} --seed 2")
    else:
        say(f"next: python -m experiments.evaluate {run.path}, or every head: python -m experiments.tune all")
    if any((run.path / "wandb").glob("offline-run-*")):
        say(f"W&B runs are offline; to upload them: wandb sync {shlex.quote(str(run.path / 'wandb'))}")
