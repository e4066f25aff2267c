"""From a command's options to winners: songs -> columns -> searches -> winners -> a song to hear."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datamodules.baselines import baselines
from datamodules.errors import UserError
from experiments.cli import console, note, say
from experiments.dataset import DataOptions, Dataset, read_dataset
from experiments.figures import METRICS, baseline_values, comparison, in_words, metric_name
from experiments.files import locked, read_json, write_json
from experiments.heads import HEADS, HeadSpec, named_heads
from experiments.progress import reading
from experiments.run_folder import Run, create_run, default_runs, new_name, open_run
from experiments.search.cluster import Cluster, connected
from experiments.search.export import AllFailedError, export_winner
from experiments.search.hyperparameters import search_space, settings_of, try_space
from experiments.search.live import SearchView
from experiments.search.search import SearchPlan, run_search
from experiments.tables import TrialTable
from experiments.tracking import Tracker
from experiments.winners import Winner, load_winner

if TYPE_CHECKING:
    from experiments.tune import TuneOptions

__all__ = ["HeadPlan", "open_session", "resume_plans", "run_session"]

GPU_SHARE = 0.25  # of a GPU a trial: small networks leave most of one idle
GRACE = 8  # a trial trains at least max_epochs / GRACE epochs before ASHA may stop it


@dataclass(frozen=True)
class HeadPlan:
    """A head and the options of its search."""

    spec: HeadSpec
    options: TuneOptions


def open_session(options: TuneOptions) -> tuple[Run, Dataset, list[HeadPlan]]:
    """Read the songs and open the run for a fresh search.

    Raises:
        UserError: bad songs or options, or a head that the run has searched already.
    """
    assert options.head is not None
    specs = named_heads(options.head)
    plans = []
    for spec in specs:  # everything that can be wrong in the command is found before the songs are read
        settings = options.set if len(specs) == 1 else settings_of(spec, options.set)
        plans.append(HeadPlan(spec, dataclasses.replace(options, head=spec.name, set=settings)))  # type: ignore[arg-type]
        _check(plans[-1], alone=len(specs) == 1)
    dataset = _read(DataOptions.given(options))
    runs = options.runs or default_runs()
    run = create_run((runs / (options.name or new_name())).resolve(), dataset)
    for plan in plans:
        if (run.head(plan.spec.name) / "study.journal").exists():
            raise UserError(
                f"{run.path} has searched {plan.spec.name} already: go on with"
                f" `python -m experiments.tune --resume {run.name}`, or choose another --name"
            )
    return run, dataset, plans


def resume_plans(name: str, runs: Path | None, head: str | None) -> tuple[Run, dict[str, dict[str, Any]]]:
    """The run to go on with, and the stored options of its heads: of `head`, or of all.

    Raises:
        UserError: there is no such run, or it has not searched the head.
    """
    run = open_run(name, runs or default_runs())
    stored = {name: run.facts["heads"][name] for name in run.searched()}
    if not stored:
        raise UserError(f"{run.path} was stopped before its first search; start a new run")
    if head not in (None, "all"):
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
        _check(plan, alone=False)
        run.note_head(plan.spec.name, _stored(plan.options))
        if _is_finished(run, plan):
            say(f"{plan.spec.name}: its {plan.options.trials} trials are finished; a larger --trials extends it")
        else:
            missing.append(plan)
    reason, failed = _search_heads(run, dataset, missing, began) if missing else ("", "")
    _first_song(run, plans)
    _farewell(run, plans, reason)
    if failed:
        raise UserError(failed, status=1)
    if not any(run.winner(plan.spec.name).exists() for plan in plans):
        raise UserError("the time was over before any trial had finished an epoch: give it longer", status=1)


def _search_heads(run: Run, dataset: Dataset, plans: Sequence[HeadPlan], began: float) -> tuple[str, str]:
    """Search one head after another; why it ended early, or "", and what failed, or ""."""
    reason = failed = ""
    with connected(plans[0].options.address) as cluster:
        say(f"searching on {cluster.label}: {cluster.cpus:g} CPUs, {cluster.gpus:g} GPUs")
        for number, plan in enumerate(plans):
            deadline = _deadline(plan.options.time_budget, began, len(plans) - number)
            try:
                ended = _search_head(run, dataset, plan, cluster, deadline)
            except AllFailedError as error:  # the other heads may do better
                note(str(error))
                failed = str(error)
                continue
            reason = ended or reason
            if ended == "interrupted":
                break
    return reason, failed


def _is_finished(run: Run, plan: HeadPlan) -> bool:
    """Whether an earlier driver has done all the trials, and exported their winner."""
    table = TrialTable.read(run.head(plan.spec.name) / "trials.csv", plan.spec.config.names())
    best, path = table.best(), run.winner(plan.spec.name)
    if table.finished() < plan.options.trials or best is None or not path.exists():
        return False
    return bool(load_winner(path).facts["best"] <= best.best)


def _deadline(budget: float | None, began: float, heads: int) -> float | None:
    """When a head's search must end, of `time.monotonic`: what is left is shared alike between the heads to come."""
    if budget is None:
        return None
    now = time.monotonic()
    return now + max(began + budget - now, 0.0) / heads


