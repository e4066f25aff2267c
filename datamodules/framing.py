"""How a network looks at a column; light, so that a command can say so without torch."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["UPDATES_PER_EPOCH", "Framing"]

UPDATES_PER_EPOCH = 50  # at least: so that an epoch of a short song is worth a validation pass


@dataclass(frozen=True)
class Framing:
    """How a network looks at a column.

    Attributes:
        window: values that it sees at most.
        tail: targets a window, its last positions.
        context: whether it sees the other columns, the place in the bar and the velocity too.
        spelled: whether it sees and predicts chords as pitches; else by their ids in the vocabulary.
        transpose: which training windows are moved to another key: none, song (a song's windows alike, anew in each
            pass) or window.
        form: whether it sees where in the song's form an event stands, and what that place held before.
        songs: whether it is told which song each window stands in.
    """

    window: int = 5
    tail: int = 1
    context: bool = False
    spelled: bool = False
    transpose: str = "none"
    form: bool = False
    songs: bool = False

    def __post_init__(self) -> None:
        if self.window < 1 or not 1 <= self.tail <= self.window:
            raise ValueError(f"window {self.window}, tail {self.tail}: a window must hold its targets, at least one")
