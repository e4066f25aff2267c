"""Events a second that three heads of hidden 256 write on one core.

    python -m benchmarks.speed.generating [--json FILE]

Notes, durations and offsets heads with the defaults but for their hidden nodes, over the bundled songs; loudness is
the prime's, a bundled song. The weights are fresh ones from a fixed seed, not trained. What an event costs depends on
how many notes it has, so these are told beside the pace, with those of the bundled songs, of which trained heads write
about as many. The clock runs over all of `generate`: building the networks from their weights, hearing the prime's
context, drawing the events, and making the song of them.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median

import torch
import tyro

from benchmarks.measured import tell
from experiments.data_options import DataOptions
from experiments.dataset import Dataset, read_dataset
from experiments.heads import HEADS
from experiments.music.events.generation import generate
from experiments.music.events.settings import Settings
from experiments.music.prime import find_prime
from experiments.winners import Winner
from songs import bundled

WRITTEN = ("notes", "durations", "offsets")


@dataclass(frozen=True)
class Options:
    """Events a second of generation."""

    events: int = 256
    """of a song"""
    runs: int = 5
    """songs, all alike, of which the median is taken"""
    hidden: int = 256
    """nodes of each layer"""
    quick: bool = False
    """two songs of 16 events: to see that it runs, not for figures"""
    json: Path | None = None
    """write the figures here too"""


def fresh(name: str, hidden: int, dataset: Dataset) -> Winner:
    """A head with fresh weights, as a winner."""
    spec = HEADS[name]
    config = spec.config.from_dict({"hidden": hidden})
    vocabulary = dataset.column(spec.column).vocabulary
    torch.manual_seed(1)
    tensors = spec.build(config, vocabulary, dataset.options.grid).state_dict()
    return Winner(Path(name), spec, config, vocabulary, dataset.options.grid, tensors, facts={})


def main() -> None:
    """The command."""
    options = tyro.cli(Options)
    events, runs = (16, 2) if options.quick else (options.events, options.runs)
    torch.set_num_threads(1)
    dataset = read_dataset(DataOptions(()))
    winners = {name: fresh(name, options.hidden, dataset) for name in WRITTEN}
    prime = find_prime(winners, bundled()[0])
    seconds, notes, busy = [], 0, time.process_time()
    began = time.perf_counter()
    for _ in range(runs):
        last = time.perf_counter()
        (song,) = generate(winners, prime, Settings(events=events))
        seconds.append(time.perf_counter() - last)
        notes = len(song.notes)
    figures = {
        "hidden": options.hidden,
        "events": events,
        "runs": runs,
        "notes_an_event": notes / events,
        "notes_an_event_of_the_bundled_songs": mean(len(chord) for song in dataset.events for chord in song.chords()),
        "s": seconds,
        "events_a_second": events / median(seconds),
        "cores_busy": (time.process_time() - busy) / (time.perf_counter() - began),
    }
    tell("generating", "Three heads write a song, on one thread", figures, options.json)


if __name__ == "__main__":
    main()
