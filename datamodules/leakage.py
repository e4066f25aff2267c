"""How much of what is held out stands in the training part too: held-out figures then measure repetition."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from operator import attrgetter
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datamodules.grams import numbered, paired
from datamodules.song import Events
from datamodules.splits import PARTS, TRAIN, Marks, Split

__all__ = ["leakage"]

COLUMNS: Mapping[str, str] = MappingProxyType({"notes": "chords", "durations": "duration", "offsets": "offset"})
GRAM = 6  # events that are compared

Ints = NDArray[np.int64]


def leakage(
    events: Sequence[Events],
    split: Split,
    held: int,
    columns: Mapping[str, str] = COLUMNS,
    of: Mapping[str, Callable[[Events], NDArray[Any]]] = MappingProxyType({}),
) -> dict[str, float | None]:
    """How much of a held-out part stands in the training part too.

    It is the share of the occurrences of six values in a row, wholly in one song's held-out events, that also occur
    somewhere wholly in training events. A first event belongs to its song's part, but its offset, which is a position
    in the bar, to no row of six.

    Args:
        events: the songs that were split.
        split: theirs.
        held: VALID or TEST.
        columns: which, by name: attributes of `Events`, or keys of `of`.
        of: what gives columns that `Events` does not hold.

    Returns:
        Shares from 0 to 1 of the columns and of `triples` (chord, duration and offset at once). None where the part
        holds no six events in a row.
    """
    lengths = [len(song) for song in events]
    song = np.repeat(np.arange(len(events)), lengths)
    values = _values(events, {*COLUMNS.values(), *columns.values()}, of)
    where = np.concatenate([_with_first(marks, split.songs[i]) for i, marks in enumerate(split.parts)])
    opening = np.zeros(len(song), dtype=bool)
    opening[np.cumsum([0, *lengths[:-1]])] = True
    shares: dict[str, float | None] = {}
    for name, field in {**columns, "triples": "triples"}.items():
        skipped = opening if field in ("offset", "triples") else np.zeros_like(opening)
        shares[name] = _share_seen(values[field], song, where, skipped, held)
    return shares


def _values(
    events: Sequence[Events], fields: Collection[str], of: Mapping[str, Callable[[Events], NDArray[Any]]]
) -> dict[str, Ints]:
    """A number for each value of each column, and of the triples, (events,)."""
    chords: dict[tuple[int, ...], int] = {}
    ids = [chords.setdefault(chord, len(chords)) for one in events for chord in one.chords()]
    values = {"chords": np.array(ids, dtype=np.int64)}
    for field in {*fields} - {"chords"}:
        read = of.get(field) or attrgetter(field)
        values[field] = numbered(np.concatenate([read(one) for one in events]))
    values["triples"] = paired(paired(values["chords"], values["duration"]), values["offset"])
    return values


def _with_first(marks: Marks, name: str) -> Marks:
    """A song's marks, its first event in the part that it belongs to."""
    marks = marks.copy()
    marks[0] = PARTS.get(name, TRAIN)
    return marks


def _share_seen(column: Ints, song: Ints, where: Marks, skipped: NDArray[np.bool_], held: int) -> float | None:
    """The share of the held-out rows of `GRAM` values that occur in training; all arrays are of shape (events,)."""
    count = max(len(column) - GRAM + 1, 0)
    gram = column[:count]
    for distance in range(1, GRAM):
        gram = paired(gram, column[distance : distance + count])
    last = slice(GRAM - 1, GRAM - 1 + count)
    # a song's events of one part lie side by side: the first and the last of six tell where all six are
    whole = (song[:count] == song[last]) & (where[:count] == where[last]) & ~skipped[:count]
    inside = gram[whole & (where[:count] == held)]
    if not len(inside):
        return None
    return float(np.isin(inside, gram[whole & (where[:count] == TRAIN)]).mean())
