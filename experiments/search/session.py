"""A session: the searches of a command's heads, one after another, then a song to hear."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datamodules.corpus.finding import absolute
from datamodules.errors import UserError
from experiments.command_line.cli import note, say
from experiments.command_line.config_file import as_toml
from experiments.dataset import Dataset
from experiments.files import place, write_text
from experiments.heads import WRITING
from experiments.run_folder import Run
from experiments.search.beside import beside
from experiments.search.export import AllFailedError
from experiments.search.machines.cluster import connected
from experiments.search.one_head import HeadPlan, is_finished, search_head
from experiments.search.opening import check
from experiments.search.telling import farewell, introduce
from experiments.search.watching.look_on import board_line
from experiments.search.watching.tracked import track_song
from experiments.stopping import stopping
from experiments.tracking.wandb_runs import Tracking

if TYPE_CHECKING:
    from experiments.music.writing import Written
    from experiments.tune import TuneOptions

__all__ = ["run_session"]


def run_session(run: Run, dataset: Dataset, plans: Sequence[HeadPlan], *, began: float) -> None:
    """Search each head in turn, and write a song at the end.

    Args:
        began: `time.monotonic` at the command's start: --time-budget counts from there.
    """
    introduce(run, dataset)
    missing = []
    for plan in plans:
        digest = check(plan, alone=False)
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
    farewell(run, plans, reason)
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
