"""How a song goes on behind its last bar: in the metre that it has there, whatever is left of its maps."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from datamodules.bars import bar_line, bar_numbers
from datamodules.song import Song, bar_length

__all__ = ["GoingOn", "going_on"]

FEWEST = (
    2  # bars of a section that has a metre of its own: a last bar alone may be short, as where the song is repeated
)


class GoingOn(NamedTuple):
    """A song with maps that hold for what is written behind it.

    Attributes:
        song, exact: on the heads' grid, and as in its file.
        end: its last bar line, in ticks of the heads' grid.
    """

    song: Song
    exact: Song
    end: int


def going_on(song: Song, exact: Song) -> GoingOn:
    """A song, on the heads' grid and as in its file, with maps that hold for what is written behind it.

    Its metre goes on from its last bar line. Where its last bar alone is in another one, as the rest of a bar that a
    pickup took from, that is the metre before. What the file says of times after that line was for no music; a tempo
    or a key that stands on it counts.
    """
    end = _last_line(song)
    metre, scale = _metre_behind(song, end), exact.grid // song.grid
    return GoingOn(_opened(song, end, metre), _opened(exact, end * scale, metre), end)


def _last_line(song: Song) -> int:
    """The end of the last bar in which a note begins, or sounds for a quarter note: a late release is no bar."""
    onset = song.notes.onset.astype(np.int64)
    last = max(int(onset.max()), int((onset + song.notes.length).max()) - song.grid)
    return bar_line(song, int(bar_numbers(song, np.array([last]))[0]) + 1)


def _metre_behind(song: Song, end: int) -> tuple[int, int]:
    """Numerator and denominator of the last section of at least `FEWEST` bars; of the last one if none has them."""
    rows = [row for row in song.metres.tolist() if row[0] < end]
    stops = [*(row[0] for row in rows[1:]), end]
    long = [
        (numerator, denominator)
        for (start, numerator, denominator), stop in zip(rows, stops, strict=True)
        if stop - start > (FEWEST - 1) * bar_length(song.grid, numerator, denominator)
    ]
    return (long or [(rows[-1][1], rows[-1][2])])[-1]


def _opened(song: Song, end: int, metre: tuple[int, int]) -> Song:
    metres = song.metres[(song.metres[:, 0] < end) | (song.metres[:, 0] == 0)]
    if tuple(metres[-1, 1:].tolist()) != metre:
        metres = np.vstack([metres, np.array([[end, *metre]], np.int32)])
    tempos, keys = song.tempos[song.tempos[:, 0] <= end], song.keys[song.keys[:, 0] <= end]
    return replace(song, metres=metres, tempos=tempos, keys=keys)
