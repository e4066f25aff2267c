"""Faults provoked, in full counts: what was lost, and how long it took until work went on.

    python -m benchmarks.faults [--only NAME ...] [--quick] [--missing] [--json FILE]

Each fault is one of the files beside this one; docs/reliability.md is written from the JSON
(benchmarks/pages/reliability.py).
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro

from benchmarks.adding import code_of, known_figures
from benchmarks.faults import disks, drivers, endings, failing, files, machines, nodes, trainers
from benchmarks.measured import write

Fault = Callable[[Path, bool], dict[str, Any]]

# name: what is done, given an empty folder and whether it is to be quick
FAULTS: dict[str, Fault] = {
    "driver killed": lambda folder, quick: drivers.killed(folder, kills=2 if quick else 6),
    "driver killed ten times": lambda folder, quick: drivers.killed(
        folder, kills=2 if quick else 10, trials=16, epochs=12, seed=2
    ),
    "trainers killed": lambda folder, quick: trainers.killed(
        folder, trials=2 if quick else 6, epochs=30, every=12.0, probability=1.0
    ),
    "trainers killed by chance": lambda folder, quick: trainers.killed(folder, trials=2 if quick else 20, epochs=40),
    "exception": lambda folder, quick: failing.failed(folder, "raised"),
    "loss not a number": lambda folder, quick: failing.failed(folder, "nan"),
    "out of memory": lambda folder, quick: failing.failed(folder, "memory"),
    "ctrl-c": lambda folder, quick: endings.ended(folder, "ctrl-c"),
    "sigterm": lambda folder, quick: endings.ended(folder, "sigterm"),
    "time budget": lambda folder, quick: endings.ended(folder, "budget"),
    "disk full": lambda folder, quick: disks.failed(folder, "full", "run"),
    "run folder read-only": lambda folder, quick: disks.failed(folder, "read-only", "run"),
    "storage full": lambda folder, quick: disks.failed(folder, "full", "storage"),
    "storage gone": lambda folder, quick: disks.failed(folder, "gone", "storage"),
    "machine killed": lambda folder, quick: nodes.lost(folder, "killed"),
    "machine cut off": lambda folder, quick: nodes.lost(folder, "cut"),
    "machine joins": lambda folder, quick: nodes.joined(folder),
    "storage not shared": lambda folder, quick: nodes.blind(folder),
    "storage not shared, found later": lambda folder, quick: nodes.late(folder),
    "ray job": lambda folder, quick: nodes.job(folder),
    "mutated files": lambda folder, quick: files.mutations(500 if quick else 5000, seed=1),
}
DISKS = ("disk full", "run folder read-only", "storage full", "storage gone")
MACHINES = (
    "machine killed",
    "machine cut off",
    "machine joins",
    "storage not shared",
    "storage not shared, found later",
    "ray job",
)
# what says "" where a fault can be provoked, else why not
NEEDS = (
    dict.fromkeys(DISKS, disks.can_mount) | dict.fromkeys(MACHINES, machines.can_make) | {"ray job": nodes.can_submit}
)


@dataclass(frozen=True)
class Options:
    """Faults provoked."""

    only: tuple[str, ...] = ()
    """names of faults (default: all)"""
    quick: bool = False
    """fewer kills and mutations"""
    json: Path | None = None
    """write the figures here too; those of faults that are not provoked now stay, if they are of the same code"""
    missing: bool = False
    """provoke only those that the JSON lacks"""


def provoke(name: str, quick: bool) -> dict[str, Any]:
    """One fault: its figures, or why it cannot be provoked here."""
    if name in NEEDS and (reason := NEEDS[name]()):
        return {"skipped": reason}
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        return FAULTS[name](Path(folder).resolve(), quick)


def main() -> None:
    """The command."""
    options = tyro.cli(Options)
    if unknown := set(options.only) - set(FAULTS):
        sys.exit(f"no fault {', '.join(sorted(unknown))}; there are: {', '.join(FAULTS)}")
    module = "benchmarks.faults"
    found = known_figures(options.json, module)
    for name in options.only or FAULTS:
        if options.missing and name in found:
            continue
        began = time.monotonic()
        print(f"{name} ...", flush=True)
        found[name] = provoke(name, options.quick)
        print(f"  {time.monotonic() - began:.0f} s: {json.dumps(found[name])}", flush=True)
        if options.json:
            write("faults", "Faults provoked", found, options.json, {"code": code_of(module)})


if __name__ == "__main__":
    main()