def _search_head(run: Run, dataset: Dataset, plan: HeadPlan, cluster: Cluster, deadline: float | None) -> str:
    """Search one head and export its winner; why it ended early, or ""."""
    spec, options = plan.spec, plan.options
    column = dataset.column(spec.column)
    folder = run.head(spec.name)
    busy = f"{folder}: another search of this head is running; wait for it or stop it first"
    with locked(folder / "lock", busy):
        found = baselines(column, dataset.split.valid_part)
        _note_column(run, spec, len(column.vocabulary), dataset)
        search = _plan(run, plan, cluster, deadline)
        metric = metric_name(spec.name, options.metric)
        tracker = Tracker(options.wandb, run.path, f"{run.name}/{spec.name}", note)
        view = SearchView(
            console, spec.name, options.trials, METRICS[metric][1], baseline_values(found, metric), search.deadline
        )
        with tracker:
            with view:
                outcome = run_search(spec, column, search, cluster, tracker, view)
            winner = export_winner(run, dataset, column, options, search.storage, outcome, found)
            if winner is not None:
                tracker.winner(winner.path, {k: v for k, v in winner.facts.items() if k != "vocabulary"})
                _announce(winner, outcome.table)
    return outcome.reason


def _plan(run: Run, plan: HeadPlan, cluster: Cluster, deadline: float | None) -> SearchPlan:
    spec, options = plan.spec, plan.options
    gpus = options.gpus_per_trial if options.gpus_per_trial is not None else GPU_SHARE * (cluster.gpus > 0)
    folder = run.head(spec.name)
    storage = str(folder / "tune")
    if options.storage:  # by the run's id, not its name: a run can be renamed, and two can have one name
        place, question, query = _place(options.storage).partition("?")
        storage = f"{place.rstrip('/')}/{run.facts['id']}/{spec.name}{question}{query}"
    return SearchPlan(
        run_id=run.facts["id"],
        folder=folder,
        storage=storage,
        trials=options.trials,
        max_epochs=options.max_epochs,
        patience=options.patience,
        grace=max(options.max_epochs // GRACE, 2),
        seed=options.seed,
        metric=METRICS[metric_name(spec.name, options.metric)][0],
        space=search_space(spec, options.preset, options.set, options.space),
        deadline=deadline,
        cpus=options.cpus_per_trial,
        gpus=gpus,
        concurrent=options.max_concurrent,
    )


def _place(storage: str) -> str:
    """Where --storage is, from anywhere: a URI as it stands, a path made absolute."""
    return storage if "://" in storage else str(Path(storage).absolute())


def _check(plan: HeadPlan, *, alone: bool) -> None:
    """What can be wrong with a head's options."""
    space = search_space(plan.spec, plan.options.preset, plan.options.set, plan.options.space)
    if plan.options.space:
        try_space(space, plan.options.space)
    if plan.options.metric == "mae" and plan.spec.column.chords and alone:
        raise UserError("--metric mae: notes have no distance in quarter notes; choose nats or macro")


def _read(options: DataOptions) -> Dataset:
    with reading() as progress:
        return read_dataset(options, progress)


def _stored(options: TuneOptions) -> dict[str, Any]:
    def plain(value: Any) -> Any:
        if isinstance(value, Path):
            return str(value.absolute())
        return [plain(item) for item in value] if isinstance(value, tuple) else value

    whole = {field.name: plain(getattr(options, field.name)) for field in dataclasses.fields(options)}
    return {**whole, "resume": None, "storage": options.storage and _place(options.storage)}


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


def _note_column(run: Run, spec: HeadSpec, vocabulary: int, dataset: Dataset) -> None:
    """Put the head's vocabulary size and the leakage into songs.json."""
    path = run.path / "songs.json"
    before = read_json(path)
    sizes = before.get("vocabulary") if isinstance(before, dict) else None
    vocabularies = {**(sizes if isinstance(sizes, dict) else {}), spec.name: vocabulary}
    leakage = {"validation": dataset.validation_leakage}
    write_json(path, {**dataset.to_json(), "vocabulary": vocabularies, "leakage": leakage})


def _announce(winner: Winner, table: TrialTable) -> None:
    """The winner in words, beside the baselines."""
    facts = winner.facts
    say()
    console.print(comparison(f"{winner.spec.name} on {winner.label}", facts["figures"], facts["baselines"]))
    say(f"winner: trial {facts['row']}, epoch {facts['epoch']}: {in_words(winner.config)}; {winner.path}")
    if failed := table.count("failed"):
        note(f"{failed} of {len(table.rows)} trials failed; why stands in {table.path}")


def _first_song(run: Run, plans: Sequence[HeadPlan]) -> None:
    """Write a song, so that there is something to hear."""
    from experiments.generate import first_song

    heads = [name for name in HEADS if run.winner(name).exists()]
    if heads:
        first_song(run, heads, seed=plans[0].options.seed)


def _farewell(run: Run, plans: Sequence[HeadPlan], reason: str) -> None:
    say()
    again = f"python -m experiments.tune --resume {run.path}"
    if reason == "interrupted":
        raise UserError(f"stopped before the end; what was found is kept. Go on with: {again}", status=1)
    if reason == "time":
        say(f"the time budget is used up; go on with: {again} --time-budget SECONDS")
    if len(plans) > 1 or all(run.winner(name).exists() for name in HEADS):
        say(f"next: python -m experiments.generate {run.path} --events 256 --seed 2")
    else:
        say(f"next: python -m experiments.evaluate {run.path}, or all three heads: python -m experiments.tune all")
    if any((run.path / "wandb").glob("offline-run-*")):
        say(f"W&B runs are offline; to upload them: wandb sync {run.path}/wandb/offline-run-*")
