"""The processes that train for a search."""

from __future__ import annotations

from pathlib import Path

__all__ = ["workers"]

NAMED = b"ray::ImplicitFunc"  # what Ray calls a process that trains


def workers(driver: int) -> list[int]:
    """The workers of a driver's own local Ray, by what Ray calls their processes."""
    parents, named = {}, []
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                command = (folder / "cmdline").read_bytes()
            except OSError:  # it has just ended
                continue
            named += [int(folder.name)] if command.startswith(NAMED) else []
    return [pid for pid in named if driver in _ancestors(pid, parents)]


def _ancestors(pid: int, parents: dict[int, int]) -> set[int]:
    found: set[int] = set()
    while pid in parents:
        pid = parents[pid]
        found.add(pid)
    return found
