"""A song as tables: the notes of its parts, and the events computed from them.

Times are integer ticks of ``1 / grid`` quarter note. This file knows numpy and nothing of MIDI files: `midi/` reads and
writes those.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from datamodules.errors import UserError

__all__ = [
    "DEFAULT_GRID",
    "DIVISION",
    "FASTEST",
    "LONGEST_QUARTERS",
    "NOTE_COLUMNS",
    "ROLES",
    "SLOWEST",
    "Events",
    "Notes",
    "Part",
    "Song",
    "bar_length",
    "bar_lines",
    "bars_in",
    "check_grid",
    "is_compound",
]

DEFAULT_GRID = 24  # ticks a quarter note: sixteenths are 6 ticks, eighth-note triplets 8
LONGEST_QUARTERS = 16  # timing is a distribution up to here; what is longer scores as the last tick
DIVISION = 480  # ticks a quarter note of a file that is written: every grid divides it
SLOWEST, FASTEST = 4.0, 1000.0  # quarter notes a minute that a MIDI file and a player take
ROLES = ("melody", "chords", "bass", "drums")

Ints = NDArray[np.int32]


@dataclass(frozen=True)
class Part:
    """A track of a song and the role it plays (one of `ROLES`; guessed by `midi/roles.py`)."""

    name: str
    program: int  # General MIDI, 0 to 127
    drums: bool
    role: str


@dataclass(frozen=True)
class Notes:
    """The notes table, sorted by (onset, part, pitch); every array has shape (notes,).

    Attributes:
        onset: ticks from the song's start.
        pitch: MIDI number, 0 to 127.
        length: ticks, at least 1.
        velocity: 1 to 127.
        part: index into `Song.parts`.
    """

    onset: Ints
    pitch: Ints
    length: Ints
    velocity: Ints
    part: Ints

    def __len__(self) -> int:
        return len(self.onset)


NOTE_COLUMNS = tuple(field.name for field in fields(Notes))


@dataclass(frozen=True)
class Events:
    """All notes that share an onset, one row an onset, in time order; arrays have shape (events,) unless said.

    Attributes:
        onset: ticks from the song's start.
        starts: shape (events + 1,); event i's pitches are ``pitches[starts[i]:starts[i + 1]]``.
        pitches: the distinct pitches of all events, low to high within an event.
        duration: ticks, the longest note of the event.
        offset: ticks from the previous event's onset; for the first event its position in its bar.
        velocity: the loudest note of the event.
        place: ticks from the bar line before.
        bar: ticks of the bar that the event stands in.
        lengths: shape of `pitches`; ticks, of each pitch's longest note.
    """

    onset: Ints
    starts: Ints
    pitches: Ints
    duration: Ints
    offset: Ints
    velocity: Ints
    place: Ints
    bar: Ints
    lengths: Ints

    def __len__(self) -> int:
        return len(self.onset)

    def chords(self) -> list[tuple[int, ...]]:
        """The events' pitches, low to high, each as a tuple."""
        flat, starts = self.pitches.tolist(), self.starts.tolist()
        return [tuple(flat[a:b]) for a, b in pairwise(starts)]

    def stretch(self, begin: int, end: int) -> Events:
        """Some of the events, from `begin` up to `end`, as they stand in the song."""
        rows, starts = slice(begin, end), self.starts[begin : end + 1]
        flat = slice(int(starts[0]), int(starts[-1]))
        return Events(
            onset=self.onset[rows],
            starts=starts - starts[0],
            pitches=self.pitches[flat],
            duration=self.duration[rows],
            offset=self.offset[rows],
            velocity=self.velocity[rows],
            place=self.place[rows],
            bar=self.bar[rows],
            lengths=self.lengths[flat],
        )


