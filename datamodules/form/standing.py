"""Where events stand in the form of their song, and what the same place held when its section's label last came.

A plan (which sections, how long, which of them are the same again) is told before a song begins; what an earlier
section held is known once it has been heard. So what is said of a place depends on the plan and on events before it
alone: a `Guide` takes in a song event by event, in training as in generation. Telling the plan costs nats
(`plan_nats`), which whoever is told it is charged for.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from datamodules.context import PITCHES, tick_features
from datamodules.form.finding import LONGEST_SONG, Section, find_form
from datamodules.song import Events, Song, bar_lines
from datamodules.vocabulary import Chord

__all__ = [
    "UNTOLD",
    "Guide",
    "Stand",
    "Standing",
    "plan_nats",
    "stand_features",
    "stand_size",
    "standing_of",
    "stands_of",
]

LABELS = 6  # told apart, by first appearance; those after count as the last of them
PHASES = (2, 4, 8)  # bars; of a bar's number in its section
LONGEST = 32  # bars of a section; longer ones are no costlier to tell, but in the features they are alike
NOWHERE, EMPTY, BEFORE, THERE = range(4)  # `Stand.known`
COLUMNS = 8  # of `Standing.table`

Ints = NDArray[np.int32]
Floats = NDArray[np.float32]


class Stand(NamedTuple):
    """What a plan, and what was heard before, say of a place. All zeros where there is no plan.

    Attributes:
        label: of its section, by first appearance, from 0.
        again: whether the label came before.
        bar: of the section, from 0.
        bars: of the section; 0 where there is no plan.
        known: what there is in the section that had this label last, at the same place of the same bar: NOWHERE (no
            such section, or none so long), EMPTY (nothing yet), BEFORE (an event before it, which is told in its
            stead), THERE (an event).
        duration: of that event, ticks.
        velocity: of that event.
        following: ticks from there to the next onset: in that section, else in the one that the next section repeats;
            0 for none.
        chord: of that event.
    """

    label: int = 0
    again: int = 0
    bar: int = 0
    bars: int = 0
    known: int = NOWHERE
    duration: int = 0
    velocity: int = 0
    following: int = 0
    chord: Chord = ()


UNTOLD = Stand()


class Guide:
    """Follows a song through its plan.

    Args:
        sections: of the plan, in order and without gaps.
        lines: the ticks at which its bars begin, and the end of the last.
    """

    def __init__(self, sections: Sequence[Section], lines: Sequence[int]) -> None:
        self.sections, self.lines = sections, lines
        self._firsts = [section.first for section in sections]
        labels = list(dict.fromkeys(section.label for section in sections))
        self._label = [labels.index(section.label) for section in sections]
        last: dict[str, int] = {}
        self._earlier: list[int | None] = []  # the section that had each one's label last
        for number, section in enumerate(sections):
            self._earlier.append(last.get(section.label))
            last[section.label] = number
        self._ticks: list[int] = []
        self._heard: list[tuple[int, int, Chord]] = []  # duration, velocity, chord

    def hear(self, tick: int, chord: Chord, duration: int, velocity: int) -> None:
        """Take in the next event."""
        self._ticks.append(tick)
        self._heard.append((duration, velocity, chord))

    def stand(self, tick: int) -> Stand:
        """What is said of an onset at a tick that is no earlier than all that were heard."""
        if not self.lines[0] <= tick < self.lines[-1]:
            return UNTOLD
        bar = bisect_right(self.lines, tick) - 1
        number = bisect_right(self._firsts, bar) - 1
        section, place = self.sections[number], tick - self.lines[bar]
        earlier = self._earlier[number]
        own = (self._label[number], int(earlier is not None), bar - section.first, section.bars)
        there = self._moved(number, earlier, bar - section.first, place)
        if there is None or earlier is None:
            return Stand(*own, following=self._next_section(number, tick))
        following = self._following(number, earlier, there, tick)
        index = bisect_right(self._ticks, there) - 1
        if index < 0 or self._ticks[index] < self.lines[self.sections[earlier].first]:
            return Stand(*own, EMPTY, following=following)
        known = THERE if self._ticks[index] == there else BEFORE
        duration, velocity, chord = self._heard[index]
        return Stand(*own, known, duration, velocity, following, chord)

    def _moved(self, number: int, other: int | None, bar: int, place: int) -> int | None:
        """The tick of a place in a bar of one section, in the same bar of another; None if there is no such place."""
        if other is None or bar >= min(self.sections[number].bars, self.sections[other].bars):
            return None
        first = self.sections[other].first + bar
        line = self.lines[first]
        return line + place if place < self.lines[first + 1] - line else None

    def _following(self, number: int, earlier: int, there: int, tick: int) -> int:
        """Ticks from `tick`, which is `there` in an earlier section, to the next onset."""
        index = bisect_right(self._ticks, there)
        return self._back(number, earlier, index, tick) or self._next_section(number, tick)

    def _next_section(self, number: int, tick: int) -> int:
        """Ticks to the first onset of the next section, by the one that it repeats; 0 for none.

        That one may be the section that the tick is in, which has begun by this onset if it had not before.
        """
        if number + 1 == len(self.sections) or (earlier := self._earlier[number + 1]) is None:
            return 0
        line = self.lines[self.sections[earlier].first]
        index = bisect_left(self._ticks, line)
        return self._back(number + 1, earlier, index, tick, tick if earlier == number else None)

    def _back(self, number: int, earlier: int, index: int, tick: int, else_: int | None = None) -> int:
        """Ticks from `tick` to where an onset of an earlier section comes again in section `number`; 0 for nowhere."""
        onset = self._ticks[index] if index < len(self._ticks) else else_
        if onset is None or onset < self.lines[self.sections[earlier].first]:
            return 0
        bar = bisect_right(self.lines, onset) - 1
        again = self._moved(earlier, number, bar - self.sections[earlier].first, onset - self.lines[bar])
        return max(again - tick, 0) if again is not None else 0


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
    """

    table: Ints
    bits: NDArray[np.uint8]
    nats: NDArray[np.float64]

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
        lines = bar_lines(song)
        sections = find_form(song).sections if len(lines) - 1 <= LONGEST_SONG else ()
        found.append(stands_of(own, sections, lines))
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
    nats, owed = np.zeros(len(events)), 0.0
    for (begin, end), cost in zip(pairwise([1, *ends.tolist()]), plan_nats(sections), strict=True):
        owed += cost
        if end > begin:
            nats[begin:end], owed = owed / (end - begin), 0.0
    nats[1:] += owed / max(len(events) - 1, 1)
    return nats
