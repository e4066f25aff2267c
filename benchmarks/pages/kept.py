"""The figures that rows have left as JSON, and how pages say where they are from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.reproducing.measuring import kept_files
from benchmarks.reproducing.places import Places
from benchmarks.reproducing.stale import CHANGES
from benchmarks.rows import ROWS, Row

__all__ = ["FIGURES_LACK", "NOTHING", "Found", "Kept", "commit_of", "dated", "table", "why"]

Found = dict[str, Any]
# what comes of figures that are others than a page tells: of an older row, of a small version, or rounded otherwise
FIGURES_LACK = (LookupError, ValueError, TypeError, AttributeError, ArithmeticError, StopIteration)
NOTHING = "Not measured yet."


@dataclass(frozen=True)
class Kept:
    """All that was measured.

    Attributes:
        rows: by name, a JSON a seed, as far as they are there.
        results: the folder that they are from.
    """

    rows: Mapping[str, list[Found]]
    results: Path

    @classmethod
    def read(cls, places: Places, rows: Mapping[str, Row] = ROWS) -> Kept:
        """What is in the folder of results."""
        files = {name: [file for file in kept_files(name, row, places) if file.exists()] for name, row in rows.items()}
        found = {name: [json.loads(file.read_text()) for file in some] for name, some in files.items() if some}
        return cls(found, places.results)

    def of_group(self, group: str) -> dict[str, list[Found]]:
        """The rows of one group."""
        return {name: found for name, found in self.rows.items() if ROWS[name].group == group}

    def figures(self, *names: str) -> Found:
        """The figures of rows without seeds, together; of those that are there."""
        return {
            key: value for name in names for found in self.rows.get(name, []) for key, value in found["figures"].items()
        }

    def raw(self, name: str) -> list[Found]:
        """The lines of a row's raw file, but for what they are of; empty if it is not there."""
        path = self.results / ROWS[name].group / f"{name}.jsonl"
        lines: list[Found] = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        return [line for line in lines if "made_by" not in line]

    def stand(self, *names: str) -> str:
        """Of which commit and day the figures of rows are, in a line."""
        told: dict[str, list[str]] = {}
        for name in names:
            for found in self.rows.get(name, []):
                told.setdefault(dated(found), []).append(f"`{name}`")
        return "; ".join(f"{', '.join(rows)}: {day}" for day, rows in told.items())

    @property
    def quick(self) -> bool:
        """Whether any figure is of a small version of its row."""
        return any(found.get("quick") for rows in self.rows.values() for found in rows)


def why(error: Exception) -> str:
    """What figures lack, in a line."""
    return f"{type(error).__name__}: {error}".removesuffix(": ")


def commit_of(found: Found) -> str:
    """The commit that made figures."""
    return str(found.get("commit") or found["made_by"]["commit"])


def dated(found: Found) -> str:
    """The commit and the day of figures."""
    commit = commit_of(found)
    return f"commit {commit[:10]}{' and changes' * commit.endswith(CHANGES)}, {found['date']}"


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a table, or of what stands in place of an empty one."""
    if not rows:
        return [NOTHING]
    return [f"| {' | '.join(headings)} |", "|" + "---|" * len(headings), *(f"| {' | '.join(row)} |" for row in rows)]
