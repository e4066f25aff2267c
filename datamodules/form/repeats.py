"""How much of a song comes again: bars in passages that are heard twice, in any key.

A passage is at least four bars in a row, among which are at least three different ones that are not empty. Two that
do not overlap match if each bar of one, moved by the same number of semitones, has the onsets and pitches of its bar
in the other: at an F1 of at least 0.8, bar by bar. Drums, lengths and loudness do not matter.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from datamodules.song import Song, bar_lines

__all__ = ["ALIKE", "bars_alike", "notes_of_bars", "repeated"]

Flags = NDArray[np.bool_]

BARS = 4  # of a passage, at least
DIFFERENT = 3  # of them, that are not empty: less is a figure that goes on, not a passage that returns
FINEST = 24  # places a quarter note, at most
ALIKE = 0.8  # F1 of onsets and pitches from which a bar is the same again


def notes_of_bars(song: Song) -> Flags:
    """Which pitch begins where in each bar: (bars, places, 128), from the first bar line up to the last onset's bar.

    A place is a tick of the bar at which any bar of the song has an onset. If the grid is finer than 24 ticks a quarter
    note, it is the nearest 24th: the work grows with the places, and so small a difference makes no other bar.
    """
    keep = song.chosen()
    onset, pitch = song.notes.onset[keep], song.notes.pitch[keep]
    lines = np.array(bar_lines(song))
    bar = np.clip(np.searchsorted(lines, onset, side="right") - 1, 0, None)
    where = np.rint((onset - lines[bar]) / max(song.grid / FINEST, 1)).astype(np.int64)
    places, place = np.unique(where, return_inverse=True)
    held = np.zeros((int(bar.max(initial=-1)) + 1, len(places), 128), dtype=bool)
    held[bar, place, pitch] = True
    return held


def bars_alike(one: Flags, other: Flags) -> NDArray[np.float64]:
    """F1 of onsets and pitches, of any bar of one with any of the other: (N, places, pitches), (M, ...) -> (N, M).

    Two empty bars are alike.
    """
    first, second = (held.reshape(len(held), -1) for held in (one, other))
    both = first.astype(np.float32) @ second.T.astype(np.float32)  # exact: counts
    found: NDArray[np.float64] = _f1(both, first.sum(axis=1), second.sum(axis=1))
    return found


def repeated(song: Song) -> float:
    """The share of its bars that stand in a passage that matches another one; 0 for a song without notes.

    Bars before the first onset, and those after the last, do not count.
    """
    held = notes_of_bars(song)
    filled = held.any(axis=(1, 2))
    if not filled.any():
        return 0.0
    held = held[filled.argmax() :]
    different, which = np.unique(held.reshape(len(held), -1), axis=0, return_inverse=True)
    third = _third(which, np.flatnonzero(different.any(axis=1)))
    covered = np.zeros(len(held) + 1, np.int64)
    for alike in _alike(different.reshape(-1, *held.shape[1:])):
        for distance, first, end in _runs(alike[np.ix_(which, which)]):
            bars = min(end - first, distance)  # a longer passage would overlap the other
            starts = np.arange(first, end - bars + 1)
            kept = (third[starts] < starts + bars) & (third[starts + distance] < starts + distance + bars)
            for start in (starts[kept], starts[kept] + distance):
                np.add.at(covered, start, 1)
                np.add.at(covered, start + bars, -1)
    return float((np.cumsum(covered)[:-1] > 0).mean())


def _f1(both: NDArray[np.float32], one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.float64]:
    notes = one[:, None] + other
    return np.where(notes > 0, 2 * both / np.maximum(notes, 1), 1.0)


def _alike(bars: Flags) -> Iterator[Flags]:
    """Whether any bar, moved by a number of semitones, is any other: (N, N), of all numbers that there may be.

    Downwards is upwards from the other one.
    """
    pitches = np.flatnonzero(bars.any(axis=(0, 1)))
    held = bars[:, :, pitches[0] : pitches[-1] + 1].astype(np.float32)
    sizes = bars.sum(axis=(1, 2))
    width = held.shape[2]
    for step in range(width):
        low, high = (part.reshape(len(bars), -1) for part in (held[:, :, : width - step], held[:, :, step:]))
        alike = _f1(low @ high.T, sizes, sizes) >= ALIKE - 1e-9
        yield alike
        if step:
            yield alike.T


def _third(which: NDArray[np.int64], filled: NDArray[np.int64]) -> NDArray[np.int64]:
    """The bar that is the third different one that is not empty, counted from each bar on; beyond the end if none.

    Args:
        which: of each bar, its number among the different ones.
        filled: the numbers of those that are not empty.
    """
    found = np.full(len(which), 2 * len(which) + 1)
    full = set(filled.tolist())
    latest: dict[int, int] = {}
    for bar, number in reversed(list(enumerate(which.tolist()))):
        if number in full:
            latest[number] = bar
        if len(latest) >= DIFFERENT:
            found[bar] = sorted(latest.values())[DIFFERENT - 1]
    return found


def _runs(alike: Flags) -> Iterator[tuple[int, int, int]]:
    """Bars that are others again, at least four in a row: how far the others are, the first, and the end."""
    count = len(alike) - BARS + 1
    if count <= 0:
        return
    begun = np.logical_and.reduce([alike[bar : bar + count, bar : bar + count] for bar in range(BARS)])
    first, other = np.nonzero(begun)
    for distance in np.unique((other - first)[other - first >= BARS]).tolist():
        along = np.flatnonzero(np.diff(alike.diagonal(distance), prepend=False, append=False))
        yield from ((distance, a, b) for a, b in along.reshape(-1, 2).tolist() if b - a >= BARS)
