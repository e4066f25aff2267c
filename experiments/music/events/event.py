"""An event while it is drawn."""

from __future__ import annotations

from dataclasses import dataclass

from datamodules.form.guide import UNTOLD, Stand
from datamodules.vocabulary import Chord, Value

__all__ = ["Event"]


@dataclass
class Event:
    """An event while it is drawn, column by column; the fields are those of `datamodules.song.Events`.

    Its lengths are () where all notes sound for the whole duration.

    Attributes:
        here: where in the plan of its song it stands, for heads that know when it comes; nowhere without a plan.
        before: where the place stands that its offset counts from, for a head that says when it comes.
    """

    chords: Chord = ()
    duration: int = 0
    offset: int = 0
    velocity: int = 64
    place: int = 0
    bar: int = 1
    lengths: tuple[int, ...] = ()
    here: Stand = UNTOLD
    before: Stand = UNTOLD

    def take(self, field: str, value: Value) -> None:
        """Set what a head of the field says; of a duration it may say the length of each pitch, low to high."""
        if field == "duration" and isinstance(value, tuple):
            self.lengths, value = value, max(value)
        setattr(self, field, value)

    @property
    def sounding(self) -> tuple[int, ...]:
        """Ticks of each pitch."""
        return self.lengths or (self.duration,) * len(self.chords)
