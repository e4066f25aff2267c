"""A search that is asked to end: Ctrl-C in its terminal, SIGTERM of a job scheduler, the end of its time budget."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

from benchmarks.faults.searches import SMALL, Search, tail, until
from benchmarks.faults.slow import PROGRAM
from experiments.winners import load_winner

__all__ = ["ended"]

LONGEST = 120.0
LONG = ("--trials", "50", "--max-epochs", "500", "--patience", "500")


def ended(folder: Path, how: str, *, after: float = 5.0) -> dict[str, Any]:
    """Let a search train for a while, and ask it to end.

    Args:
        folder: empty.
        how: "ctrl-c" (SIGINT to all processes of its group, as a terminal sends it), "sigterm" (to itself alone) or
            "budget" (--time-budget).
        after: seconds of training.

    Returns:
        "seconds" from the request to the end of the process, its status, its last line, and whether there is a winner,
        and a song.
    """
    budget = 60.0 + after  # until the first epoch ends, on a slow machine that does other things too
    options = (*LONG, *SMALL, *(("--time-budget", str(budget)) if how == "budget" else ()))
    search = Search(folder, options, PROGRAM)
    began, process = time.monotonic(), search.start()
    until(lambda: search.lines() > 1 or process.poll() is not None, LONGEST)
    if how == "budget":
        asked = began + budget
    else:
        time.sleep(after)
        asked = time.monotonic()
        if how == "ctrl-c":
            os.killpg(process.pid, signal.SIGINT)
        else:
            process.send_signal(signal.SIGTERM)
    out, error = process.communicate(timeout=LONGEST)
    winner = search.head / "winner.safetensors"
    return {
        "seconds": time.monotonic() - asked,
        "status": process.returncode,
        "said": tail(error) or next((line for line in out.splitlines() if "--resume" in line), ""),
        "winner": winner.exists() and load_winner(winner).facts["best"],
        "song": (search.head.parent / "song.mid").exists(),
        "lines_of_error": len(error.strip().splitlines()),
    }
