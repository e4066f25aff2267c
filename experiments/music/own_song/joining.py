"""A new song joined with the user's own: drums under it, or bars before it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datamodules.bars import bar_begins, bar_numbers
from datamodules.midi.writing import part_name
from datamodules.settling import settled
from datamodules.song import NOTE_COLUMNS, Notes, Part, Song

__all__ = ["continued", "joined", "with_drums"]


def with_drums(song: Song, like: Song, first: int = 0, whole: Song | None = None) -> Song:
    """The drum bars of another song under a song, from its first on, again and again; the song where it has none.

    Bars of another length than the song's are cut, or end in silence. No drum rings over the last bar line, which would
    be a bar more.

    Args:
        first: the song's bar under which the first one lies; those before stay as they are.
        whole: what the song is a part of, with the same bars, under all of which they lie; None for the song itself.
    """
    drums = [number for number, part in enumerate(like.parts) if part.drums]
    keep = np.flatnonzero(np.isin(like.notes.part, drums))
    if not len(keep) or not len(song.notes):
        return song
    notes = like.notes
    bar, (place, _) = bar_numbers(like, notes.onset[keep]), like.bar_positions(notes.onset[keep])
    bounds = np.searchsorted(bar, np.arange(bar[0], bar[-1] + 2))  # silent bars in between are bars too
    begins = bar_begins(song if whole is None else whole)[first:]
    if len(begins) < 2:
        return song
    turn = np.arange(len(begins) - 1) % (len(bounds) - 1)
    at = np.repeat(np.arange(len(turn)), np.diff(bounds)[turn])  # of each new note, its bar
    row = bounds[turn[at]] + np.arange(len(at)) - np.searchsorted(at, at)  # and the old note that it is
    fits = (place[row] < np.diff(begins)[at]) & (begins[at] + place[row] >= 0)
    at, row = at[fits], row[fits]
    own = keep[row]
    part = replace(like.parts[drums[0]], role="drums")
    kit = np.full(len(own), len(song.parts))
    onset = begins[at] + place[row]
    length = np.minimum(notes.length[own], begins[-1] - onset)
    added = (onset, notes.pitch[own], length, notes.velocity[own], kit)
    return joined(song, (*song.parts, part), added)


def continued(before: Song, song: Song, tick: int, asked: Collection[str] = ()) -> Song:
    """The notes of the user's own song as they are, and a new one that begins at a bar line of it.

    A new part plays on in the part of its role that has most notes, or is added.

    Args:
        tick: of `before`, where the new song's tick 0 is.
        asked: the roles whose new parts have instruments that were asked for: these play on in a part that has the same
            one, or are added beside it.
    """
    parts = list(before.parts)
    counts = np.bincount(before.notes.part, minlength=len(parts))
    where = []
    for part in song.parts:
        same = [
            number
            for number, old in enumerate(before.parts)
            if (old.role, old.drums) == (part.role, part.drums)
            and (part.role not in asked or old.program == part.program)
        ]
        where.append(max(same, key=lambda number: counts[number]) if same else len(parts))
        parts += [] if same else [_named_apart(part, before.parts)]
    notes, old = song.notes, before.notes
    part_of = np.array(where, np.int64)[notes.part] if len(notes) else np.zeros(0, np.int64)
    onset = notes.onset.astype(np.int64) + tick
    free = ~_sounding(old, part_of, notes.pitch.astype(np.int64), onset)
    added = (onset[free], notes.pitch[free], notes.length[free], notes.velocity[free], part_of[free])
    return joined(before, tuple(parts), added)


def _named_apart(part: Part, others: Sequence[Part]) -> Part:
    """A part under a name that no other has: "Melody", else "Melody (Flute)"."""
    if part.name not in {other.name for other in others}:
        return part
    return replace(part, name=f"{part.name} ({part_name('', part.program, part.drums)})")


def _sounding(
    old: Notes, part: NDArray[np.int64], pitch: NDArray[np.int64], onset: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Which new notes begin while an old one of their part and pitch sounds, which they would cut."""
    ends: dict[tuple[int, int], int] = {}
    for number, key in enumerate(zip(old.part.tolist(), old.pitch.tolist(), strict=True)):
        ends[key] = max(ends.get(key, 0), int(old.onset[number]) + int(old.length[number]))
    keys = zip(part.tolist(), pitch.tolist(), onset.tolist(), strict=True)
    return np.array([tick < ends.get((number, key), 0) for number, key, tick in keys], bool)


def joined(song: Song, parts: tuple[Part, ...], added: Sequence[NDArray[Any]]) -> Song:
    """A song with notes added, onset, pitch, length, velocity and part, (notes,) each; parts without a note go."""
    own = [getattr(song.notes, name) for name in NOTE_COLUMNS]
    onset, pitch, length, velocity, part = (
        np.concatenate([old, new]).astype(np.int64) for old, new in zip(own, added, strict=True)
    )
    notes = settled(onset, pitch, onset + length, velocity, part)
    there, number = np.unique(notes.part, return_inverse=True)  # a part without notes cannot be read back
    notes = replace(notes, part=number.astype(np.int32))
    return replace(song, parts=tuple(parts[i] for i in there.tolist()), notes=notes)
