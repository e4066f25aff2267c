"""Reading many MIDI files at once, in processes that a bad file can hang, bloat or kill without harm to the rest."""

from __future__ import annotations

import contextlib
import math
import multiprocessing
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from types import FrameType

from datamodules.corpus.processes import answers, cores, each, end_with_parent
from datamodules.midi.raw_bytes import Limits, RejectedFile
from datamodules.midi.reading import read_midi
from datamodules.song import Song

__all__ = ["Outcome", "Progress", "read_files"]

Outcome = Song | RejectedFile
Progress = Callable[[int, int], None]  # files done, files in all
_CHUNK = 16  # files a task at most: small ones cost less to read than to hand over one by one
_DIED = "ends the process that reads it (out of memory?)"


def read_files(paths: Sequence[Path], grid: int, limits: Limits) -> Iterator[tuple[int, Outcome]]:
    """Yield (index into `paths`, its song or why it is rejected) for every path, in the order of completion.

    Every file has `limits.seconds` and `limits.memory`. If a worker dies all the same, exactly the files that it dies
    of are rejected.
    """
    workers = min(cores(), len(paths))
    size = max(1, min(_CHUNK, len(paths) // (4 * max(workers, 1))))
    files = list(enumerate(paths))
    chunks = [tuple(files[start : start + size]) for start in range(0, len(files), size)]
    pool = partial(_pool, limits)
    left = dict(files)
    for _, rows in answers(pool, partial(_read_chunk, grid=grid, limits=limits), chunks, workers):
        for row, outcome in rows:
            del left[row]
            yield row, outcome
    alone = [(file,) for file in left.items()]
    for ((row, _),), found in each(pool, partial(_read_chunk, grid=grid, limits=limits), alone, workers):
        yield found[0] if found else (row, RejectedFile(_DIED, lasting=False))


def _pool(limits: Limits, workers: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(workers, _context(), _prepare, (limits,))


def _context() -> multiprocessing.context.BaseContext:
    """Never a plain fork: the parent may run threads (Ray, BLAS), whose locks a fork would copy as they stand."""
    method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
    context = multiprocessing.get_context(method)
    if method == "forkserver":
        context.set_forkserver_preload([__name__])  # imported once, not once a worker
    return context


def _prepare(limits: Limits) -> None:
    """In a worker, before its first file: cap what it may allocate, and leave Ctrl-C to the parent."""
    end_with_parent()
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


def _read_chunk(files: Sequence[tuple[int, Path]], grid: int, limits: Limits) -> list[tuple[int, Outcome]]:
    return [(row, _read(path, grid, limits)) for row, path in files]


def _read(path: Path, grid: int, limits: Limits) -> Outcome:
    """The song, or why there is none, within the time limit.

    The clock is the processor time of this process, which does not grow as it waits for its turn. It does grow, up to a
    few times, where a neighbour shares the caches: a file near the limit is read by an idle machine and not by that.
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
