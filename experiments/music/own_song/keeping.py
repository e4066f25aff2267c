"""Parts of a user's song that stay as they are in a new one: what they leave free, and their notes put back.

The heads hear these parts on their grid, as they heard the training songs. The notes that are written are the file's
own, to 1/480 quarter note: a played melody keeps its timing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datamodules.bars import bar_line
from datamodules.errors import UserError
from datamodules.midi.raw_bytes import Limits
from datamodules.midi.writing import part_name
from datamodules.song import DIVISION, NOTE_COLUMNS, Notes, Song, bar_lines
from experiments.music.arrangement.keys import key_of, transposed
from experiments.music.events.settings import Settings
from experiments.music.own_song.exact import read_exact, trimmed
from experiments.music.own_song.going_on import going_on
from experiments.music.own_song.joining import joined
from experiments.music.own_song.spans import Spans
from experiments.music.prime import Prime
from experiments.music.training_songs import leader_of, parts_of
from experiments.winners import Winner

__all__ = ["Kept", "in_its_key", "read_kept"]

EVERY = "all"
NEAR = 1.5  # ticks of the heads' grid within which an added note begins with a kept one

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Kept:
    """What stays.

    Attributes:
        song: the kept parts alone, on the heads' grid; its maps are those of the file.
        exact: the same, at 480 ticks a quarter note, as they are written.
        file: all of the file, on the heads' grid.
        told: which parts, in words.
        bounds: whether the new song ends with the kept notes, in their last bar.
    """

    song: Song
    exact: Song
    file: Song
    told: str
    bounds: bool

    @property
    def roles(self) -> frozenset[str]:
        """Those of its parts."""
        return frozenset(part.role for part in self.song.parts)

    def playing(self, programs: Mapping[str, int]) -> Kept:
        """The same on other instruments, role -> General MIDI program."""
        parts = tuple(replace(part, program=programs.get(part.role, part.program)) for part in self.exact.parts)
        return replace(self, exact=replace(self.exact, parts=parts))

    @property
    def scale(self) -> int:
        """Exact ticks to a tick of the heads' grid."""
        return DIVISION // self.song.grid

    @cached_property
    def spans(self) -> Spans:
        """Where no added note may sound, in exact ticks."""
        return Spans(self.exact)

    def end_of(self, settings: Settings) -> float:
        """The tick of the heads' grid that a new song ends at: a bar line; infinite if its events are counted."""
        if settings.bars is not None:
            return bar_line(self.song, settings.bars)
        return bar_lines(self.song)[-1] if self.bounds else math.inf

    def of(self, settings: Settings, last: int) -> tuple[Song, Song]:
        """The kept notes of a new song whose last event is at a tick, on the heads' grid and exact."""
        end = self.end_of(settings)
        end = last + 1 if math.isinf(end) else end
        inside = self.song.notes.onset < end, self.exact.notes.onset < (end - 0.5) * self.scale  # rounded alike
        heard, exact = (only(song, keep) for song, keep in zip((self.song, self.exact), inside, strict=True))
        if settings.bars is None:
            return heard, exact
        return _cut(heard, int(end)), _cut(exact, int(end) * self.scale)

    def dressed(self, song: Song, settings: Settings, dress: Callable[[Song, Song], Song]) -> Song:
        """What the heads wrote around the kept notes, dressed, and these as they are in the file: the whole, exact.

        Args:
            dress: is given what was added, and the whole.
        """
        kept, exact = self.of(settings, int(song.notes.onset.max()))
        added = dress(only(song, song.notes.part >= len(kept.parts)), song)
        whole = joined(exact, (*exact.parts, *added.parts), self._placed(added, len(exact.parts)))
        return trimmed(replace(whole, tempos=exact.tempos if settings.tempo is None else song.tempos, name=song.name))

    def describe(self, song: Song, settings: Settings, last: int) -> str:
        """In words, what of a song that was read back is kept.

        Args:
            last: the tick of its last event on the heads' grid.

        Raises:
            UserError: a kept note is not in it as it is in the file (status 1).
        """
        _, exact = self.of(settings, last)
        found = set(_rows(song))
        lost = [row for row in _rows(exact) if row not in found]
        if lost:
            raise UserError(
                f"{song.name}: {len(lost)} of the {len(exact.notes)} kept notes are not as they were; the first is"
                f" pitch {lost[0][1]} at {lost[0][0] / DIVISION:g} quarter notes",
                status=1,
            )
        new = len(song.notes) - len(exact.notes)
        kept = f"{len(exact.notes):,} notes of {self.told} of {self.song.name}, as they sound there, to 1/{DIVISION}"
        return f"kept: {kept} quarter note{self._other(exact, settings)}; added: {new:,} notes"

    def _other(self, exact: Song, settings: Settings) -> str:
        """What was asked to be other than in the file, in words."""
        pairs = zip(self.exact.parts, self.song.parts, strict=True)
        names = [part_name("", now.program, now.drums) for now, was in pairs if now.program != was.program]
        found = [f"on {', '.join(dict.fromkeys(names))}"] if names else []
        if settings.tempo is not None:
            found.append(f"at {settings.tempo:g} quarter notes a minute")
        cut = len(set(_rows(exact)) - set(_rows(self.exact)))
        found += [f"{cut:,} of them cut at the last bar line"] if cut else []
        return "".join(f"; {words}" for words in found)

    def _placed(self, added: Song, before: int) -> list[Ints]:
        """Added notes in exact ticks: onset, pitch, length, velocity and part, (notes,) each.

        One that begins with a kept note on the heads' grid begins with it exactly, and none enters a kept note's room.
        """
        notes, scale, spans = added.notes, self.scale, self.spans
        onset = self._snapped(notes.onset.astype(np.int64) * scale)
        end = (notes.onset.astype(np.int64) + notes.length) * scale
        rows = []
        for row, (begin, pitch) in enumerate(zip(onset.tolist(), notes.pitch.tolist(), strict=True)):
            if added.parts[int(notes.part[row])].drums:
                end[row] = max(end[row], begin + 1)  # it may have been moved behind a short one's end
                rows.append(row)
            elif spans.free(begin, begin + 1)[pitch]:
                until = spans.until(pitch, begin)
                end[row] = max(end[row] if until is None else min(end[row], until), begin + 1)
                rows.append(row)
        table = (onset, notes.pitch, end - onset, notes.velocity, notes.part + before)
        return [column[rows].astype(np.int64) for column in table]

    def _snapped(self, ticks: Ints) -> Ints:
        """Each tick, or the kept onset next to it."""
        pitched = ~np.array([part.drums for part in self.exact.parts])[self.exact.notes.part]
        onsets = np.unique(self.exact.notes.onset[pitched]).astype(np.int64)
        if not len(onsets):
            return ticks
        right = np.searchsorted(onsets, ticks).clip(0, len(onsets) - 1)
        left = np.maximum(right - 1, 0)
        nearest = np.where(abs(onsets[left] - ticks) <= abs(onsets[right] - ticks), onsets[left], onsets[right])
        return np.where(abs(nearest - ticks) <= NEAR * self.scale, nearest, ticks)


