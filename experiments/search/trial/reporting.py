"""Reports of a trial on their way to the driver, from a thread of its own: training does not wait for the answer.

Ray lets a trial go on when its driver has handled a report, which takes as long as an epoch of a small network. So the
training thread waits only where an answer can change what it does: where the scheduler may stop it, and at its end.
What was reported in between goes together, at most every `EVERY` seconds, and no report is lost or out of order.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

__all__ = ["EVERY", "Reporter"]

EVERY = 1.0  # seconds between two messages: what a live table can show, and little enough work for the driver

Report = Mapping[str, Any]


class Reporter:
    """Sends reports; a context manager, which at its end has sent them all.

    Args:
        send: takes one or more reports, in order, and returns when the driver has handled them. It may raise: what it
            raises comes out of the next `add`, as if that had sent them itself: Ray ends a stopped trial by SystemExit.
        every: seconds between two messages that nobody waits for; the first one goes at once.
    """

    def __init__(self, send: Callable[[list[Report]], None], every: float = EVERY) -> None:
        self.send, self.every = send, every
        self.waiting: list[Report] = []  # not yet handled by the driver, those that are being sent too
        self.urgent = self.closed = False
        self.raised: BaseException | None = None
        self.changed = threading.Condition()
        self.thread = threading.Thread(target=self._serve, name="reports", daemon=True)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self.changed:
            self.closed = True
            self.changed.notify_all()
        self.thread.join()
        if error is None:
            self._raise()

    def add(self, report: Report, *, wait: bool) -> None:
        """Report; with `wait`, return when the driver has handled it."""
        self._raise()
        with self.changed:
            self.waiting.append(report)
            self.urgent = self.urgent or wait
            self.changed.notify_all()
            while wait and self.waiting and self.raised is None:
                self.changed.wait()
        self._raise()

    def _raise(self) -> None:
        if self.raised is not None:
            raise self.raised

    def _serve(self) -> None:
        again = 0.0  # when the next message may go, of `time.monotonic`
        while (reports := self._next(again)) is not None:
            try:
                self.send(reports)
            except BaseException as error:
                with self.changed:
                    self.raised = error
                    self.changed.notify_all()
                return
            again = time.monotonic() + self.every
            with self.changed:
                del self.waiting[: len(reports)]
                self.changed.notify_all()

    def _next(self, again: float) -> list[Report] | None:
        """What is to be sent now, when it is; None when there is nothing more to come."""
        with self.changed:
            while True:
                left = again - time.monotonic()
                if self.waiting and (self.urgent or self.closed or left <= 0):
                    self.urgent = False
                    return list(self.waiting)
                if self.closed:
                    return None
                self.changed.wait(max(left, 0) if self.waiting else None)
