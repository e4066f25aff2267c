"""Songs, folds of them, trials over them and the plan of a search, to be trained without Ray."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from columns_made import GRID
from events_made import random_songs

from datamodules.columns import Column, build_column
from datamodules.folds import make_folds
from datamodules.splits import Split, make_split, named_split
from experiments.heads import HEADS
from experiments.search.plan import SearchPlan, TrialSettings
from experiments.search.trial.storage import TrialStore
from experiments.stopping import Interrupt
from experiments.tables import TrialTable

SONGS = random_songs(3, songs=7, events=40)
SPLITS = (
    make_split("tail", SONGS, 1),
    make_split("song", SONGS, 1),
    make_split("none", SONGS, 1),
    named_split(SONGS[:4], SONGS[4:6], SONGS[6:]),
)
HYPERPARAMETERS = {"window": 8, "hidden": 12, "embedding": 8, "batch_size": 8, "dropout": 0.5, "dropout_layers": 1}


def columns(folds: int, split: Split = SPLITS[0]) -> tuple[Column, ...]:
    spec = HEADS["offsets"].column
    return tuple(build_column(spec, SONGS, fold, GRID) for fold in make_folds(split, SONGS, folds, 1))


def settings(folder: Path, **other: Any) -> TrialSettings:
    facts: dict[str, Any] = {
        "run_id": "r",
        "storage": str(folder),
        "max_epochs": 4,
        "patience": 10,
        "seed": 1,
        "metric": "valid",
        "updates_per_epoch": 5,
        "gpu": False,
        "rungs": frozenset(),
        "sign": "s",
    }
    TrialStore(str(folder)).mark("s")  # as the driver does
    return TrialSettings(**facts | other)


def plan_of(folder: Path, **other: Any) -> SearchPlan:
    """Of a search whose head's folder is given."""
    facts: dict[str, Any] = {
        "run_id": "r",
        "folder": folder,
        "storage": str(folder / "tune"),
        "trials": 3,
        "confirm": 3,
        "max_epochs": 5,
        "patience": 10,
        "grace": 2,
        "seed": 1,
        "metric": "valid",
        "space": lambda trial: {},
        "initial": None,
        "start": None,
        "began": 0.0,
        "deadline": None,
        "cpus": 1.0,
        "gpus": lambda trials: 0.0,
        "at_once": lambda: 2,
        "resume": "",
        "interrupt": Interrupt(),
        "max_failures": 0,
        "warm": lambda: None,
    }
    return SearchPlan(**facts | other)


def config(row: int = 0, **other: Any) -> dict[str, Any]:
    whole = HEADS["offsets"].config.from_dict(HYPERPARAMETERS).to_dict()
    return {"hyperparameters": whole, "row": row, "max_epochs": 4, **other}


class Silent:
    """Shows nothing."""

    def update(self, table: TrialTable) -> None:
        pass

    def repeating(self, kind: str, rows: Any) -> None:
        pass