def read_kept(
    text: str,
    grid: int,
    *,
    bounds: bool = True,
    limits: Limits = Limits(),  # noqa: B008 - frozen
) -> Kept:
    """PART:SONG, as melody:my_song.mid, read on the heads' grid; several parts with commas.

    Args:
        bounds: whether the new song ends with them.
        limits: what the file may cost.

    Raises:
        UserError: it is not of this form, the song cannot be read, or it has no such part.
    """
    names, colon, file = text.partition(":")
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    if not (colon and wanted and file.strip()):
        raise UserError(
            f"--keep {text}: write PART:SONG, as melody:my_song.mid; PART is melody, chords, bass, drums, {EVERY} or"
            " the name of a part, or several with commas"
        )
    path = Path(file.strip())
    whole, exact, _ = going_on(*read_exact("--keep", path, grid=grid, limits=limits))
    numbers = sorted({number for name in wanted for number in _named(whole, name, path)})
    heard, exact = (only(song, np.isin(song.notes.part, numbers)) for song in (whole, exact))
    told = ", ".join(f"{part.role} ({part.name})" for part in heard.parts)
    return Kept(heard, exact, whole, told, bounds)


def _named(song: Song, name: str, path: Path) -> list[int]:
    """The numbers of the parts that a name stands for."""
    asked = name.casefold()
    found = [
        number for number, part in enumerate(song.parts) if asked in (EVERY, part.role, part.name.casefold().strip())
    ]
    if not found:
        there = ", ".join(f"{part.name} ({part.role})" for part in song.parts)
        raise UserError(f"--keep {name}:{path}: no part is {name}; it has {there}: name one of them")
    return found


def only(song: Song, keep: NDArray[np.bool_]) -> Song:
    """The song of some of its notes, and of the parts that these are in."""
    there, part = np.unique(song.notes.part[keep], return_inverse=True)
    columns = {name: getattr(song.notes, name)[keep] for name in NOTE_COLUMNS} | {"part": part.astype(np.int32)}
    return replace(song, parts=tuple(song.parts[number] for number in there.tolist()), notes=Notes(**columns))


def _cut(song: Song, end: int) -> Song:
    """Notes that ring over a tick end there."""
    length = np.minimum(song.notes.length, np.maximum(end - song.notes.onset, 1)).astype(np.int32)
    return replace(song, notes=replace(song.notes, length=length))


def _rows(song: Song) -> list[tuple[int, int, int, int, str, int, bool]]:
    """All that a note is: onset, pitch, length, velocity, and its part's name and program."""
    parts = [(part_name(part.name, part.program, part.drums), part.program, part.drums) for part in song.parts]
    columns = zip(*(getattr(song.notes, name).tolist() for name in NOTE_COLUMNS), strict=True)
    return [(*row[:-1], *parts[row[-1]]) for row in columns]


def in_its_key(prime: Prime, kept: Kept, winners: Mapping[str, Winner]) -> Prime:
    """The prime moved into the key of the kept song, as the notes of both tell.

    Not for a head of tokens, which would not know the chords of another key.
    """
    leader = leader_of(winners)
    tokens = leader.spec.column.chords and not leader.framing.spelled
    if tokens or not kept.file.chosen().any():
        return prime
    wanted, own = (replace(song, keys=song.keys[:0]) for song in (kept.file, prime.song))
    moved, step = transposed(own, key_of(wanted))
    origin = f"{prime.origin}, moved by {step:+d} semitones into the kept notes' key".removeprefix(", ")
    return replace(prime, song=moved, events=moved.events(parts_of(leader)), origin=origin) if step else prime
