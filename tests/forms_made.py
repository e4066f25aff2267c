"""Songs in given forms, and where their events stand, by a naive look through the whole song."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from events_made import BAR, events_of

from datamodules.form.finding import Section
from datamodules.form.guide import Stand
from datamodules.form.standing import Standing, stands_of
from datamodules.song import Events

Row = tuple[int, tuple[int, ...], int, int]  # tick, chord, duration, velocity


def sections_from(form: str, bars: Sequence[int]) -> list[Section]:
    firsts = np.cumsum([0, *bars]).tolist()
    return [Section(label, first, count) for label, first, count in zip(form, firsts, bars, strict=False)]


def lines_of(sections: Sequence[Section], bar: int = BAR) -> list[int]:
    return [bar * number for number in range(sections[-1].first + sections[-1].bars + 1)]


def rows_of(events: Events) -> list[Row]:
    columns = (events.onset.tolist(), events.chords(), events.duration.tolist(), events.velocity.tolist())
    return list(zip(*columns, strict=True))


def together(songs: Sequence[Events], sections: Sequence[Section], bar: int = BAR) -> Standing:
    """Where the events of songs stand that all have one form."""
    each = [stands_of(song, sections, lines_of(sections, bar)) for song in songs]
    return Standing(*(np.concatenate([getattr(one, name) for one in each]) for name in ("table", "bits", "nats")))


def naive_stand(rows: Sequence[Row], sections: Sequence[Section], lines: Sequence[int], tick: int) -> Stand:
    """What is to be said of a tick, by the definition; of bars that all are as long."""
    bar = lines[1] - lines[0]
    at = [s for s in sections if lines[s.first] <= tick < lines[s.first + s.bars]]
    if not at:
        return Stand()
    (section,) = at
    number = sections.index(section)
    labels = list(dict.fromkeys(s.label for s in sections))
    own = (labels.index(section.label), int(section.label in [s.label for s in sections[:number]]))
    own += (tick // bar - section.first, section.bars)  # type: ignore[assignment]

    def source(of: int) -> Section | None:
        return next((s for s in sections[:of][::-1] if s.label == sections[of].label), None)

    # the onsets that are expected: those of the earlier section, in this one and in the next
    expected = []
    for which in (number, number + 1):
        if which < len(sections) and (old := source(which)):
            moved = lines[sections[which].first] - lines[old.first]
            common = bar * min(old.bars, sections[which].bars)
            onsets = [row[0] for row in rows if row[0] <= tick] + [tick]
            inside = [onset for onset in onsets if lines[old.first] <= onset < lines[old.first] + common]
            expected += sorted({onset + moved for onset in inside if onset + moved > tick})[
                : None if which == number else 1
            ]
    following = min(expected, default=tick) - tick
    earlier = source(number)
    if earlier is None or own[2] >= earlier.bars:  # type: ignore[misc]
        return Stand(*own, following=following)
    there = tick - lines[section.first] + lines[earlier.first]
    held = [row for row in rows if lines[earlier.first] <= row[0] <= there]
    if not held:
        return Stand(*own, 1, following=following)
    onset, chord, duration, velocity = held[-1]
    return Stand(*own, 3 if onset == there else 2, duration, velocity, following, chord)


def returning(seed: int, form: str = "ABAB", bars: int = 2, pitches: int = 12) -> Events:
    """A song of single notes on the beats, each section what it was when it came first: nothing else tells a note."""
    random = np.random.default_rng(seed)
    melody = {label: random.integers(60, 60 + pitches, 4 * bars).tolist() for label in sorted(set(form))}
    notes = [(pitch,) for label in form for pitch in melody[label]]
    return events_of(notes, [24] * len(notes), [0, *[24] * (len(notes) - 1)])
