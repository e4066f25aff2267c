"""A new song joined with the user's own: drums under it, or bars before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datamodules.settling import settled
from datamodules.song import NOTE_COLUMNS, Notes, Part, Song, bar_length

__all__ = ["continued", "joined", "with_drums"]


def with_drums(song: Song, like: Song) -> Song:
    """The drum bars of another song under a song, from its first on, again and again; the song where it has none.

    Bars of another length than the song's are cut, or end in silence.
    """
    drums = [number for number, part in enumerate(like.parts) if part.drums]
    keep = np.isin(like.notes.part, drums)
    if not keep.any() or not len(song.notes):
        return song
    notes, bar = like.notes, _bar(song)
    place, _ = like.bar_positions(notes.onset)
    lines = notes.onset.astype(np.int64) - place  # of the bar that each note stands in
    whole = np.unique(lines[keep])
    theirs = np.arange(whole[0], whole[-1] + 1, _bar(like))  # silent bars in between are bars too
    bars = int(-(-int((song.notes.onset.astype(np.int64) + song.notes.length).max()) // bar))
    rows: list[tuple[int, int]] = []  # (tick of the new bar, row of the drums)
    by_line = {int(line): np.flatnonzero(keep & (lines == line)) for line in whole}
    for number in range(bars):
        there = by_line.get(int(theirs[number % len(theirs)]), np.zeros(0, np.int64)).tolist()
        rows += [(number * bar, row) for row in there if place[row] < bar]
    at = np.array([tick for tick, _ in rows], np.int64)
    own = np.array([row for _, row in rows], np.int64)
    part = replace(like.parts[drums[0]], role="drums")
    kit = np.full(len(own), len(song.parts))
    added = (at + place[own], notes.pitch[own], notes.length[own], notes.velocity[own], kit)
    return joined(song, (*song.parts, part), added)


def continued(before: Song, song: Song, tick: int) -> Song:
    """The user's own song, unchanged, and a new one that begins at a bar line of it.

    A new part plays on in the part of its role that has most notes, or is added.

    Args:
        tick: of `before`, where the new song's tick 0 is.
    """
    parts = list(before.parts)
    counts = np.bincount(before.notes.part, minlength=len(parts))
    where = []
    for part in song.parts:
        same = [number for number, old in enumerate(before.parts) if (old.role, old.drums) == (part.role, part.drums)]
        where.append(max(same, key=lambda number: counts[number]) if same else len(parts))
        parts += [] if same else [part]
    notes, old = song.notes, before.notes
    part_of = np.array(where, np.int64)[notes.part] if len(notes) else np.zeros(0, np.int64)
    onset = notes.onset.astype(np.int64) + tick
    free = ~_sounding(old, part_of, notes.pitch.astype(np.int64), onset)
    added = (onset[free], notes.pitch[free], notes.length[free], notes.velocity[free], part_of[free])
    return joined(before, tuple(parts), added)


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


def _bar(song: Song) -> int:
    _, numerator, denominator = song.metres[song.metre_rows(np.array([0]))[0]].tolist()
    return bar_length(song.grid, numerator, denominator)
