"""How long a song says the same: one event again, two in turn, one distance; and how much of it is silence.

All are counted in events of one stretch of a song. What is 1 for every song (one event is a run of one) is 1 here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from datamodules.song import Events

__all__ = ["TRAPS", "Repeats", "cut", "repeats"]

TRAPS = ("equal", "cycle", "chords", "offsets")  # what makes an excerpt a trap, where it is too long

Bools = NDArray[np.bool_]


class Repeats(NamedTuple):
    """What stands longest in a stretch of events.

    Attributes:
        equal: events of the longest run of equal ones: chord, duration and offset.
        cycle: events of the longest stretch of two different events in turn, ABAB; two that differ are one of 2.
        chords: the same of chords alone, whatever their timing.
        offsets: events of the longest stretch that keep one distance to the event before.
        silent: the share of the bars from the first event to the last in which none begins.
    """

    equal: int
    cycle: int
    chords: int
    offsets: int
    silent: float


def cut(songs: Sequence[Events], length: int) -> list[list[Events]]:
    """Each song's stretches of `length` events, one after another; what is left over at its end is dropped."""
    return [
        [song.stretch(begin, begin + length) for begin in range(0, len(song) - length + 1, length)] for song in songs
    ]


def repeats(events: Events) -> Repeats:
    """The figures of a stretch of at least one event."""
    chords = _numbers(events.chords())
    whole = _numbers(list(zip(chords.tolist(), events.duration.tolist(), events.offset.tolist(), strict=True)))
    return Repeats(
        equal=1 + _longest(whole[1:] == whole[:-1]),
        cycle=_in_turn(whole),
        chords=_in_turn(chords),
        # the first one's distance leads out of the stretch, or is a place in a bar
        offsets=min(1, len(events) - 1) + _longest(events.offset[2:] == events.offset[1:-1]),
        silent=_silent(events),
    )


def _numbers(values: Sequence[object]) -> NDArray[np.int64]:
    """A number for each value, the same for equal ones."""
    known: dict[object, int] = {}
    return np.array([known.setdefault(value, len(known)) for value in values], np.int64)


def _in_turn(values: NDArray[np.int64]) -> int:
    """Values of the longest stretch of two different ones in turn; 1 if all are equal."""
    other = values[1:] != values[:-1]
    if not other.any():
        return 1
    return 2 + _longest((values[2:] == values[:-2]) & other[1:])


def _longest(true: Bools) -> int:
    """How many are true in a row, at most."""
    ends = np.flatnonzero(np.diff(np.concatenate([[False], true, [False]])))
    return int((ends[1::2] - ends[::2]).max(initial=0))


def _silent(events: Events) -> float:
    """An event `offset` after one at `place` crosses so many bar lines; the bars between are empty."""
    crossed = (events.place[:-1] + events.offset[1:]) // events.bar[:-1]
    empty, bars = int(np.maximum(crossed - 1, 0).sum()), int(crossed.sum()) + 1
    return empty / bars
