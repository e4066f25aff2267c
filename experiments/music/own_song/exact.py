"""A user's own song as it stands in its file: to 1/480 quarter note, so that what was played keeps its feel."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from datamodules.corpus.reading import file_of, named_song
from datamodules.errors import UserError
from datamodules.midi.raw_bytes import Limits, RejectedFile
from datamodules.midi.reading import read_midi
from datamodules.song import DIVISION, Notes, Song, bar_lines

__all__ = ["read_exact", "to_exact", "trimmed"]


def read_exact(option: str, path: Path, *, grid: int, limits: Limits) -> tuple[Song, Song]:
    """The song that an option names, as "--continue", twice: on the heads' grid, and in ticks of 1/480 quarter note.

    A part's role is as the heads hear it in both, for density is guessed on the grid.

    Raises:
        UserError: it cannot be read as a song.
    """
    heard = named_song(option, path, grid=grid, limits=limits)  # in a worker, which a bad file cannot harm
    try:
        exact = read_midi(file_of(path), grid=DIVISION, limits=limits, together=0.0)
        if exact.digest != heard.digest:
            raise RejectedFile("changed while it was read; try again")
    except RejectedFile as error:
        raise UserError(f"{option} {path}: {error}") from error
    return heard, replace(exact, parts=heard.parts)


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
