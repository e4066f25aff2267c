"""The heads write around parts that stay: what they add, event by event.

The offsets head proposes the next onset, the notes head its chord. Where a kept note begins before, or then, the event
stands there and its chord holds the kept pitches. Where none does, a chord that leaves no room to the kept notes is
drawn again together with its onset: an onset that was for another melody goes away with it. All heads hear every event
as it becomes: kept and added notes together, as they heard the training songs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from itertools import count
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from datamodules.bars import bar_numbers
from datamodules.errors import UserError
from datamodules.song import Song
from datamodules.vocabulary import Chord, Value
from experiments.heads import WRITING
from experiments.music.events.dynamics import Dynamics
from experiments.music.events.event import Event
from experiments.music.events.generation import PART, Compose, hear_prime, own_column
from experiments.music.events.settings import Settings
from experiments.music.events.voices import TRIES, Voice
from experiments.music.own_song.joining import joined
from experiments.music.own_song.keeping import Kept
from experiments.music.prime import Prime
from experiments.progress import Progress
from lightning_modules.fitting import Fit, Fitting

__all__ = ["accompaniment"]

AHEAD = 1  # quarter notes for which an added note has room when it begins


class _Given(NamedTuple):
    """The kept notes of an event."""

    chord: Chord
    lengths: tuple[int, ...]
    velocity: int


def accompaniment(kept: Kept) -> Compose:
    """What writes around kept notes: a song on the heads' grid, the kept parts first, what is added in one more."""

    def compose(voices: Mapping[str, Voice], prime: Prime, settings: Settings, progress: Progress) -> Song:
        return _Writer(kept, voices, prime, settings).song(progress)

    return compose


