"""Reading many MIDI files at once, in processes that a bad file can hang, bloat or kill without harm to the rest."""

from __future__ import annotations

import contextlib
import math
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from types import FrameType

from datamodules.midi.raw_bytes import Limits, RejectedFile
from datamodules.midi.reading import read_midi
from datamodules.song import Song

__all__ = ["Outcome", "Progress", "cores", "read_files"]

Outcome = Song | RejectedFile
Progress = Callable[[int, int], None]  # files done, files in all
_Rows = list[tuple[int, Outcome]]
_CHUNK = 16  # files a task at most: small ones cost less to read than to hand over one by one
_DIED = "ends the process that reads it (out of memory?)"


def read_files(paths: Sequence[Path], grid: int, limits: Limits) -> Iterator[tuple[int, Outcome]]:
    """Yield (index into `paths`, its song or why it is rejected) for every path, in the order of completion.

    Every file has `limits.seconds` and `limits.memory`. If a worker dies all the same, the files it may have held are
    read again one at a time, each alone in a fresh worker if need be, so that exactly the guilty ones are rejected.
    """
    workers = min(cores(), len(paths))
    size = max(1, min(_CHUNK, len(paths) // (4 * max(workers, 1))))
    left = set(range(len(paths)))
    chunks = [range(start, min(start + size, len(paths))) for start in range(0, len(paths), size)]
    for rows in _finished(chunks, paths, grid, limits, workers):
        left -= {row for row, _ in rows}
        yield from rows
    while left:
        suspects = [range(row, row + 1) for row in sorted(left)]
        for rows in _finished(suspects, paths, grid, limits, 1):
            left -= {row for row, _ in rows}
            yield from rows
        if left:  # one worker takes them in order: the first without an answer is the one it died of
            guilty = min(left)
            left.remove(guilty)
            yield guilty, RejectedFile(_DIED, lasting=False)


def _finished(
    chunks: Sequence[range], paths: Sequence[Path], grid: int, limits: Limits, workers: int
) -> Iterator[_Rows]:
    """The chunks that a pool of workers gets done; fewer than asked for if a worker dies or fails."""
    if not chunks:
        return
    with ProcessPoolExecutor(workers, _context(), _prepare, (limits,)) as pool:
        jobs: list[Future[_Rows]] = []
        try:
            for chunk in chunks:
                files = [(row, paths[row]) for row in chunk]
                jobs.append(pool.submit(_read_chunk, files, grid, limits))
        except BrokenProcessPool:
            pass  # it died that early; the jobs that are in know it too
        try:
            for job in as_completed(jobs):
                try:
                    rows = job.result()
                except Exception:  # it died, or could not even tell what it read (no memory to pickle it)
                    continue
                yield rows
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _context() -> multiprocessing.context.BaseContext:
    """Never a plain fork: the parent may run threads (Ray, BLAS), whose locks a fork would copy as they stand."""
    method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
    context = multiprocessing.get_context(method)
    if method == "forkserver":
        context.set_forkserver_preload([__name__])  # imported once, not once a worker
    return context


def _prepare(limits: Limits) -> None:
    """In a worker, before its first file: cap what it may allocate, and leave Ctrl-C to the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(ImportError, OSError, ValueError):  # not on every system
        import resource

        pages = int(Path("/proc/self/statm").read_text().split()[0])
        size = pages * resource.getpagesize() + limits.memory
        resource.setrlimit(resource.RLIMIT_AS, (size, size))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _allow(limits)


def _allow(limits: Limits) -> None:
    """Let the system end this worker where it goes on for longer than a file may take.

    A signal of Python's own is only heard between two of its instructions, and a library's loop may never end.
    """
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(time.process_time() + limits.seconds + 2), most))


def _read_chunk(files: list[tuple[int, Path]], grid: int, limits: Limits) -> _Rows:
    return [(row, _read(path, grid, limits)) for row, path in files]


def _read(path: Path, grid: int, limits: Limits) -> Outcome:
    """The song, or why there is none, within the time limit.

    The clock is the processor time of this process, so that a busy machine rejects no file that an idle one reads.
    """

    def time_is_up(_signal: int, _frame: FrameType | None) -> None:
        raise RejectedFile(f"takes longer than {limits.seconds:g} seconds to read", lasting=False)

    _allow(limits)
    timed = hasattr(signal, "setitimer")
    try:
        try:
            if timed:
                signal.signal(signal.SIGPROF, time_is_up)
                signal.setitimer(signal.ITIMER_PROF, limits.seconds)
            return read_midi(path, grid=grid, limits=limits)
        finally:  # the time can also be up in here
            if timed:
                signal.setitimer(signal.ITIMER_PROF, 0)
    except RejectedFile as rejected:
        return rejected.with_traceback(None)


def cores() -> int:
    """How many this process may use, which in a container is fewer than there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
