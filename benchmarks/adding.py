"""Files of figures that a measurement adds to: only where all in them is of the same code, versions and machine.

Else a file would have figures of two kinds under the commit and the date of the later one.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.measured import ROOT, machine, write
from benchmarks.reproducing.behaviour import fingerprint
from benchmarks.reproducing.imports import imported
from experiments.provenance import made_by

__all__ = ["by_what", "code_of", "known_figures", "known_rows", "tell_each"]


def by_what(root: Path, files: Collection[str]) -> str:
    """What tells a measurement apart from any by other code, versions or another machine: SHA-256."""
    versions = {name: version for name, version in made_by().items() if name != "commit"}
    told = json.dumps([fingerprint(root, files), versions, machine()], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()


@cache  # of what runs, which is the code that was there at the start
def code_of(module: str) -> str:
    """The same of a module of benchmarks/ and all that it imports."""
    return by_what(ROOT, imported(ROOT, [module]))


def known_figures(path: Path | None, module: str) -> dict[str, Any]:
    """The figures of a JSON file that a module adds to; none if it is not there. What cannot be added to ends it."""
    if path is None or not path.exists():
        return {}
    found = json.loads(path.read_text())
    _check(path, found.get("code"), module)
    figures: dict[str, Any] = found["figures"]
    return figures


def tell_each(
    name: str,
    module: str,
    title: str,
    runs: Sequence[str],
    measure: Callable[[str, dict[str, Any]], Iterator[dict[str, Any]]],
    path: Path | None,
) -> None:
    """Measure runs one after another, and write what is known after each step; what stands in the file is not redone.

    Args:
        measure: of a run's name and its figures so far, its figures with some more each time.
    """
    figures = known_figures(path, module)
    for run in runs:
        for found in measure(run, figures.get(run, {})):
            figures[run] = found
            if path is not None:
                write(name, title, figures, path, {"code": code_of(module)})


def known_rows(path: Path, module: str, of: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows of a raw file that a module adds to, a JSON a line; one that is not there begins with what it is of.

    What cannot be added to ends the program. A last line that was cut off, as the process that wrote it was killed, is
    cut off the file.

    Args:
        of: what the rows are of, plain data.
    """
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    whole = [line for line in lines if line.endswith("\n")]
    if not whole:
        path.parent.mkdir(parents=True, exist_ok=True)
        about = {**of, "code": code_of(module), "made_by": made_by(), "date": time.strftime("%Y-%m-%d")}
        path.write_text(json.dumps(about) + "\n")
        return []
    about, *rows = map(json.loads, whole)
    _check(path, about.get("code"), module)
    if any(about.get(name) != value for name, value in of.items()):
        sys.exit(f"{path} is of other {', '.join(of)}: name another file")
    if whole != lines:
        path.write_text("".join(whole))
    return rows


def _check(path: Path, code: str | None, module: str) -> None:
    if code != code_of(module):
        sys.exit(f"{path} is of other code, versions or another machine, and is not added to: name another file")
