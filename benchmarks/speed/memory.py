"""What a search's workers hold in memory, beyond what they import: columns are shared, windows are views.

    python -m benchmarks.speed.memory [SONGS ...] [--json FILE]

Proportional set size (Linux: /proc/PID/smaps_rollup), so that what workers share is counted once, a share each.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import tyro

from benchmarks.measured import ROOT, tell
from benchmarks.processes import workers

EVERY = 0.2  # seconds between two looks
IMPORTS = (
    "import experiments.search.running, experiments.search.trial.trainable, time; print(flush=True); time.sleep(60)"
)


@dataclass(frozen=True)
class Options:
    """Peak memory of a search's workers, beyond their imports."""

    songs: tyro.conf.Positional[tuple[Path, ...]] = ()
    """MIDI files or folders (default: the bundled songs)"""
    trials: int = 4
    """trials of two epochs each"""
    json: Path | None = None
    """write the figures here too"""


def held(pid: int) -> float:
    """The proportional set size of a process in MB; 0 if it is gone."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1e3 for line in lines if line.startswith("Pss:")), 0.0)


def imports() -> float:
    """What a process holds that has imported what a worker does, MB."""
    with subprocess.Popen([sys.executable, "-c", IMPORTS], cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        found = held(process.pid)
        process.kill()
    return found


def peaks(options: Options) -> dict[int, float]:
    """The peak of each worker of a search, MB."""
    found: dict[int, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        songs = [str(path.absolute()) for path in options.songs]
        search = ["notes", *songs, "--trials", str(options.trials), "--max-epochs", "2", "--address", "local"]
        command = [sys.executable, "-m", "experiments.tune", *search, "--runs", folder, "--wandb", "offline"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL) as process:
            while process.poll() is None:
                for pid in workers(process.pid):
                    found[pid] = max(found.get(pid, 0.0), held(pid))
                time.sleep(EVERY)
            if process.returncode:
                sys.exit(f"the search failed with status {process.returncode}")
    return found


def main() -> None:
    """The command."""
    options = tyro.cli(Options)
    base, found = imports(), sorted(peaks(options).values())
    songs = [path.name for path in options.songs] or ["the bundled songs"]
    figures = {"songs": songs, "imports_mb": base, "workers_mb": found, "beyond_imports_mb": found[-1] - base}
    tell("memory", "Peak memory of a search's workers", figures, options.json)


if __name__ == "__main__":
    main()
