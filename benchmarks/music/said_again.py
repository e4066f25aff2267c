"""Whether a section that returns is known again when every bar of it is drawn anew, by the notes head of each run.

    python -m benchmarks.music.said_again RUN ... [--runs DIR] [--seeds N] [--json FILE]

Songs of the plan A8B8A8B8 are written with variation 1, on each song that the run holds out as prime. Told is, of the
onsets that a section and its return share, the share at which both have the same chord, with an interval over primes
(benchmarks/music/intervals.py). All but the chords is the prime song's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tyro

from benchmarks.measured import tell
from benchmarks.music.intervals import share_over_songs
from benchmarks.music.traps import corpus_of, primes_of
from datamodules.song import Song
from experiments.music.choosing import chosen_winners
from experiments.music.events.generation import generate
from experiments.music.events.settings import Settings
from experiments.music.form.planned import planned
from experiments.music.form.planning import read_plan
from experiments.music.prime import Prime
from experiments.run_folder import open_run
from experiments.winners import Winner

SECTION, PAIRS = 8, ((0, 2), (1, 3))  # bars; sections of one label


@dataclass(frozen=True)
class Options:
    """Whether a section that returns is known again when every bar of it is drawn anew."""

    names: tyro.conf.Positional[tuple[str, ...]]
    """runs with a winner of the notes head, by path or name"""
    runs: Path = Path("runs")
    """where runs are kept"""
    seeds: int = 4
    """songs on each prime"""
    json: Path | None = None
    """write the figures here too"""


def said_again(song: Song, bar: int) -> tuple[int, int]:
    """Of the onsets that a section and its return share, those that have the same chord; and all of them."""
    events, length = song.events(), SECTION * bar
    sections: list[dict[int, tuple[int, ...]]] = [{} for _ in range(4)]
    for onset, chord in zip(events.onset.tolist(), events.chords(), strict=True):
        if onset < 4 * length:
            sections[onset // length][onset % length] = chord
    both = [(sections[one][place], sections[two].get(place)) for one, two in PAIRS for place in sections[one]]
    shared = [first == second for first, second in both if second is not None]
    return sum(shared), len(shared)


def measure(options: Options) -> dict[str, Any]:
    """By run, the share and its interval, and how many primes share an onset at all."""
    figures: dict[str, Any] = {}
    for name in options.names:
        winners = {"notes": chosen_winners(name, {"notes": None}, options.runs)["notes"]}
        primes = primes_of(corpus_of(open_run(name, options.runs).dataset()).held, winners)
        counted = np.array([_counted(winners, prime, options.seeds) for prime in primes])
        same, shared = counted[counted[:, 1] > 0].T
        share = [round(x, 4) for x in share_over_songs(same, shared)]
        figures[f"form={winners['notes'].config.form}"] = {"share": share, "primes": len(shared)}
    return figures


def _counted(winners: Mapping[str, Winner], prime: Prime, seeds: int) -> tuple[int, int]:
    """Of all songs on a prime."""
    compose = planned(read_plan(f"A{SECTION}B{SECTION}" * 2, prime.song.grid), 1.0)
    songs = [next(generate(winners, prime, Settings(seed=seed), compose=compose)) for seed in range(seeds)]
    same, shared = zip(*(said_again(song, prime.bar) for song in songs), strict=True)
    return sum(same), sum(shared)


def main() -> None:
    """The command."""
    options = tyro.cli(Options)
    tell(
        "said_again",
        "Chords of sections that return, all drawn anew, which are as before",
        measure(options),
        options.json,
    )


if __name__ == "__main__":
    main()
