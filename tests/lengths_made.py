"""Songs for tests of heads that learn a length for each note (`grain=note`)."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
from events_made import random_songs

from datamodules.song import Events
from experiments.heads import HEADS

DURATIONS = HEADS["durations"]
SPEC = DURATIONS.column_for({"grain": "note"})
GRID = 24


def with_lengths(song: Events, lengths: list[int]) -> Events:
    """The song with these lengths of its notes, low to high, event by event."""
    array = np.array(lengths, np.int32)
    return replace(song, lengths=array, duration=np.maximum.reduceat(array, song.starts[:-1]))


def songs_of(seed: int, songs: int = 3, events: int = 40) -> list[Events]:
    """Random songs whose notes differ in length, some longer than the range."""
    random = np.random.default_rng(seed)
    found = random_songs(seed, songs, events, chords=6)
    chances = [0.3, 0.3, 0.2, 0.19, 0.01]
    return [
        with_lengths(song, random.choice([6, 12, 24, 48, 600], len(song.pitches), p=chances).tolist()) for song in found
    ]


def falling(song: Events) -> list[list[int]]:
    """Each event's lengths, from the highest note to the lowest."""
    return [song.lengths[a:b][::-1].tolist() for a, b in pairwise(song.starts.tolist())]
