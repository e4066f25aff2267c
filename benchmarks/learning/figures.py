"""What a row of docs/results.md keeps of its run: what its winners, `train` and `evaluate` tell, and how it went."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.learning import RIVAL
from experiments.search.study.optuna_study import METRIC
from experiments.tables import CONFIRM, EpochTable
from experiments.winners import load_winner

__all__ = ["learnt"]


def learnt(folder: Path, name: str) -> dict[str, Any]:
    """All figures of the row that ran in `folder`; the run is of its name."""
    found: dict[str, Any] = {}
    for part in ("train", "evaluate"):
        if (folder / f"{part}.json").exists():
            found[part] = json.loads((folder / f"{part}.json").read_text())
            found[part].pop("songs", None)  # paths of this machine
    found["winners"] = _winners(folder / "runs" / name)
    tables = (folder / "runs").glob("*/*/trials.csv")
    found["core_minutes"] = sum(_core_minutes(table) for table in tables if table.parent.parent.name != RIVAL)
    return found


def _winners(run: Path) -> dict[str, Any]:
    """What a run's winners tell of themselves, and the minutes of training that each search took, over all workers."""
    found = {}
    for path in sorted(run.glob("*/winner.safetensors")):
        facts = load_winner(path).facts
        kept = ("figures", "baselines", "best", "label", "confirmed", "hyperparameters", "epoch", "updates", "split")
        head: dict[str, Any] = {name: facts[name] for name in kept if name in facts}
        with (path.parent / "trials.csv").open(newline="") as table:
            rows = list(csv.DictReader(table))
        head["trials"] = len(rows)
        head["core_minutes"] = _core_minutes(path.parent / "trials.csv")
        of = str(facts.get("confirmed", {}).get("of"))
        repeated = [row for row in rows if row["kind"] == CONFIRM and row["of"] == of]
        head["repeats"] = {name: [float(row[f"best_{name}"]) for row in repeated] for name in _known(repeated)}
        head["curves"] = _curves(path.parent / "epochs.csv")
        found[path.parent.name] = head
    return found


def _curves(table: Path) -> dict[str, list[str]]:
    """Of each trial, in the order they began, `valid` and the best so far, epoch by epoch: numbers and blanks."""
    reports = EpochTable(table).reports()
    return {
        figure: [" ".join(f"{report[figure]:.4f}" for report in reports[row]) for row in sorted(reports)]
        for figure in ("valid", METRIC)
    }


def _core_minutes(table: Path) -> float:
    """Minutes of training, over all workers."""
    with table.open(newline="") as file:
        return sum(float(row["seconds"]) for row in csv.DictReader(file)) / 60


def _known(rows: Sequence[dict[str, str]]) -> list[str]:
    """The figures that all rows of a trials.csv have."""
    names = ("valid", "mae", "top1", "macro", "macro_nats", "accuracy")
    return [name for name in names if rows and all(row.get(f"best_{name}") for row in rows)]
