"""The lengths of single notes, which a head of grain note predicts: by pitch, and as a sequence that n-grams can read.

An event's notes are taken from high to low, so that a melody comes before what is held under it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from datamodules.columns import Column
from datamodules.context import Context
from datamodules.vocabulary import PITCHES

__all__ = ["by_pitch", "notes_of", "summed", "unrolled"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def by_pitch(context: Context, events: Ints, shift: Ints | None = None) -> Ints:
    """The lengths of the notes of N events, each at its pitch.

    Args:
        events: (N,).
        shift: semitones that each of them is moved by, (N,).

    Returns:
        int64 (N, 128), ticks as they stand in the song, 0 where no note sounds.
    """
    row, pitch = np.unpackbits(context.bits[events], axis=1).nonzero()  # event by event, low to high
    if shift is not None:
        pitch = (pitch + shift[row]) % PITCHES  # as `windows` moves chords
    laid = np.zeros((len(events), PITCHES), np.int64)
    laid[row, pitch] = context.lengths[notes_of(context, events)[0]]
    return laid


def notes_of(context: Context, events: Ints) -> tuple[Ints, Ints]:
    """The K notes of N events, one event after another: where each stands among all notes, and its row in `events`."""
    first, sizes = context.starts[events], np.diff(context.starts)[events]
    row = np.repeat(np.arange(len(events)), sizes)
    return np.arange(len(row)) + (first - np.cumsum(sizes) + sizes)[row], row


def summed(values: Floats, row: Ints) -> Floats:
    """Values of notes, (..., K), summed over each event's: (..., N); `row` as `notes_of` gives it."""
    first = np.flatnonzero(np.diff(row, prepend=-1))  # no event is without notes
    return np.add.reduceat(values, first, axis=-1)


def unrolled(column: Column) -> Column:
    """A column of single notes' lengths with a row a note, for models that read one value after another.

    Event i's notes stand where they stand in `Context.lengths`, but from high to low. The context stays the events'.
    """
    assert column.spec.grain == "note"
    assert column.histogram is not None
    starts = column.context.starts
    event = np.repeat(np.arange(len(column)), np.diff(starts))
    lengths = column.context.lengths[(starts[event] + starts[event + 1] - 1) - np.arange(len(event))]
    ticks, which = np.unique(np.clip(lengths, column.spec.lowest, column.highest), return_inverse=True)
    place = {value: i for i, value in enumerate(column.lexicon)}
    return replace(
        column,
        spec=replace(column.spec, grain="event"),
        ids=np.array([place[tick] for tick in ticks.tolist()], dtype=np.int32)[which],
        value=lengths,
        base=np.log(column.histogram)[ticks - column.spec.lowest][which],
        starts=starts[column.starts],
        part=column.part[event],
    )
