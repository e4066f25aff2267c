"""Small searches through the command, and what they leave."""

from __future__ import annotations

import csv
from pathlib import Path

import optuna

from experiments.command_line.cli import main
from experiments.search.study.optuna_study import open_study
from experiments.tune import TuneOptions, tune

SMALL = ("--set", "hidden=16", "--set", "lstm_layers=1", "--set", "dense_layers=0", "--set", "batch_size=64")


def run(*arguments: str) -> int:
    return main(TuneOptions, tune, prog="tune", arguments=arguments)


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def trials_of(folder: Path) -> list[optuna.trial.FrozenTrial]:
    return open_study(folder / "study.journal", folder.name, 0).get_trials()
