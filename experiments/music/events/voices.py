"""A head that hears a song event by event and says its next value."""

from __future__ import annotations

import copy
from collections import deque
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from datamodules.context import known_size, past_size, place_features, tick_features
from datamodules.form.guide import UNTOLD
from datamodules.form.standing import stand_features
from datamodules.vocabulary import PITCHES, Chord, Value
from experiments.music.events.event import Event
from experiments.music.events.grids import finer, heard_on
from experiments.music.events.sampling import Sampling
from experiments.winners import Winner
from lightning_modules.backbones import BACKBONES
from lightning_modules.fitting import Fit, Fitting

if TYPE_CHECKING:
    from experiments.music.copying.avoiding import Avoid
    from experiments.music.events.ngram_share import NgramTurns
    from lightning_modules.head import Head
    from lightning_modules.outputs.output import Batch
    from lightning_modules.stack import Memory

__all__ = ["TRIES", "Voice", "input_id"]

Rows = dict[str, NDArray[np.generic]]  # what stands at one position, a row of each input

TRIES = 8  # draws of an offset before the shortest known one is taken


class Voice:
    """One head over one song.

    The state that a value is drawn from has read as many positions as one that is scored: `window - tail + 1` to
    `window`. The first has read a whole window. Each of the others reads on from the one before by one position or,
    where that has read a whole window, begins anew. A backbone that carries no state, as a transformer, reads a whole
    window for every event.

    Args:
        winner, head: the head, and its network.
        sampling: how its values are drawn.
        random: the source of randomness.
        turns: an n-gram model that says a share of the values, drawn as it counted them; None for none.
        grid: ticks a quarter note of the events, a multiple of the head's; None for the head's own.

    Attributes:
        avoid: the chords that it is not to say; None for none. It hears all events that are written.
    """

    def __init__(
        self,
        winner: Winner,
        head: Head,
        sampling: Sampling,
        random: torch.Generator,
        turns: NgramTurns | None = None,
        grid: int | None = None,
    ) -> None:
        self.winner, self.head, self.sampling, self.random, self.turns = winner, head, sampling, random, turns
        self._scale = (grid or winner.grid) // winner.grid
        self.avoid: Avoid | None = None
        self.framing, self.spec = winner.framing, winner.spec.column
        window, stepping = self.framing.window, BACKBONES[winner.config.backbone].carries
        self._shortest = window - self.framing.tail + 1 if stepping else window
        self._before = self._heard(None)
        self._positions = deque([self._position(None)] * window, maxlen=window)
        self._context = 0  # positions that the state of the event to come has read; 0 before the head's first turn
        self._unread = 0  # how many of them the memory lacks
        self._memory: Memory | None = None

    def hear(self, event: Event) -> None:
        """Take in an event that is written. What was known of it beforehand has been told by `expect` or `say`."""
        self._take_in(event)
        if self.avoid is not None:
            self.avoid.hear(event.chords)

    def overhear(self, event: Event) -> None:
        """Take in an event that is not written: one of the prime, which what is written goes on from."""
        self.expect(event)
        self._take_in(event)

    def expect(self, event: Event) -> None:
        """Take in what is known of the event to come, which is not the head's to say."""
        self._positions.append(self._position(heard_on(event, self._scale)))
        self._context = 0

    def _take_in(self, event: Event) -> None:
        own = heard_on(event, self._scale)
        self._before = self._heard(own)
        if self.turns is not None:
            self.turns.history.append(getattr(own, self.spec.field))

    def say(self, event: Event) -> Value:
        """The head's value of an event of which the columns before it are drawn."""
        value = self._say(heard_on(event, self._scale))
        return finer(value, self._scale) if self.spec.timed else value

    def _say(self, event: Event) -> Value:
        self._positions.append(self._position(event))
        self._move_on()
        if self.barred:
            return self._other()
        read: tuple[torch.Tensor, Batch] | None = None
        for _ in range(TRIES):
            value = self.turns.say() if self.turns is not None else None
            if value is None:
                read = read or self._read()
                (value,) = self.head.draw(
                    *read, temperature=self.sampling.temperature, top_p=self.sampling.top_p, generator=self.random
                )
            # The vocabulary of offsets holds the tick 0 if a training song begins on a bar line, but it is no target:
            # two events never share an onset. Drawn all the same, it would stop time, so it is drawn again.
            if not isinstance(value, int) or value >= 1:
                return value
        return next((tick for tick in self.winner.vocabulary.values if isinstance(tick, int) and tick >= 1), 1)

    def say_fitting(self, event: Event, fitting: Fitting, *fits: Fit) -> Chord | None:
        """A chord that fits, of an event of which the columns before it are drawn; None if there is none.

        An n-gram's is taken if it fits.

        Args:
            fits: the first counts; the others where none fits those before.
        """
        self._positions.append(self._position(heard_on(event, self._scale)))
        self._move_on()
        value = self.turns.say() if self.turns is not None else None
        if isinstance(value, tuple) and fits[0].holds(value):
            return value
        (state, _), how = self._read(), self.sampling
        drawn = (fitting.draw(state, fit, how.temperature, how.top_p, self.random) for fit in fits)
        return next(filter(None, drawn), None)

    @property
    def barred(self) -> frozenset[Chord]:
        """The chords that are not to come next."""
        return frozenset() if self.avoid is None else self.avoid.barred

    def _other(self) -> Value:
        """A chord that is not barred; one that is where nothing else is likely."""
        for _ in range(TRIES):
            value = self.turns.say() if self.turns is not None else None
            if value is None:
                break
            if value not in self.barred:
                return value
        state, batch = self._read()
        how = self.sampling
        fit = Fit((), np.ones(PITCHES, dtype=bool), self.barred)
        chord = Fitting(self.head.output).draw(state, fit, how.temperature, how.top_p, self.random)
        if chord is not None:
            return chord
        return self.head.draw(state, batch, temperature=how.temperature, top_p=how.top_p, generator=self.random)[0]

    def fork(self) -> Voice:
        """A voice that has heard the same, to say what may be taken back; both draw from one source of randomness."""
        twin = copy.copy(self)
        twin._positions = self._positions.copy()
        return twin

    def _move_on(self) -> None:
        """Count the newest position in: after those that the state has read, or as the last of a new beginning."""
        if 0 < self._context < self.framing.window:
            self._context += 1
            self._unread += 1
        else:
            self._context = self._unread = self._shortest if self._context else self.framing.window
            self._memory = None

    def _read(self) -> tuple[torch.Tensor, Batch]:
        """The state of the event to come, and the positions read for it.

        They are more than one where it begins anew, and where an n-gram has spoken in the head's place.
        """
        rows = list(self._positions)[-self._unread :]
        batch = {name: torch.from_numpy(np.stack([row[name] for row in rows])[None]) for name in rows[0]}
        state, self._memory = self.head.follow(batch, self._memory)
        self._unread = 0
        return state, batch

    def _position(self, event: Event | None) -> Rows:
        """What stands at the position of an event: the event before it, and what is known of it; None for zeros."""
        rows = dict(self._before)
        if self.framing.context:
            rows["numbers"] = np.concatenate([rows["numbers"], self._known(event)])
            if "notes" in self.spec.after:
                rows["known"] = _flags(event, PITCHES)
        if self.framing.form:
            stand = UNTOLD if event is None else event.here if "offsets" in self.spec.after else event.before
            rows["form"] = _stand(stand[:-1], self.winner.grid)
            rows["again"] = np.zeros(PITCHES, np.float32)
            rows["again"][list(stand.chord)] = 1
        return rows

    def _heard(self, event: Event | None) -> Rows:
        """What the head sees of an event that it has heard; None for a song's start."""
        rows: Rows = {}
        spelled = self.spec.chords and self.framing.spelled
        if not spelled:
            own = self.winner.vocabulary.start
            if event is not None:
                own = input_id(self.winner, getattr(event, self.spec.field))
            rows["window"] = np.array(own, dtype=np.int64)
        if spelled or self.framing.context:
            rows["chord"] = _flags(event, PITCHES + 1)
            rows["chord"][PITCHES] = event is None
        if self.framing.context:
            rows["numbers"] = _past(event, self.winner.grid)
        return rows

    def _known(self, event: Event | None) -> NDArray[np.float32]:
        """The numbers that are known of the event to come; None for zeros."""
        if event is None:
            return np.zeros(known_size(self.spec.after), np.float32)
        parts, grid = [np.zeros(0, np.float32)], self.winner.grid
        if "offsets" in self.spec.after:
            parts += [_ticks(event.offset, grid), _place(event.place, event.bar, grid)]
        if "durations" in self.spec.after:
            parts.append(_ticks(event.duration, grid))
        return np.concatenate(parts)


