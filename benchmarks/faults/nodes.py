"""Machines of a cluster lost and joined while a search runs, on machines.py's network."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.faults.drivers import counted
from benchmarks.faults.machines import DASHBOARD, PRIVATE, Machines, can_make
from benchmarks.faults.searches import HEAD, NAME, SMALL, Search, tail, told_epochs, until
from benchmarks.faults.slow import PROGRAM
from benchmarks.measured import ROOT
from experiments.heads import HEADS
from experiments.tables import TrialRow, TrialTable

__all__ = ["blind", "can_submit", "failures", "job", "joined", "late", "lost", "running"]

LONGEST = 400.0
TRIALS, EPOCHS = 4, 24


def search_on(machines: Machines, folder: Path, *more: str) -> Search:
    """A search whose driver runs on the first machine, in a folder that all of them see."""
    options = (*counted(TRIALS, EPOCHS)[:-2], *SMALL, *more)
    return Search(folder, options, PROGRAM, machines.address, "off", machines.within(0))


def lost(folder: Path, how: str) -> dict[str, Any]:
    """Of three machines with a CPU each, one is lost.

    Args:
        folder: empty, and seen by all machines.
        how: "killed" (all its processes) or "cut" (its cable pulled).

    Returns:
        Plain figures: what was lost, and seconds from the loss until its trial went on elsewhere.
    """
    with Machines(folder) as machines:
        numbers = [machines.add() for _ in range(3)]
        search = search_on(machines, folder / "search")
        search.folder.mkdir()
        process = search.start(environment=machines.environment)
        until(lambda: all(map(machines.trains, numbers)) or process.poll() is not None, LONGEST)
        until(lambda: process.poll() is not None, 8.0)  # until there is a checkpoint to go on from
        gone, before = time.monotonic(), failures(search)
        machines.kill(2) if how == "killed" else machines.cut(2)
        until(lambda: failures(search) > before or process.poll() is not None, LONGEST)
        noticed = time.monotonic() - gone
        _, error = process.communicate(timeout=LONGEST)
        told = told_epochs(search.head)
        return {
            "problems": search.problems(TRIALS) + ([tail(error)] if process.returncode else []),
            "epochs_lost": TRIALS * EPOCHS - len(told),
            "failures_told": failures(search),
            "noticed_after_s": noticed,
            "seconds": time.monotonic() - gone,
        }


def failures(search: Search) -> int:
    """How often a trial has gone on after its worker was lost, as trials.csv tells."""
    return sum(row.failures for row in _rows(search))


def running(search: Search) -> int:
    """How many trials train, as trials.csv tells."""
    return sum(row.status == "running" for row in _rows(search))


def _rows(search: Search) -> list[TrialRow]:
    return list(TrialTable.read(search.head / "trials.csv", HEADS[HEAD].config.names()).rows.values())


def joined(folder: Path) -> dict[str, Any]:
    """A machine joins a search that has begun on one; seconds from its node's start until a trial trains there."""
    with Machines(folder) as machines:
        machines.add()
        search = search_on(machines, folder / "search")
        search.folder.mkdir()
        process = search.start(environment=machines.environment)
        until(lambda: search.lines() > 1 or process.poll() is not None, LONGEST)
        second, added = machines.add(), time.monotonic()
        until(lambda: machines.trains(second) or process.poll() is not None, LONGEST)
        used, seconds = machines.trains(second), time.monotonic() - added
        _, error = process.communicate(timeout=LONGEST)
        return {
            "used": used,
            "used_after_s": seconds,
            "problems": search.problems(TRIALS) + ([tail(error)] if process.returncode else []),
        }


def blind(folder: Path) -> dict[str, Any]:
    """Weights kept where only the driver's machine sees them: the search must not begin."""
    with Machines(folder) as machines:
        machines.add(), machines.add()
        search = search_on(machines, folder / "search", "--storage", str(PRIVATE / "weights"))
        search.folder.mkdir()
        began, process = time.monotonic(), search.start(environment=machines.environment)
        _, error = process.communicate(timeout=LONGEST)
        return {
            "status": process.returncode,
            "said": error.strip(),
            "lines_of_error": len(error.strip().splitlines()),
            "trials_begun": int((search.head / "trials.csv").exists()),
            "names_the_machine": machines.ip(1) in error,
            "seconds": time.monotonic() - began,
        }


def late(folder: Path) -> dict[str, Any]:
    """A machine joins that has another disk where the weights are kept: the search ends, and goes on without it."""
    with Machines(folder) as machines:
        machines.add()
        storage = ("--storage", str(PRIVATE / "weights"))
        search = replace(search_on(machines, folder / "search", *storage), again=storage)
        search.folder.mkdir()
        process = search.start(environment=machines.environment)
        until(lambda: search.lines() > 1 or process.poll() is not None, LONGEST)
        second, added = machines.add(), time.monotonic()
        _, error = process.communicate(timeout=LONGEST)
        seconds = time.monotonic() - added
        machines.kill(second)
        again = search.start(resume=True, environment=machines.environment)
        _, error_again = again.communicate(timeout=LONGEST)
        return {
            "status": process.returncode,
            "said": error.strip(),
            "lines_of_error": len(error.strip().splitlines()),
            "names_the_machine": machines.ip(second) in error,
            "seconds": seconds,
            "problems": search.problems(TRIALS) + ([tail(error_again)] if again.returncode else []),
            "epochs_lost": TRIALS * EPOCHS - len(told_epochs(search.head)),
            "failures_told": failures(search),
        }


def can_submit() -> str:
    """Why there can be no Ray jobs here; "" if there can."""
    return can_make() or ("" if find_spec("aiohttp_cors") else "jobs need what ray[default] installs")


def job(folder: Path) -> dict[str, Any]:
    """`ray job submit` to a cluster of two machines that have the dependencies alone: code and songs go along."""
    with Machines(folder) as machines:
        machines.add(dashboard=True), machines.add()
        board = {**os.environ, **machines.environment, "RAY_ADDRESS": f"http://127.0.0.1:{DASHBOARD}"}
        code = folder / "code"
        clone = ["git", "-c", "advice.detachedHead=false", "clone", "-q", "--depth=1", f"file://{ROOT}", str(code)]
        subprocess.run(clone, check=True)
        counts = ("--trials", "4", "--max-epochs", "4", "--wandb", "off")
        tune = ["python", "-m", "experiments.tune", HEAD, *counts, *SMALL]
        ray = (*machines.within(0), sys.executable, "-m", "ray.scripts.scripts")
        # absolute: who enters another machine stands in its root folder
        submit = [*ray, "job", "submit", "--working-dir", str(code)]
        began, said = time.monotonic(), []
        for runs in ("runs", str(folder / "runs")):
            command = [*submit, "--", *tune, "--runs", runs, "--name", NAME]
            ended = subprocess.run(command, env=board, capture_output=True, text=True, timeout=LONGEST)
            said.append(ended.stdout + ended.stderr)
        done = Search(folder, wandb="off")
        return {
            "relative_runs_refused": "inside a Ray job it must be an absolute path" in said[0],
            "status": ended.returncode,
            "problems": done.problems(4) if ended.returncode == 0 else [said[1][-500:]],
            "seconds": time.monotonic() - began,
        }
