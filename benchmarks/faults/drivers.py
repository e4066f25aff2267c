"""The driver of a search killed, again and again, at random moments; `--resume` goes on.

The measure is Ray's own test of fault tolerance: 8 trials of 8 epochs of half a second, two at a time, the driver
killed 6 times: every epoch of every trial exactly once in the tables, within twice the undisturbed time and the starts.
"""

from __future__ import annotations

import math
import os
import random
import signal
import time
from pathlib import Path
from typing import Any

from benchmarks.faults.searches import SMALL, Search, tail, told_epochs, until
from benchmarks.faults.slow import PROGRAM

__all__ = ["counted", "killed"]

LONGEST = 300.0  # seconds that no single start takes
START = 12.0  # seconds from the command to the first epoch, about


def counted(trials: int, epochs: int) -> tuple[str, ...]:
    """Options of a search whose every trial trains so many epochs, two at a time."""
    counts = {"trials": trials, "max-epochs": epochs, "patience": epochs, "max-concurrent": 2}
    return tuple(str(word) for name, count in counts.items() for word in (f"--{name}", count))


def killed(
    folder: Path, *, kills: int, trials: int = 8, epochs: int = 8, seed: int = 1, compared: bool = True
) -> dict[str, Any]:
    """Run such a search undisturbed, and one whose driver is killed; what was lost, and how long it took.

    Args:
        folder: empty.
        kills: each after a random time: of the first epochs, so that there is something to lose, or before them.
        compared: with an undisturbed search; without, it is taken to start in START seconds.

    Returns:
        Plain figures; "problems" and "epochs_lost" must be empty and 0.
    """
    chance = random.Random(seed)
    alone = Search(folder / "a", (*counted(trials, epochs), *SMALL), PROGRAM)
    undisturbed, first = _undisturbed(alone) if compared else (math.nan, START)
    search = Search(folder / "b", (*counted(trials, epochs), *SMALL), PROGRAM)
    search.folder.mkdir(parents=True)
    began, moments, starts = time.monotonic(), list[float](), list[float]()
    for _ in range(kills):
        if not _killed_once(search, chance, first + 2 * epochs * 0.5, moments, starts):
            break
    last = search.start(resume=True)
    said = last.communicate(timeout=LONGEST)
    seconds = time.monotonic() - began
    if last.returncode:
        raise RuntimeError(f"the last --resume failed: {tail(said[1])}")
    told = told_epochs(search.head)
    return {
        "kills": len(moments),
        "killed_after_s": moments,
        "problems": search.problems(trials),
        "epochs": len(told),
        "epochs_lost": trials * epochs - len(told),
        "undisturbed_s": undisturbed,
        "with_kills_s": seconds,
        "start_to_first_epoch_s": [first, *starts],
        "at_most_s": 2 * undisturbed + len(moments) * first,
    }


def _killed_once(search: Search, chance: random.Random, most: float, moments: list[float], starts: list[float]) -> bool:
    """Start a search and kill it after at most so many seconds; False if it was finished before its time had come.

    Args:
        moments: the seconds after which it was killed are added here.
        starts: and here those to its first epoch, if it came to one.
    """
    after = chance.uniform(0, most)
    process, started, before = search.start(resume=True), time.monotonic(), search.lines()
    if until(lambda: process.poll() is not None or search.lines() > before, after):
        starts.append(time.monotonic() - started)
        until(lambda: process.poll() is not None, after - starts[-1])
    finished = process.poll() is not None
    if not finished:
        os.killpg(process.pid, signal.SIGKILL) if chance.random() < 0.5 else process.kill()  # with its Ray, or alone
    process.communicate()
    if not finished:
        moments.append(round(time.monotonic() - started, 1))
    return not finished


def _undisturbed(search: Search) -> tuple[float, float]:
    """Seconds of a search, and of its start up to the first epoch."""
    search.folder.mkdir(parents=True)
    began, process = time.monotonic(), search.start()
    until(lambda: search.lines() > 1 or process.poll() is not None, LONGEST)
    first = time.monotonic() - began
    _, error = process.communicate(timeout=LONGEST)
    if process.returncode:
        raise RuntimeError(f"the undisturbed search failed: {tail(error)}")
    return time.monotonic() - began, first
