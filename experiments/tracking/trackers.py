"""The registry of trackers: where every trial's reports go to be looked at, beside our own tables.

A new one is a class with the calls of `Tracker`, and an entry here; an installed package can add one too
(docs/extending.md). None has to guard itself: each is followed by `guarded.Guarded`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from lightning_modules.registry import Registry, named, unnamed

if TYPE_CHECKING:
    from experiments.tracking.wandb_runs import Tracking

__all__ = ["TRACKERS", "Search", "Tracker", "TrackerSpec"]


class Tracker(Protocol):
    """What is told of a search, in order. A trial is known by its row of trials.csv; after a failure, and under another
    driver, it starts again under the same one, and epochs come again."""

    def start(self, row: int, config: Mapping[str, Any], *, tag: str = "") -> None:
        """A trial begins, or goes on; one that is no trial of the search has a tag, which says what it is."""

    def log(self, row: int, report: Mapping[str, Any]) -> None:
        """An epoch: its number, `best` so far, `seconds` since the trial began, and its figures."""

    def finish(self, row: int, summary: Mapping[str, Any], *, failed: bool = False) -> None:
        """A trial has ended; its summary is of the best epoch."""

    def winner(self, path: Path, facts: Mapping[str, Any]) -> None:
        """The search has ended with a winner, in this file."""

    def close(self) -> None:
        """Nothing more comes."""


@dataclass(frozen=True)
class Search:
    """The search that a tracker follows.

    Attributes:
        folder: of the head in its run, on the driver's disk.
        group: RUN/HEAD.
        identity: of the search, the same under a later driver.
        tags: what searches are told apart by.
        about: what all its trials share: head, metric, songs, seed and more.
        wandb: the session's W&B.
        now: when that was told which a tracker is doing, in seconds since 1970: it may be somewhat behind.
    """

    folder: Path
    group: str
    identity: str
    tags: tuple[str, ...]
    about: Mapping[str, Any]
    wandb: Tracking
    now: Callable[[], float] = time.time


@dataclass(frozen=True)
class TrackerSpec:
    """A tracker.

    Attributes:
        name: what `tune --track` names.
        tracker: "module:class", named and not imported; called with a `Search`, it gives a `Tracker`.
        title: what it is called when it fails; "" for its name.
        late: whether it imports what takes seconds, and so begins when the workers of a search are up.
    """

    name: str
    tracker: str
    title: str = ""
    late: bool = False

    def build(self, search: Search) -> Tracker:
        """The tracker of a search."""
        made: Tracker = named(self.tracker)(search)
        return made

    def problem(self) -> str:
        """Why it cannot be taken from another package; "" if it can."""
        return unnamed("tracker", self.tracker, "class")


TRACKERS: Registry[TrackerSpec] = Registry(
    "tritone.trackers",
    TrackerSpec,
    (
        TrackerSpec("wandb", "experiments.tracking.wandb_tracker:WandbTracker", "W&B"),
        # tensorboardX imports torch
        TrackerSpec("tensorboard", "experiments.tracking.tensorboard:Board", "TensorBoard", late=True),
    ),
)
