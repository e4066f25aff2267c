"""The rows of docs/reliability.md: faults provoked, a group of them a row."""

from __future__ import annotations

import shlex

from benchmarks.rows.row import Row

__all__ = ["FAULTS", "RELIABILITY"]

SURVIVING = ("benchmarks/faults", "experiments/search", "experiments/stopping.py", "experiments/tables.py")
FAULTS = {  # row -> the faults of benchmarks/faults/__main__.py
    "faults_processes": ("driver killed", "driver killed ten times", "trainers killed", "trainers killed by chance"),
    "faults_failures": ("exception", "loss not a number", "out of memory", "ctrl-c", "sigterm", "time budget"),
    "faults_disks": ("disk full", "run folder read-only", "storage full", "storage gone"),
    "faults_machines": (
        *("machine killed", "machine cut off", "machine joins", "storage not shared"),
        *("storage not shared, found later", "ray job"),
    ),
    "faults_files": ("mutated files",),
}


def _row(name: str, minutes: float, depends: tuple[str, ...] = SURVIVING, needs: tuple[str, ...] = ()) -> Row:
    command = f"benchmarks.faults --only {shlex.join(FAULTS[name])} --missing --json {{json}}"
    return Row("reliability", "docs/reliability.md", (command,), minutes, depends, needs=needs, quick="--quick")


RELIABILITY = {
    "faults_processes": _row("faults_processes", 14),
    "faults_failures": _row("faults_failures", 5),
    "faults_disks": _row("faults_disks", 4, needs=("root",)),
    "faults_machines": _row("faults_machines", 7, needs=("root", "networks")),
    "faults_files": _row("faults_files", 1, ("benchmarks/faults/files.py", "datamodules/midi", "datamodules/corpus")),
}
