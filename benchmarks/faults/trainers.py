"""The processes that train killed, as by a kernel that is out of memory: their trials go on in new ones.

The measure is Ray's own: every ten seconds each is killed with a probability of 0.03, over 20 trials.
"""

from __future__ import annotations

import math
import os
import random
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from benchmarks.faults.drivers import counted
from benchmarks.faults.searches import HEAD, SMALL, Search, tail, told_epochs, until
from benchmarks.faults.slow import PROGRAM
from benchmarks.processes import workers
from experiments.heads import HEADS
from experiments.tables import TrialTable

__all__ = ["killed"]

LONGEST = 1200.0  # seconds that no search here takes


def killed(
    folder: Path,
    *,
    trials: int,
    epochs: int,
    every: float = 10.0,
    probability: float = 0.03,
    seed: int = 1,
    most: float = math.inf,
) -> dict[str, Any]:
    """A search of half-second epochs, two trials at a time, whose trainers are killed by chance.

    Args:
        folder: empty.
        every: seconds between two times that the dice are thrown for each of them.
        probability: 1 kills both each time.
        most: kills, after which they are left alone.

    Returns:
        Plain figures; "problems" and "epochs_lost" must be empty and 0. "to_go_on_s" is from each kill to the next new
        epoch of a trial whose trainer was killed (of two that trained, both were).
    """
    chance, search = random.Random(seed), Search(folder, (*counted(trials, epochs), *SMALL), PROGRAM)
    process, kills, to_go_on = search.start(), 0, list[float]()
    until(lambda: search.lines() > 1 or process.poll() is not None, LONGEST)
    began = time.monotonic()
    while not until(lambda: process.poll() is not None, every, every=0.2):
        if time.monotonic() - began > LONGEST:
            process.kill()
        doomed = [pid for pid in workers(process.pid) if kills < most and chance.random() < probability]
        kills += len(doomed)
        to_go_on += _gone_on(search, process, doomed)
    _, error = process.communicate()
    told = told_epochs(search.head)
    rows = TrialTable.read(search.head / "trials.csv", HEADS[HEAD].config.names()).rows.values()
    return {
        "kills": kills,
        "failures_told": sum(row.failures for row in rows),
        "problems": search.problems(trials) + ([tail(error)] if process.returncode else []),
        "epochs": len(told),
        "epochs_lost": trials * epochs - len(told),
        "to_go_on_s": to_go_on,
        "seconds": time.monotonic() - began,
        "least_s": trials * epochs * 0.5 / 2,
    }


def _gone_on(search: Search, process: subprocess.Popen[str], doomed: list[int]) -> list[float]:
    """Kill trainers; the seconds until the next new epoch, where both were killed and there is one."""
    for pid in doomed:
        os.kill(pid, signal.SIGKILL)
    if len(doomed) < 2:
        return []
    now, lines = time.monotonic(), search.lines()
    until(lambda: search.lines() > lines or process.poll() is not None, 60)
    return [time.monotonic() - now] if search.lines() > lines else []
