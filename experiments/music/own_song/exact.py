"""A user's own song as it stands in its file: to 1/480 quarter note, so that what was played keeps its feel."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from datamodules.midi.reading import read_midi
from datamodules.song import DIVISION, Notes, Song, bar_lines

__all__ = ["read_exact", "to_exact", "trimmed"]


def read_exact(path: Path, heard: Song) -> Song:
    """The notes of a file in ticks of 1/480 quarter note.

    Args:
        heard: the same file on the heads' grid: a part's role is as they hear it, for density is guessed on the grid.

    Raises:
        RejectedFile: it cannot be read.
    """
    return replace(read_midi(path, grid=DIVISION, together=0.0), parts=heard.parts)


def to_exact(song: Song) -> Song:
    """A song on a grid that divides 480, in ticks of 1/480 quarter note."""
    scale = DIVISION // song.grid
    notes = song.notes
    return replace(
        song,
        grid=DIVISION,
        notes=Notes(notes.onset * scale, notes.pitch, notes.length * scale, notes.velocity, notes.part),
        tempos=song.tempos * np.array([scale, 1.0]),
        metres=_later(song.metres, scale),
        keys=_later(song.keys, scale),
    )


def trimmed(song: Song) -> Song:
    """The song without changes of tempo, metre and key behind its last bar, which would prolong its file."""
    end = bar_lines(song)[-1]
    maps = {name: getattr(song, name) for name in ("tempos", "metres", "keys")}
    return replace(song, **{name: rows[(rows[:, 0] < end) | (rows[:, 0] == 0)] for name, rows in maps.items()})


def _later(rows: np.ndarray, scale: int) -> np.ndarray:
    moved = rows.copy()
    moved[:, 0] *= scale
    return moved
