"""Heads of different grids together: a song's times stand on the finest grid that holds all of theirs exactly."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from datamodules.errors import UserError
from datamodules.form.guide import Stand
from datamodules.midi.reading import read_midi
from datamodules.midi.writing import write_midi
from datamodules.song import Song
from datamodules.vocabulary import Value

if TYPE_CHECKING:
    from experiments.music.events.event import Event
    from experiments.winners import Winner

__all__ = ["coarser", "common_grid", "finer", "heard_on", "on_grid"]


def common_grid(winners: Iterable[Winner]) -> int:
    """Ticks a quarter note in which every head's ticks are whole: 24 for heads of 12 and 24, 48 for 16 and 24.

    Each grid divides 480, and so does this.

    Raises:
        UserError: no heads.
    """
    grids = [winner.grid for winner in winners]
    if not grids:
        raise UserError("no winner to generate with: run `python -m experiments.tune notes` first")
    return math.lcm(*grids)


def heard_on(event: Event, scale: int) -> Event:
    """An event as a head of a grid that is `scale` times coarser hears it: rounded half up, and no time is lost.

    The place in the bar stays within it, and two events never share an onset.
    """
    if scale == 1:
        return event
    bar = max(coarser(event.bar, scale), 1)
    return replace(
        event,
        duration=_some(event.duration, scale),
        offset=_some(event.offset, scale),
        place=coarser(event.place, scale) % bar,
        bar=bar,
        lengths=tuple(_some(length, scale) for length in event.lengths),
        here=_stand_on(event.here, scale),
        before=_stand_on(event.before, scale),
    )


def _stand_on(stand: Stand, scale: int) -> Stand:
    return stand._replace(duration=_some(stand.duration, scale), following=_some(stand.following, scale))


def _some(ticks: int, scale: int) -> int:
    """No time is lost: but for 0, it is at least one tick."""
    return max(coarser(ticks, scale), min(ticks, 1))


def coarser(ticks: int, scale: int) -> int:
    """Ticks of a grid that is `scale` times coarser, rounded half up, as files are read."""
    return (2 * ticks + scale) // (2 * scale)


def finer(value: Value, scale: int) -> Value:
    """Ticks, or the ticks of each note, on a grid that is `scale` times finer: exact."""
    return value * scale if isinstance(value, int) else tuple(length * scale for length in value)


def on_grid(song: Song, grid: int) -> Song:
    """A song as it is read on another grid from the file that it is written to."""
    if song.grid == grid:
        return song
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "song.mid"
        write_midi(song, path)
        return read_midi(path, grid=grid)