class _Writer:
    """One new song.

    Args:
        kept: what stays.
        voices: the heads'; they have heard nothing.
        prime: what they hear first.
        settings: how much.
    """

    def __init__(self, kept: Kept, voices: Mapping[str, Voice], prime: Prime, settings: Settings) -> None:
        hear_prime(list(voices.values()), prime)
        self.kept, self.voices, self.prime, self.settings = kept, dict(voices), prime, settings
        self.own = {name: own_column(prime, name, self._where) for name in WRITING if name not in voices}
        self.fitting = Fitting(voices["notes"].head.output) if "notes" in voices else None
        self.dynamics = Dynamics.of(prime)
        self.end = kept.end_of(settings)
        events = kept.song.events()
        bounds = events.starts.tolist()
        lengths, loud = events.lengths.tolist(), events.velocity.tolist()
        self.given = {
            onset: _Given(chord, tuple(lengths[bounds[row] : bounds[row + 1]]), loud[row])
            for row, (onset, chord) in enumerate(zip(events.onset.tolist(), events.chords(), strict=True))
            if onset < self.end
        }
        self.coming = sorted(self.given, reverse=True)  # the kept onsets that are still to come, the next one last
        self.now: int | None = None  # the onset of the event before
        self.clock: int | None = None  # of the prime's own offsets, which know nothing of the kept notes
        self.tried = -1  # the last onset at which no chord left room
        self.asked: Voice | None = None  # the offsets head after its last proposal
        self.level = 127  # velocity of the last kept event

    def song(self, progress: Progress) -> Song:
        """Write it."""
        rows: list[tuple[int, int, int, int]] = []
        written, most = 0, self.settings.most
        while written < most and (found := self._next()) is not None:
            onset, event = found
            rows += self._finished(onset, event)
            for voice in self.voices.values():
                voice.hear(event)
            self.now, written = onset, written + 1
            done, of = (onset, self.end) if math.isfinite(self.end) else (written, most)
            progress(round(done), round(of))
        if not written:
            raise UserError(f"--keep: no note begins in the bars that are asked for of {self.kept.song.name}")
        progress(1, 1)
        return self._together(rows)

    def _together(self, rows: list[tuple[int, int, int, int]]) -> Song:
        assert self.now is not None
        kept, _ = self.kept.of(self.settings, self.now)
        onset, pitch, length, velocity = np.array(rows, np.int64).reshape(-1, 4).T
        added = (onset, pitch, length, velocity, np.full(len(onset), len(kept.parts)))
        song = joined(kept, (*kept.parts, PART), added)
        tempo = self.settings.tempo
        return song if tempo is None else replace(song, tempos=np.array([[0.0, tempo]]))

    def _next(self) -> tuple[int, Event] | None:
        """The next event and its onset, its chord drawn; None at the end."""
        for _ in range(TRIES) if "offsets" in self.voices else count():
            onset = self._proposed()
            if self.coming and onset >= self.coming[-1]:
                break
            if onset >= self.end:
                return None
            event = self._at(onset)
            if self._drawn(event, onset):
                return onset, event
            self.tried = onset
        if not self.coming:  # no chord has room beside the last kept note: one comes when it has ended
            return self._after_all()
        onset = self.coming.pop()
        event = self._at(onset)
        event.chords = self._around(self.given[onset].chord, event, onset)
        return onset, event

    def _after_all(self) -> tuple[int, Event] | None:
        notes = self.kept.song.notes
        onset = max(int((notes.onset.astype(np.int64) + notes.length).max()), self._before + 1)
        event = self._at(onset)
        return (onset, event) if onset < self.end and self._drawn(event, onset) else None

    @property
    def _before(self) -> int:
        """The onset of the event before; -1 if there is none."""
        return -1 if self.now is None else self.now

    def _proposed(self) -> int:
        """The onset that the offsets head has in mind for the next event. To ask again draws again."""
        if "offsets" in self.voices:
            self.asked = self.voices["offsets"].fork()
            step = int(cast(int, self.asked.say(Event())))
            return self._first(step) if self.now is None else self.now + step
        while self.clock is None or self.clock <= max(self._before, self.tried):
            step = int(cast(int, self.own["offsets"](0)))
            self.clock = self._first(step) if self.clock is None else self.clock + max(step, 1)
        return self.clock

    def _first(self, step: int) -> int:
        """The onset of the first event: in its place in the first bar, as far from the prime's as it is said to be."""
        song = self.kept.song
        place, bar = (int(column[0]) for column in song.bar_positions(np.zeros(1, np.int64)))
        return (self.prime.place + step - place) % bar

    def _at(self, onset: int) -> Event:
        """An event of which its time is known."""
        place, bar = (int(column[0]) for column in self.kept.song.bar_positions(np.array([onset])))
        offset = (place - self.prime.place) % bar or bar if self.now is None else onset - self.now
        return Event(offset=offset, place=place, bar=bar)

    def _where(self, onset: int) -> tuple[int, int]:
        """The number of an onset's bar, and its place there."""
        at = np.array([onset])
        return int(bar_numbers(self.kept.song, at)[0]), int(self.kept.song.bar_positions(at)[0][0])

    def _room(self, onset: int) -> NDArray[np.bool_]:
        """The pitches that an added note may have, bool (128,)."""
        at, scale = onset * self.kept.scale, self.kept.scale
        return self.kept.spans.free(at, at + AHEAD * self.kept.song.grid * scale)

    def _drawn(self, event: Event, onset: int) -> bool:
        """Draw the chord of an event that has no kept note; whether it leaves these their room."""
        room = self._room(onset)
        if "notes" not in self.voices:
            event.chords = tuple(pitch for pitch in cast(Chord, self.own["notes"](onset)) if room[pitch])
            return bool(event.chords)
        voice = self.voices["notes"].fork()
        event.chords = cast(Chord, voice.say(event))
        fits = Fit((), room).holds(event.chords)
        if fits:
            self.voices["notes"] = voice
        return fits

    def _around(self, given: Chord, event: Event, onset: int) -> Chord:
        """The chord of an event that has kept notes."""
        fit = Fit(given, self._room(onset))
        if self.fitting is not None:
            voice = self.voices["notes"]
            return voice.say_fitting(event, self.fitting, fit._replace(barred=voice.barred)) or given
        own = [pitch for pitch in cast(Chord, self.own["notes"](onset)) if fit.free[pitch]]
        return tuple(sorted({*given, *own}))

    def _finished(self, onset: int, event: Event) -> list[tuple[int, int, int, int]]:
        """Say how long and loud an event is; its added notes, each as onset, pitch, length and velocity."""
        self.voices |= {} if self.asked is None else {"offsets": self.asked}
        event.take("duration", self._said("durations", event, onset))
        given = self.given.get(onset, _Given((), (), 0))
        own = dict(zip(given.chord, given.lengths, strict=True))
        event.lengths = tuple(
            own.get(pitch) or self._cut(pitch, onset, length)
            for pitch, length in zip(event.chords, event.sounding, strict=True)
        )
        event.duration = max(event.lengths)
        loud = int(cast(int, self._said("velocity", event, onset)))
        added = [number for number, pitch in enumerate(event.chords) if pitch not in own]
        velocity = self._loudness(onset, loud, given, [event.chords[number] for number in added])
        event.velocity = max([*velocity, given.velocity])
        return [(onset, event.chords[n], event.lengths[n], v) for n, v in zip(added, velocity, strict=True)]

    def _said(self, head: str, event: Event, onset: int) -> Value:
        return self.voices[head].say(event) if head in self.voices else self.own[head](onset)

    def _cut(self, pitch: int, onset: int, length: int) -> int:
        """The length of an added note, which ends where a kept one needs its room, and with the song."""
        scale = self.kept.scale
        last = self.kept.spans.until(pitch, onset * scale)
        room = self.end - onset if last is None else min(last // scale, self.end) - onset
        return int(max(min(length, room), 1))

    def _loudness(self, onset: int, loud: int, given: _Given, pitches: list[int]) -> list[int]:
        """The velocities of added notes: under a melody they are inner ones, and no louder than it is."""
        self.level = given.velocity or self.level
        at = onset * self.kept.scale
        covered = not self.kept.spans.free(at, at + 1)[-1]
        top = np.array([not covered and pitch == max((*pitches, *given.chord)) for pitch in pitches], bool)
        told = np.full(len(pitches), min(loud, self.level) if covered else loud)
        shared: list[int] = self.dynamics.shared(told, top).tolist()
        return shared
