"""A worker that Ray's memory monitor kills is a failed trial, as any other dead worker.

Ray Tune 2.60 knows of workers that died (RayActorError) and of code that raised (RayTaskError); OutOfMemoryError is
neither, and ends the whole search. Here it becomes the first.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ray.air.execution._internal.actor_manager import RayActorManager  # there is no public hook
from ray.exceptions import OutOfMemoryError, RayActorError

__all__ = ["deaths_are_alike"]

OUT_OF_MEMORY = "the machine was running out of memory, and Ray ended the worker; fewer --max-concurrent may help"


@contextmanager
def deaths_are_alike() -> Iterator[None]:
    """While this lasts, a trial whose worker took too much memory fails alone."""
    original = RayActorManager._actor_task_failed

    def failed(manager: Any, tracked_actor_task: Any, exception: Exception) -> None:
        if isinstance(exception, OutOfMemoryError):
            exception = RayActorError(error_msg=OUT_OF_MEMORY)
        original(manager, tracked_actor_task, exception)

    RayActorManager._actor_task_failed = failed
    try:
        yield
    finally:
        RayActorManager._actor_task_failed = original
