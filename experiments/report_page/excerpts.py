"""Excerpts to judge by ear: bars of songs that the heads did not learn from, and what the heads write in their place.

A written excerpt goes on from the same events as a real one, and both become notes in the same way, so that key, tempo,
metre, length and instruments tell nothing of which is which.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, pairwise, zip_longest
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datamodules.song import Events, Notes, Song
from datamodules.splits import FIRST, TEST, TRAIN, VALID, tail_bounds
from experiments.dataset import Dataset
from experiments.heard import TRAINS, HeardSong
from experiments.music.events.generation import generate, song_of
from experiments.music.events.sampling import Sampling
from experiments.music.events.settings import FASTEST, SLOWEST, Settings
from experiments.music.prime import Prime
from experiments.winners import Winner

__all__ = ["PARTS", "Place", "find_places", "real", "with_known", "written"]

BARS = 8
LONGEST, SHORTEST = 26.0, 8.0  # seconds: of slow bars there are fewer, of quick ones more
LEAST = 8  # events that say something of a song
PARTS = {TRAIN: "training", VALID: "validation", TEST: "test"}  # in the order that a song has them


@dataclass(frozen=True)
class Place:
    """Bars of a song.

    Attributes:
        prime: the song; its context ends in the bar before.
        end: the first of its events after the bars.
        bars: how many.
        part: which part of the split they stand in.
    """

    prime: Prime
    end: int
    bars: int
    part: str

    @property
    def begin(self) -> int:
        """Tick of the bar line that they begin at."""
        return self.prime.line + self.prime.bar

    @property
    def song(self) -> str:
        """Name of the song's file."""
        return Path(self.prime.song.name).name

    @property
    def bar(self) -> int:
        """The number of the first bar, from 1, as bars of one length count."""
        return self.begin // self.prime.bar + 1

    @property
    def seconds(self) -> float:
        """How long they last, in the tempo that the context ends in."""
        return self.bars * _bar_seconds(self.prime)


def with_known(dataset: Dataset, known: Iterable[HeardSong]) -> Dataset:
    """The songs of a run; what its heads had learnt from before it is no held-out part any more, but training.

    Args:
        known: the songs that they had heard: of one that is "tail", they learnt from the training part of `tail` alone.
    """
    uses = {song["sha256"]: song["split"] for song in known if song["split"] in TRAINS}
    parts = []
    for song, marks in zip(dataset.songs, dataset.split.parts, strict=True):
        use = uses.get(song.digest)
        learnt = 0 if use is None else tail_bounds(len(marks))[0] if use == "tail" else len(marks)
        here = (np.arange(len(marks)) < learnt) & (marks != FIRST)
        parts.append(np.where(here, np.int8(TRAIN), marks))
    return replace(dataset, split=replace(dataset.split, parts=tuple(parts)))


def find_places(dataset: Dataset, count: int, seed: int) -> list[Place]:
    """Up to so many places, no two of which overlap, in as many songs as can be.

    They are of the test part; of test and validation where there are too few; and of the training part only where
    there is no place in these. Where the held-out parts are short, they are of half as many bars.

    Args:
        seed: of the choice.
    """
    for parts in ((TEST, VALID), (TRAIN,)):
        for bars in (BARS, BARS // 2):
            found: list[Place] = []
            for allowed in dict.fromkeys((parts[:1], parts)):
                found += _some(dataset, allowed, bars, count - len(found), np.random.default_rng(seed), found)
            if found:
                return found
    return []


def written(winners: Mapping[str, Winner], place: Place, sampling: Mapping[str, Sampling], seed: int) -> Song:
    """What the heads write at a place; it may be silent."""
    settings = Settings(bars=place.bars, sampling=sampling, seed=seed)
    (song,) = generate(winners, place.prime, settings)
    return _cut(song, place)


def real(place: Place) -> Song:
    """What stands at a place, in one part: each note with its own length, and as loud as a head would have it."""
    prime, events = place.prime, place.prime.events
    starts, lengths = events.starts[prime.context : place.end + 1].tolist(), events.lengths.tolist()
    sounding = [tuple(lengths[begin:end]) for begin, end in pairwise(starts)]
    there = replace(prime, context=place.end).heard()[prime.context :]
    heard = [replace(event, lengths=each) for event, each in zip(there, sounding, strict=True)]
    return _cut(song_of(prime, heard, Settings(bars=place.bars)), place)


def _cut(song: Song, place: Place) -> Song:
    """The bars of a song whose tick 0 is the bar line before them."""
    notes, bar = song.notes, place.prime.bar
    keep = notes.onset >= bar
    pitch, length, velocity, part = (column[keep] for column in (notes.pitch, notes.length, notes.velocity, notes.part))
    return replace(song, notes=Notes(notes.onset[keep] - bar, pitch, length, velocity, part))


def _some(
    dataset: Dataset, allowed: Sequence[int], bars: int, count: int, chance: np.random.Generator, taken: Sequence[Place]
) -> list[Place]:
    """Up to so many places, a song's second only after every song's first."""
    by_song: list[list[Place]] = []
    for number in chance.permutation(len(dataset.songs)).tolist():
        if len(by_song) >= count:
            break
        song, events, marks = dataset.songs[number], dataset.events[number], dataset.split.parts[number]
        mine: list[Place] = []
        there = list(_places(song, events, marks, allowed, bars))
        for index in chance.permutation(len(there)).tolist():
            if not any(_overlap(there[index], other) for other in (*taken, *mine)):
                mine.append(there[index])
        by_song += [mine] if mine else []
    return [place for place in chain.from_iterable(zip_longest(*by_song)) if place is not None][: max(count, 0)]


def _places(song: Song, events: Events, marks: NDArray[np.int8], allowed: Sequence[int], bars: int) -> Iterator[Place]:
    """Where bars of one length, with something in the first and the last, follow an event in the bar before."""
    onset, lines = events.onset, events.onset - events.place
    for line in np.unique(lines[np.isin(marks, allowed)]).tolist():
        first = int(np.searchsorted(onset, line))
        if first < 1:
            continue
        prime = Prime(song, events, context=first, continues=True)
        many = _fitting(bars, _bar_seconds(prime))
        end = int(np.searchsorted(onset, line + many * prime.bar))
        if (
            end - first >= LEAST
            and prime.line + prime.bar == line
            and lines[end - 1] == line + (many - 1) * prime.bar
            and (events.bar[first - 1 : end] == prime.bar).all()
            and np.isin(marks[first:end], allowed).all()
        ):
            part = " and ".join(PARTS[mark] for mark in np.unique(marks[first:end]).tolist())
            yield Place(prime, end, many, part)


def _fitting(bars: int, bar_seconds: float) -> int:
    while bars > 1 and bars * bar_seconds > LONGEST:
        bars //= 2
    while bars * bar_seconds < SHORTEST:
        bars *= 2
    return bars


def _bar_seconds(prime: Prime) -> float:
    return prime.bar / prime.song.grid * 60 / min(max(prime.tempo, SLOWEST), FASTEST)


def _overlap(one: Place, other: Place) -> bool:
    if one.prime.song is not other.prime.song:
        return False
    return one.prime.context < other.end and other.prime.context < one.end
