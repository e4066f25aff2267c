"""Songs for tests, made of nothing but a seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from datamodules.song import DEFAULT_GRID, Events, Notes, Part, Song

Chord = tuple[int, ...]
BAR = 96  # ticks: 4/4 on the default grid

PART = Part("piano", 0, False, "chords")


def events_of(chords: Sequence[Chord], durations: Sequence[int], offsets: Sequence[int]) -> Events:
    """The events with these columns; the first offset is the position in the bar, and the onset, of the first event."""
    offset = np.asarray(offsets, dtype=np.int32)
    return Events(
        onset=np.cumsum(offset).astype(np.int32),
        starts=np.cumsum([0, *map(len, chords)]).astype(np.int32),
        pitches=np.array([pitch for chord in chords for pitch in chord], dtype=np.int32),
        duration=np.asarray(durations, dtype=np.int32),
        offset=offset,
        velocity=np.full(len(chords), 80, dtype=np.int32),
        place=(np.cumsum(offset) % BAR).astype(np.int32),
        bar=np.full(len(chords), BAR, dtype=np.int32),
        lengths=np.repeat(np.asarray(durations, dtype=np.int32), [len(chord) for chord in chords]),
    )


def random_song(random: np.random.Generator, events: int = 50, chords: int = 12, pitches: int = 24) -> Events:
    """A song of random events: up to `chords` different chords of 1 to 4 of `pitches` pitches around middle C.

    Which of them follow one another is not all chance: half of the time it is the next one in a fixed circle.
    """
    low = 60 - pitches // 2
    sizes = random.integers(1, 5, chords)
    known = [tuple(sorted((low + random.choice(pitches, size, replace=False)).tolist())) for size in sizes]
    walk = [int(random.integers(chords))]
    for _ in range(events - 1):
        walk.append((walk[-1] + 1) % chords if random.random() < 0.5 else int(random.integers(chords)))
    durations = random.choice([6, 12, 24, 36, 48, 600], events, p=[0.2, 0.3, 0.3, 0.1, 0.08, 0.02])
    offsets = random.choice([6, 8, 12, 24, 500], events, p=[0.2, 0.1, 0.4, 0.29, 0.01])
    offsets[0] = random.integers(0, 96)
    return events_of([known[i] for i in walk], durations.tolist(), offsets.tolist())


def random_songs(seed: int, songs: int = 3, events: int = 50, chords: int = 12) -> list[Events]:
    """Songs of different lengths, about `events` each."""
    random = np.random.default_rng(seed)
    lengths = random.integers(max(events * 4 // 5, 2), events * 6 // 5 + 1, songs)
    return [random_song(random, int(length), chords) for length in lengths]


def moved(song: Events, semitones: int) -> Events:
    """The song transposed."""
    return replace(song, pitches=song.pitches + np.int32(semitones))


def song_of(events: Events, name: str = "") -> Song:
    """A song with these events."""
    sizes = np.diff(events.starts)
    part = np.zeros(len(events.pitches), np.int32)
    table = (np.repeat(events.onset, sizes), events.pitches, np.repeat(events.duration, sizes), part + 80, part)
    metres = np.array([[0, 4, 4]], np.int32)
    return Song(
        DEFAULT_GRID, (PART,), Notes(*table), np.array([[0.0, 120.0]]), metres, np.zeros((0, 3), np.int32), name=name
    )
