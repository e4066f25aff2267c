"""What stands around a column's values: the other columns, the place in the bar and the loudness of every event.

Chords are bits, one a pitch. Ticks are shown to a network as fixed features, so that a head needs no vocabulary of the
other columns, and one corpus' head can hear another's: a logarithm, and the phases of the common note lengths.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datamodules.song import LONGEST_QUARTERS, Events
from datamodules.vocabulary import PITCHES

__all__ = [
    "Context",
    "context_of",
    "known_size",
    "past_size",
    "place_features",
    "tick_features",
]

PERIODS = (1 / 4, 1 / 3, 1 / 2, 1.0, 2.0, 4.0, 8.0)  # quarter notes; of the phases of a length
BEATS = (1 / 4, 1 / 3, 1 / 2, 1.0)  # quarter notes; of the phases of a place in a bar
HARMONICS = (1, 2, 3, 4, 6, 8)  # of the bar

Ints = NDArray[np.int32]
Floats = NDArray[np.float32]

_TICKS = 2 * len(PERIODS) + 2  # features of a length
_PLACE = 2 * (len(BEATS) + len(HARMONICS)) + 1  # features of a place


def past_size() -> int:
    """Numbers a network is shown of each event before: its duration, offset, place and velocity."""
    return 2 * _TICKS + _PLACE + 1


def known_size(after: Collection[str]) -> int:
    """Numbers that are known of the event to be predicted, by the columns that are drawn before it."""
    return _TICKS * len({"offsets", "durations"} & set(after)) + _PLACE * ("offsets" in after)


def tick_features(ticks: Ints, grid: int) -> Floats:
    """Features of lengths, (E,) -> float32 (E, _TICKS)."""
    table = _tick_table(grid)
    return table[np.clip(ticks, 0, len(table) - 1)]


def place_features(place: Ints, bar: Ints, grid: int) -> Floats:
    """Features of places in bars, both (E,) ticks -> float32 (E, _PLACE)."""
    whole = np.maximum(bar, 1)
    turns = np.concatenate(
        [place[:, None] / grid / np.array(BEATS), (place / whole)[:, None] * np.array(HARMONICS)], axis=1
    )
    length = np.log2(whole / grid / 4)[:, None]  # 0 for a bar of four quarters
    return np.concatenate([np.sin(2 * np.pi * turns), np.cos(2 * np.pi * turns), length], axis=1).astype(np.float32)


@cache
def _tick_table(grid: int) -> Floats:
    """Features of every length up to the longest: there are few different ones."""
    quarters = np.arange(LONGEST_QUARTERS * grid + 1)[:, None] / grid
    turns = quarters / np.array(PERIODS)
    level = np.log2(quarters + 1 / 8)
    table = np.concatenate([np.sin(2 * np.pi * turns), np.cos(2 * np.pi * turns), level / 2, level > 3], axis=1)
    return table.astype(np.float32)


@dataclass(frozen=True)
class Context:
    """All columns of E events, one song after another.

    Attributes:
        grid: ticks a quarter note.
        bits: uint8 (E, 16), the pitches; see `numpy.packbits`.
        duration, offset, velocity, place, bar: int32 (E,), as in `song.Events`.
        starts, lengths: int64 (E + 1,) and int32 (notes,): event i's notes, low to high, are `lengths[starts[i]:
            starts[i + 1]]` ticks long.
        laid: what columns lay out of it, by name: those over the same events share it, in each process.
    """

    grid: int
    bits: NDArray[np.uint8]
    duration: Ints
    offset: Ints
    velocity: Ints
    place: Ints
    bar: Ints
    starts: NDArray[np.int64]
    lengths: Ints
    laid: dict[str, NDArray[Any]] = field(init=False, compare=False, repr=False, default_factory=dict)

    def __len__(self) -> int:
        return len(self.duration)

    @property
    def past(self) -> Floats:
        """What is shown of each event before, float32 (E, `past_size`)."""
        loud = (self.velocity[:, None] / 64 - 1).astype(np.float32)
        ticks = [tick_features(column, self.grid) for column in (self.duration, self.offset)]
        return np.concatenate([*ticks, place_features(self.place, self.bar, self.grid), loud], axis=1)

    def known(self, after: Collection[str]) -> Floats:
        """What is known of each event before it is predicted, float32 (E, `known_size`)."""
        own = [np.zeros((len(self), 0), np.float32)]
        if "offsets" in after:
            own += [tick_features(self.offset, self.grid), place_features(self.place, self.bar, self.grid)]
        if "durations" in after:
            own.append(tick_features(self.duration, self.grid))
        return np.concatenate(own, axis=1)


def context_of(events: Sequence[Events], grid: int) -> Context:
    """The context of songs, one after another."""

    def joined(name: str) -> Ints:
        return np.concatenate([np.zeros(0, np.int32), *(getattr(song, name) for song in events)]).astype(np.int32)

    sizes = np.concatenate([np.zeros(0, np.int64), *(np.diff(song.starts) for song in events)])
    flags = np.zeros((len(sizes), PITCHES), np.uint8)
    flags[np.repeat(np.arange(len(sizes)), sizes), joined("pitches")] = 1
    return Context(
        grid=grid,
        bits=np.packbits(flags, axis=1),
        duration=joined("duration"),
        offset=joined("offset"),
        velocity=joined("velocity"),
        place=joined("place"),
        bar=joined("bar"),
        starts=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        lengths=joined("lengths"),
    )
