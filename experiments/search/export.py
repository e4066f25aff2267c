"""From a search's best trial to the head's winner."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from datamodules.errors import UserError
from experiments.command_line.cli import note, say
from experiments.dataset import Dataset
from experiments.figures import metric_name
from experiments.run_folder import Run
from experiments.search.confirm import Choice
from experiments.search.plan import Outcome, SearchPlan
from experiments.search.trial.columns import Columns
from experiments.search.trial.storage import Tensors, TrialStore
from experiments.tables import FINAL, SEARCH
from experiments.winners import Winner, load_winner, save_winner

if TYPE_CHECKING:
    from experiments.tune import TuneOptions

__all__ = ["AllFailedError", "export_winner", "stays"]


class AllFailedError(UserError):
    """No trial of a search has finished an epoch."""


def export_winner(
    run: Run,
    dataset: Dataset,
    columns: Columns,
    options: TuneOptions,
    plan: SearchPlan,
    outcome: Outcome,
    choices: Sequence[Choice],
) -> Winner | None:
    """Write the best epoch of the best choice as the head's winner; None if a search that ended early has none yet, or
    none that is new.

    A winner that `train` made of an earlier one may stay, see `stays`.

    Args:
        plan: of the search.
        choices: the winner first; none if there is nothing to export.

    Raises:
        AllFailedError: every trial failed.
        UserError: the best one's weights are gone, or are another run's.
    """
    head = columns.own.spec.name
    if not choices:
        _tell_none(run, head, outcome, options)
        return None
    choice = choices[0]
    tensors, report = _weights(run, head, plan.storage, choice.row.row)
    path = run.winner(head)
    if path.exists():
        before = load_winner(path)
        if stays(before, choice):
            say(f"{head}: no trial is better than the winner that was trained further, which stays")
            return before
    fresh = path.with_name(".new.safetensors")  # looked at before it takes the place of an earlier winner
    save_winner(fresh, tensors, _facts(run, dataset, columns, options, plan, choice, report))
    load_winner(fresh)
    os.replace(fresh, path)
    return load_winner(path)


def _weights(run: Run, head: str, storage: str, row: int) -> tuple[Tensors, dict[str, Any]]:
    """The best epoch of a trial: its weights and its report."""
    found = TrialStore(storage).read(row, "best")
    if found is None:
        raise UserError(f"{head}: the weights of trial {row} are gone from {storage}", status=1)
    if found[1].get("run") != run.facts["id"]:
        raise UserError(f"{head}: the weights of trial {row} in {storage} are of another run", status=1)
    return found


def _tell_none(run: Run, head: str, outcome: Outcome, options: TuneOptions) -> None:
    """Why there is no new winner: a note if a search that goes on may find one, else an error."""
    table, finals = outcome.table, outcome.table.of_kind(FINAL)
    left = "the winner of before stays" if run.winner(head).exists() else "there is no winner yet"
    if outcome.reason and table.best() is None:
        note(f"{head}: no trial had finished an epoch; {left}")
    elif outcome.reason:
        note(
            f"{head}: over {options.folds} folds, the best configuration is trained on the run's own split last of all;"
            f" {left}"
        )
    elif finals:
        reason = finals[-1].reason or "unknown"
        raise AllFailedError(f"{head}: trial {finals[-1].of} failed on the run's own split: {reason}", status=1)
    else:
        reason = next((row.reason for row in table.rows.values() if row.reason), "unknown")
        raise AllFailedError(f"{head}: every trial failed; the first one's reason: {reason}", status=1)


def stays(winner: Winner, choice: Choice) -> bool:
    """Whether a winner that was trained further stays: no trial is better.

    One of another configuration gives way to one that other seeds or folds have chosen: its figure may be an accident.
    """
    if winner.facts["kind"] != "further" or winner.facts.get("best", math.inf) > choice.row.best:
        return False
    return choice.row.kind == SEARCH or winner.facts["hyperparameters"] == choice.row.hyperparameters


def _facts(
    run: Run,
    dataset: Dataset,
    columns: Columns,
    options: TuneOptions,
    plan: SearchPlan,
    choice: Choice,
    report: dict[str, Any],
) -> dict[str, Any]:
    """A winner's metadata."""
    parts, column = dataset.options.parts, columns.own
    facts = {
        "head": column.spec.name,
        "hyperparameters": report["hyperparameters"],
        "vocabulary": column.vocabulary.to_json(),
        "grid": column.grid,
        "parts": None if parts is None else list(parts),
        "figures": report["figures"],
        "metric": metric_name(column.spec.name, options.metric),
        "best": report["best"],
        "label": dataset.split.valid_label,
        "kind": choice.row.kind,
        "run": run.name,
        "row": choice.row.row,
        "epoch": report["epoch"],
        "updates": report["updates"],
        "seed": options.seed if choice.row.seed is None else choice.row.seed,
        "split": dataset.split.describe(),
        "songs": dataset.digest,
        "baselines": columns.baselines,
    }
    if plan.initial is not None:
        facts["init"] = plan.initial.to_json(parts)
    if choice.repeats:
        facts["confirmed"] = choice.confirmed()
    if columns.folds:
        mean = choice.mean if choice.repeats else choice.of.best
        facts["folds"] = {"mean": mean, "targets": columns.targets, "of": choice.of.row}
    return facts
