"""How a song goes on behind its last bar: in the metre that it has there, whatever is left of its maps."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from datamodules.bars import last_line, steady_metre
from datamodules.song import Song

__all__ = ["GoingOn", "going_on"]


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
    end = last_line(song)
    metre, scale = steady_metre(song, end - 1), exact.grid // song.grid
    return GoingOn(_opened(song, end, metre), _opened(exact, end * scale, metre), end)


def _opened(song: Song, end: int, metre: tuple[int, int]) -> Song:
    metres = song.metres[(song.metres[:, 0] < end) | (song.metres[:, 0] == 0)]
    if tuple(metres[-1, 1:].tolist()) != metre:
        metres = np.vstack([metres, np.array([[end, *metre]], np.int32)])
    tempos, keys = song.tempos[song.tempos[:, 0] <= end], song.keys[song.keys[:, 0] <= end]
    return replace(song, metres=metres, tempos=tempos, keys=keys)
