"""Opening a corpus: the first time, when every file is read, on all cores and on one, and again, from the cache.

    python -m benchmarks.speed.opening [SONGS ...] [--json FILE]

Each opening is a `read_corpus` in a fresh process: files found, hashed, read or taken from the cache, and sorted out.
The clock runs inside, after the imports, and the MIDI files have been read once, so that the disk is warm. The first
time begins with an empty cache folder, and its end is the cache written. Cores kept busy are the CPU seconds of the
process and of its workers over the wall seconds. On one core the process may use only one, and so has one worker. What
a run does beyond that to have its songs (their events, the split) is in the seconds of `read_dataset`, from the cache.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import tyro

from benchmarks.measured import ROOT, tell
from datamodules.corpus.finding import find_files
from datamodules.corpus.reading import read_corpus
from experiments.data_options import DataOptions
from experiments.dataset import read_dataset
from songs import bundled

CORPUS = ROOT.parent / "shared" / "corpora" / "nottingham"
PROCESS = "import json, sys; from benchmarks.speed.opening import opened; print(json.dumps(opened(sys.argv[1:])))"


@dataclass(frozen=True)
class Options:
    """Seconds to open a corpus, the first time and again."""

    songs: tyro.conf.Positional[tuple[Path, ...]] = ()
    """MIDI files or folders (default: the nottingham corpus if it is here, else the bundled songs)"""
    runs: int = 3
    """openings of each kind, whose median is taken"""
    quick: bool = False
    """one opening of each kind, of the bundled songs: to see that it runs, not for figures"""
    json: Path | None = None
    """write the figures here too"""

    @property
    def paths(self) -> tuple[Path, ...]:
        """The songs to open."""
        if self.quick or not (self.songs or CORPUS.is_dir()):
            return bundled()
        return tuple(path.absolute() for path in self.songs or (CORPUS,))


def cpu_seconds() -> float:
    """Of this process and of all processes that it began, those that still run too (Linux: /proc)."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    ticks = 0
    for children in Path("/proc/self/task").glob("*/children"):  # the server that forks the workers outlives them
        for pid in children.read_text().split():
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += sum(map(int, fields[11:15]))  # its own user and system time, and those of its ended children
    return time.process_time() + ended.ru_utime + ended.ru_stime + ticks / os.sysconf("SC_CLK_TCK")


def opened(paths: Sequence[str]) -> dict[str, float]:
    """Open the songs in this process: wall seconds, cores kept busy, and seconds for the whole dataset again."""
    began, before = time.perf_counter(), cpu_seconds()
    songs = len(read_corpus([Path(path) for path in paths]).songs)
    seconds, busy = time.perf_counter() - began, cpu_seconds() - before
    began = time.perf_counter()
    read_dataset(DataOptions(tuple(paths)))
    return {"songs": songs, "s": seconds, "cores": busy / seconds, "dataset_s": time.perf_counter() - began}


def in_a_process(paths: Sequence[Path], cache: Path, cores: Sequence[int]) -> dict[str, float]:
    """The same in a fresh process that may use these cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)  # inherited
    try:
        command = [sys.executable, "-c", PROCESS, *map(str, paths)]
        environment = {**os.environ, "TRITONE_CACHE": str(cache)}
        run = subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE)
    finally:
        os.sched_setaffinity(0, before)
    found: dict[str, float] = json.loads(run.stdout)
    return found


def openings(paths: Sequence[Path]) -> dict[str, dict[str, float]]:
    """One opening of each kind."""
    cores = sorted(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as folder:
        alone, cache = Path(folder) / "alone", Path(folder) / "cache"
        return {
            "one_core": in_a_process(paths, alone, cores[:1]),
            "first": in_a_process(paths, cache, cores),
            "again": in_a_process(paths, cache, cores),
        }


def main() -> None:
    """The command."""
    options = tyro.cli(Options)
    files = find_files(options.paths)
    for file in files:
        file.read_bytes()
    found = [openings(options.paths) for _ in range(1 if options.quick else options.runs)]

    def middle(kind: str, figure: str) -> float:
        return median(each[kind][figure] for each in found)

    figures = {
        "files": len(files),
        "songs": found[0]["first"]["songs"],
        "openings_of_each_kind": len(found),
        "first_s": middle("first", "s"),
        "first_cores_busy": middle("first", "cores"),
        "first_on_one_core_s": middle("one_core", "s"),
        "times_one_core": median(each["one_core"]["s"] / each["first"]["s"] for each in found),
        "again_s": middle("again", "s"),
        "again_with_events_and_split_s": middle("again", "dataset_s"),
    }
    tell("opening", "Opening a corpus, the first time and again", figures, options.json)


if __name__ == "__main__":
    main()
