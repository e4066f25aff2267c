"""The files that a row's figures depend on: what its commands and its heads' searches import, but for what is apart."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from benchmarks.reproducing.imports import imported
from benchmarks.rows.apart import apart
from benchmarks.rows.music import SEARCHES
from benchmarks.rows.row import Row

__all__ = ["depends", "searched"]

GENERATE = "experiments.generate"
WINNERS = "benchmarks.learning.figures"  # which reads the figures of rows whose commands write none


def depends(row: Row, root: Path) -> tuple[str, ...]:
    """Sorted paths from the root, of the code that is there now."""
    modules = [module for module in row.modules if module != GENERATE or row.song or row.group != "learning"]
    if not any("{json}" in command for command in row.commands):
        modules.append(WINNERS)
    modules += [module for name in row.heads for module in searched(name, row).modules]
    return imported(root, dict.fromkeys(modules), partial(apart, row))


def searched(name: str, row: Row) -> Row:
    """The search of heads that rows share, as a row of its own, whose figures are the winners."""
    return Row("music", row.page, SEARCHES[name], 0)
