"""A song in the metre of another: its beats on that one's beats, its bars cut anew.

A beat of a simple metre is a quarter note, one of a compound metre (6/8, 12/8; and 3/8) three eighths, and so on. Where
both songs have the same beat, every note keeps its length. Where one is simple and the other compound, a beat becomes a
beat: the eighths of a jig are triplets in 4/4, and two eighths of 4/4 are duplets in 6/8.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from datamodules.settling import settled
from datamodules.song import Song, bar_length, is_compound

__all__ = ["beat_of", "in_metre", "metre_of"]

Metre = tuple[int, int]  # numerator, denominator
Ints = NDArray[np.int64]


def metre_of(song: Song) -> Metre:
    """The metre that most of a song's notes begin in."""
    row = np.bincount(song.metre_rows(song.notes.onset), minlength=len(song.metres))
    _, numerator, denominator = song.metres[int(row.argmax())].tolist()
    return numerator, denominator


def beat_of(metre: Metre) -> Fraction:
    """A beat in quarter notes."""
    numerator, denominator = metre
    compound = is_compound(numerator, denominator) or (numerator == 3 and denominator >= 8)
    return Fraction(12, denominator) if compound else Fraction(1)


def in_metre(song: Song, metre: Metre) -> tuple[Song, str]:
    """The song in one metre throughout, and what was done, in words; "" if it is in that one already.

    Its first bar line is one again. Ticks are rounded to the grid; a note keeps at least one.
    """
    rows = song.metres[1 if song.has_pickup else 0 :]
    if all(tuple(row[1:]) == metre for row in rows.tolist()):
        return song, ""
    bounds = np.append(rows[1:, 0], np.iinfo(np.int32).max).astype(np.int64)
    factors = [beat_of(metre) / beat_of((numerator, denominator)) for _, numerator, denominator in rows.tolist()]
    line = int(rows[0, 0])
    bar = bar_length(song.grid, *metre)
    # of each section: where it begins, in old ticks and in new ones, which count from the first bar line
    starts: list[tuple[int, Fraction]] = [(line, Fraction(0))]
    for factor, end in zip(factors, bounds[:-1].tolist(), strict=False):
        begin, there = starts[-1]
        starts.append((end, there + (end - begin) * factor))
    notes = song.notes
    first = min(int(notes.onset.min(initial=line)), line) - line
    ahead = -(-_rounded(-first * factors[0]) // bar) * bar  # whole bars that make room for a pickup

    def moved(ticks: Ints) -> Ints:
        section = np.minimum(np.searchsorted(bounds, ticks, side="right"), len(factors) - 1)
        found = [
            ahead + _rounded(starts[at][1] + (tick - starts[at][0]) * factors[at])
            for tick, at in zip(ticks.tolist(), section.tolist(), strict=True)
        ]
        return np.array(found, dtype=np.int64)

    part, pitch, velocity = (column.astype(np.int64) for column in (notes.part, notes.pitch, notes.velocity))
    onset = moved(notes.onset.astype(np.int64))
    end = np.maximum(moved(notes.onset.astype(np.int64) + notes.length), onset + 1)
    new = replace(
        song,
        notes=settled(onset, pitch, end, velocity, part),
        metres=np.array([[0, *metre]], np.int32),
        tempos=_tempos(song, moved, factors, bounds),
        keys=song.keys[:1] * np.array([0, 1, 1], np.int32),  # from the start on
    )
    return new, _told(rows[:, 1:].tolist(), metre, factors)


def _rounded(ticks: Fraction | int) -> int:
    """The nearest tick; halves go up."""
    return int((Fraction(ticks) + Fraction(1, 2)) // 1)


def _tempos(song: Song, moved: Callable[[Ints], Ints], factors: list[Fraction], bounds: Ints) -> NDArray[np.float64]:
    """A beat takes as long as before: where beats are scaled, quarter notes a minute are too."""
    ticks = song.tempos[:, 0].astype(np.int64)
    section = np.minimum(np.searchsorted(bounds, ticks, side="right"), len(factors) - 1)
    scale = np.array([float(factor) for factor in factors])[section]
    table = np.column_stack([moved(ticks), song.tempos[:, 1] * scale]).astype(np.float64)
    table[0, 0] = 0.0
    return table


def _told(metres: list[list[int]], metre: Metre, factors: list[Fraction]) -> str:
    """ "6/8, brought into 4/4 beat by beat (lengths times 2/3)"."""
    names = list(dict.fromkeys(f"{numerator}/{denominator}" for numerator, denominator in metres))
    scales = sorted({factor for factor in factors if factor != 1})
    was = names[0] if len(names) == 1 else f"{len(names)} metres ({', '.join(names[:4])})"
    how = f"beat by beat, lengths times {' and '.join(map(str, scales))}" if scales else "lengths as they were"
    return f"{was}, brought into {metre[0]}/{metre[1]}: {how}, bars cut anew"
