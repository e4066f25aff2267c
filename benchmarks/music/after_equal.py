"""What comes behind a run of equal events, in held-out songs and in new ones; beside traps.py, with its default way.

    python -m benchmarks.music.after_equal RUN ... [--songs N] [--json FILE]

A run is of as many equal events (chord, duration, offset) as the longest that is no trap (benchmarks/music/traps.py),
or is the end of a longer one: every event behind such a run counts. Of those, the share whose chord is that of the run
again; of these, the share whose duration is too; of these, the share whose offset is, so that the run goes on. Each
with an interval of 95 % over songs (benchmarks/music/intervals.py). What FILE holds is not measured again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from numpy.typing import NDArray

from benchmarks.adding import tell_each
from benchmarks.measured import shown
from benchmarks.music.intervals import share_over_songs
from benchmarks.music.traps import WAYS, corpus_of, primes_of, written
from datamodules.song import Events
from experiments.heads import HEADS
from experiments.music.choosing import chosen_winners
from experiments.run_folder import open_run

FIGURES = ("chord", "duration", "offset")  # of an event, each among those that have all before it again


@dataclass(frozen=True)
class Options:
    """What comes behind a run of equal events."""

    names: tyro.conf.Positional[tuple[str, ...]]
    """runs with a winner of every head, by path or name"""
    runs: Path = Path("runs")
    """where runs are kept"""
    songs: int = 200
    """new songs"""
    seed: int = 1
    """of them all"""
    json: Path | None = None
    """keep the figures here, and measure only what it lacks"""


def counts(song: Events, length: int) -> NDArray[np.int64]:
    """How many events stand behind `length` equal ones, and have their chord, and duration, and offset: int (4,)."""
    chord = np.array([late == early for early, late in pairwise(song.chords())], bool)
    duration = chord & (np.diff(song.duration) == 0)
    whole = duration & (np.diff(song.offset) == 0)
    behind = np.ones(max(len(song) - length, 0), bool)
    for begin in range(length - 1):
        behind &= whole[begin : begin + len(behind)]
    chord, duration, whole = (again[length - 1 :] & behind for again in (chord, duration, whole))
    return np.array([np.count_nonzero(some) for some in (behind, chord, duration, whole)], np.int64)


def shares(songs: Sequence[Events], length: int) -> dict[str, Any]:
    """The events behind a run, and of each figure the share and its interval; None where no event can have it."""
    each = np.array([counts(song, length) for song in songs])
    found: dict[str, Any] = {"events": int(each[:, 0].sum())}
    for at, name in enumerate(FIGURES):
        some = each[each[:, at] > 0]
        found[name] = [round(x, 4) for x in share_over_songs(some[:, at + 1], some[:, at])] if len(some) else None
    return found


def measure(name: str, options: Options, known: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The figures of a run; none is measured if they are known."""
    if known:
        return
    corpus = corpus_of(open_run(name, options.runs).dataset())
    winners = chosen_winners(name, dict.fromkeys(HEADS), options.runs)
    length = int(corpus.most.equal)
    made = written(winners, WAYS["default"], primes_of(corpus.held, winners), options.songs, options.seed)
    songs = {"held-out": [events for _, events in corpus.held], "new": [song.events() for song in made]}
    figures: dict[str, Any] = {"equal events": length}
    for kind, some in songs.items():
        figures[kind] = shares(some, length)
        print(f"{name}, {kind}: {', '.join(map(shown, figures[kind].values()))}", flush=True)
    yield figures


def main() -> None:
    """The command."""
    options = tyro.cli(Options)
    tell_each(
        "after_equal",
        "benchmarks.music.after_equal",
        "What comes behind a run of equal events",
        options.names,
        lambda name, known: measure(name, options, known),
        options.json,
    )


if __name__ == "__main__":
    main()
