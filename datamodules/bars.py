"""Which bar of a song a tick stands in, by the metre map: a metre change starts a bar, a pickup is the end of one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from datamodules.song import Song, bar_length, bar_lines

__all__ = ["bar_begins", "bar_line", "bar_numbers", "last_line", "steady_metre"]

FEWEST = 2  # bars of a section that are a metre: one alone may be a last bar cut short, or a beat put in

Ints = NDArray[np.int64]


def bar_numbers(song: Song, ticks: NDArray[np.integer]) -> Ints:
    """The number of each tick's bar, of the shape of `ticks`: from 0, the bar that the song begins in, without end."""
    starts, bar, before = _sections(song)
    row = song.metre_rows(ticks)
    numbers: Ints = before[row] + (ticks.astype(np.int64) - starts[row]) // bar[row]
    return numbers


def bar_line(song: Song, number: int) -> int:
    """The tick at which the bar of a number begins, without end; a pickup's, where the song does."""
    starts, bar, before = _sections(song)
    row = int(np.searchsorted(before, number, side="right")) - 1
    return int(starts[row] + (number - before[row]) * bar[row])


def bar_begins(song: Song) -> Ints:
    """The ticks at which bars begin, and the end of the last that has a note; a pickup's bar, before the song does."""
    lines = np.array(bar_lines(song), np.int64)
    place, _ = song.bar_positions(lines)
    return np.unique(lines - place)


def last_line(song: Song) -> int:
    """The end of the last bar in which a note begins, or sounds for a quarter note: a late release is no bar."""
    onset = song.notes.onset.astype(np.int64)
    last = max(int(onset.max()), int((onset + song.notes.length).max()) - song.grid)
    return bar_line(song, int(bar_numbers(song, np.array([last]))[0]) + 1)


def steady_metre(song: Song, tick: int) -> tuple[int, int]:
    """The metre that a song is in at a tick, numerator and denominator; a single bar in another one does not count.

    That is the metre of the last section of at least `FEWEST` bars up to there; the tick's own where there is none.
    """
    starts, bar, _ = _sections(song)
    stops = np.minimum(np.append(starts[1:], np.iinfo(np.int64).max), last_line(song))
    row = int(song.metre_rows(np.array([tick]))[0])
    long = stops - starts > (FEWEST - 1) * bar
    long[0] &= not song.has_pickup
    steady = np.flatnonzero(long[: row + 1])
    _, numerator, denominator = song.metres[steady[-1] if len(steady) else row].tolist()
    return numerator, denominator


def _sections(song: Song) -> tuple[Ints, Ints, Ints]:
    """Of each metre, the tick that it begins at, the ticks of its bars, and how many bars are before it, (changes,)."""
    starts = song.metres[:, 0].astype(np.int64)
    bar = np.array([bar_length(song.grid, *row[1:]) for row in song.metres.tolist()], np.int64)
    held = -(-np.diff(starts) // bar[:-1])  # bars of each section but the last
    if song.has_pickup:
        held[0] = 1
    return starts, bar, np.r_[0, np.cumsum(held)]
