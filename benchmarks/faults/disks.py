"""The disk of a run full, read-only, or gone while a search runs: on a small file system of its own (needs root)."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.faults.searches import HEAD, NAME, SMALL, Search, tail, until
from benchmarks.faults.slow import PROGRAM
from experiments.heads import HEADS
from experiments.tables import EpochTable, TrialTable

__all__ = ["can_mount", "failed"]

LONGEST = 180.0
NOTE = "note: TensorBoard is left out from here on: "
TRIALS = 2
OPTIONS = ("--trials", str(TRIALS), "--max-epochs", "16", "--patience", "16", "--max-concurrent", "2")


def can_mount() -> str:
    """Why no file system can be mounted here; "" if one can."""
    if os.geteuid() != 0:
        return "mounting a file system needs root"
    with tempfile.TemporaryDirectory() as folder:
        tried = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True)
        if tried.returncode == 0:
            subprocess.run(["umount", folder], check=True)
    return tail(tried.stderr.decode()) if tried.returncode else ""


@contextmanager
def mounted(place: Path, megabytes: int = 48) -> Iterator[None]:
    """A file system of this size."""
    disk = _disk(place)
    for folder in (place, disk):
        folder.mkdir(parents=True)
    _run("mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", disk)
    _run("mount", "--bind", disk, place)  # so that it can be taken away while files are open
    try:
        yield
    finally:
        for folder in (place, disk):
            subprocess.run(["umount", "-l", str(folder)], check=False)


def _disk(place: Path) -> Path:
    return place.with_name(f"{place.name}-disk")


def _run(*words: object) -> None:
    subprocess.run([str(word) for word in words], check=True)


def failed(folder: Path, how: str, where: str) -> dict[str, Any]:
    """Let a search train, take its disk away, and give it back.

    Args:
        folder: empty.
        how: "full" or "read-only"; "gone" for a --storage that vanishes.
        where: "run" (tables, study and weights) or "storage" (the weights alone).

    Returns:
        Its status and last line, how many lines it said beside notes that TensorBoard is left out, what of its files
        could not be read, and what was wrong after --resume.
    """
    small = folder / ("runs" if where == "run" else "storage")
    more = ("--storage", str(small)) if where == "storage" else ()
    search = Search(folder, (*OPTIONS, *SMALL, *more), PROGRAM, wandb="off", again=more)
    with mounted(small):
        process = search.start()
        until(lambda: search.lines() > 8 or process.poll() is not None, LONGEST)
        _take(small, how)
        out, error = process.communicate(timeout=LONGEST)
        lines = error.strip().splitlines()
        notes = [line for line in lines if line.startswith(NOTE)]  # its curves cannot be written there either
        found = {
            "status": process.returncode,
            "said": tail(error),
            "lines_of_error": len(lines) - len(notes),
            "notes": len(notes),
            "traceback": "Traceback" in out + error,
        }
        _give_back(small, how)
        found["unreadable"] = _unreadable(search)
        again = search.start(resume=True)
        _, error = again.communicate(timeout=LONGEST)
        problems = search.problems(TRIALS) if again.returncode == 0 else [tail(error)]
        return {**found, "problems_after_resume": problems}


def _take(place: Path, how: str) -> None:
    if how == "full":
        with (place / "ballast").open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))
        return
    _run("umount", "-l", place)
    if how == "read-only":
        _run("mount", "--bind", _disk(place), place)
        _run("mount", "-o", "remount,bind,ro", place)
    else:
        _run("mount", "-t", "tmpfs", "-o", "size=4k,ro", "tmpfs", place)


def _give_back(place: Path, how: str) -> None:
    if how == "full":
        (place / "ballast").unlink()
    else:
        _run("umount", place)
        _run("mount", "--bind", _disk(place), place)


def _unreadable(search: Search) -> list[str]:
    """Files of the run that are not whole."""
    found = []
    for name, read in (
        ("trials.csv", lambda path: TrialTable.read(path, HEADS[HEAD].config.names())),
        ("epochs.csv", lambda path: EpochTable(path).reports()),
    ):
        try:
            read(search.head / name)
        except Exception as error:
            found.append(f"{NAME}/{HEAD}/{name}: {error}")
    return found
