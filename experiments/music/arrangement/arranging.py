"""Which part plays a note of a new song, and on what: as the training songs spread their pitches over parts.

The heads write events, which know no parts. A note's part is the role that such a note has most often in the songs:
at its pitch or near it, and at its place in the event (alone, lowest, inner, highest).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pretty_midi
from numpy.typing import NDArray

from datamodules.errors import UserError, did_you_mean
from datamodules.song import ROLES, Notes, Part, Song

__all__ = ["Arrangement", "arranged", "read_instruments"]

PITCHED = tuple(role for role in ROLES if role != "drums")
ALONE, LOWEST, INNER, HIGHEST = range(4)
NEAR = 3.0  # semitones: how far a note of another pitch tells of a pitch
ANYWHERE = 0.01  # what a note at another place in its event tells, beside one at the same
PROGRAMS = 128


@dataclass(frozen=True)
class Arrangement:
    """What plays a note.

    Attributes:
        roles: those that there are, in the order of `ROLES`.
        programs: of each role, the General MIDI program that plays most of its notes.
        likely: shape (4 places, 128 pitches), the index of the role that plays such a note.
    """

    roles: tuple[str, ...]
    programs: Mapping[str, int]
    likely: NDArray[np.int64]

    @classmethod
    def of(
        cls, songs: Iterable[Song], parts: Sequence[str] | None = None, without: Collection[str] = ()
    ) -> Arrangement | None:
        """What songs tell; None if they have no pitched notes.

        Args:
            parts: the parts that count; None for all pitched ones.
            without: roles that do not count.
        """
        counts = np.zeros((len(PITCHED), 4, 128))
        programs: dict[str, Counter[int]] = {role: Counter() for role in PITCHED}
        for song in songs:
            others = np.array([part.role not in without for part in song.parts])
            keep = np.flatnonzero(song.chosen(parts) & others[song.notes.part])
            if not len(keep):
                continue
            notes, places = song.notes, _places(song.notes.onset[keep], song.notes.pitch[keep])
            role = np.array([PITCHED.index(part.role) if not part.drums else 0 for part in song.parts])[
                notes.part[keep]
            ]
            np.add.at(counts, (role, places, notes.pitch[keep]), 1)
            for number, many in Counter(notes.part[keep].tolist()).items():
                programs[song.parts[number].role][song.parts[number].program] += many
        there = [number for number in range(len(PITCHED)) if counts[number].any()]
        if not there:
            return None
        pitches = np.arange(128)
        near = np.exp(-0.5 * ((pitches[:, None] - pitches) / NEAR) ** 2)
        told = counts[there] @ near  # (roles, places, pitches)
        told += ANYWHERE * told.sum(axis=1, keepdims=True) + 1e-12 * counts[there].sum(axis=(1, 2), keepdims=True)
        roles = tuple(PITCHED[number] for number in there)
        return cls(roles, {role: programs[role].most_common(1)[0][0] for role in roles}, told.argmax(axis=0))


def arranged(song: Song, arrangement: Arrangement, instruments: Mapping[str, int], *, split: bool) -> Song:
    """A song of one part as a song of several, each with an instrument; or still of one, of most notes' role.

    Args:
        instruments: role -> program, in place of the arrangement's.
        split: whether there may be several parts.
    """
    notes = song.notes
    if not len(notes):
        return song
    programs = {**arrangement.programs, **instruments}
    role = arrangement.likely[_places(notes.onset, notes.pitch), notes.pitch]
    if not split or len(arrangement.roles) == 1:
        most = _part(arrangement.roles[int(np.bincount(role).argmax())], programs)
        return replace(song, parts=(most if split else replace(most, name=song.parts[0].name),))
    there, part_of = np.unique(role, return_inverse=True)
    parts = tuple(_part(arrangement.roles[number], programs) for number in there.tolist())
    order = np.lexsort((notes.pitch, part_of, notes.onset))
    columns = (notes.onset, notes.pitch, notes.length, notes.velocity, part_of.astype(np.int32))
    return replace(song, parts=parts, notes=Notes(*(column[order].astype(np.int32) for column in columns)))


def read_instruments(text: str | None) -> dict[str, int]:
    """melody=flute,bass=33 -> role: program, 0 to 127. Numbers count from 1, as in General MIDI's own table.

    Raises:
        UserError: a part or an instrument that there is not.
    """
    found: dict[str, int] = {}
    for pair in filter(None, (word.strip() for word in (text or "").split(","))):
        role, equals, name = (word.strip() for word in pair.partition("="))
        if not equals or role not in PITCHED:
            near = did_you_mean(role, PITCHED) if equals else ""
            raise UserError(f"--instruments {pair}: write PART=INSTRUMENT; parts are {', '.join(PITCHED)}{near}")
        found[role] = _program(name, pair)
    return found


def _program(name: str, pair: str) -> int:
    if name.isdecimal():
        if not 1 <= int(name) <= PROGRAMS:
            raise UserError(f"--instruments {pair}: General MIDI has the programs 1 to {PROGRAMS}")
        return int(name) - 1
    names = [str(pretty_midi.program_to_instrument_name(program)) for program in range(PROGRAMS)]
    wanted = _letters(name)
    exact = [program for program, other in enumerate(names) if _letters(other) == wanted]
    word = [program for program, other in enumerate(names) if wanted in map(_letters, re.split(r"[^\w]+", other))]
    near = [program for program, other in enumerate(names) if wanted and wanted in _letters(other)]
    if not (exact or near):
        import difflib

        close = difflib.get_close_matches(name, names, n=3, cutoff=0.4)
        hint = f"; perhaps {', '.join(close)}" if close else "; General MIDI's programs are 1 to 128"
        raise UserError(f"--instruments {pair}: no instrument is called {name!r}{hint}")
    return (exact or (near and word) or near)[0]  # a harp is no harpsichord


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.casefold())


def _part(role: str, programs: Mapping[str, int]) -> Part:
    return Part(role.capitalize(), program=programs.get(role, 0), drums=False, role=role)


def _places(onset: NDArray[np.integer], pitch: NDArray[np.integer]) -> NDArray[np.int64]:
    """Of each note, its place among the notes that begin with it, shape (notes,)."""
    _, event = np.unique(onset, return_inverse=True)
    low, high = np.full(event.max() + 1, 128), np.full(event.max() + 1, -1)
    np.minimum.at(low, event, pitch)
    np.maximum.at(high, event, pitch)
    bottom, top = pitch == low[event], pitch == high[event]
    places = np.where(bottom & top, ALONE, np.where(bottom, LOWEST, np.where(top, HIGHEST, INNER)))
    return places.astype(np.int64)
