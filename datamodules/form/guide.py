"""Where an event stands in the form of its song, and what the same place held when its section's label last came.

A plan (which sections, how long, which of them are the same again) is told before a song begins; what an earlier
section held is known once it has been heard. So what is said of a place depends on the plan and on events before it
alone: a `Guide` takes in a song event by event, in training as in generation. Telling the plan costs nats
(`standing.plan_nats`), which whoever is told it is charged for.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from datamodules.form.finding import Section
from datamodules.vocabulary import Chord

__all__ = ["BEFORE", "EMPTY", "THERE", "UNTOLD", "Guide", "Stand"]

NOWHERE, EMPTY, BEFORE, THERE = range(4)  # `Stand.known`


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
