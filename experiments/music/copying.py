"""How much of a new song stands in the training songs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datamodules.grams import numbered, paired
from datamodules.song import Events, Song, bar_length
from experiments.music.training_songs import TrainingSongs

__all__ = ["GRAM", "Copying", "copying"]

GRAM = 6  # events in a row, as in the leakage of a split

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Copying:
    """What a song shares with the training songs. The prime's context is no part of the song, and does not count.

    Attributes:
        notes: share of its sequences of six chords that stand in a training song; None if it has none of that length,
            or if there was nothing to compare with.
        triples: the same for six (chord, duration, offset) at once.
        longest: events of the longest sequence of chords that it shares with a training song.
        where: that song's name, and `bar`, the bar (from 1) where the sequence begins there; "" and 0 if none.
        checked: what was compared, in words.
    """

    notes: float | None
    triples: float | None
    longest: int
    where: str
    bar: int
    checked: str

    def describe(self) -> str:
        """One line for people."""
        if self.notes is None:
            return f"too short to tell; {self.checked}" if self.checked.startswith("checked") else self.checked
        rhythm = f", {self.triples:.0%} with their rhythm" if self.triples is not None else ""
        text = f"{self.notes:.0%} of its sequences of {GRAM} chords stand in the training songs{rhythm}"
        if self.longest:
            text += f"; the longest shared one is {self.longest} events ({Path(self.where).name}, from bar {self.bar})"
        return f"{text}; {self.checked}"


def copying(song: Song, training: TrainingSongs) -> Copying:
    """Compare a song with the training songs; all are on one grid."""
    events = song.events()
    if not training.songs:
        return Copying(None, None, 0, "", 0, training.describe())
    others = [events for _, events in training.songs]
    notes, triples = _symbols([events, *others])
    starts = np.cumsum([0, len(events), *map(len, others)])
    opening = np.zeros(len(notes), dtype=bool)
    opening[starts[:-1]] = True  # the offset of a first event is its place in the bar: no triple to compare
    own = _share(notes, starts, np.zeros_like(opening))
    rhythmic = _share(triples, starts, opening)
    longest, at = _longest(notes, starts)
    if not longest:
        return Copying(own, rhythmic, 0, "", 0, training.describe())
    which = int(np.searchsorted(starts, at, side="right")) - 2  # of the training songs: the first of all is the new one
    source, heard = training.songs[which]
    bar = _bar_of(source, int(heard.onset[at - starts[which + 1]]))
    return Copying(own, rhythmic, longest, source.name, bar, training.describe())


def _symbols(songs: list[Events]) -> tuple[Ints, Ints]:
    """Numbers for the chords, and for the triples, of all songs one after another: equal for equal ones."""
    chords: dict[tuple[int, ...], int] = {}
    notes = np.array([chords.setdefault(chord, len(chords)) for song in songs for chord in song.chords()], np.int64)
    durations, offsets = (
        numbered(np.concatenate([getattr(song, name) for song in songs])) for name in ("duration", "offset")
    )
    return notes, paired(paired(notes, durations), offsets)


def _share(symbols: Ints, starts: Ints, skipped: NDArray[np.bool_]) -> float | None:
    """The share of the first song's rows of `GRAM` symbols that stand in another song."""
    count = max(len(symbols) - GRAM + 1, 0)
    gram = symbols[:count]
    for distance in range(1, GRAM):
        gram = paired(gram, symbols[distance : distance + count])
    song = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    whole = (song[:count] == song[GRAM - 1 : GRAM - 1 + count]) & ~skipped[:count]
    own = gram[whole & (song[:count] == 0)]
    return float(np.isin(own, gram[whole & (song[:count] > 0)]).mean()) if len(own) else None


def _longest(symbols: Ints, starts: Ints) -> tuple[int, int]:
    """The longest row of symbols of the first song that stands in another: its length, and where it begins there.

    The textbook's table of common substrings, a row at a time, and of a row only the places that hold the symbol.
    """
    order = np.argsort(symbols, kind="stable")
    bounds = np.searchsorted(symbols[order], np.arange(int(symbols.max()) + 2))
    run = np.zeros(len(symbols) + 1, np.int64)  # at p + 1: the length of the shared row that ends at place p
    best, end = 0, 0
    before = np.zeros(0, np.int64)
    opening = np.zeros(len(symbols), dtype=bool)
    opening[starts[:-1]] = True  # no row goes on from one song into the next
    for symbol in symbols[: starts[1]].tolist():
        places = order[bounds[symbol] : bounds[symbol + 1]]
        places = places[np.searchsorted(places, starts[1]) :]  # in the other songs
        lengths = np.where(opening[places], 0, run[places]) + 1
        run[before + 1] = 0
        run[places + 1] = lengths
        before = places
        if len(places) and (longest := int(lengths.max())) > best:
            best, end = longest, int(places[int(lengths.argmax())])
    return best, end - best + 1


def _bar_of(song: Song, tick: int) -> int:
    """The number of the bar, from 1, that a tick lies in, by the metre map; a metre change starts a bar."""
    bar = 1
    ends = [*song.metres[1:, 0].tolist(), None]
    for (start, numerator, denominator), end in zip(song.metres.tolist(), ends, strict=True):
        length = bar_length(song.grid, numerator, denominator)
        if end is None or tick < end:
            return int(bar + max(tick - start, 0) // length)
        bar += -(-(end - start) // length)
    return bar
