"""Whether a section that returns is known again when every bar of it is drawn anew, by the notes head of each run.

    python -m benchmarks.music.said_again RUN ... [--runs DIR] [--seeds N] [--json FILE]

Songs of the plan A8B8A8B8 are written with variation 1. Told is, of the onsets that a section and its return share, the
share at which both have the same chord: a mean over seeds. All but the chords is the prime song's.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

import tyro

from benchmarks.measured import tell
from datamodules.song import Song
from experiments.music.choosing import chosen_winners
from experiments.music.events.generation import generate
from experiments.music.events.settings import Settings
from experiments.music.form.planned import planned
from experiments.music.form.planning import read_plan
from experiments.music.prime import find_prime

SECTION, PAIRS = 8, ((0, 2), (1, 3))  # bars; sections of one label


@dataclass(frozen=True)
class Options:
    """Whether a section that returns is known again when every bar of it is drawn anew."""

    names: tyro.conf.Positional[tuple[str, ...]]
    """runs with a winner of the notes head, by path or name"""
    runs: Path = Path("runs")
    """where runs are kept"""
    seeds: int = 20
    """songs of each run"""
    json: Path | None = None
    """write the figures here too"""


def said_again(song: Song, bar: int) -> float:
    """Of the onsets that a section and its return share, the share that has the same chord; 0 where none is shared."""
    events, length = song.events(), SECTION * bar
    sections: list[dict[int, tuple[int, ...]]] = [{} for _ in range(4)]
    for onset, chord in zip(events.onset.tolist(), events.chords(), strict=True):
        if onset < 4 * length:
            sections[onset // length][onset % length] = chord
    both = [(sections[one][place], sections[two].get(place)) for one, two in PAIRS for place in sections[one]]
    shared = [first == second for first, second in both if second is not None]
    return mean(shared) if shared else 0.0


def measure(options: Options) -> dict[str, Any]:
    """By run, the share."""
    figures = {}
    for name in options.names:
        winners = {"notes": chosen_winners(name, {"notes": None}, options.runs)["notes"]}
        prime = find_prime(winners, None)
        compose = planned(read_plan(f"A{SECTION}B{SECTION}" * 2, prime.song.grid), 1.0)
        songs = [next(generate(winners, prime, Settings(seed=seed), compose=compose)) for seed in range(options.seeds)]
        figures[f"form={winners['notes'].config.form}"] = mean(said_again(song, prime.bar) for song in songs)
    return figures


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
