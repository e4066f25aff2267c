"""Work that nobody waits for: done in order, in a thread of its own, and left out for good once it fails."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable

from datamodules.errors import first_line

__all__ = ["Background"]


class Background:
    """A thread that does what it is given, one after another.

    Args:
        name: of what is done, for whoever is told that it is left out.
        tell: called once, with one line, when an action raises or does not end.

    Attributes:
        given: when the action was given that is done now, in seconds since 1970.
    """

    def __init__(self, name: str, tell: Callable[[str], None]) -> None:
        self.name, self.tell = name, tell
        self.failed = False
        self.given = time.time()
        self.work: queue.Queue[tuple[float, Callable[[], None]] | None] = queue.Queue()
        self.thread = threading.Thread(target=self._serve, name=name, daemon=True)
        self.thread.start()

    def do(self, action: Callable[[], None]) -> None:
        """Do it when all that came before is done."""
        if not self.failed:
            self.work.put((time.time(), action))

    def close(self, patience: float) -> None:
        """Wait for what is still to be done, `patience` seconds at most."""
        self.work.put(None)
        self.thread.join(patience)
        if self.thread.is_alive():
            self._fail("it does not answer")

    def _serve(self) -> None:
        while (next_one := self.work.get()) is not None:
            self.given, action = next_one
            if self.failed:
                continue
            try:
                action()
            except Exception as error:
                self._fail(first_line(error))

    def _fail(self, reason: str) -> None:
        if not self.failed:
            self.failed = True
            self.tell(f"{self.name} is left out from here on: {reason}")
