"""The song whose opening a new song goes on from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datamodules.bars import steady_metre
from datamodules.column_spec import ColumnSpec
from datamodules.corpus.reading import named_song
from datamodules.errors import UserError
from datamodules.song import LONGEST_QUARTERS, Events, Song, bar_length
from datamodules.vocabulary import Value
from experiments.music.events.event import Event
from experiments.music.events.grids import common_grid
from experiments.music.own_song.exact import read_exact
from experiments.music.own_song.going_on import going_on
from experiments.music.training_songs import first_training_song, leader_of, parts_of, reading_limits
from experiments.winners import Winner
from songs import bundled

__all__ = ["Prime", "find_prime"]


@dataclass(frozen=True)
class Prime:
    """A song to go on from.

    Tempo, metre and key are those where its context ends, as the new song begins there, though not the metre of a
    single bar; where the whole song is continued, the metre is that behind its last bar.

    Attributes:
        song: on the heads' grid.
        events: those of the parts that the heads learnt; at least one.
        origin: why the song was taken; "" if it was asked for.
        context: how many of its events the heads hear before they write.
        continues: whether the new song is to stand behind it, in whose last bar it then begins.
        exact: where it continues, the song as it stands in its file, in ticks of 1/480 quarter note.
        end: where the whole song is continued, its last bar line, from which bars are counted; None elsewhere.
    """

    song: Song
    events: Events
    origin: str = ""
    context: int = 1
    continues: bool = False
    exact: Song | None = None
    end: int | None = None

    @property
    def line(self) -> int:
        """The tick of the last bar line before the end of the context, where the new song's tick 0 is.

        Of a whole song it is counted back from its end in bars of the metre behind it: in a last bar that is too short
        it may stand before that one, as a pickup's bar does before the song.
        """
        last = int(self._end[0])
        if self.end is None:
            return last - int(self.events.place[self.context - 1])
        return self.end - -(-(self.end - last) // self.bar) * self.bar

    @property
    def ahead(self) -> int:
        """Bars from `line` on that are the song's own, if the new one is to stand behind it."""
        return int(self.continues) if self.end is None else (self.end - self.line) // self.bar

    def column(self, spec: ColumnSpec) -> list[Value]:
        """The events' values in a head's column, a new list."""
        if spec.chords:
            return list(self.events.chords())
        return list(spec.numbers(self.events).tolist())

    def heard(self) -> list[Event]:
        """The events of the context, as heads hear them."""
        return self.rows(0, self.context)

    def rows(self, first: int, end: int) -> list[Event]:
        """Some of its events, as heads hear them."""
        events, some = self.events, slice(first, end)
        columns = (events.duration, events.offset, events.velocity, events.place, events.bar)
        rows = np.stack([column[some] for column in columns], axis=1).tolist()
        return [Event(chord, *row) for chord, row in zip(events.chords()[some], rows, strict=True)]

    @property
    def place(self) -> int:
        """Ticks from the last bar line to the last event of the context."""
        return int(self._end[0]) - self.line

    @property
    def tempo(self) -> float:
        """Quarter notes a minute."""
        return float(self._there(self.song.tempos)[1])

    @property
    def metre(self) -> tuple[int, int]:
        """Numerator and denominator."""
        if self.end is None:
            return steady_metre(self.song, int(self._end[0]))
        _, numerator, denominator = self.song.metres[-1].tolist()
        return numerator, denominator

    @property
    def keys(self) -> NDArray[np.int32]:
        """The key as a map of one row, at tick 0; of none if the song names none."""
        there = self._there(self.song.keys)[None] if len(self.song.keys) else self.song.keys
        return there * np.array([0, 1, 1], np.int32)

    @property
    def bar(self) -> int:
        """Ticks in a bar."""
        return bar_length(self.song.grid, *self.metre)

    @property
    def way_back(self) -> int:
        """The offset from the last event to the first one again, in its place in the bar, once the last has sounded."""
        here = self.song.bar_position(int(self.events.onset[-1])) if self.end is None else self.place
        distance = int(self.events.offset[0]) - here
        sounds = min(max(int(self.events.duration[-1]), 1), LONGEST_QUARTERS * self.song.grid)
        return distance + self.bar * max(math.ceil((sounds - distance) / self.bar), 0)

    @property
    def _end(self) -> NDArray[np.int32]:
        """The tick of the context's last event, shape (1,)."""
        return self.events.onset[self.context - 1 : self.context]

    def _there(self, table: NDArray[Any]) -> NDArray[Any]:
        """The row of a map that holds where the context ends."""
        row: NDArray[Any] = table[max(int(np.searchsorted(table[:, 0], self._end[0], side="right")) - 1, 0)]
        return row


def find_prime(winners: Mapping[str, Winner], path: Path | None, *, whole: bool = False) -> Prime:
    """Read the prime: the song at `path`, else the first training song that is here, else the first bundled song.

    It is read on the heads' common grid; its events are those of the parts that the notes head (else the first head)
    learnt. As many as the largest window of the heads holds are context, or all there are.

    Args:
        whole: all of the song is context, and what is new is to continue it.

    Raises:
        UserError: it cannot be read, or none of its notes are in those parts.
    """
    grid = common_grid(winners.values())
    leader = leader_of(winners)
    origin, option = "", "--continue" if whole else "--prime"
    if path is None:
        candidates = [leader, *(winner for winner in winners.values() if winner is not leader)]
        found = next(filter(None, map(first_training_song, candidates)), None)
        origin = "the first training song" if found else "the first bundled song, since no training song is here"
        path, option = found or bundled()[0], "the prime"  # nobody has named it
    limits, exact, end = reading_limits(winners.values()), None, None
    if whole:
        song, exact, end = going_on(*read_exact(option, path, grid=grid, limits=limits))
    else:
        song = named_song(option, path, grid=grid, limits=limits)
    parts = parts_of(leader)
    events = song.events(parts)
    if not len(events):
        asked = f" in the parts that the heads learnt ({', '.join(parts)})" if parts is not None else ""
        there = ", ".join(f"{part.name} ({part.role})" for part in song.parts)
        raise UserError(
            f"{option} {path} has no pitched notes{asked}; it has {there or 'no parts'}: choose another song"
        )
    window = max(winner.config.window for winner in winners.values())
    context = len(events) if whole else min(window, len(events))
    return Prime(song, events, origin, context, continues=whole, exact=exact, end=end)
