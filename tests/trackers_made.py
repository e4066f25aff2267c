"""Trackers as a search makes them, for tests that have no search."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from experiments.tracking.guarded import Guarded
from experiments.tracking.trackers import TRACKERS, Search
from experiments.tracking.wandb_runs import Tracking
from experiments.tracking.wandb_tracker import WandbTracker


def wandb_tracker(
    tracking: Tracking,
    group: str,
    identity: str,
    tags: Sequence[str] = (),
    about: Mapping[str, Any] = MappingProxyType({}),
) -> WandbTracker:
    return WandbTracker(Search(tracking.folder, group, identity, tuple(tags), about, tracking))


def board(folder: Path, tell: Callable[[str], Any]) -> Guarded:
    """TensorBoard's, which waits until it may begin."""
    off = Tracking("off", folder, tell)
    return Guarded(TRACKERS["tensorboard"], Search(folder, "run/offsets", "x-offsets", (), {}, off), tell)
