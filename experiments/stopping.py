"""Ctrl-C and SIGTERM as a request to end cleanly."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["Interrupt", "stopping"]


class Interrupt:
    """Whether an end was asked for."""

    asked = False


@contextmanager
def stopping() -> Iterator[Interrupt]:
    """Ctrl-C and SIGTERM ask for a clean end; a second one ends the work at once, by KeyboardInterrupt.

    Outside of the main thread, where Python handles no signals, nothing is changed.
    """
    interrupt = Interrupt()
    if threading.current_thread() is not threading.main_thread():
        yield interrupt
        return

    def handle(number: int, frame: Any) -> None:
        if interrupt.asked:
            raise KeyboardInterrupt
        interrupt.asked = True

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interrupt
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
