"""How like held-out real songs new ones are, by the way they are drawn; beside traps.py, with its ways.

    python -m benchmarks.music.likeness RUN ... [--songs N] [--ways WAY ...] [--json FILE]

Of each head's column, the nats an event under Kneser-Ney of order 4 of the training songs: a song that is tamer than
real ones has fewer, one of noise has more. The Jensen-Shannon divergence, in nats, of pairs of duration and offset, and
of three offsets in a row, from those of the held-out songs. The share of 8-grams of chords that stand in a training
song, and the longest run that does. What FILE holds is not measured again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import tyro

from benchmarks.adding import tell_each
from benchmarks.measured import shown
from benchmarks.music.traps import WAYS, corpus_of, learnt_of, primes_of, written
from datamodules.baselines.kneser_ney import kneser_ney
from datamodules.columns import build_column
from datamodules.song import Events
from datamodules.splits import TEST, named_split
from experiments.heads import HEADS
from experiments.music.choosing import chosen_winners
from experiments.music.copying.figures import MAIN, Comparison, comparison
from experiments.run_folder import open_run
from experiments.winners import Winner

ORDER = 4
Counts = Counter[Hashable]


@dataclass(frozen=True)
class Options:
    """How like held-out real songs new ones are."""

    names: tyro.conf.Positional[tuple[str, ...]]
    """runs with a winner of every head, by path or name"""
    runs: Path = Path("runs")
    """where runs are kept"""
    songs: int = 50
    """songs of each way"""
    seed: int = 1
    """of them all"""
    ways: tuple[str, ...] = ("default", "top-p 0.95", "top-p 1")
    """which ways, of those of benchmarks/music/traps.py"""
    json: Path | None = None
    """keep the figures here, and measure only what it lacks"""


def divergence(one: Counts, other: Counts) -> float:
    """Jensen-Shannon, in nats: 0 for equal shares, ln 2 for nothing in common."""
    values = list(one | other)
    p, q = (np.array([counts[value] for value in values]) / counts.total() for counts in (one, other))
    return float(sum(0.5 * (x[x > 0] * np.log(2 * x[x > 0] / (p + q)[x > 0])).sum() for x in (p, q)))


def timing(songs: Sequence[Events]) -> Counts:
    """Pairs of duration and offset."""
    return Counter(chain.from_iterable(zip(e.duration.tolist(), e.offset.tolist(), strict=True) for e in songs))


def rhythm(songs: Sequence[Events]) -> Counts:
    """Three offsets in a row."""
    offsets = (events.offset.tolist()[1:] for events in songs)
    return Counter(chain.from_iterable(zip(one, one[1:], one[2:], strict=False) for one in offsets))


def ngram_nats(learnt: Sequence[Events], songs: Sequence[Events], winners: Mapping[str, Winner]) -> dict[str, float]:
    """By head, nats an event."""
    split = named_split(learnt, songs[:1], songs[1:])
    found = {}
    for name, winner in winners.items():
        column = build_column(HEADS[name].column, [*learnt, *songs], split, winner.grid)
        targets = np.sort(np.concatenate([column.targets(column.valid_part), column.targets(TEST)]))
        logs = kneser_ney(column, targets, highest=ORDER, transpose=column.spec.chords)
        found[name] = -float(logs[ORDER - 1].mean())
    return found


def likeness(
    songs: Sequence[Events],
    learnt: Sequence[Events],
    held: Sequence[Events],
    winners: Mapping[str, Winner],
    copies: Comparison,
) -> dict[str, Any]:
    """All figures of some songs."""
    shared = copies._shared(songs)["chords"]
    copied = [share for one in shared if (share := one.found[MAIN]) is not None]
    figures = {f"nats of {name}": nats for name, nats in ngram_nats(learnt, songs, winners).items()}
    figures["divergence of timing"] = divergence(timing(songs), timing(held))
    figures["divergence of rhythm"] = divergence(rhythm(songs), rhythm(held))
    figures["copied 8-grams"] = mean(copied) if copied else 0.0
    figures["longest copy"] = mean(one.longest for one in shared)
    return {name: round(float(figure), 4) for name, figure in figures.items()}


def measure(name: str, options: Options, known: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The figures of a run: what is known of it, with one more way each time."""
    dataset = open_run(name, options.runs).dataset()
    corpus, learnt = corpus_of(dataset), [events for events in learnt_of(dataset) if len(events) > 1]
    winners = chosen_winners(name, dict.fromkeys(HEADS), options.runs)
    copies, held = comparison(winners), [events for _, events in corpus.held]
    figures = dict(known) or {"held-out": likeness(held, learnt, held, winners, copies)}
    for way in options.ways:
        if way not in figures:
            made = written(winners, WAYS[way], primes_of(corpus.held, winners), options.songs, options.seed)
            figures[way] = likeness([song.events() for song in made], learnt, held, winners, copies)
        print(f"{name}, {way}: {shown(list(figures[way].values()))}", flush=True)
        yield figures


def main() -> None:
    """The command."""
    options = tyro.cli(Options)
    tell_each(
        "likeness",
        "benchmarks.music.likeness",
        "How like held-out songs new ones are",
        options.names,
        lambda name, known: measure(name, options, known),
        options.json,
    )


if __name__ == "__main__":
    main()
