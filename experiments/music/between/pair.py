"""The two songs that a new one stands between: the second is brought into the key and the metre of the first."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from datamodules.corpus.reading import named_song
from datamodules.errors import UserError
from datamodules.keys import Key
from datamodules.song import Events, Song
from experiments.music.arrangement.keys import key_of, transposed
from experiments.music.arrangement.metres import in_metre, metre_of
from experiments.music.events.grids import common_grid, on_grid
from experiments.music.prime import Prime
from experiments.music.training_songs import leader_of, parts_of, reading_limits
from experiments.winners import Winner

__all__ = ["LEAST", "NAMES", "Pair", "Source", "read_pair"]

NAMES = ("A", "B")
LEAST = 16  # events of a song: fewer teach a head nothing


@dataclass(frozen=True)
class Source:
    """One of the two songs.

    Attributes:
        song: in the common key and metre, on the heads' grid.
        events: those of the parts that the heads learnt.
        path: its file.
        parts: the parts; None for all pitched ones.
    """

    song: Song
    events: Events
    path: Path
    parts: tuple[str, ...] | None = None

    def on(self, grid: int) -> Events:
        """The events as a head of that grid hears them."""
        return self.events if grid == self.song.grid else on_grid(self.song, grid).events(self.parts)

    @property
    def digest(self) -> str:
        """SHA-256 over its events: what a head learns from."""
        names = ("onset", "starts", "pitches", "lengths", "velocity", "place", "bar")
        columns = (getattr(self.events, name) for name in names)
        whole = b"".join(np.ascontiguousarray(column, dtype="<i8").tobytes() for column in columns)
        return hashlib.sha256(whole).hexdigest()

    def prime(self, context: int) -> Prime:
        """The song as what a new one goes on from."""
        return Prime(self.song, self.events, "", min(context, len(self.events)))


@dataclass(frozen=True)
class Pair:
    """Two songs in one key, the second in the metre that most of the first is in.

    Attributes:
        sources: the first and the second.
        told: what was done to them, a line each.
    """

    sources: tuple[Source, Source]
    told: tuple[str, ...]

    def in_one_metre(self) -> Pair:
        """The same, the first throughout in the metre that most of it is in."""
        first, second = self.sources
        song, how = in_metre(first.song, metre_of(first.song))
        if not how:
            return self
        steady = replace(first, song=song, events=song.events(first.parts))
        return Pair((steady, second), (self.told[0], f"A: {how}", *self.told[1:]))


def read_pair(winners: Mapping[str, Winner], paths: tuple[Path, Path], key: Key | None = None) -> Pair:
    """Read two songs on the heads' grid, and bring the second into the first's key and metre.

    A song's key is what its notes say, by Krumhansl's profiles: many files name C major and mean nothing by it.

    Args:
        winners: by head; their grid, and the parts that the notes head (else the first) learnt.
        key: that both are moved into; None for the first's own.

    Raises:
        UserError: a file that cannot be read, or too few notes in those parts.
    """
    grid = common_grid(winners.values())
    parts = parts_of(leader_of(winners))
    limits = reading_limits(winners.values())
    songs = [named_song("--between", path, grid=grid, limits=limits) for path in paths]
    told = []
    into = key if key is not None else _key(songs[0])
    for number, (name, song) in enumerate(zip(NAMES, songs, strict=True)):
        was = _key(song)
        keyed = replace(song, keys=np.array([[0, *was]], np.int32))
        if number == 0 and key is None:
            songs[0] = keyed
            told.append(f"A: {song.name}, in {was.name}")
            continue
        moved, step = transposed(keyed, into)
        songs[number] = moved
        told.append(f"{name}: {song.name}, {_told_key(was, step, key_of(moved), into, given=key is not None)}")
    metre = metre_of(songs[0])
    songs[1], how = in_metre(songs[1], metre)
    told += [f"B: {how}"] if how else []
    sources = [Source(song, _checked(song, parts, path), path, parts) for song, path in zip(songs, paths, strict=True)]
    return Pair((sources[0], sources[1]), tuple(told))


def _checked(song: Song, parts: tuple[str, ...] | None, path: Path) -> Events:
    """The events in the parts that the heads learnt."""
    events = song.events(parts)
    if len(events) < LEAST:
        asked = f" in the parts that the heads learnt ({', '.join(parts)})" if parts is not None else ""
        raise UserError(
            f"--between {path}: {len(events)} events of pitched notes{asked} are too few to learn from; it takes"
            f" {LEAST}: choose another song"
        )
    return events


def _key(song: Song) -> Key:
    """The key by the song's notes, whatever its file names; but as it spells it."""
    found, named = key_of(replace(song, keys=song.keys[:0])), key_of(song)
    return named if named.number == found.number else found


def _told_key(was: Key, step: int, now: Key, into: Key, *, given: bool) -> str:
    whose = "--key" if given else "A's key"
    if not step:
        told = f"in {was.name}"
        return told if now == into else f"{told}, which has the notes of {whose}, {into.name}"
    moved = f"{was.name}, moved {'up' if step > 0 else 'down'} {abs(step)} semitone{'s' * (abs(step) > 1)}"
    if now == into:
        return f"{moved} to {whose}, {into.name}"
    return f"{moved} to {now.name}, which has the notes of {whose}, {into.name}"
