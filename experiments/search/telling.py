"""What a session says of its songs before the searches, and of its winners behind them."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from pathlib import Path

from datamodules.errors import UserError
from experiments.command_line.cli import note, say
from experiments.dataset import Dataset
from experiments.figures import in_words
from experiments.heads import HEADS, WRITING
from experiments.run_folder import Run
from experiments.search.going_on import going_on
from experiments.search.one_head import HeadPlan
from experiments.tables import TrialTable
from experiments.winners import load_winner

__all__ = ["farewell", "introduce"]


def introduce(run: Run, dataset: Dataset) -> None:
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


def _winners(run: Run, plans: Sequence[HeadPlan]) -> None:
    """Say again what was found, where several searches have told of it in between."""
    for plan in plans if len(plans) > 1 else ():
        if (path := run.winner(plan.spec.name)).exists():
            winner = load_winner(path)
            value = winner.facts["figures"].get("valid", math.nan)  # a run may come from a stranger
            say(f"{plan.spec.name}: {value:.3f} {winner.column.nats} on {winner.label}; {in_words(winner.config)}")
    say(f"all of it is in {run.path}")


def farewell(run: Run, plans: Sequence[HeadPlan], reason: str) -> None:
    """Say what there is now, and what may come next.

    Args:
        reason: why the searches ended early: interrupted, time; "" if they did not.

    Raises:
        UserError: they were interrupted.
    """
    say()
    _winners(run, plans)
    again = going_on(run, plans[0])
    if reason == "interrupted" and not any(_kept(run, plan) for plan in plans):
        raise UserError(f"stopped before there was anything to keep. Begin again with: {again}", status=130)
    if reason == "interrupted":
        raise UserError(f"stopped before the end; what was found is kept. Go on with: {again}", status=1)
    if reason == "time":
        say(f"the time budget is used up; go on with: {again} --time-budget SECONDS")
    _next(run, plans)
    if any((run.path / "wandb").glob("offline-run-*")):
        say(f"W&B runs are offline; to upload them: wandb sync {shlex.quote(str(run.path / 'wandb'))}")


def _kept(run: Run, plan: HeadPlan) -> bool:
    """Whether a head's searches have come to anything: over folds, there may be trials and no winner yet."""
    trials = run.head(plan.spec.name) / "trials.csv"
    return run.winner(plan.spec.name).exists() or TrialTable.read(trials, plan.spec.config.names()).best() is not None


def _next(run: Run, plans: Sequence[HeadPlan]) -> None:
    """Say what can be done with the winners that there are."""
    here = shlex.quote(str(run.path))
    found = [name for name in HEADS if run.winner(name).exists()]
    if (len(plans) > 1 or len(found) == len(HEADS)) and not set(WRITING).isdisjoint(found):
        say(f"next: python -m experiments.generate {here} --seed 2")
    elif found:
        say(f"next: python -m experiments.evaluate {here}, or every head: python -m experiments.tune all")
