"""Progress bars for work that takes longer than a second."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress

from experiments.command_line.cli import console

__all__ = ["Progress", "bar", "part_of"]

Progress = Callable[[int, int], None]  # steps done, steps in all

QUIET = 1.0  # seconds of work before a bar appears
SLOW = 600.0  # seconds of which the time left is guessed: an epoch may take minutes
EVERY = 0.1  # seconds between two looks at it: of a hundred thousand small files, each costs less than drawing it


@contextmanager
def bar(what: str) -> Iterator[Progress]:
    """A function (done, of) that draws a bar once the work has taken a while; without a terminal it draws nothing."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    progress = RichProgress(
        *columns,
        console=console,
        transient=True,
        disable=not console.is_terminal,
        speed_estimate_period=SLOW,
    )
    task = progress.add_task(what, total=None)
    began = last = time.monotonic()
    started = False

    def advance(done: int, of: int) -> None:
        nonlocal started, last
        now = time.monotonic()
        if done < of and now - last < EVERY:
            return
        last = now
        if not started and now - began > QUIET:
            progress.start()
            started = True
        progress.update(task, completed=done, total=of)

    try:
        yield advance
    finally:
        if started:
            progress.stop()


def part_of(progress: Progress | None, step: int, steps: int) -> Progress:
    """The progress of one of several steps, which are as long, as that of all."""

    def tell(done: int, of: int) -> None:
        if progress is not None:
            progress(step * of + done, steps * of)

    return tell
