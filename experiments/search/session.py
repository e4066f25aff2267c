"""A session: the searches of a command's heads, one after another, then a song to hear."""

from __future__ import annotations

import time
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING

from datamodules.errors import UserError
from experiments.command_line.cli import note, say
from experiments.dataset import Dataset
from experiments.files import TakenError
from experiments.heads import WRITING
from experiments.run_folder import Run
from experiments.search.beside import beside
from experiments.search.claim import claim
from experiments.search.export import AllFailedError
from experiments.search.links import refuse_links
from experiments.search.machines.cluster import connected
from experiments.search.one_head import HeadPlan, is_finished, search_head
from experiments.search.opening import check
from experiments.search.plan import EndedError
from experiments.search.telling import farewell, introduce
from experiments.search.watching.look_on import board_line
from experiments.search.watching.tracked import track_song
from experiments.stopping import stopping
from experiments.tracking.wandb_runs import Tracking

if TYPE_CHECKING:
    from experiments.music.writing import Written

__all__ = ["run_session"]


def run_session(run: Run, dataset: Dataset, plans: Sequence[HeadPlan], *, began: float) -> None:
    """Search each head in turn, and write a song at the end.

    Args:
        began: `time.monotonic` at the command's start: --time-budget counts from there.
    """
    refuse_links(run, (plan.spec.name for plan in plans))
    introduce(run, dataset)
    missing = []
    ours, taken = _claimed(run, plans)
    for plan in ours:
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
        failed = failed or taken
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


def _claimed(run: Run, plans: Sequence[HeadPlan]) -> tuple[list[HeadPlan], str]:
    """The plans of heads that no other driver is at, each noted in the run; and what is told of the last other, or "".

    Raises:
        UserError: what a head begins from has changed, or another driver is at the only one.
    """
    before, ours, taken = run.facts["heads"], [], ""
    for plan in plans:
        digest, noted = check(plan, alone=False), before.get(plan.spec.name, {})
        if plan.options.resume is not None and noted.get("init_sha256", digest) != digest:
            raise UserError(f"--init {plan.options.init} has changed since this search began from it: start a new run")
        try:
            claim(run, plan, {"init_sha256": digest} if digest else {}, noted)
            ours.append(plan)
        except TakenError as error:
            taken = _gone_on(error, len(plans))
    return ours, taken


def _gone_on(error: UserError, heads: int) -> str:
    """Say why a head is not searched, or has no winner, where others go on: they may do better.

    Raises:
        UserError: it is the only head, and has not been searched; or the others would do no better.
    """
    if isinstance(error, EndedError) or (heads == 1 and not isinstance(error, AllFailedError)):
        raise error
    note(str(error))
    return str(error)


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
            except UserError as error:
                failed = _gone_on(error, len(plans))
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


def _first_song(run: Run, plans: Sequence[HeadPlan]) -> Written | None:
    """Write a song, so that there is something to hear; None if there is no winner, or none can be written."""
    from experiments.music.making import first_song

    heads = [name for name in WRITING if run.winner(name).exists()]
    try:
        return first_song(run, heads, seed=plans[0].options.seed) if heads else None
    except UserError as error:  # the search is done all the same
        note(f"no song: {error}")
        return None


def _report(run: Run) -> None:
    """Write the page on the run, so that there is something to look at."""
    from experiments.report import write_report

    try:
        say(f"report: {write_report(run).describe()}")
    except UserError as error:  # the search is done all the same
        note(f"no report: {error}")
