"""A trial that fails by itself: an exception, a loss that is no number, more memory than the machine has.

`tune` as in slow.py, with one trial that fails at its third epoch. An exception and the want of memory come once, as if
the machine had been busy; a network that holds a NaN holds it again when it is trained again.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from unittest import mock

from benchmarks.faults import slow
from benchmarks.faults.drivers import counted
from benchmarks.faults.searches import HEAD, SMALL, Search, tail, told_epochs
from experiments.heads import HEADS
from experiments.tables import TrialTable

__all__ = ["HOW", "failed", "tune"]

LONGEST = 300.0
PROGRAM = ("-c", "import sys; from benchmarks.faults.failing import tune; sys.exit(tune())")
ROW, EPOCH = 1, 3  # what fails
HOW_VARIABLE, ONCE_VARIABLE = "TRITONE_FAULT", "TRITONE_FAULT_ONCE"
ROOM = 4e9  # bytes that a search may take beyond what is in use, where memory is to run out
TRIALS, EPOCHS = 4, 8


def _raises(trial: Any) -> None:
    raise RuntimeError("provoked")


def _is_no_number(trial: Any) -> None:
    import torch

    with torch.no_grad():
        next(trial.networks[0].head.parameters()).fill_(float("nan"))


def _takes_all_memory(trial: Any) -> None:
    taken = []
    for _ in range(160):
        taken.append(bytearray(os.urandom(1000)) * 50_000)  # 50 MB that are really there
        time.sleep(0.1)
    time.sleep(30)
    raise RuntimeError("nobody minded 8 GB")


HOW: dict[str, Callable[[Any], None]] = {"raised": _raises, "nan": _is_no_number, "memory": _takes_all_memory}


def train_and_fail(config: dict[str, Any], settings: Any) -> None:
    """In place of `train_trial_on`, in a worker."""
    from experiments.search.trial import trainable

    how, once = os.environ[HOW_VARIABLE], Path(os.environ[ONCE_VARIABLE])
    end_epoch = trainable._Trial.end_epoch

    def end_or_fail(trial: Any, figures: Mapping[str, float], updates: int) -> bool:
        if trial.row == ROW and trial.epoch == EPOCH - 1 and (how == "nan" or not once.exists()):
            once.touch()
            HOW[how](trial)
        return end_epoch(trial, figures, updates)

    with mock.patch.object(trainable._Trial, "end_epoch", end_or_fail):
        slow.train_slowly(config, settings)


def tune() -> int:
    """The command, in this process, with the arguments that it got."""
    from ray import cloudpickle

    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    return slow.tune(train_and_fail)


def failed(folder: Path, how: str, *, failures: int = 2) -> dict[str, Any]:
    """A search one of whose trials fails.

    Args:
        folder: empty.
        how: of HOW.
        failures: what a trial survives.

    Returns:
        Plain figures; "status" is the trial's, "ended" the search's: if that is not 0, what it said is all.
    """
    search = Search(folder, (*counted(TRIALS, EPOCHS), *SMALL, "--max-failures", str(failures)), PROGRAM)
    environment = {HOW_VARIABLE: how, ONCE_VARIABLE: str(folder / "once")}
    if how == "memory":
        environment |= {"RAY_memory_usage_threshold": f"{_used(ROOM):.4f}", "RAY_memory_monitor_refresh_ms": "100"}
    began, process = time.monotonic(), search.start(environment=environment)
    _, error = process.communicate(timeout=LONGEST)
    if process.returncode:
        return {"ended": process.returncode, "said": tail(error)}
    rows = TrialTable.read(search.head / "trials.csv", HEADS[HEAD].config.names()).rows
    told = told_epochs(search.head)
    return {
        "provoked": (folder / "once").exists(),
        "ended": process.returncode,
        "problems": search.problems(TRIALS),
        "status": rows[ROW].status,
        "failures": rows[ROW].failures,
        "reason": rows[ROW].reason,
        "others": sorted({row.status for row in rows.values() if row.row != ROW}),
        "epochs_lost": sum(EPOCHS - sum(row == one for row, _ in told) for one in rows if rows[one].status == "done"),
        "said": tail(error),
        "seconds": time.monotonic() - began,
    }


def _used(more: float) -> float:
    """The share of the machine's memory that is in use, and so many bytes more."""
    lines = (line.split() for line in Path("/proc/meminfo").read_text().splitlines())
    sizes = {words[0]: 1024.0 * int(words[1]) for words in lines}
    return (sizes["MemTotal:"] - sizes["MemAvailable:"] + more) / sizes["MemTotal:"]
