"""How original a new song is: what it shares with the training songs, beside what held-out real songs share with them.

A song is compared as chords, as chords with their rhythm, and as its melody alone: see `matching`. Runs of fewer than
three different tokens count apart: to say one chord, or two in turn, again and again copies nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datamodules.song import Events, Song, bar_length
from experiments.music.copying.matching import DIFFERENT, VIEWS, Tokens, matching, places, symbols, third, tokens_of
from experiments.music.training_songs import HeldOut, TrainingSongs, held_out, training_songs
from experiments.winners import Winner

__all__ = ["GRAMS", "MAIN", "TOLD", "Comparison", "Copying", "Shared", "comparison"]

GRAMS = (4, 8, 16)  # events in a row
MAIN = 8  # of these, the ones that one figure is of
TOLD = {"chords": "chords", "rhythm": "with rhythm", "melody": "melody alone"}

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Shared:
    """What a song shares with the training songs, in one view; or the means over songs.

    Attributes:
        found: for each length of `GRAMS`, the share of the song's sequences of so many tokens that stand in a training
            song; of those with at least three different tokens. None if it has none.
        apart: the share of the sequences that have fewer different ones; None if the song is too short.
        longest: tokens of the longest run, of at least three different ones, that stands in a training song.
        where, bar: the first training song that it stands in, and the bar (from 1) where it begins there; "" and 0 if
            there is none.
    """

    found: Mapping[int, float | None]
    apart: Mapping[int, float | None]
    longest: float
    where: str = ""
    bar: int = 0


@dataclass(frozen=True)
class Copying:
    """What a song shares with the training songs. The prime's context is no part of the song, and does not count.

    Attributes:
        views: by the names of `VIEWS`; {} if there was nothing to compare with.
        beside: the same of held-out real songs, means over songs; {} if there are none.
        checked: what was compared, in words.
        held: the held-out songs, in words.
    """

    views: Mapping[str, Shared]
    beside: Mapping[str, Shared]
    checked: str
    held: str

    @property
    def copied(self) -> float | None:
        """The share of its sequences of eight chords that stand in a training song; None if it has none."""
        return self.views["chords"].found[MAIN] if self.views else None

    @property
    def longest(self) -> int:
        """Events of the longest run of chords that it shares with a training song."""
        return int(self.views["chords"].longest) if self.views else 0

    def describe(self) -> str:
        """Three lines for people, or one."""
        if not self.views:
            return self.checked
        if all(share is None for share in self.views["chords"].apart.values()):
            return f"too short to tell; {self.checked}"
        told = ", ".join(
            f"{length}-grams {self.told('chords', length, 'held-out ' if length == GRAMS[0] else '')}"
            for length in GRAMS
        )
        run = f"longest run {self.longest_told('chords', ' events')}"
        run += f", {source}" if (source := self.source("chords")) else ""
        others = (
            f"{TOLD[view]} {', '.join(self.told(view, length) for length in GRAMS)}, longest {self.longest_told(view)}"
            for view in ("rhythm", "melody")
        )
        return f"{told}; {run}\n{'; '.join(others)}\n{self.about}"

    @property
    def about(self) -> str:
        """What was compared, and what does not count."""
        if not self.views:
            return self.checked
        apart = self.views["chords"].apart
        left = ", ".join(
            f"{_percent(share)} of its {n}-grams" for n, share in apart.items() if share and share >= 0.005
        )
        left = f"; of fewer than {DIFFERENT} different chords, and not counted: {left}" if left else ""
        return f"{self.checked}; {self.held}{left}"

    def source(self, view: str) -> str:
        """Where the longest run begins; "" if there is none."""
        shared = self.views[view]
        return f"from bar {shared.bar} of {Path(shared.where).name}" if shared.where else ""

    def told(self, view: str, length: int, word: str = "") -> str:
        """A share, and behind it in brackets that of the held-out songs."""
        own = _percent(self.views[view].found[length])
        return f"{own} ({word}{_percent(self.beside[view].found[length])})" if self.beside else own

    def longest_told(self, view: str, unit: str = "") -> str:
        """A longest run, and behind it in brackets the mean of those of the held-out songs."""
        own = f"{self.views[view].longest:.0f}{unit}"
        return f"{own} ({self.beside[view].longest:.0f})" if self.beside else own


class Comparison:
    """Compares songs with the training songs; all are on one grid.

    Args:
        training: the songs.
        held: gives the held-out ones, which are compared alike, once.
    """

    def __init__(
        self, training: TrainingSongs, held: Callable[[], HeldOut] = lambda: HeldOut((), "no held-out songs")
    ) -> None:
        self.training, self._held = training, held

    def of(self, song: Song) -> Copying:
        """What a song shares with them."""
        checked = self.training.describe()
        if not self._songs:
            return Copying({}, {}, checked, "")
        views = {view: shared[0] for view, shared in self._shared([song.events()], where=True).items()}
        beside, told = self.beside
        return Copying(views, beside, checked, told)

    @cached_property
    def beside(self) -> tuple[dict[str, Shared], str]:
        """The figures of the held-out songs, means over songs, and which they are, in words."""
        held = self._held()
        if not held.events:
            return {}, held.told
        events = sum(map(len, held.events)) / len(held.events)
        found = {view: _mean(shared) for view, shared in self._shared(held.events).items()}
        return found, f"{held.told} ({events:,.0f} events each)"

    @cached_property
    def _songs(self) -> tuple[tuple[Song, Events], ...]:
        return self.training.heard

    @cached_property
    def _old(self) -> Tokens:
        return tokens_of([events for _, events in self._songs])

    def _shared(self, songs: Sequence[Events], *, where: bool = False) -> dict[str, list[Shared]]:
        """Of each view, the figures of each song."""
        new = tokens_of(songs)
        found: dict[str, list[Shared]] = {view: [] for view in VIEWS}
        for view in VIEWS:
            mine, theirs = symbols(new, self._old, view)
            length = matching(new, self._old, mine, theirs)
            counted = third(mine) < np.arange(len(mine)) + length  # whether the longest run from here is of three
            own = np.where(counted, length, 0)
            for begin, end in zip(new.starts[:-1].tolist(), new.starts[1:].tolist(), strict=True):
                found_here, apart = _shares(length[begin:end], third(mine[begin:end]))
                longest = int(own[begin:end].max(initial=0))
                source = ("", 0)
                if where and longest:
                    first = begin + int(own[begin:end].argmax())
                    source = self._source(int(places(mine[first : first + longest], self._old, theirs)[0]))
                found[view].append(Shared(found_here, apart, longest, *source))
        return found

    def _source(self, token: int) -> tuple[str, int]:
        """The training song that a token stands in, and its bar there."""
        which = int(np.searchsorted(self._old.starts, token, side="right")) - 1
        song, events = self._songs[which]
        event = token - int(self._old.starts[which]) + 1  # the first event has no token
        return song.name, _bar_of(song, int(events.onset[event]))


def comparison(
    winners: Mapping[str, Winner], beside: Callable[[TrainingSongs], TrainingSongs] | None = None
) -> Comparison:
    """Compares with the songs that winners, by head, learnt from; `beside` may add others."""
    training = training_songs(winners.values())
    training = training if beside is None else beside(training)
    return Comparison(training, lambda: held_out(winners, training))


def _shares(length: Ints, third: Ints) -> tuple[dict[int, float | None], dict[int, float | None]]:
    """The shares of a song's sequences that stand in a training song, and of those that are left out."""
    at, found, apart = np.arange(len(length)), {}, {}
    for gram in GRAMS:
        whole = slice(0, max(len(length) - gram + 1, 0))
        counted = third[whole] < at[whole] + gram
        found[gram] = float((length[whole] >= gram)[counted].mean()) if counted.any() else None
        apart[gram] = float((~counted).mean()) if len(counted) else None
    return found, apart


def _mean(songs: Sequence[Shared]) -> Shared:
    """The means over songs, of those that have the figure."""

    def over(shares: Sequence[float | None]) -> float | None:
        known = [share for share in shares if share is not None]
        return float(np.mean(known)) if known else None

    return Shared(
        {length: over([song.found[length] for song in songs]) for length in GRAMS},
        {length: over([song.apart[length] for song in songs]) for length in GRAMS},
        float(np.mean([song.longest for song in songs])),
    )


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.0f} %"


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
