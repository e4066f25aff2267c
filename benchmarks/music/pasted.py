"""The baseline of a planned song: the sections of a real one, pasted in the order that was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from datamodules.form.finding import Section, find_form
from datamodules.song import Notes, Song, bar_lines

__all__ = ["pasted"]


def pasted(song: Song, plan: Sequence[Section], turn: int = 0) -> Song:
    """A song's own sections by a plan, with their loudness; without drums, which planned songs lack too.

    Each label of the plan is a label of the song's own form: its first section, from its start, begun again where it
    is short. Where the plan has more labels than the form, some are the same. Bars are to be of one length: those of
    a song with a pickup or another metre on its way come to stand off the new bar lines.

    Args:
        turn: the label of the song's form, counted from 0, that the plan's first one is.
    """
    own: dict[str, Section] = {}
    for section in find_form(song).sections:
        own.setdefault(section.label, section)
    sections = list(own.values())
    labels = list(dict.fromkeys(section.label for section in plan))
    lines, bars = bar_lines(song), []
    for section in plan:
        source = sections[(labels.index(section.label) + turn) % len(sections)]
        bars += [source.first + number % source.bars for number in range(section.bars)]
    return _of_bars(song, np.array(lines), bars)


def _of_bars(song: Song, lines: np.ndarray, bars: Sequence[int]) -> Song:
    notes, pitched = song.notes, song.chosen()
    columns, tick = [], 0
    for bar in bars:
        begin, end = lines[bar], lines[bar + 1]
        rows = np.flatnonzero(pitched & (notes.onset >= begin) & (notes.onset < end))
        where = (notes.onset[rows] - begin + tick, notes.pitch[rows], notes.length[rows])
        columns.append(np.stack([*where, notes.velocity[rows], notes.part[rows]]))
        tick += end - begin
    table = np.concatenate(columns, axis=1)
    table[2] = np.minimum(table[2], tick - table[0])
    table = table[:, np.lexsort((table[1], table[4], table[0]))].astype(np.int32)
    metre = song.metres[-1:].copy()
    metre[0, 0] = 0
    return replace(song, notes=Notes(*table), tempos=song.tempos[:1], metres=metre, keys=song.keys[:0])
