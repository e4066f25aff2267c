"""The heads write a song by a plan: section by section, on bar lines.

A section that is new begins where a section of the prime song does: the heads hear that one's opening and go on from
it, each new label from another one, and each is as loud as no other. A section that returns has the events that it had
when it came first, but for some chords of some bars. The last bar is a chord on the tonic that sounds to its end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import cast

import numpy as np
import torch

from datamodules.form.finding import Section, find_form
from datamodules.form.guide import Guide
from datamodules.song import Song, bar_lines
from datamodules.vocabulary import Chord
from experiments.heads import HEADS, WRITING
from experiments.music.arrangement.keys import key_of
from experiments.music.events.event import Event
from experiments.music.events.generation import Compose, hear_prime, own_column, song_of
from experiments.music.events.settings import Settings
from experiments.music.events.voices import Voice
from experiments.music.form.planning import Plan
from experiments.music.form.varying import Variation
from experiments.music.prime import Prime
from experiments.progress import Progress
from lightning_modules.fitting import Fit, Fitting

__all__ = ["planned"]

STEPS = (0, 5, -2, 7, 3)  # semitones that openings are moved by where the prime song has fewer sections than the plan
LEVELS = (0, 14, -10, 20, -4)  # steps of velocity that a label is louder than the first: a change is to be heard
LOWEST, HIGHEST = 36, 47  # where a last bass note may lie: C2 to B2


def planned(plan: Plan, variation: float) -> Compose:
    """What writes a song by a plan.

    Args:
        variation: how much a section that returns changes, see `varying.Variation`.
    """

    def compose(voices: Mapping[str, Voice], prime: Prime, settings: Settings, progress: Progress) -> Song:
        """By the whole plan; or, where its events are counted, as often as they last."""
        most = settings.events
        # each section has an event
        whole = plan if most is None else plan.lasting(plan.bars * (most // len(plan.sections) + 2))
        guide = Guide(whole.sections, range(0, (whole.bars + 1) * prime.bar, prime.bar))
        writer = _Writer(guide, variation, voices, prime, settings.limit)
        for section in whole.sections:
            end = section.first + section.bars
            writer.write(section, last=most is None and end == plan.bars)
            if writer.full:
                return song_of(prime, writer.song(), settings)
            progress(*((end, plan.bars) if most is None else (len(writer.written), most)))
        return song_of(prime, writer.song(), replace(settings, bars=plan.bars))

    return compose


class _Writer:
    """One new song; ticks count from its first bar line."""

    def __init__(self, guide: Guide, variation: float, voices: Mapping[str, Voice], prime: Prime, most: int) -> None:
        self.prime, self.voices, self.bar = prime, dict(voices), prime.bar
        self.most, self.guide = most, guide
        self.own = {name: own_column(prime, name) for name in WRITING if name not in voices}
        others = [name for name in WRITING if name != "offsets"]
        self.order = sorted(others, key=lambda name: len(HEADS[name].column.after))
        self.openings = _openings(prime)
        self.written: list[tuple[int, Event]] = []
        self.levels: list[int] = []  # of each event, how much louder it is than the heads say
        self.first: dict[str, tuple[int, list[tuple[int, Event]]]] = {}  # label: its bars, and its events by their tick
        source = next(iter(voices.values())).random
        chance = np.random.default_rng(int(torch.randint(2**31, (1,), generator=source)))
        self.variation = Variation(variation, chance)
        self.fitting = Fitting(voices["notes"].head.output) if "notes" in voices else None
        hear_prime(list(voices.values()), prime)
        self.before = prime.place - self.bar  # the tick of the event that was heard last

    @property
    def full(self) -> bool:
        """Whether all events are written that were asked for."""
        return len(self.written) >= self.most

    def write(self, section: Section, *, last: bool) -> None:
        """Write a section, new or again."""
        begin = section.first * self.bar
        end = begin + section.bars * self.bar
        stop = end - self.bar if last else end
        mark = len(self.written)
        new = section.label not in self.first
        if new:
            self._open(len(self.first), begin)
        if new or self.variation.free:
            if stop > begin:
                self._event(begin)
                self._draw(begin, stop)
        else:
            self._again(section, begin, stop)
        if last and not self.full:
            self._end(stop)
        events = [(tick - begin, event) for tick, event in self.written[mark:]]
        self.first.setdefault(section.label, (section.bars, events))
        level = LEVELS[list(self.first).index(section.label) % len(LEVELS)]
        self.levels += [level] * (len(self.written) - mark)

    def song(self) -> list[Event]:
        """The events, each with its distance from the one before as its offset, as `song_of` takes them."""
        ticks = [tick for tick, _ in self.written]
        loud = [
            min(max(event.velocity + level, 1), 127)
            for (_, event), level in zip(self.written, self.levels, strict=True)
        ]
        first = (ticks[0] - self.prime.place) % self.bar or self.bar
        offsets = [first, *np.diff(ticks).tolist()]
        rows = zip(self.written, offsets, loud, strict=True)
        return [replace(event, offset=offset, velocity=velocity) for (_, event), offset, velocity in rows]

    def _open(self, number: int, begin: int) -> None:
        """Let the heads hear how the section of the prime song begins that a new one goes on from."""
        opening = self.openings[number % len(self.openings)]
        step = STEPS[number // len(self.openings) % len(STEPS)]
        for event in opening:
            moved = replace(event, chords=_moved(event.chords, step))
            for voice in self.voices.values():
                voice.overhear(moved)
        self.before = begin - self.bar + opening[-1].place % self.bar  # its own bar may be a longer one

    def _again(self, section: Section, begin: int, stop: int) -> None:
        """The section as it came first, but for what changes; where it was shorter, as the heads go on."""
        bars, events = self.first[section.label]
        known = [[row for row in events if row[0] // self.bar == bar] for bar in range(min(bars, section.bars))]
        changes = self.variation.changes([len(rows) for rows in known])
        for rows, changing in zip(known, changes, strict=True):
            for place, (tick, event) in enumerate(rows):
                if begin + tick < stop and not self.full:
                    self._event(begin + tick, event, anew=place in changing)
        rest = begin + len(known) * self.bar
        if rest < stop:
            self._draw(rest, stop)

    def _draw(self, begin: int, end: int) -> None:
        """Let the heads write from a tick up to another."""
        while not self.full:
            if "offsets" in self.voices:
                voice = self.voices["offsets"].fork()
                step = int(cast(int, voice.say(Event(bar=self.bar, before=self.guide.stand(self.before)))))
            else:
                voice, step = None, max(int(cast(int, self.own["offsets"](0))), 1)
            tick = max(self.before + step, begin)
            if tick >= end:
                return
            if voice is not None:
                self.voices["offsets"] = voice
            self._event(tick, said=voice is not None)

    def _event(self, tick: int, known: Event | None = None, *, said: bool = False, anew: bool = False) -> None:
        """Write an event: a known one, or what the heads say of one at this tick.

        Args:
            said: whether the offsets head has said when it comes.
            anew: whether another chord stands in place of the known one's; one does, too, where that is barred.
        """
        event = self._begun(tick)
        if known is not None:
            event = replace(known, offset=event.offset, place=event.place, here=event.here, before=event.before)
        for name in self.order:
            if name == "notes" and known is not None and (anew or self._barred(event.chords)):
                event.chords = self._another(event, tick)
                event.lengths = event.lengths if len(event.lengths) == len(event.chords) else ()
            elif known is not None:
                if name in self.voices:
                    self.voices[name].expect(event)
            else:
                value = self.voices[name].say(event) if name in self.voices else self.own[name](tick)
                event.take(HEADS[name].column.field, value)
        if not said and "offsets" in self.voices:
            self.voices["offsets"].expect(event)
        self._heard(tick, event)

    def _begun(self, tick: int) -> Event:
        """An event at a tick, of which nothing else is known."""
        here, before = self.guide.stand(tick), self.guide.stand(self.before)
        return Event(offset=tick - self.before, place=tick % self.bar, bar=self.bar, here=here, before=before)

    def _another(self, event: Event, tick: int) -> Chord:
        """A chord in place of an event's, above the same lowest pitch if it has others.

        Where there is none: any other in place of one that is barred, else its own.
        """
        if self.fitting is None:
            return cast(Chord, self.own["notes"](tick))
        low, *others = event.chords
        room = np.arange(128) > low if others else np.ones(128, dtype=bool)
        voice = self.voices["notes"]
        fits = [Fit((low,) if others else (), room, voice.barred | {event.chords})]
        if self._barred(event.chords):
            fits.append(Fit((), np.ones(128, dtype=bool), voice.barred))
        return voice.say_fitting(event, self.fitting, *fits) or event.chords

    def _barred(self, chord: Chord) -> bool:
        return "notes" in self.voices and chord in self.voices["notes"].barred

    def _heard(self, tick: int, event: Event) -> None:
        self.guide.hear(tick, event.chords, event.duration, event.velocity)
        for voice in self.voices.values():
            voice.hear(event)
        self.written.append((tick, event))
        self.before = tick

    def _end(self, line: int) -> None:
        """A chord on the tonic, from the last bar line to the end."""
        key = key_of(self.prime.song)
        low = next(pitch for pitch in range(LOWEST, HIGHEST + 1) if pitch % 12 == key.number % 12)
        chord: Chord = (low, low + 12, low + (15 if key.minor else 16), low + 19)
        event = self._begun(line)
        if self.fitting is not None:
            voice = self.voices["notes"]
            chord = voice.say_fitting(event, self.fitting, Fit((low,), np.arange(128) > low, voice.barred)) or chord
        event.chords = chord
        event.duration = self.bar
        velocity = self.voices["velocity"].say(event) if "velocity" in self.voices else self.own["velocity"](line)
        event.take("velocity", velocity)
        self._heard(line, event)


def _openings(prime: Prime) -> list[list[Event]]:
    """The events that the sections of the prime song begin with, for each label; else those that it begins with."""
    song, events = prime.song, prime.events
    lines = bar_lines(song)
    found: dict[str, list[Event]] = {}
    for section in find_form(song).sections:
        if section.label not in found:
            first = int(np.searchsorted(events.onset, lines[section.first]))
            end = int(np.searchsorted(events.onset, lines[section.first + section.bars]))
            rows = prime.rows(first, min(first + prime.context, end))
            if rows:
                found[section.label] = rows
    return list(found.values()) or [prime.heard()]


def _moved(chord: Sequence[int], step: int) -> Chord:
    moved = [pitch + step for pitch in chord]
    return tuple(pitch - 12 if pitch > 127 else pitch + 12 if pitch < 0 else pitch for pitch in moved)
