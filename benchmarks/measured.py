"""How a benchmark tells what it measured: a table for people, and JSON that docs/performance.md is written from."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from experiments.provenance import made_by

__all__ = ["ROOT", "machine", "shown", "tell", "tell_each", "whole_lines", "write"]

ROOT = Path(__file__).resolve().parent.parent


def tell(name: str, title: str, figures: Mapping[str, Any], path: Path | None) -> None:
    """Print a benchmark's figures, and write them to `path`, with the machine, the versions and the date.

    Args:
        name: of the benchmark's module.
        title: what was measured, in a line.
        figures: by what they are figures of, plain data; numbers are shown.
        path: a JSON file, or None.
    """
    table = Table(title=title, title_justify="left", show_header=False)
    for key, value in figures.items():
        table.add_row(key.replace("_", " "), shown(value))
    Console().print(table)
    if path is not None:
        write(name, title, figures, path)


def write(
    name: str, title: str, figures: Mapping[str, Any], path: Path, asked: Mapping[str, Any] | None = None
) -> None:
    """Write figures to a JSON file, at once, with the machine, the versions, the date, and what was asked for."""
    whole = {"name": name, "title": title, "figures": dict(figures), "machine": machine(), "made_by": made_by()}
    whole |= {"date": time.strftime("%Y-%m-%d")} | ({"asked": dict(asked)} if asked else {})
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    part.write_text(json.dumps(whole, indent=1) + "\n")
    part.replace(path)


def tell_each(
    name: str,
    title: str,
    runs: Sequence[str],
    measure: Callable[[str, dict[str, Any]], Iterator[dict[str, Any]]],
    path: Path | None,
) -> None:
    """Measure runs one after another, and write what is known after each step; what stands in the file is not redone.

    Args:
        measure: of a run's name and its figures so far, its figures with some more each time.
    """
    figures: dict[str, Any] = json.loads(path.read_text())["figures"] if path is not None and path.exists() else {}
    for run in runs:
        for found in measure(run, figures.get(run, {})):
            figures[run] = found
            if path is not None:
                write(name, title, figures, path)


def whole_lines(path: Path) -> list[str]:
    """The lines of a raw file that a measurement adds to; none if it is not there.

    A last line that was cut off, as the process that wrote it was killed, is cut off the file.
    """
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    whole = [line for line in lines if line.endswith("\n")]
    if whole != lines:
        path.write_text("".join(whole))
    return [line.rstrip("\n") for line in whole]


def shown(value: Any) -> str:
    """A figure, or a list of them, for people."""
    items = value if isinstance(value, list) else [value]
    return ", ".join(f"{item:,.3g}" if isinstance(item, float) else str(item) for item in items)


def machine() -> dict[str, Any]:
    """The processor's name and the cores that this process may use."""
    names = [line.partition(":")[2].strip() for line in _lines(Path("/proc/cpuinfo")) if line.startswith("model name")]
    return {"processor": names[0] if names else platform.processor(), "cores": len(os.sched_getaffinity(0))}


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []
