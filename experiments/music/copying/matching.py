"""Songs as tokens that transposition does not change, and how long a run of them stands in other songs.

A chord's token is its intervals above its lowest pitch and the step to that from the lowest pitch before. A song's
first event has no pitch before it, and so no token: it belongs to no run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datamodules.song import Events

__all__ = ["CHORD", "DIFFERENT", "VIEWS", "Tokens", "matching", "places", "symbols", "third", "tokens_of"]

DIFFERENT = 3  # tokens of a run that counts: one chord, or two in turn, again and again copy nobody
CHORD = ("near", "far", "step")
RHYTHM = ("offset", "duration")
VIEWS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"chords": CHORD, "rhythm": (*CHORD, *RHYTHM), "melody": ("top",)}
)

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Tokens:
    """The tokens of songs, one song after another; one for each event but a song's first.

    Attributes:
        starts: shape (songs + 1,); song i's tokens are ``starts[i]`` to ``starts[i + 1]``.
        columns: what tokens are made of, shape (tokens,) each. near, far: bits of the intervals 0 to 63, and 64 to
            127, above the lowest pitch; step, top: semitones from the lowest, and the highest, pitch of the event
            before; offset, duration: ticks.
    """

    starts: Ints
    columns: Mapping[str, NDArray[Any]]

    def __len__(self) -> int:
        return int(self.starts[-1])

    @property
    def room(self) -> Ints:
        """Tokens from each one to its song's end, itself too, shape (tokens,)."""
        return np.repeat(self.starts[1:], np.diff(self.starts)) - np.arange(len(self))


def tokens_of(songs: Sequence[Events]) -> Tokens:
    """The tokens of songs, or of stretches of songs."""
    lengths = np.array([len(song) for song in songs], np.int64)
    starts = np.cumsum([0, *np.maximum(lengths - 1, 0)])
    if not starts[-1]:
        return Tokens(starts, {name: np.zeros(0, np.int64) for name in (*CHORD, *RHYTHM, "top")})
    pitches = np.concatenate([song.pitches for song in songs]).astype(np.int64)
    sizes = np.concatenate([np.diff(song.starts) for song in songs])
    begins = np.cumsum(sizes) - sizes
    low, top = pitches[begins], pitches[begins + sizes - 1]
    above = pitches - np.repeat(low, sizes)
    bits = np.uint64(1) << (above % 64).astype(np.uint64)
    later = np.ones(len(sizes), dtype=bool)  # than its song's first event
    later[(np.cumsum(lengths) - lengths)[lengths > 0]] = False
    columns = {
        "near": np.bitwise_or.reduceat(np.where(above < 64, bits, np.uint64(0)), begins),
        "far": np.bitwise_or.reduceat(np.where(above < 64, np.uint64(0), bits), begins),
        "step": np.diff(low, prepend=0),
        "top": np.diff(top, prepend=0),
        **{name: np.concatenate([getattr(song, name) for song in songs]) for name in RHYTHM},
    }
    return Tokens(starts, {name: column[later] for name, column in columns.items()})


def symbols(new: Tokens, old: Tokens, view: str) -> tuple[Ints, Ints]:
    """Numbers from 0 up for the new songs' tokens, and for the old ones': equal for equal ones.

    An old token that no new song has is -1.
    """
    mine, theirs = np.zeros(len(new), np.int64), np.zeros(len(old), np.int64)
    for name in VIEWS[view]:
        own, their = _among(new.columns[name], old.columns[name])
        count = int(own.max(initial=0)) + 1
        known = (theirs >= 0) & (their >= 0)
        mine, theirs = _among(mine * count + own, np.where(known, theirs * count + their, -1))
    return mine, theirs


def matching(new: Tokens, old: Tokens, mine: Ints, theirs: Ints) -> Ints:
    """How many tokens of a song, from each one on, stand in one of the old songs as they stand there, one by one.

    Token by token, and each time only of the places where all so far were the same: of two songs, there are few.

    Args:
        new, old: the songs.
        mine, theirs: the numbers of their tokens, see `symbols`.

    Returns:
        Shape (new tokens,); 0 where a token stands in none.
    """
    length, room = np.zeros(len(new), np.int64), new.room
    at, there = np.arange(len(new)), np.flatnonzero(theirs >= 0)  # where a run begins that both have
    gram, known = mine, theirs[there]  # its number, among those of the new songs
    rest, count = old.room, int(mine.max(initial=0)) + 1
    for distance in range(1, len(new) + 1):
        heard = np.zeros(int(gram.max(initial=0)) + 1, dtype=bool)
        heard[known] = True
        alive = heard[gram]
        length[at[alive]] = distance
        alive &= room[at] > distance
        at, gram = at[alive], gram[alive]
        going = rest[there] > distance
        there, known = there[going], known[going]
        if not (len(at) and len(there)):
            break
        following = theirs[there + distance]
        gram, known = _among(
            gram * count + mine[at + distance], np.where(following >= 0, known * count + following, -1)
        )
        there, known = there[known >= 0], known[known >= 0]
    return length


def places(run: Ints, old: Tokens, theirs: Ints) -> Ints:
    """Where a run of numbers begins in the old songs."""
    at = np.flatnonzero((theirs == run[0]) & (old.room >= len(run)))
    for distance, symbol in enumerate(run.tolist()):
        at = at[theirs[at + distance] == symbol]
    return at


def third(mine: Ints) -> Ints:
    """From each token on, where the third different one stands; beyond the last one where there is none.

    Args:
        mine: numbers of tokens, those of one song after another; who asks has a run that ends in its own.
    """
    if not len(mine):
        return mine
    begins = np.flatnonzero(np.r_[True, mine[1:] != mine[:-1]])  # of stretches of one token
    value = mine[begins]
    third_here = np.full(len(begins), len(begins))
    third_here[:-2] = np.where(value[2:] != value[:-2], np.arange(2, len(begins)), len(begins))
    # two tokens in turn (A B A): the third different one is that of the next stretch
    first = np.minimum.accumulate(third_here[::-1])[::-1]
    where = np.append(begins, len(mine))[first]
    return np.repeat(where, np.diff(np.append(begins, len(mine))))


def _among(own: NDArray[Any], their: NDArray[Any]) -> tuple[Ints, Ints]:
    """Numbers of the own values, from 0 up, and of theirs among those; -1 for one that is none of them."""
    known, number = np.unique(own, return_inverse=True)
    if not len(known):
        return number, np.full(len(their), -1)
    at = np.minimum(np.searchsorted(known, their), len(known) - 1)
    return number, np.where(known[at] == their, at, -1)
