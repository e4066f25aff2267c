"""How a benchmark tells what it measured: a table for people, and JSON that docs/performance.md is written from."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from experiments.provenance import made_by

__all__ = ["ROOT", "machine", "shown", "tell", "write"]

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


def write(name: str, title: str, figures: Mapping[str, Any], path: Path, more: Mapping[str, Any] | None = None) -> None:
    """Write figures to a JSON file, at once, with the machine, the versions, the date, and more, if it is given."""
    whole = {"name": name, "title": title, "figures": dict(figures), "machine": machine(), "made_by": made_by()}
    whole |= {"date": time.strftime("%Y-%m-%d")} | dict(more or {})
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    part.write_text(json.dumps(whole, indent=1) + "\n")
    part.replace(path)


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
