"""What follows a search for a tracker: it neither fails nor waits, whatever the tracker does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from experiments.tracking.background import Background
from experiments.tracking.trackers import Search, Tracker, TrackerSpec

__all__ = ["Guarded"]


class Guarded:
    """A `Tracker` whose every call is done in a thread of its own; once one raises, it is left out for good.

    Args:
        tell: called once, with one line, if it fails.
    """

    PATIENCE = 20.0  # seconds that `close` waits for what is still to be written

    def __init__(self, spec: TrackerSpec, search: Search, tell: Callable[[str], None]) -> None:
        self.may_begin = threading.Event()
        self.work = Background(spec.title or spec.name, tell)
        self.tracker: Tracker | None = None
        self.work.do(lambda: self._begin(spec, search))
        if not spec.late:
            self.begin()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def begin(self) -> None:
        """From here on it may work; what is told before waits."""
        self.may_begin.set()

    def start(self, row: int, config: Mapping[str, Any], *, tag: str = "") -> None:
        """See `Tracker`."""
        copy = dict(config)
        self._do(lambda tracker: tracker.start(row, copy, tag=tag))

    def log(self, row: int, report: Mapping[str, Any]) -> None:
        """See `Tracker`."""
        copy = dict(report)
        self._do(lambda tracker: tracker.log(row, copy))

    def finish(self, row: int, summary: Mapping[str, Any], *, failed: bool = False) -> None:
        """See `Tracker`."""
        copy = dict(summary)
        self._do(lambda tracker: tracker.finish(row, copy, failed=failed))

    def winner(self, path: Path, facts: Mapping[str, Any]) -> None:
        """See `Tracker`."""
        copy = dict(facts)
        self._do(lambda tracker: tracker.winner(path, copy))

    def close(self) -> None:
        """Wait a while for what is still to be written, never for ever."""
        self.begin()
        self._do(lambda tracker: tracker.close())
        self.work.close(self.PATIENCE)

    def _begin(self, spec: TrackerSpec, search: Search) -> None:
        self.may_begin.wait()
        self.tracker = spec.build(replace(search, now=lambda: self.work.given))

    def _do(self, action: Callable[[Tracker], None]) -> None:
        def act() -> None:
            assert self.tracker is not None
            action(self.tracker)

        self.work.do(act)
