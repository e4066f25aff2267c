"""How to look on while a search runs: the commands that `tune` tells."""

from __future__ import annotations

import shlex
from importlib.util import find_spec
from pathlib import Path

__all__ = ["board_line", "study_line"]


def study_line(journal: Path) -> str:
    """What shows a study: its history, its parameters, each trial."""
    return _line(f"optuna-dashboard {shlex.quote(str(journal))}", "optuna_dashboard")


def board_line(run: Path) -> str:
    """What shows the trials' curves, of all heads of a run."""
    return _line(f"tensorboard --logdir {shlex.quote(str(run))}", "tensorboard")


def _line(command: str, package: str) -> str:
    name = package.replace("_", "-")
    lacking = "" if find_spec(package) else f" (needs {name}: pip install {name})"
    return f"to look on: {command}{lacking}"
