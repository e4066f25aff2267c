"""What the driver keeps of a search while it runs: tables, trackers, the view. Ray Tune calls it at every report."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence, Set
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from ray.tune import Callback, Stopper

from datamodules.errors import UserError
from experiments.search.plan import TROUBLE
from experiments.stopping import Interrupt
from experiments.tables import SEARCH, EpochTable, TrialRow, TrialTable
from experiments.tracking.trackers import Tracker

__all__ = ["Halt", "Observer", "View", "last_line"]

ASK_EVERY = 0.5  # seconds between two estimates of the time that is needed after the search
WRITE_EVERY = 2.0  # seconds between two writes of trials.csv, which is written whole
WRITING_SHARE = 0.02  # of the driver's time at most: after thousands of trials a write takes a while


class View(Protocol):
    """What shows a search's progress."""

    def update(self, table: TrialTable) -> None:
        """Something has changed."""

    def repeating(self, kind: str, rows: Set[int]) -> None:
        """The search is over; what comes fills these rows."""


class Observer(Callback):  # type: ignore[misc]  # Ray ships no types
    """Puts every report into trials.csv, epochs.csv and the trackers, and shows it; these neither fail nor wait."""

    def __init__(self, table: TrialTable, epochs: EpochTable, trackers: Sequence[Tracker], view: View) -> None:
        self.table, self.epochs, self.trackers, self.view = table, epochs, trackers, view
        self.write_at = 0.0  # when trials.csv may be written again, of `time.monotonic`
        self.made = time.monotonic()
        self.starting = 0.0  # seconds that fresh workers took until they trained
        self.trouble: Exception | None = None  # raised again after the search: Ray would bury it

    def __getstate__(self) -> dict[str, Any]:
        """Ray pickles its callbacks to restore from; we never restore."""
        return {}

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """A trial has a worker (its first, or a new one after a failure)."""
        row = self._row(trial)
        row.status = "running"
        repeated = {} if row.of is None else {"of": row.of, "seed": row.seed}
        for tracker in self.trackers:
            tracker.start(row.row, row.hyperparameters | repeated, tag="" if row.kind == SEARCH else row.kind)
        self._changed()

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        """Epochs have been reported."""
        row = self._row(trial)
        for report in result["reports"]:
            self.starting = self.starting or max(time.monotonic() - self.made - report["seconds"], 0.0)
            own, figures = {name: report[name] for name in row.OWN}, dict(report["figures"])
            if own["epoch"] > row.epoch or own["best"] < row.best:  # one that goes on tells of its epochs again
                row.take(own, figures)
            self._guard(partial(self.epochs.add, row.row, {**own, **figures}))
            for tracker in self.trackers:
                tracker.log(row.row, {**own, **figures})
        if result.get(TROUBLE):
            self.trouble = self.trouble or UserError(f"{result[TROUBLE]}", status=1)
        self._changed()

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """A trial has trained all its epochs, or the scheduler stopped it."""
        row = self._row(trial)
        row.status = "done" if row.epoch >= trial.config["max_epochs"] else "stopped early"
        row.reason = ""  # of failures that it survived
        self._close(row)

    def on_trial_recover(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """A trial has failed, and will go on from its last checkpoint."""
        row = self._row(trial)
        row.failures, row.reason = row.failures + 1, last_line(_failure(trial))
        self._changed()

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """A trial has failed for good."""
        row = self._row(trial)
        row.status, row.reason = "failed", last_line(_failure(trial))
        self._close(row, failed=True)

    def finish(self) -> None:
        """Write what is still to be written. Trials that were running are interrupted."""
        for row in self.table.rows.values():
            if row.status == "running":
                row.status = "interrupted"
                self._track_end(row, failed=True)
        self._guard(self.table.write)
        self._guard(self.epochs.finish)
        self.view.update(self.table)
        if self.trouble is not None:
            raise self.trouble

    def _row(self, trial: Any) -> TrialRow:
        number = int(trial.config["row"])
        if number not in self.table.rows:
            self.table.rows[number] = TrialRow(number, hyperparameters=dict(trial.config["hyperparameters"]))
        return self.table.rows[number]

    def _close(self, row: TrialRow, *, failed: bool = False) -> None:
        self._track_end(row, failed=failed)
        self._changed()

    def _track_end(self, row: TrialRow, *, failed: bool) -> None:
        """Tell the trackers that a trial has ended: its summary is the best epoch, and how it ended."""
        ended = {"status": row.status, **({"reason": row.reason} if row.reason else {})}
        best = {"best": row.best, "best_epoch": row.best_epoch, **row.figures} if row.best_epoch else {}
        for tracker in self.trackers:
            tracker.finish(row.row, ended | best, failed=failed)

    def _changed(self) -> None:
        if (began := time.monotonic()) > self.write_at:
            self._guard(self.table.write)
            took = time.monotonic() - began
            self.write_at = began + max(WRITE_EVERY, took / WRITING_SHARE)
        self.view.update(self.table)

    def _guard(self, write: Callable[[], None]) -> None:
        """A disk that fills up ends the search in one clear line, not in a traceback out of Ray's loop."""
        try:
            write()
        except Exception as error:
            self.trouble = self.trouble or error


def _failure(trial: Any) -> str:
    """The traceback of a failed trial, as Ray keeps it beside the driver."""
    try:
        return Path(trial.error_file).read_text(errors="replace")
    except (OSError, TypeError):  # TypeError: Ray has noted no file
        return "the worker ended without a word (out of memory?)"


def last_line(error: object) -> str:
    """What went wrong, out of a traceback: its last line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1][:300] if lines else type(error).__name__


class Halt(Stopper):  # type: ignore[misc]
    """Ends a search when asked to (Ctrl-C, SIGTERM), when a file cannot be written, or when its time is over.

    Args:
        interrupt: whether Ctrl-C or SIGTERM has asked for an end.
        deadline: of `time.monotonic`, or None.
        reserve: seconds of training that are needed before the deadline for what follows, by fresh workers.
    """

    def __init__(
        self,
        interrupt: Interrupt,
        deadline: float | None,
        observer: Observer,
        reserve: Callable[[TrialTable], float] = lambda _: 0.0,
    ) -> None:
        self.interrupt, self.deadline, self.observer, self.reserve = interrupt, deadline, observer, reserve
        self.reason = ""
        self.needed, self.asked = 0.0, -math.inf  # what `reserve` said, and when

    def __getstate__(self) -> Mapping[str, Any]:
        return {}

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        """No trial is ended alone."""
        return False

    def stop_all(self) -> bool:
        """Whether the search ends here."""
        if not self.reason and self.interrupt.asked:
            self.reason = "interrupted"
        if not self.reason and self.observer.trouble is not None:
            self.reason = "trouble"
        if not self.reason and self.deadline is not None:
            now = time.monotonic()
            if now - self.asked > ASK_EVERY:  # Ray asks whether to stop at every step
                self.needed, self.asked = self.reserve(self.observer.table), now
            if now > self.deadline - (self.needed and self.needed + self.observer.starting):
                self.reason = "time"
        return bool(self.reason)
