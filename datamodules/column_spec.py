"""Which column of the events a head predicts, and how its values are told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datamodules.song import LONGEST_QUARTERS, Events
from datamodules.vocabulary import Value, token

__all__ = ["QUARTERS", "ColumnSpec"]

QUARTERS = "quarter notes"


@dataclass(frozen=True)
class ColumnSpec:
    """Which column of the events a head predicts.

    Attributes:
        name: the head's name.
        field: the attribute of `Events`: chords, or numbers (ticks, for example); with `of`, a name for what it gives.
        lowest: the least that a target can be; 0 for chords, which have none.
        most: the most that is told apart, in units.
        unit: what its numbers are told in. Those in quarter notes are ticks; others are whole units.
        noun: what one of its values is called.
        after: the columns whose value of the same event is drawn first, and so is known.
        grain: event, one value each; or note, for durations: a length for each of its pitches.
        of: the numbers of a column that `Events` does not hold: events -> int (E,), each from its own event alone. A
            function of a module, not a lambda: it travels to the workers. Songs are not made of such a column.
    """

    name: str
    field: str
    lowest: int = 0
    most: int = LONGEST_QUARTERS
    unit: str = QUARTERS
    noun: str = "value"
    after: tuple[str, ...] = ()
    grain: str = "event"
    of: Callable[[Events], NDArray[Any]] | None = None

    def numbers(self, events: Events) -> NDArray[np.int32]:
        """int32 (E,): the values of a column of numbers, as they stand in the song."""
        found = getattr(events, self.field) if self.of is None else np.asarray(self.of(events))
        if found.shape != (len(events),) or found.dtype.kind not in "iu":
            raise ValueError(
                f"the column {self.name} must hold a whole number an event, not {found.dtype} {found.shape}"
            )
        return found.astype(np.int32)

    @property
    def chords(self) -> bool:
        """Whether the values are chords; else they are numbers."""
        return self.field == "chords" and self.of is None

    @property
    def title(self) -> str:
        """The head's name, and whether its figures are those of single notes."""
        return self.name if self.grain == "event" else f"{self.name} (of each note)"

    @property
    def nats(self) -> str:
        """What its nats are nats of: those of different grains are never to be compared."""
        return "nats" if self.grain == "event" else "nats an event, all its notes"

    @property
    def timed(self) -> bool:
        """Whether the values are ticks."""
        return not self.chords and self.unit == QUARTERS

    def per_unit(self, grid: int) -> int:
        """Numbers to a unit: ticks a quarter note, or 1."""
        return grid if self.timed else 1

    def highest(self, grid: int) -> int:
        """The highest number that is told apart; a higher one counts as this."""
        return self.most * self.per_unit(grid)

    def told(self, value: Value, grid: int) -> str:
        """A value for people: a token, or a number of units as a fraction."""
        return str(Fraction(value, self.per_unit(grid))) if isinstance(value, int) else token(value)
