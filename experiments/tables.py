"""The tables of a search: trials.csv (a row a trial) and epochs.csv (a row a trial and epoch)."""

from __future__ import annotations

import csv
import errno
import io
import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from datamodules.errors import UserError
from experiments.files import read_text, write_text

__all__ = ["CONFIRM", "FINAL", "FINISHED", "MOST_ROWS", "SEARCH", "EpochTable", "Status", "TrialRow", "TrialTable"]

FINISHED = ("done", "stopped early", "failed")  # what counts towards --trials
Status = str  # waiting (a repetition that is planned) | running | done | stopped early | interrupted | failed
# What a row is: a trial of the study, one of the best trained again with another seed, or, after a search over folds,
# the best configuration trained on the run's own split.
SEARCH, CONFIRM, FINAL = "search", "confirm", "final"
MOST_ROWS, MOST_COUNT = 10**9, 2**53  # far above any search


@dataclass
class TrialRow:
    """A trial as trials.csv tells it.

    Attributes:
        of: the row whose hyperparameters this one repeats; None for a trial of the search.
        seed: of its weights and of the order of its windows; None for a trial of the search, which makes its own of the
            run's seed and its row.
        failures: how often it went on after one.
        figures: of the best epoch.
    """

    row: int
    kind: str = SEARCH
    of: int | None = None
    seed: int | None = None
    status: Status = "running"
    reason: str = ""
    hyperparameters: dict[str, Any] = field(default_factory=dict)
    best: float = math.inf
    best_epoch: int = 0
    epoch: int = 0
    updates: int = 0
    seconds: float = 0.0
    failures: int = 0
    figures: dict[str, float] = field(default_factory=dict)

    OWN: ClassVar[tuple[str, ...]] = ("epoch", "updates", "best", "best_epoch", "seconds")  # of a report; rest: figures

    def take(self, own: Mapping[str, Any], figures: Mapping[str, float]) -> None:
        """Take an epoch's report."""
        if own["best_epoch"] == own["epoch"]:
            self.figures = dict(figures)
        self.best, self.best_epoch = float(own["best"]), int(own["best_epoch"])
        self.epoch, self.updates, self.seconds = int(own["epoch"]), int(own["updates"]), float(own["seconds"])

    def cells(self) -> dict[str, Any]:
        """The row as it is written: plain columns, then figures, then hyperparameters."""
        own = {
            "row": self.row,
            "kind": self.kind,
            "of": "" if self.of is None else self.of,
            "seed": "" if self.seed is None else self.seed,
            "status": self.status,
            "best": "" if math.isinf(self.best) else self.best,
            "best_epoch": self.best_epoch,
            "epoch": self.epoch,
            "updates": self.updates,
            "seconds": round(self.seconds, 3),
            "failures": self.failures,
            "reason": self.reason,
        }
        return own | {f"best_{k}": v for k, v in self.figures.items()} | self.hyperparameters


