"""Columns for tests: songs of which every column varies, all the ways to look at them, and windows by a naive loop."""

from __future__ import annotations

import dataclasses
from dataclasses import replace
from itertools import product

import numpy as np
from events_made import random_songs

from datamodules.columns import Column, build_column
from datamodules.framing import Framing
from datamodules.song import Events
from datamodules.splits import make_split
from experiments.heads import HEADS

GRID = 24


def choices(name: str, *hyperparameters: str) -> list[dict[str, str]]:
    """Every combination of a head's choices of those hyperparameters that it has; what it refuses is left out."""
    fields = {field.name: field for field in dataclasses.fields(HEADS[name].config)}
    own = [hyperparameter for hyperparameter in hyperparameters if hyperparameter in fields]
    options = [fields[hyperparameter].metadata["bounds"].choices for hyperparameter in own]
    every = (dict(zip(own, values, strict=True)) for values in product(*options))
    return [settings for settings in every if _taken(name, settings)]


def _taken(name: str, settings: dict[str, str]) -> bool:
    try:
        HEADS[name].config.from_dict(settings)
    except ValueError:
        return False
    return True


COLUMNS = {name: spec.column for name, spec in HEADS.items()}
SPECS = COLUMNS | {  # those of finer grain too
    f"{name}-{settings['grain']}": HEADS[name].column_for(settings)
    for name in HEADS
    for settings in choices(name, "grain")
    if settings and settings["grain"] != COLUMNS[name].grain
}
WINDOWS = [(1, 1), (2, 1), (2, 2), (5, 1), (5, 2), (5, 5), (16, 8), (17, 17), (100, 50)]  # window, tail


def lively_songs(seed: int, songs: int = 3, events: int = 50, chords: int = 12) -> list[Events]:
    """Random songs in bars of 72, 96 or 100 ticks, of all kinds of velocities."""
    random = np.random.default_rng(seed)
    lively = []
    for song in random_songs(seed, songs, events, chords):
        bar = int(random.choice([72, 96, 100]))
        velocity = random.integers(1, 128, len(song)).astype(np.int32)
        lively.append(replace(song, velocity=velocity, place=song.onset % bar, bar=np.full_like(song.onset, bar)))
    return lively


def column_of(name: str, songs: list[Events], kind: str = "none") -> Column:
    """A head's column over songs that are split in this way."""
    return build_column(SPECS[name], songs, make_split(kind, songs, seed=1), GRID)


def numbered_column(songs: list[Events], kind: str) -> Column:
    """A column of durations in which event i's id is i, all of them known, so that an input names its event."""
    events = sum(map(len, songs))
    assert events <= 16 * GRID, "longer durations are not told apart"
    ticks = np.split(np.arange(1, events + 1, dtype=np.int32), np.cumsum([len(song) for song in songs])[:-1])
    songs = [replace(song, duration=numbers) for song, numbers in zip(songs, ticks, strict=True)]
    known, split = column_of("durations", songs), column_of("durations", songs, kind)
    return replace(known, part=split.part, opens=split.opens)


def framings(name: str, window: int, tail: int, transpose: str = "none") -> list[Framing]:
    """All the ways in which a network can look at a head's column."""
    contexts = [True] if SPECS[name].grain == "note" else [False, True]
    ways = product(contexts, [False, True] if SPECS[name].chords else [False])
    return [Framing(window, tail, context, spelled, transpose) for context, spelled in ways]


def before(column: Column, event: int, count: int) -> list[int]:
    """The `count` events before one, in order; the number of all events for what lies before its song."""
    first = max(start for start in column.starts.tolist() if start <= event)
    return [i if i >= first else len(column) for i in range(event - count, event)]
