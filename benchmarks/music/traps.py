"""How often new songs fall into a trap: one event for ever, two in turn, a rhythm that dies.

    python -m benchmarks.music.traps RUN ... [--songs N] [--ways WAY ...] [--json FILE]

Each RUN has a winner of every head, over songs that are here. In each way (the defaults, and others beside them) the
heads write songs of 256 events (benchmarks/music/lockstep.py), with the held-out songs as primes in turn unless the way
is of the default prime. Songs are judged in excerpts of one length, one after another, since a longer song has more
room for a long stretch: the most of 256, 128 and 64 events that two thirds of the held-out songs have. What is left
over at a song's end is dropped, and so are shorter songs.

An excerpt is a trap where its longest run of equal events, its longest stretch of two events in turn, or of equal
offsets (benchmarks/music/stuck.py) is longer than the 99.5th percentile of that figure over all excerpts of the
corpus's training songs. Beside these stand two chords in turn, whatever their timing, and bars without an onset.
Held-out real songs, of which the percentiles know nothing, are judged alike. Each figure is the share of the excerpts,
with an interval of 95 % over songs that is right for few and for none too, and so is that of the difference to the
held-out ones (benchmarks/music/intervals.py). New songs are draws from the primes that there are: what other primes
would bring is in no interval.

What FILE holds is not measured again; remove it there to repeat it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from numpy.typing import NDArray

from benchmarks.adding import tell_each
from benchmarks.measured import shown
from benchmarks.music.intervals import difference_of_shares, share_over_songs
from benchmarks.music.lockstep import in_lockstep
from benchmarks.music.stuck import Repeats, cut, repeats
from datamodules.errors import UserError
from datamodules.song import Events, Song
from datamodules.splits import TRAIN, Split
from experiments.dataset import Dataset
from experiments.heads import HEADS
from experiments.music.choosing import chosen_winners
from experiments.music.events.sampling import Sampling
from experiments.music.events.settings import Settings
from experiments.music.prime import Prime, find_prime
from experiments.run_folder import open_run
from experiments.winners import Winner

__all__ = ["TRAPS", "WAYS", "Corpus", "Rates", "corpus_of", "learnt_of", "primes_of", "written"]

LENGTHS = (256, 128, 64)  # events of an excerpt
PERCENTILE = 99.5
TRAPS = ("equal", "cycle", "offsets")  # the figures of which one too long is enough

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Way:
    """How songs are written: the sampling of each head, and whether they all begin alike."""

    sampling: Mapping[str, Sampling] = field(default_factory=dict)
    default_prime: bool = False


def _all(temperature: float = 1.0, top_p: float = 0.95) -> Way:
    return Way(dict.fromkeys(HEADS, Sampling(temperature, top_p)))


WAYS = {
    "default": Way(),
    "top-p 0.95": _all(),
    "top-p 1": _all(top_p=1.0),
    "temperature 0.7, top-p 0.9": _all(0.7, 0.9),
    "greedy": _all(0.0),
    "default, one prime": Way(default_prime=True),
}


@dataclass(frozen=True)
class Options:
    """How often new songs fall into a trap."""

    names: tyro.conf.Positional[tuple[str, ...]]
    """runs with a winner of every head, by path or name"""
    runs: Path = Path("runs")
    """where runs are kept"""
    songs: int = 200
    """songs of each way"""
    seed: int = 1
    """of them all"""
    ways: tuple[str, ...] = tuple(WAYS)
    """which ways"""
    json: Path | None = None
    """keep the figures here, and measure only what it lacks"""


@dataclass(frozen=True)
class Corpus:
    """What is a trap in a corpus.

    Attributes:
        length: events of an excerpt.
        most: the percentile of each figure over the training excerpts.
        excerpts: how many these are.
        held: the held-out songs, or the ends of songs that were held out.
    """

    length: int
    most: Repeats
    excerpts: int
    held: tuple[tuple[Song, Events], ...]

    def rates(self, songs: Sequence[Events]) -> Rates:
        """How many of the excerpts of songs are a trap."""
        figures = [np.array([repeats(one) for one in excerpts]) for excerpts in cut(songs, self.length) if excerpts]
        over = [rows > np.array(self.most) for rows in figures]
        return Rates(np.array([len(rows) for rows in over]), {name: _counts(over, name) for name in _names()})


@dataclass(frozen=True)
class Rates:
    """Traps in songs.

    Attributes:
        sizes: excerpts of each song, int (songs,).
        counts: by name, the excerpts of each song that are a trap.
    """

    sizes: NDArray[np.int64]
    counts: Mapping[str, NDArray[np.int64]]

    def share(self, name: str) -> list[float]:
        """The share of the excerpts, and its interval."""
        return [round(x, 4) for x in share_over_songs(self.counts[name], self.sizes)]

    def above(self, other: Rates, name: str) -> list[float]:
        """How much larger the share is than that of other songs, and the interval of the difference."""
        here, there = (share_over_songs(rates.counts[name], rates.sizes) for rates in (self, other))
        return [round(x, 4) for x in difference_of_shares(here, there)]

    def told(self, other: Rates | None = None) -> dict[str, Any]:
        """All of it as plain data; `by_song` has a digit a song: its excerpts that are a trap."""
        figures: dict[str, Any] = {"songs": len(self.sizes), "excerpts": int(self.sizes.sum())}
        figures |= {name: self.share(name) for name in self.counts}
        if other is not None:
            figures["above held-out"] = self.above(other, "any")
        return {**figures, "by_song": "".join(map(str, self.counts["any"].tolist()))}


def _names() -> tuple[str, ...]:
    return ("any", *Repeats._fields)


def _counts(over: Sequence[Bools], name: str) -> NDArray[np.int64]:
    """Of each song, the excerpts that are over the limit in a figure, or in any of `TRAPS`."""
    columns = [Repeats._fields.index(figure) for figure in (TRAPS if name == "any" else (name,))]
    return np.array([int(rows[:, columns].any(axis=1).sum()) for rows in over], np.int64)


def corpus_of(dataset: Dataset) -> Corpus:
    """What is a trap in the songs of a run.

    Raises:
        UserError: nothing is held out, or all of it is too short.
    """
    kept = [_stretch(dataset.events[song], dataset.split, song, held=True) for song in range(len(dataset.songs))]
    held = [(song, events) for song, events in zip(dataset.songs, kept, strict=True) if len(events)]
    fits = (n for n in LENGTHS if held and 3 * sum(len(events) >= n for _, events in held) >= 2 * len(held))
    length = next(fits, None)
    if length is None:
        raise UserError(f"the held-out songs are too short: two thirds of them must have {LENGTHS[-1]} events")
    figures = [repeats(excerpt) for excerpts in cut(learnt_of(dataset), length) for excerpt in excerpts]
    most = Repeats(*np.percentile(np.array(figures), PERCENTILE, axis=0).tolist())
    return Corpus(length, most, len(figures), tuple(held))


def learnt_of(dataset: Dataset) -> list[Events]:
    """Of each song, what is learnt from, if anything is."""
    return [_stretch(dataset.events[song], dataset.split, song, held=False) for song in range(len(dataset.songs))]


def _stretch(events: Events, split: Split, song: int, *, held: bool) -> Events:
    """The part of a song that is held out, at its end where it is one, or else that which is learnt from."""
    if split.songs[song] in ("tail", "none"):
        learnt = int(np.flatnonzero(split.parts[song] == TRAIN).max(initial=-1)) + 1
    else:
        learnt = len(events) if split.songs[song] == "train" else 0
    return events.stretch(learnt, len(events)) if held else events.stretch(0, learnt)


def primes_of(held: Sequence[tuple[Song, Events]], winners: Mapping[str, Winner]) -> list[Prime]:
    """The held-out songs as primes."""
    window = max(winner.config.window for winner in winners.values())
    return [Prime(song, events, context=min(window, len(events))) for song, events in held]


def written(winners: Mapping[str, Winner], way: Way, primes: Sequence[Prime], songs: int, seed: int) -> list[Song]:
    """New songs, with the primes in turn; those whose contexts are equally long are written at once."""
    settings = Settings(sampling=way.sampling)
    sampling = {head: settings.drawn(head) for head in winners}
    given: dict[int, list[Prime]] = {}
    for number in range(songs):
        prime = primes[number % len(primes)]
        given.setdefault(prime.context, []).append(prime)
    groups = (in_lockstep(winners, group, sampling, settings.most, seed) for group in given.values())
    return [song for group in groups for song in group]


def measure(name: str, options: Options, known: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The figures of a run: what is known of it, with one more way each time."""
    dataset = open_run(name, options.runs).dataset()
    corpus = corpus_of(dataset)
    winners = chosen_winners(name, dict.fromkeys(HEADS), options.runs)
    real = corpus.rates([events for _, events in corpus.held])
    figures: dict[str, Any] = {
        "events of an excerpt": corpus.length,
        "training excerpts": corpus.excerpts,
        "longest": {figure: round(most, 3) for figure, most in corpus.most._asdict().items()},
        "held-out": real.told(),
        "ways": dict(known.get("ways", {})),
    }
    for way in options.ways:
        if way not in figures["ways"]:
            one = WAYS[way].default_prime
            primes = [find_prime(winners, None)] if one else primes_of(corpus.held, winners)
            songs = [song.events() for song in written(winners, WAYS[way], primes, options.songs, options.seed)]
            figures["ways"][way] = corpus.rates(songs).told(real)
        print(f"{name}, {way}: any {shown(figures['ways'][way]['any'])}", flush=True)
        yield figures


def main() -> None:
    """The command."""
    options = tyro.cli(Options)
    tell_each(
        "traps",
        "benchmarks.music.traps",
        "Excerpts of new songs that are a trap",
        options.names,
        lambda name, known: measure(name, options, known),
        options.json,
    )


if __name__ == "__main__":
    main()
