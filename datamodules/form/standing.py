"""Where the events of songs stand in their forms, as a network is shown it, and what telling a form costs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datamodules.context import tick_features
from datamodules.form.finding import Section, find_form
from datamodules.form.guide import BEFORE, EMPTY, THERE, Guide
from datamodules.song import Events, Song, bar_lines
from datamodules.vocabulary import PITCHES

__all__ = ["Standing", "plan_nats", "stand_features", "stand_size", "standing_of", "stands_of"]

LABELS = 6  # told apart, by first appearance; those after count as the last of them
PHASES = (2, 4, 8)  # bars; of a bar's number in its section
LONGEST = 32  # bars of a section; longer ones are no costlier to tell, but in the features they are alike
COLUMNS = 8  # of `Standing.table`

Ints = NDArray[np.int32]
Floats = NDArray[np.float32]


def plan_nats(sections: Sequence[Section]) -> list[float]:
    """What it costs to tell a plan, by section; the last one's is with the end.

    A code, fixed and not fitted: before each section, and at the end, one of the labels so far, a new one, or the end,
    all alike. Then its bars: of a label that comes again a bit says whether they are as many as last time. If not, a
    bit says whether they are one of 4, 8, ..., 32, all alike, or another number: one of 1 to 32, all alike, or more,
    which are told bar by bar, a bit each.
    """
    lengths: dict[str, int] = {}
    nats = []
    for section in sections:
        cost, before = math.log(len(lengths) + 2), lengths.get(section.label)
        if before is not None:
            cost += math.log(2)
        if before != section.bars:
            cost += _length_nats(section.bars)
        lengths[section.label] = section.bars
        nats.append(cost)
    if nats:
        nats[-1] += math.log(len(lengths) + 2)
    return nats


def _length_nats(bars: int) -> float:
    wholes = range(4, LONGEST + 1, 4)
    if bars in wholes:
        return math.log(2 * len(wholes))
    return math.log(2 * (LONGEST + 1)) + max(bars - LONGEST, 0) * math.log(2)


@dataclass(frozen=True)
class Standing:
    """Where E events stand in the forms of their songs, one song after another.

    Attributes:
        table: int32 (E, 8), the numbers of each event's `Stand`.
        bits: uint8 (E, 16), the pitches of its chord; see `numpy.packbits`.
        nats: float64 (E,), what telling the form costs, shared out: a section's among its events but the song's first.
        laid: what columns lay out of it, as of their `Context`.
    """

    table: Ints
    bits: NDArray[np.uint8]
    nats: NDArray[np.float64]
    laid: dict[str, NDArray[Any]] = field(init=False, compare=False, repr=False, default_factory=dict)

    def __len__(self) -> int:
        return len(self.table)

    def features(self, grid: int) -> Floats:
        """What a network is shown, float32 (E, `stand_size`)."""
        return stand_features(self.table, grid)


def stand_size() -> int:
    """Numbers that a network is shown of a place in a form, beside the chord that it held."""
    return int(stand_features(np.zeros((1, COLUMNS), np.int32), 1).shape[1])


def stand_features(table: Ints, grid: int) -> Floats:
    """Features of places, (E, 8), as in `Standing` -> float32 (E, `stand_size`); zeros where there is no plan."""
    label, again, bar, bars, known, duration, velocity, following = table.T
    told, held, next_ = (bars > 0)[:, None], (known >= BEFORE)[:, None], (following > 0)[:, None]
    turns = 2 * np.pi * bar[:, None] / np.array(PHASES)
    lengths = np.log2(1 + np.minimum(np.stack([np.maximum(bars - bar, 0), bars], axis=1), LONGEST)) / 5
    own = np.concatenate(
        [
            np.minimum(label, LABELS - 1)[:, None] == np.arange(LABELS),
            np.stack([again, bars > 0, bar == 0, bar + 1 == bars], axis=1),
            np.sin(turns),
            np.cos(turns),
            lengths,
        ],
        axis=1,
    )
    other = np.concatenate(
        [known[:, None] == np.array([EMPTY, BEFORE, THERE]), tick_features(duration, grid) * held], axis=1
    )
    loud = (velocity[:, None] / 64 - 1) * held
    then = tick_features(following, grid) * next_
    found: Floats = (np.concatenate([own, other, loud, then, next_], axis=1) * told).astype(np.float32)
    return found


def standing_of(
    songs: Sequence[Song], events: Sequence[Events], progress: Callable[[int, int], None] | None = None
) -> Standing:
    """Where the events of songs stand in the forms that are found in them; nowhere in a song too long to find one.

    Args:
        songs, events: the songs, and of each the events that are learnt.
        progress: called with the number of songs done and of all.
    """
    found = []
    for number, (song, own) in enumerate(zip(songs, events, strict=True)):
        found.append(stands_of(own, find_form(song).sections, bar_lines(song)))
        if progress is not None:
            progress(number + 1, len(songs))
    return Standing(
        np.concatenate([np.zeros((0, COLUMNS), np.int32), *(each.table for each in found)]),
        np.concatenate([np.zeros((0, PITCHES // 8), np.uint8), *(each.bits for each in found)]),
        np.concatenate([np.zeros(0), *(each.nats for each in found)]),
    )


def stands_of(events: Events, sections: Sequence[Section], lines: Sequence[int]) -> Standing:
    """Where the events of one song stand in a form; nowhere in one without sections."""
    table = np.zeros((len(events), COLUMNS), np.int32)
    flags = np.zeros((len(events), PITCHES), np.uint8)
    if not sections:
        return Standing(table, np.packbits(flags, axis=1), np.zeros(len(events)))
    guide = Guide(sections, lines)
    columns = (events.onset.tolist(), events.chords(), events.duration.tolist(), events.velocity.tolist())
    for row, (tick, chord, duration, velocity) in enumerate(zip(*columns, strict=True)):
        stand = guide.stand(tick)
        table[row] = stand[:COLUMNS]
        flags[row, list(stand.chord)] = 1
        guide.hear(tick, chord, duration, velocity)
    return Standing(table, np.packbits(flags, axis=1), _shared_out(events, sections, lines))


def _shared_out(events: Events, sections: Sequence[Section], lines: Sequence[int]) -> NDArray[np.float64]:
    """What telling a form costs, by event; of a section without events it is the next one's that has some."""
    ends = np.searchsorted(events.onset, [lines[section.first + section.bars] for section in sections])
    targets = np.maximum(ends, 1).tolist()  # a song's first event is none, whichever section it stands in
    nats, owed = np.zeros(len(events)), 0.0
    for (begin, end), cost in zip(pairwise([1, *targets]), plan_nats(sections), strict=True):
        owed += cost
        if end > begin:
            nats[begin:end], owed = owed / (end - begin), 0.0
    nats[1:] += owed / max(len(events) - 1, 1)
    return nats
