"""Work that is done in processes which may die of it: each death costs the tasks at hand, and no other's time."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import connection
from typing import TypeVar

__all__ = ["answers", "cores", "each", "end_with_parent"]

Task = TypeVar("Task", bound=Hashable)
Answer = TypeVar("Answer")

_AHEAD = 2  # tasks a worker that are handed over at once, the one that it works on and the next


def each(
    pool: Callable[[int], ProcessPoolExecutor], work: Callable[[Task], Answer], tasks: Sequence[Task], workers: int
) -> Iterator[tuple[Task, Answer | None]]:
    """Yield every task with its answer, in the order of completion; None for one that ends the process that does it.

    If a worker dies, the others' tasks go on in a new pool. Those that it may have had are done last, one at a time,
    each alone in a fresh worker if need be, so that exactly the guilty ones are told.

    Args:
        pool: makes one of so many workers.
        work: does a task in a worker.
        tasks: all different.
    """
    left = dict.fromkeys(tasks)
    for task, answer in answers(pool, work, tasks, workers):
        del left[task]
        yield task, answer
    while left:
        for task, answer in _answers(pool, work, deque(left), 1):
            del left[task]
            yield task, answer
        if left:  # one worker takes them in order: the first without an answer is the one it died of
            guilty = next(iter(left))
            del left[guilty]
            yield guilty, None


def answers(
    pool: Callable[[int], ProcessPoolExecutor], work: Callable[[Task], Answer], tasks: Sequence[Task], workers: int
) -> Iterator[tuple[Task, Answer]]:
    """`each`, but for tasks whose answer is missing because they, or others at the same time, ended a process."""
    left = deque(tasks)
    while left:
        yield from _answers(pool, work, left, workers)


def _answers(
    pool: Callable[[int], ProcessPoolExecutor], work: Callable[[Task], Answer], tasks: deque[Task], workers: int
) -> Iterator[tuple[Task, Answer]]:
    """The answers of one pool, which takes its tasks from `tasks` until there are none left or a worker dies."""
    jobs: dict[Future[Answer], Task] = {}
    with pool(workers) as executor:
        try:
            while True:
                try:
                    while tasks and len(jobs) < _AHEAD * workers:
                        jobs[executor.submit(work, tasks[0])] = tasks[0]
                        tasks.popleft()
                except BrokenProcessPool:
                    pass  # what it has answered is still told; what is left stays with the caller
                if not jobs:
                    return
                for job in wait(jobs, return_when=FIRST_COMPLETED).done:
                    task = jobs.pop(job)
                    if job.exception() is None:  # else it died, or could not even tell (no memory to pickle it)
                        yield task, job.result()
        finally:
            executor.shutdown(wait=True, cancel_futures=True)


def end_with_parent() -> None:
    """In a worker: end it when the process that it works for is gone, even if that was killed and could say nothing.

    Else it would wait for the next task for ever.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_follow, args=(parent.sentinel,), daemon=True).start()


def _follow(sentinel: int) -> None:
    connection.wait([sentinel])
    os._exit(1)


def cores() -> int:
    """How many this process may use, which in a container is fewer than there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