class TrialTable:
    """trials.csv, kept in memory and written whole."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: dict[int, TrialRow] = {}

    @classmethod
    def read(cls, path: Path, hyperparameters: tuple[str, ...]) -> TrialTable:
        """The table in `path`, empty if there is none; `hyperparameters` names the columns that are theirs.

        Raises:
            UserError: the file is damaged.
        """
        table = cls(path)
        if not path.exists():
            return table
        try:
            for cells in csv.DictReader(io.StringIO(read_text(path), newline="")):
                row = _row(cells, hyperparameters)
                table.rows[row.row] = row
        except (OSError, ValueError, KeyError, TypeError, AttributeError, csv.Error) as error:
            raise UserError(f"{path} is damaged ({error}); remove it to rebuild what the study still knows") from error
        return table

    def write(self) -> None:
        """Write all rows, whole or not at all."""
        cells = [self.rows[row].cells() for row in sorted(self.rows)]
        names = list(dict.fromkeys(name for row in cells for name in row))
        text = io.StringIO()
        writer = csv.DictWriter(text, names, lineterminator="\n", restval="")
        writer.writeheader()
        writer.writerows(cells)
        write_text(self.path, text.getvalue())

    @property
    def next_row(self) -> int:
        """The first row that no trial has."""
        return max(self.rows, default=-1) + 1

    def of_kind(self, kind: str) -> list[TrialRow]:
        """The rows of a kind, in order."""
        return [self.rows[row] for row in sorted(self.rows) if self.rows[row].kind == kind]

    def finished(self) -> int:
        """How many trials count towards --trials."""
        return sum(row.status in FINISHED for row in self.of_kind(SEARCH))

    def count(self, status: Status) -> int:
        """How many rows have the status."""
        return sum(row.status == status for row in self.rows.values())

    def best(self) -> TrialRow | None:
        """The trial of the search with the least `best`; of equals the first."""
        rows = [row for row in self.of_kind(SEARCH) if math.isfinite(row.best)]
        return min(rows, key=lambda row: (row.best, row.row), default=None)


def _whole(text: str, most: int = MOST_COUNT) -> int:
    """The count in a cell. A table may come from a stranger, and what is made of a count must fit where it goes.

    Raises:
        ValueError: it is none, or out of range.
    """
    value = int(text)
    if not 0 <= value < most:
        raise ValueError(f"{text[:20]} is out of range")
    return value


def _maybe(text: str | None, most: int = MOST_COUNT) -> int | None:
    """The count in a cell that may be empty."""
    return _whole(text, most) if text else None


def _row(cells: dict[str, str], hyperparameters: tuple[str, ...]) -> TrialRow:
    def value(text: str) -> Any:
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return text

    figures = {
        name[len("best_") :]: float(text)
        for name, text in cells.items()
        if name.startswith("best_") and name != "best_epoch" and text
    }
    return TrialRow(
        row=_whole(cells["row"], MOST_ROWS),
        kind=cells["kind"],
        of=_maybe(cells.get("of"), MOST_ROWS),
        seed=_maybe(cells.get("seed")),
        status=cells["status"],
        reason=cells["reason"],
        hyperparameters={name: value(cells[name]) for name in hyperparameters if cells.get(name)},
        best=float(cells["best"] or math.inf),
        best_epoch=_whole(cells["best_epoch"]),
        epoch=_whole(cells["epoch"]),
        updates=_whole(cells["updates"]),
        seconds=float(cells["seconds"]),
        failures=_maybe(cells.get("failures")) or 0,
        figures=figures,
    )


class EpochTable:
    """epochs.csv, appended to line by line. A trial that goes on from a checkpoint repeats epochs: the last counts."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.names: list[str] = []
        self.finish()

    @classmethod
    def read(cls, path: Path) -> dict[int, list[dict[str, float]]]:
        """The reports in `path`, which is left as it is: a search may be writing it."""
        table = cls.__new__(cls)
        table.path, table.names = path, []
        return table.reports()

    def add(self, row: int, report: dict[str, Any]) -> None:
        """Append one epoch's report."""
        cells = {"row": row, **report}
        try:
            # heads of another objective have other figures
            if new := [name for name in cells if name not in self.names]:
                self._rewrite([*self.names, *new])
            self._append((",".join(str(cells.get(name, "")) for name in self.names) + "\n").encode())
        except OSError as error:
            raise UserError(f"cannot write {self.path}: {error.strerror or error}", status=1) from error

    def _append(self, line: bytes) -> None:
        """Add a line whole, or leave the file as it was: on a disk that is full, a part of it may fit."""
        with self.path.open("ab", buffering=0) as file:
            before = file.tell()
            if file.write(line) < len(line):
                file.truncate(before)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def reports(self) -> dict[int, list[dict[str, float]]]:
        """The reports of each trial, in the order of the epochs.

        Raises:
            UserError: the file is damaged.
        """
        found: dict[int, list[dict[str, float]]] = {}
        for (row, _), line in sorted(self._lines().items()):
            cells = dict(zip(self.names, line.split(","), strict=True))
            try:
                figures = {name: float(cell) for name, cell in cells.items() if name != "row" and cell}
            except ValueError as error:
                raise UserError(f"{self.path} is damaged ({error}); remove it to go on without it") from error
            found.setdefault(row, []).append(figures)
        return found

    def finish(self) -> None:
        """Leave a table without repeats."""
        self._lines()
        if self.names:
            self._rewrite(self.names)

    def _rewrite(self, names: list[str]) -> None:
        """Write the whole table with these columns, which begin with those that it has."""
        lines, missing = self._lines(), "," * (len(names) - len(self.names)) if self.names else ""
        self.names = names
        write_text(self.path, "\n".join([",".join(names), *(lines[key] + missing for key in sorted(lines))]) + "\n")

    def _lines(self) -> dict[tuple[int, int], str]:
        """(row, epoch) -> the last line that tells of it."""
        if not self.path.exists():
            return {}
        kept: dict[tuple[int, int], str] = {}
        try:
            lines = read_text(self.path).splitlines()
            self.names = lines[0].split(",") if lines else []
            for line in lines[1:]:
                cells = line.split(",")
                if len(cells) == len(self.names):  # a line cut short by the death of its writer is left out
                    kept[int(cells[0]), int(cells[self.names.index("epoch")])] = line
        except (OSError, ValueError) as error:
            raise UserError(f"{self.path} is damaged ({error}); remove it to go on without it") from error
        return kept