@dataclass(frozen=True)
class Song:
    """One MIDI file as tables.

    Attributes:
        grid: ticks a quarter note.
        parts: the parts that `notes.part` points into.
        notes: all notes, drums too.
        tempos: shape (changes, 2), float64: tick, quarter notes a minute; the first row is at tick 0.
        metres: shape (changes, 3), int32: tick, numerator, denominator; the first row is at tick 0.
        keys: shape (changes, 3), int32: tick, number and sharps of a `keys.Key`; of a file without those that nobody
            set, see `tonality.set_keys`.
        name: where it came from, for messages (a path or a title).
        digest: SHA-256 of the file's bytes, hexadecimal; empty for a song that was never a file.
    """

    grid: int
    parts: tuple[Part, ...]
    notes: Notes
    tempos: NDArray[np.float64]
    metres: Ints
    keys: Ints
    name: str = ""
    digest: str = ""

    def chosen(self, parts: Collection[str] | None = None) -> NDArray[np.bool_]:
        """Which notes belong to the named parts, shape (notes,).

        Args:
            parts: roles or part names, in any case; None means all pitched parts. Drums are never chosen.
        """
        wanted = None if parts is None else {name.casefold().strip() for name in parts}
        keep = [
            not part.drums and (wanted is None or part.role in wanted or part.name.casefold().strip() in wanted)
            for part in self.parts
        ]
        return np.asarray(keep, dtype=bool)[self.notes.part] if len(self.notes) else np.zeros(0, dtype=bool)

    def bar_positions(self, ticks: NDArray[np.integer]) -> tuple[Ints, Ints]:
        """Ticks from the last bar line, and ticks in that bar, by the metre map; both of the shape of `ticks`.

        A metre change starts a bar. What stands before the first bar line counts back from it: see `metre_rows`.
        """
        lengths = [bar_length(self.grid, int(numerator), int(below)) for _, numerator, below in self.metres]
        row = self.metre_rows(ticks)
        bar = np.array(lengths, dtype=np.int32)[row]
        return ((ticks - self.metres[row, 0]) % bar).astype(np.int32), bar

    def metre_rows(self, ticks: NDArray[np.integer]) -> NDArray[np.int64]:
        """The row of the metre map that counts at each tick, of the shape of `ticks`.

        Files write a pickup as a short first section (a bar of 1/4 before the first of 3/4), or name their metre only
        where the first whole bar begins. Such a section is the end of a bar of the metre that follows it.
        """
        row = np.searchsorted(self.metres[:, 0], ticks, side="right") - 1
        return np.maximum(row, 1 if self.has_pickup else 0)

    @property
    def has_pickup(self) -> bool:
        """Whether the first section is shorter than a bar of the second."""
        if len(self.metres) < 2:
            return False
        (begin, *_), (line, numerator, below) = self.metres[:2].tolist()
        return bool(line - begin < bar_length(self.grid, numerator, below))

    def bar_position(self, tick: int) -> int:
        """Ticks from the last bar line to `tick`, see `bar_positions`."""
        return int(self.bar_positions(np.array([tick]))[0][0])

    def events(self, parts: Collection[str] | None = None) -> Events:
        """The events of the chosen parts: notes grouped by onset, each pitch once."""
        keep = self.chosen(parts)
        onset, pitch = self.notes.onset[keep], self.notes.pitch[keep]
        order = np.lexsort((pitch, onset))
        onset, pitch = onset[order], pitch[order]
        length, velocity = self.notes.length[keep][order], self.notes.velocity[keep][order]
        if not len(onset):
            none = np.zeros(0, np.int32)
            return Events(none, np.zeros(1, np.int32), none, none, none, none, none, none, none)
        first = np.flatnonzero(np.r_[True, onset[1:] != onset[:-1]])  # where an event's notes begin
        distinct = np.r_[True, (onset[1:] != onset[:-1]) | (pitch[1:] != pitch[:-1])]
        starts = np.r_[0, np.cumsum(distinct)][np.r_[first, len(onset)]]
        onsets = onset[first]
        place, bar = self.bar_positions(onsets)
        offset = np.r_[place[0], np.diff(onsets)]
        return Events(
            onset=onsets.astype(np.int32),
            starts=starts.astype(np.int32),
            pitches=pitch[distinct].astype(np.int32),
            duration=np.maximum.reduceat(length, first).astype(np.int32),
            offset=offset.astype(np.int32),
            velocity=np.maximum.reduceat(velocity, first).astype(np.int32),
            place=place,
            bar=bar,
            lengths=np.maximum.reduceat(length, np.flatnonzero(distinct)).astype(np.int32),
        )


def bar_length(grid: int, numerator: int, denominator: int) -> int:
    """Ticks in a bar; at least one, so that odd metres on coarse grids stay usable."""
    return max(round(grid * 4 * numerator / denominator), 1)


def bar_lines(song: Song) -> list[int]:
    """The ticks at which bars begin, and the end of the last bar that has a note; a metre change starts a bar."""
    last = int((song.notes.onset.astype(np.int64) + song.notes.length).max(initial=1))
    lines: list[int] = []
    starts = song.metres[:, 0].tolist()
    for (start, numerator, denominator), following in zip(song.metres.tolist(), [*starts[1:], last], strict=True):
        lines += range(start, min(following, last), bar_length(song.grid, numerator, denominator))
    end = lines[-1] + bar_length(song.grid, *song.metres[song.metres[:, 0] <= lines[-1]][-1, 1:].tolist())
    return [*lines, end]


def bars_in(song: Song) -> int:
    """How many bars a song has, the last being the last that has a note."""
    return len(bar_lines(song)) - 1


def is_compound(numerator: int, denominator: int) -> bool:
    """Whether a metre is counted in groups of three, as 6/8 and 12/8 are."""
    return denominator >= 8 and numerator > 3 and numerator % 3 == 0


def check_grid(grid: int) -> int:
    """The grid, if whole ticks of a written MIDI file can hold it.

    Raises:
        UserError: it does not divide `DIVISION`.
    """
    if grid < 1 or DIVISION % grid:
        raise UserError(
            f"--grid {grid}: ticks a quarter note must divide {DIVISION}; {DEFAULT_GRID} (the default), 12, 48 are"
            " common"
        )
    return grid
