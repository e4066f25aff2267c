"""Songs whose form is known: cut out of others, and put together in an order that is told."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from datamodules.form.finding import Section
from datamodules.song import Notes, Song, bar_lines

__all__ = ["FORMS", "Piece", "Told", "assemble", "assembled", "pieces_of"]

FORMS = ("AABA", "ABAB", "ABACA", "AABAB", "ABABCB", "ABCABC", "ABCBA", "AABBA", "IABABCBO", "IAABABCBBO")
BARS = (4, 8, 8, 8, 12, 16)  # of a section


@dataclass(frozen=True)
class Piece:
    """Bars of a song: `first` from 0, `bars` of them."""

    song: Song
    first: int
    bars: int


@dataclass(frozen=True)
class Told:
    """A song and its sections."""

    song: Song
    sections: tuple[Section, ...]


def assemble(pieces: Mapping[str, Piece], form: Sequence[str], *, varied: float = 0.0, seed: int = 0) -> Told:
    """The pieces in the order of the labels `form`, as one song of one metre.

    Args:
        pieces: by label, all of one grid and metre; parts of one role become one.
        varied: the share of the notes of a section that comes again that move by up to four semitones.
    """
    chance, grid = np.random.default_rng(seed), next(iter(pieces.values())).song.grid
    parts: dict[str, int] = {}
    kinds, columns, sections, heard, tick, bar = [], [], [], set(), 0, 0
    for label in form:
        piece = pieces[label]
        lines = bar_lines(piece.song)
        begin, end = lines[piece.first], lines[piece.first + piece.bars]
        notes = piece.song.notes
        rows = np.flatnonzero((notes.onset >= begin) & (notes.onset < end))
        roles = [piece.song.parts[part].role for part in notes.part[rows].tolist()]
        for part, role in zip(notes.part[rows].tolist(), roles, strict=True):
            if role not in parts:
                parts[role] = len(parts)
                kinds.append(piece.song.parts[part])
        pitch = notes.pitch[rows].copy()
        if label in heard and varied:
            moved = chance.random(len(rows)) < varied
            pitch[moved] = np.clip(pitch[moved] + chance.integers(-4, 5, int(moved.sum())), 0, 127)
        onset = notes.onset[rows] - begin
        length = np.minimum(notes.length[rows], end - begin - onset)
        own = np.array([parts[role] for role in roles], np.int64)
        columns.append(np.stack([onset + tick, pitch, length, notes.velocity[rows], own]).astype(np.int32))
        sections.append(Section(label, bar, piece.bars))
        heard.add(label)
        tick, bar = tick + end - begin, bar + piece.bars
    table = np.concatenate(columns, axis=1)
    table = table[:, np.lexsort((table[1], table[4], table[0]))]
    first = next(iter(pieces.values())).song
    metre = first.metres[-1:].copy()
    metre[0, 0] = 0
    song = Song(grid, tuple(kinds), Notes(*table), first.tempos[:1], metre, np.zeros((0, 3), np.int32), "".join(form))
    return Told(song, tuple(sections))


def pieces_of(song: Song, sections: Sequence[tuple[str, int, int]]) -> dict[str, Piece]:
    """The first section of each label (label, first bar, bars) of a song."""
    found: dict[str, Piece] = {}
    for label, first, bars in sections:
        found.setdefault(label, Piece(song, first, bars))
    return found


def assembled(songs: Sequence[Song], count: int, *, varied: float = 0.0, seed: int = 0) -> list[Told]:
    """Songs of `FORMS`, each section out of another song of the metre that most of the songs have."""
    chance = random.Random(seed)
    steady = [song for song in songs if len(song.metres) == 1 and len(song.notes) > 30]
    metres = [tuple(song.metres[0, 1:].tolist()) for song in steady]
    usual = max(set(metres), key=metres.count)
    long = [(song, len(bar_lines(song)) - 1) for song, metre in zip(steady, metres, strict=True) if metre == usual]
    told = []
    for number in range(count):
        form = chance.choice(FORMS)
        pieces: dict[str, Piece] = {}
        for label in sorted(set(form)):
            bars = chance.choice(BARS)
            taken = [id(piece.song) for piece in pieces.values()]
            able = [(song, whole) for song, whole in long if whole > bars and id(song) not in taken]
            song, whole = chance.choice(able)
            pieces[label] = Piece(song, chance.randint(0, min(whole - bars - 1, 4)), bars)
        told.append(assemble(pieces, form, varied=varied, seed=seed + number))
    return told
