"""From a search's best trial to the head's winner."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from datamodules.baselines import Figures
from datamodules.columns import Column
from datamodules.errors import UserError
from experiments.cli import note, say
from experiments.dataset import Dataset
from experiments.figures import metric_name
from experiments.run_folder import Run
from experiments.search.search import Outcome
from experiments.search.storage import TrialStore
from experiments.tables import TrialRow
from experiments.winners import Winner, load_winner, save_winner

if TYPE_CHECKING:
    from experiments.tune import TuneOptions

__all__ = ["AllFailedError", "export_winner"]


class AllFailedError(UserError):
    """No trial of a search has finished an epoch."""


def export_winner(
    run: Run,
    dataset: Dataset,
    column: Column,
    options: TuneOptions,
    storage: str,
    outcome: Outcome,
    found: dict[str, Figures],
) -> Winner | None:
    """Write the best trial's best epoch as the head's winner; None if a search that ended early has none yet.

    A winner that `train` made of an earlier one stays if no trial is better.

    Args:
        storage: where the trials' weights are.
        found: the baselines on the part that the search is judged on.

    Raises:
        AllFailedError: every trial failed.
        UserError: the best one's weights are gone, or are another run's.
    """
    head, best = column.spec.name, outcome.table.best()
    if best is None:
        if outcome.reason:
            note(f"{head}: no trial had finished an epoch; there is no winner yet")
            return None
        reason = next((row.reason for row in outcome.table.rows.values() if row.reason), "unknown")
        raise AllFailedError(f"{head}: every trial failed; the first one's reason: {reason}", status=1)
    weights = TrialStore(storage).read(best.row, "best")
    if weights is None:
        raise UserError(f"{head}: the weights of trial {best.row} are gone from {storage}", status=1)
    tensors, report = weights
    if report.get("run") != run.facts["id"]:
        raise UserError(f"{head}: the weights of trial {best.row} in {storage} are of another run", status=1)
    path = run.winner(head)
    if path.exists():
        before = load_winner(path)
        if before.facts.get("kind") == "further" and before.facts["best"] <= report["best"]:
            say(f"{head}: no trial is better than the winner that was trained further, which stays")
            return before
    fresh = path.with_name(".new.safetensors")  # looked at before it takes the place of an earlier winner
    save_winner(fresh, tensors, _facts(run, dataset, column, options, best, report) | {"baselines": found})
    load_winner(fresh)
    os.replace(fresh, path)
    return load_winner(path)


def _facts(
    run: Run, dataset: Dataset, column: Column, options: TuneOptions, best: TrialRow, report: dict[str, Any]
) -> dict[str, Any]:
    """A winner's metadata."""
    parts = dataset.options.parts
    return {
        "head": column.spec.name,
        "hyperparameters": report["hyperparameters"],
        "vocabulary": column.vocabulary.to_json(),
        "grid": column.grid,
        "parts": None if parts is None else list(parts),
        "figures": report["figures"],
        "metric": metric_name(column.spec.name, options.metric),
        "best": report["best"],
        "label": dataset.split.valid_label,
        "kind": "search",
        "run": run.name,
        "row": best.row,
        "epoch": report["epoch"],
        "updates": report["updates"],
        "seed": options.seed,
        "split": dataset.split.describe(),
        "songs": dataset.digest,
    }
