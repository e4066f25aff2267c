"""A head that hears a song event by event and says its next value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from datamodules.context import PITCHES, place_features, tick_features
from datamodules.vocabulary import Chord, Value
from experiments.winners import Winner

if TYPE_CHECKING:
    from experiments.music.mixed import Mixed
    from lightning_modules.head import Head

__all__ = ["Event", "Sampling", "Voice", "input_id"]

TRIES = 8  # draws of an offset before the shortest known one is taken


@dataclass(frozen=True)
class Sampling:
    """How a head's values are drawn."""

    temperature: float = 1.0  # as the head learnt them
    top_p: float = 0.95  # without the long tail: one odd chord in a window makes the next ones odd too


@dataclass
class Event:
    """An event while it is drawn, column by column; the fields are those of `datamodules.song.Events`.

    Its lengths are () where all notes sound for the whole duration.
    """

    chords: Chord = ()
    duration: int = 0
    offset: int = 0
    velocity: int = 64
    place: int = 0
    bar: int = 1
    lengths: tuple[int, ...] = ()

    def take(self, field: str, value: Value) -> None:
        """Set what a head of the field says; of a duration it may say the length of each pitch, low to high."""
        if field == "duration" and isinstance(value, tuple):
            self.lengths, value = value, max(value)
        setattr(self, field, value)

    @property
    def sounding(self) -> tuple[int, ...]:
        """Ticks of each pitch."""
        return self.lengths or (self.duration,) * len(self.chords)


class Voice:
    """One head over one song.

    Args:
        winner, head: the head, and its network.
        sampling: how its values are drawn.
        random: the source of randomness.
        mixed: an n-gram model that says a share of the values, drawn as it counted them; None for none.
    """

    def __init__(
        self, winner: Winner, head: Head, sampling: Sampling, random: torch.Generator, mixed: Mixed | None = None
    ) -> None:
        self.winner, self.head, self.sampling, self.random, self.mixed = winner, head, sampling, random, mixed
        self.framing, self.spec = winner.framing, winner.spec.column
        window, start = self.framing.window, self._rows(None)
        self._heard = {name: np.repeat(row[None], window, axis=0) for name, row in start.items()}
        known = self._known(None)
        self._coming = {name: np.repeat(row[None], window, axis=0) for name, row in known.items()}

    def hear(self, event: Event) -> None:
        """Take in an event that is complete. What was known of it beforehand has been told by `expect` or `say`."""
        for name, row in self._rows(event).items():
            _push(self._heard[name], row)
        if self.mixed is not None:
            self.mixed.history.append(getattr(event, self.spec.field))

    def expect(self, event: Event) -> None:
        """Take in what is known of the event to come."""
        for name, row in self._known(event).items():
            _push(self._coming[name], row)

    def say(self, event: Event) -> Value:
        """The head's value of an event of which the columns before it are drawn."""
        self.expect(event)
        batch = {name: torch.from_numpy(rows[None]) for name, rows in self._heard.items() if name != "past"}
        if self.framing.context:
            numbers = np.concatenate([self._heard["past"], self._coming["numbers"]], axis=1)
            batch["numbers"] = torch.from_numpy(numbers[None])
            if "known" in self._coming:
                batch["known"] = torch.from_numpy(self._coming["known"][None])
        for _ in range(TRIES):
            value = self.mixed.say() if self.mixed is not None else None
            if value is None:
                (value,) = self.head.sample(
                    batch, temperature=self.sampling.temperature, top_p=self.sampling.top_p, generator=self.random
                )
            # The vocabulary of offsets holds the tick 0 if a training song begins on a bar line, but it is no target:
            # two events never share an onset. Drawn all the same, it would stop time, so it is drawn again.
            if not isinstance(value, int) or value >= 1:
                return value
        return next((tick for tick in self.winner.vocabulary.values if isinstance(tick, int) and tick >= 1), 1)

    def _rows(self, event: Event | None) -> dict[str, NDArray[np.generic]]:
        """What the head sees of an event that it has heard; None for a song's start."""
        rows: dict[str, NDArray[np.generic]] = {}
        spelled = self.spec.chords and self.framing.spelled
        if not spelled:
            own = self.winner.vocabulary.start
            if event is not None:
                own = input_id(self.winner, getattr(event, self.spec.field))
            rows["window"] = np.array(own, dtype=np.int64)
        if spelled or self.framing.context:
            rows["chord"] = np.append(_flags(event), np.float32(event is None))
        if self.framing.context:
            rows["past"] = _past(event or Event(), self.winner.grid) * np.float32(event is not None)
        return rows

    def _known(self, event: Event | None) -> dict[str, NDArray[np.float32]]:
        """What the head knows of the event to come; None for zeros."""
        if not self.framing.context:
            return {}
        there, one, grid = np.float32(event is not None), event or Event(), self.winner.grid
        parts = [np.zeros((1, 0), np.float32)]
        if "offsets" in self.spec.after:
            parts += [tick_features(_one(one.offset), grid), place_features(_one(one.place), _one(one.bar), grid)]
        if "durations" in self.spec.after:
            parts.append(tick_features(_one(one.duration), grid))
        rows = {"numbers": np.concatenate(parts, axis=1)[0] * there}
        if "notes" in self.spec.after:
            rows["known"] = _flags(event)
        return rows


def input_id(winner: Winner, value: Value) -> int:
    """The id under which a head sees a value; numbers are clipped as they were in training."""
    if isinstance(value, int):
        value = min(max(value, winner.spec.column.lowest), winner.spec.column.highest(winner.grid))
    return winner.vocabulary.index.get(value, winner.vocabulary.unknown)


def _past(event: Event, grid: int) -> NDArray[np.float32]:
    ticks = [tick_features(_one(column), grid) for column in (event.duration, event.offset)]
    loud = np.array([[event.velocity / 64 - 1]], np.float32)
    row: NDArray[np.float32] = np.concatenate(
        [*ticks, place_features(_one(event.place), _one(event.bar), grid), loud], axis=1
    )[0]
    return row


def _flags(event: Event | None) -> NDArray[np.float32]:
    flags = np.zeros(PITCHES, np.float32)
    if event is not None:
        flags[list(event.chords)] = 1
    return flags


def _one(value: int) -> NDArray[np.int32]:
    return np.array([value], np.int32)


def _push(rows: NDArray[np.generic], row: NDArray[np.generic]) -> None:
    rows[:-1] = rows[1:].copy()
    rows[-1] = row