def input_id(winner: Winner, value: Value) -> int:
    """The id under which a head sees a value; numbers are clipped as they were in training."""
    if isinstance(value, int):
        value = min(max(value, winner.spec.column.lowest), winner.spec.column.highest(winner.grid))
    return winner.vocabulary.index.get(value, winner.vocabulary.unknown)


def _past(event: Event | None, grid: int) -> NDArray[np.float32]:
    if event is None:
        return np.zeros(past_size(), np.float32)
    ticks = [_ticks(column, grid) for column in (event.duration, event.offset)]
    loud = np.array([event.velocity / 64 - 1], np.float32)
    return np.concatenate([*ticks, _place(event.place, event.bar, grid), loud])


def _flags(event: Event | None, size: int) -> NDArray[np.float32]:
    flags = np.zeros(size, np.float32)
    if event is not None:
        flags[list(event.chords)] = 1
    return flags


# These features are made by columns, slow for a single value; and the same few values come again and again.


@lru_cache(maxsize=1024)
def _ticks(ticks: int, grid: int) -> NDArray[np.float32]:
    return tick_features(np.array([ticks], np.int32), grid).ravel()


@lru_cache(maxsize=1024)
def _place(place: int, bar: int, grid: int) -> NDArray[np.float32]:
    return place_features(np.array([place], np.int32), np.array([bar], np.int32), grid).ravel()


@lru_cache(maxsize=1024)
def _stand(numbers: tuple[int, ...], grid: int) -> NDArray[np.float32]:
    return stand_features(np.array([numbers], np.int32), grid).ravel()
