"""The room that kept notes leave to added ones, pitch by pitch over a song."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from datamodules.song import Song

__all__ = ["Spans"]

REST = 4  # quarter notes: a melody or a bass bounds what is added through as long a rest after a note


class Spans:
    """Where no added note may sound: over a melody, under a bass, on a pitch that sounds already.

    A note of a melody or a bass holds its place through a short rest too: where a singer breathes, no other voice goes
    above.

    Args:
        song: the kept parts.
    """

    def __init__(self, song: Song) -> None:
        notes, rest = song.notes, REST * song.grid
        onset = notes.onset.astype(np.int64)
        end = onset + notes.length
        self._lines = np.unique(np.concatenate([[0], onset, end, end + rest]))
        self._closed = np.zeros((len(self._lines), 128), dtype=bool)  # from each line to the next
        for number, part in enumerate(song.parts):
            own = np.flatnonzero(notes.part == number)
            until = end[own]
            if part.role in ("melody", "bass"):
                begins = np.unique(onset[own])
                following = np.append(begins, 0)[np.searchsorted(begins, onset[own], side="right")]
                until = np.maximum(until, np.minimum(following, until + rest))
            first, past = np.searchsorted(self._lines, [onset[own], until])
            for pitch, row, last in zip(notes.pitch[own].tolist(), first.tolist(), past.tolist(), strict=True):
                low = 0 if part.role == "bass" else pitch
                high = 128 if part.role == "melody" else pitch + 1
                self._closed[row:last, low:high] |= not part.drums

    def free(self, begin: int, end: int) -> NDArray[np.bool_]:
        """The pitches that may sound from a tick to another, bool (128,)."""
        first, past = self._row(begin), self._row(end - 1) + 1
        free: NDArray[np.bool_] = np.logical_not(self._closed[first:past].any(axis=0))
        return free

    def until(self, pitch: int, begin: int) -> int | None:
        """The tick at which a pitch that is free at a tick has to end; None if it never has to."""
        first = self._row(begin)
        ends = np.flatnonzero(self._closed[first:, pitch])
        return int(self._lines[first + ends[0]]) if len(ends) else None

    def _row(self, tick: int) -> int:
        return max(int(np.searchsorted(self._lines, tick, side="right")) - 1, 0)
