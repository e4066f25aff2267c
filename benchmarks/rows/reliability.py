"""The rows of docs/reliability.md: faults provoked, a group of them a row."""

from __future__ import annotations

import shlex

from benchmarks.rows.row import Row

__all__ = ["FAULTS", "RELIABILITY"]

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


def _row(name: str, minutes: float, *files: str, needs: tuple[str, ...] = ()) -> Row:
    """A row of faults that are provoked in files of benchmarks/faults/, which `__main__` chooses from."""
    command = f"benchmarks.faults --only {shlex.join(FAULTS[name])} --missing --json {{json}}"
    begins = ("benchmarks.faults.__main__", *(f"benchmarks.faults.{file}" for file in files))
    return Row(
        "reliability",
        "docs/reliability.md",
        (command,),
        minutes,
        needs=needs,
        quick="--quick",
        begins=begins,
        song="endings" in files,
    )


RELIABILITY = {
    "faults_processes": _row("faults_processes", 14, "drivers", "trainers"),
    "faults_failures": _row("faults_failures", 5, "failing", "endings"),
    "faults_disks": _row("faults_disks", 4, "disks", needs=("root",)),
    "faults_machines": _row("faults_machines", 7, "machines", "nodes", needs=("root", "networks")),
    "faults_files": _row("faults_files", 1, "files"),
}
