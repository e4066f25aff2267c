"""How loud new notes are: as loud as the prime's, which accents places of the bar, and swells from bar to bar.

A velocity head takes the place of the accents and the swell; what an event's top note leaves to the others stays the
prime's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datamodules.bars import bar_numbers
from datamodules.song import Song
from experiments.music.prime import Prime

__all__ = ["Dynamics"]

SOFTEST, LOUDEST = 20, 124  # velocities that a new note may have
LEAST_UNDER = 0.6  # of the top note's velocity; softer than this, inner notes are lost

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Dynamics:
    """A song's velocities as a sum: their mean, the accent of the place in the bar, and the bar's swell.

    Attributes:
        mean: velocity.
        accent: shape (bar,), by tick in the bar, the song's longest; 0 where the song has no event.
        swell: shape (bars,), from the song's first bar on.
        under: velocity of an event's other notes, as a share of its top note's.
    """

    mean: float
    accent: Floats
    swell: Floats
    under: float

    @classmethod
    def of(cls, prime: Prime) -> Dynamics:
        """The prime's dynamics."""
        events = prime.events
        velocity, place = events.velocity.astype(np.float64), events.place.astype(np.int64)
        mean = float(velocity.mean())
        number = bar_numbers(prime.song, events.onset)
        number -= number[0]
        accent = _means(place, velocity - mean, int(events.bar.max()))
        swell = _means(number, velocity - mean - accent[place], int(number[-1]) + 1)
        return cls(mean, accent, swell, _under(prime.song))

    def loudness(self, bar: int, place: int) -> int:
        """The velocity of an event, that of its top note.

        Args:
            bar: the number of its bar, from 0.
            place: ticks from the bar line before; where no bar of the song is so long, there is no accent.
        """
        accent = self.accent[place] if place < len(self.accent) else 0.0
        loud = self.mean + accent + self.swell[bar % len(self.swell)]
        return int(np.clip(np.rint(loud), SOFTEST, LOUDEST))

    def shared(self, loud: Ints, top: NDArray[np.bool_]) -> Ints:
        """The velocities of notes.

        Args:
            loud: of their events, (notes,).
            top: marks the highest note of each event, (notes,).
        """
        under = np.maximum(np.rint(loud * self.under), np.minimum(loud, SOFTEST))
        return np.where(top, loud, under).astype(np.int64)


def _means(place: Ints, values: Floats, size: int) -> Floats:
    """The mean of the values at each place from 0 to `size` - 1; 0 where there are none."""
    count = np.bincount(place, minlength=size)
    means: Floats = np.bincount(place, weights=values, minlength=size) / np.maximum(count, 1)
    return means


def _under(song: Song) -> float:
    """How loud a song plays the notes under the top ones, as a share; 1 for a song of single notes."""
    pitched = song.chosen()
    onset, pitch = song.notes.onset[pitched], song.notes.pitch[pitched]
    velocity = song.notes.velocity[pitched].astype(np.float64)
    order = np.lexsort((pitch, onset))
    top = np.r_[onset[order][1:] != onset[order][:-1], True]
    if top.all():
        return 1.0
    loud = velocity[order]
    return float(np.clip(loud[~top].mean() / loud[top].mean(), LEAST_UNDER, 1.0))
