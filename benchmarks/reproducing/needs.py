"""What a row needs of the machine, and why it cannot be measured where that is lacking."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.reproducing.places import Places
from benchmarks.rows.music import SEARCHES
from benchmarks.rows.row import Row

__all__ = ["BUSY", "NEEDS", "busy", "lacking"]

LOOK = 1.0  # second
BUSY = 0.15  # share of the processors' time beyond which a machine is not quiet


def busy() -> float | None:
    """The share of all processors' time that is used while it looks (Linux: /proc/stat); None if it cannot be told."""
    try:
        before = _ticks()
        time.sleep(LOOK)
        after = _ticks()
    except OSError:
        return None
    spent = [late - early for early, late in zip(before, after, strict=True)]
    return 1 - (spent[3] + spent[4]) / sum(spent) if sum(spent) else None  # but for idle, and waiting for a disk


def _quiet() -> str:
    used = busy() or 0.0
    return f"it needs a quiet machine: {100 * used:.0f} % of its processors' time is used" if used > BUSY else ""


def _ticks() -> list[int]:
    line = Path("/proc/stat").read_text().partition("\n")[0]
    return [int(word) for word in line.split()[1:9]]


def _root() -> str:
    from benchmarks.faults.disks import can_mount

    return can_mount()


def _networks() -> str:
    from benchmarks.faults.nodes import can_submit

    return can_submit()  # networks, and jobs on them


def _gpu() -> str:
    import torch

    return "" if torch.cuda.is_available() else "it needs a GPU"


# name -> "" where there is such a thing, else why the row is left out
NEEDS: dict[str, Callable[[], str]] = {"quiet": _quiet, "root": _root, "networks": _networks, "gpu": _gpu}


def lacking(row: Row, places: Places, quick: bool = False) -> str:
    """Why a row cannot be measured here, in a line; "" if it can.

    Args:
        quick: a small version, which needs no quiet machine.
    """
    searches = [command for name in row.heads for command in SEARCHES[name]]
    read = {*row.corpora, *Row("", "", tuple(searches), 0).corpora}
    missing = sorted(name for name in read if not (places.corpora / name).exists())
    if missing:
        return f"it needs {', '.join(missing)} in {places.corpora}: see docs/songs.md, and give --corpora DIR"
    wanted = (NEEDS[name] for name in row.needs if not (quick and name == "quiet"))
    return next((reason for need in wanted if (reason := need())), "")
