"""What memory a worker that trains needs at its peak, and what of that is beyond what it imports.

    python -m benchmarks.speed.memory [SONGS ...] [--json FILE]

A search of the notes head by the command, its first trial the default network, two epochs a trial. Peak resident set
size (Linux: VmHWM of /proc/PID/status, which the kernel keeps by itself) of each worker: torch, Lightning and Ray, the
columns as far as they were touched, gradients and AdamW's two moments. To plan by: so much a worker, wherever it runs.
On one machine the workers share the libraries' and the columns' pages, so that one more costs somewhat less; that is
told as the pages that no other process has (Private_* of /proc/PID/smaps_rollup, at its most of five looks a second).

What lies beyond the imports is the difference to the peak, taken alike, of a process that has imported what a worker
does and nothing else. Both count every page whole, whoever else has it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tyro

from benchmarks.measured import ROOT, tell
from benchmarks.processes import workers

EVERY = 0.2  # seconds between two looks
IMPORTS = (
    "import experiments.search.running, experiments.search.trial.trainable, time; print(flush=True); time.sleep(60)"
)


@dataclass(frozen=True)
class Options:
    """Peak memory of a search's workers, whole and beyond their imports."""

    songs: tyro.conf.Positional[tuple[Path, ...]] = ()
    """MIDI files or folders (default: the bundled songs)"""
    trials: int = 4
    """trials of two epochs each"""
    json: Path | None = None
    """write the figures here too"""


@dataclass
class Peaks:
    """The most that processes have held, by their ids, MB.

    Attributes:
        resident: all their pages.
        alone: those that no other process has.
    """

    resident: dict[int, float] = field(default_factory=dict)
    alone: dict[int, float] = field(default_factory=dict)

    def look(self, pid: int) -> None:
        """Look at a process, if it is still there."""
        for found, (name, lines) in (
            (self.resident, ("status", "VmHWM")),
            (self.alone, ("smaps_rollup", r"Private_\w+")),
        ):
            megabytes = held(pid, name, lines)
            found[pid] = max(found.get(pid, 0.0), megabytes)


def held(pid: int, name: str, lines: str) -> float:
    """The sum of some lines of a file of /proc/PID in MB; 0 if the process is gone.

    Args:
        lines: a pattern of their names.
    """
    try:
        text = Path(f"/proc/{pid}/{name}").read_text()
    except OSError:
        return 0.0
    return sum(int(kilobytes) for kilobytes in re.findall(rf"^{lines}:\s+(\d+) kB$", text, re.MULTILINE)) * 1024 / 1e6


def imports() -> Peaks:
    """What a process holds that has imported what a worker does."""
    found = Peaks()
    with subprocess.Popen([sys.executable, "-c", IMPORTS], cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        found.look(process.pid)
        process.kill()
    return found


def peaks(options: Options) -> Peaks:
    """Of each worker of a search."""
    found = Peaks()
    with tempfile.TemporaryDirectory() as folder:
        songs = [str(path.absolute()) for path in options.songs]
        search = ["notes", *songs, "--trials", str(options.trials), "--max-epochs", "2", "--address", "local"]
        command = [sys.executable, "-m", "experiments.tune", *search, "--runs", folder, "--wandb", "offline"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL) as process:
            while process.poll() is None:
                for pid in workers(process.pid):
                    found.look(pid)
                time.sleep(EVERY)
            if process.returncode:
                sys.exit(f"the search failed with status {process.returncode}")
    return found


def figures(songs: list[str], base: Peaks, found: Peaks) -> dict[str, Any]:
    """What is told; the worker that held the most counts."""
    (imported,) = base.resident.values()
    most = max(found.resident.values())
    return {
        "songs": songs,
        "worker_peak_resident_mb": most,
        "worker_peak_of_its_own_pages_mb": max(found.alone.values()),
        "imports_resident_mb": imported,
        "beyond_imports_resident_mb": most - imported,
        "workers_peak_resident_mb": sorted(found.resident.values()),
    }


def main() -> None:
    """The command."""
    options = tyro.cli(Options)
    songs = [path.name for path in options.songs] or ["the bundled songs"]
    found = figures(songs, imports(), peaks(options))
    tell("memory", "Peak memory of a search's workers", found, options.json)


if __name__ == "__main__":
    main()
