"""Songs cut into bars, as an auto-encoder reads them, and its bars as the events of a song."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from datamodules.song import Events
from experiments.music.events.event import Event
from lightning_modules.bar_autoencoder import Bars, DrawnEvent

__all__ = ["BarTable", "events_of", "joined"]

MOST_EVENTS = 48  # of a bar; more are left out
STEP = 8  # of velocity: a class is so many steps


@dataclass(frozen=True)
class BarTable:
    """The bars of songs in one metre.

    Attributes:
        places, durations: the ticks that classes stand for, rising.
        bar: ticks of a bar.
    """

    places: tuple[int, ...]
    durations: tuple[int, ...]
    bar: int

    @classmethod
    def of(cls, songs: Sequence[Events], bar: int) -> BarTable:
        """What the songs' bars are made of."""
        places = np.unique(np.concatenate([song.place for song in songs]))
        durations = np.unique(np.concatenate([np.minimum(song.duration, 4 * bar) for song in songs]))
        return cls(tuple(places.tolist()), tuple(durations.tolist()), bar)

    @property
    def velocities(self) -> int:
        """How many classes of loudness there are."""
        return 128 // STEP

    def numbers(self, events: Events) -> NDArray[np.int64]:
        """Of each event, its bar's number from that of the first one on; a bar that a metre change cuts is one too."""
        begins = (events.onset - events.place).astype(np.int64)
        numbers: NDArray[np.int64] = np.cumsum(-(-np.diff(begins, prepend=begins[:1]) // self.bar))
        return numbers

    def bars(self, events: Events) -> Bars:
        """The bars of a song from its first event's to its last one's, empty ones too."""
        number = self.numbers(events)
        order = np.arange(len(number)) - np.searchsorted(number, number)  # its place among the bar's events
        keep = order < MOST_EVENTS
        rows, at, bars = number[keep], order[keep], int(number[-1]) + 1
        count = np.bincount(rows, minlength=bars)
        size = max(int(count.max()), 1)
        tables = np.zeros((3, bars, size), np.int64)
        durations = np.array(self.durations)
        duration = np.minimum(np.searchsorted(durations, np.minimum(events.duration, 4 * self.bar)), len(durations) - 1)
        columns: tuple[NDArray[np.integer], ...] = (
            np.searchsorted(self.places, events.place),
            duration,
            events.velocity // STEP,
        )
        for table, column in zip(tables, columns, strict=True):
            table[rows, at] = column[keep]
        chord = np.zeros((bars, size, 128), np.float32)
        sizes = np.diff(events.starts)
        event = np.repeat(np.arange(len(sizes)), sizes)
        sounds = keep[event]
        chord[number[event[sounds]], order[event[sounds]], events.pitches[sounds]] = 1.0
        place, lasts, loud = (torch.from_numpy(table) for table in tables)
        return Bars(place, torch.from_numpy(chord), lasts, loud, torch.from_numpy(count.astype(np.int64)))

    def event(self, drawn: DrawnEvent) -> Event:
        """A drawn event, without its offset."""
        return Event(
            chords=drawn.chord,
            duration=self.durations[drawn.duration],
            velocity=min(drawn.velocity * STEP + STEP // 2, 127),
            place=self.places[drawn.place],
            bar=self.bar,
        )


def joined(tables: Sequence[Bars], room: int = 0) -> Bars:
    """All bars that are not empty, one after another.

    Args:
        room: for how many events there is, if no bar has more.
    """
    size = max(room, *(bars.place.shape[1] for bars in tables))

    def wide(column: torch.Tensor) -> torch.Tensor:
        if column.ndim == 1:
            return column
        full = column.new_zeros(len(column), size, *column.shape[2:])
        full[:, : column.shape[1]] = column
        return full

    whole = Bars(*(torch.cat([wide(column) for column in columns]) for columns in zip(*tables, strict=True)))
    return whole.rows(whole.events > 0)


def events_of(table: BarTable, bars: Sequence[Sequence[DrawnEvent]], place: int) -> list[Event]:
    """The events of bars, one after another, each with its distance from the one before.

    Args:
        place: where in its bar the event before them stands.
    """
    events: list[Event] = []
    before = place - table.bar
    for number, bar in enumerate(bars):
        for drawn in bar:
            event = table.event(drawn)
            tick = number * table.bar + event.place
            event.offset = tick - before
            before = tick
            events.append(event)
    return events
