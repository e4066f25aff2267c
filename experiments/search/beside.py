"""Work beside the main thread, which waits for something else meanwhile: mostly imports that take a second or more."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

__all__ = ["beside"]

LEAST_PRIORITY = 19


@contextmanager
def beside(work: Callable[[], object], *, after: float = 0.0, gently: bool = False) -> Iterator[None]:
    """Do it in another thread, `after` seconds from now unless the block has ended by then; nobody waits for its end.

    Args:
        work: what it raises is left for the main thread to find out.
        gently: out of the way of whatever else wants the processor.
    """

    def run() -> None:
        if gently:
            with suppress(OSError, AttributeError):  # a thread has a priority of its own on Linux alone
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LEAST_PRIORITY)
        with suppress(Exception):
            work()

    timer = threading.Timer(after, run)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
