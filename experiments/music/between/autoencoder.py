"""Between two songs bar by bar: the bars of both as points of an auto-encoder, and points between them as new bars.

A new bar stands between the first song's bar and the second's at the same place of the order, each begun again when it
ends. What is learnt from: the two songs, and those of the run's training songs that are here and in their metre, moved
into their key.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import torch

from datamodules.batches import Batches
from datamodules.song import Events, Song
from datamodules.windows import Batch
from experiments.music.arrangement.keys import key_of, transposed
from experiments.music.between.bar_tables import MOST_EVENTS, BarTable, events_of, joined
from experiments.music.between.kept import keep_weights, kept_weights, key_of_weights, place_of
from experiments.music.between.pair import Pair
from experiments.music.events.generation import Compose, song_of
from experiments.music.events.sampling import Sampling
from experiments.music.events.settings import Settings
from experiments.music.events.voices import Voice
from experiments.music.form.planning import LONGEST_PLAN
from experiments.music.prime import Prime
from experiments.music.training_songs import TrainingSongs
from experiments.progress import Progress, bar
from experiments.stopping import stopping
from experiments.training import quiet_trainer
from lightning_modules.bar_autoencoder import BarAutoencoder, Bars, DrawnEvent, between_points

__all__ = ["BarLearning", "Encoded", "bar_autoencoder", "composed"]

SILENT = 64  # bars without a note in a row, after which a song ends


@dataclass(frozen=True)
class BarLearning:
    """How the auto-encoder is trained."""

    updates: int = 900
    batch: int = 32  # bars
    others: int = 400  # bars of the run's training songs at most, drawn once
    own: float = 0.5  # share of a batch that are bars of the two songs
    seed: int = 1


@dataclass(frozen=True)
class Encoded:
    """An auto-encoder and the two songs' bars.

    Attributes:
        means, spreads: of each song's bars' Gaussians, (bars, latent).
        others: bars of other songs that it learnt from too.
    """

    network: BarAutoencoder
    table: BarTable
    means: tuple[torch.Tensor, torch.Tensor]
    spreads: tuple[torch.Tensor, torch.Tensor]
    others: int


def bar_autoencoder(
    pair: Pair,
    training: TrainingSongs,
    learning: BarLearning = BarLearning(),
) -> Encoded:
    """The auto-encoder of two songs; what was trained before is taken.

    Args:
        pair: in one metre.
        training: songs that it learns from beside them.
    """
    own = [source.events for source in pair.sources]
    length = int(own[0].bar[0])
    known = {source.song.digest for source in pair.sources}
    parts = pair.sources[0].parts
    others = [
        (song, song.events(parts).stretch(0, len(events)))
        for song, events in training.heard
        if song.digest not in known and bool((events.bar == length).all())
    ]
    table = BarTable.of([*own, *(events for _, events in others)], length)
    bars = [table.bars(events) for events in own]
    beside = _some(table, others, pair, learning)
    name = key_of_weights(
        "bars", [source.digest for source in pair.sources], asdict(table), _digest(beside), asdict(learning)
    )
    network = _fresh(table, learning)
    path = place_of("bars", name)
    tensors = kept_weights(path, name, network.state_dict())
    if tensors is None:
        _train(network, joined(bars), beside, learning)
        tensors = network.state_dict()
        keep_weights(path, name, tensors)
    network.load_state_dict(tensors)
    network.eval()
    with torch.inference_mode():
        (first, near), (second, far) = (network.encode(part) for part in bars)
    return Encoded(network, table, (first, second), (near, far), 0 if beside is None else len(beside.events))


def composed(encoded: Encoded, mix: float, sampling: Sampling) -> Compose:
    """What writes a song between the two.

    It has so many bars or events as the settings say, else as many bars as the nearer song.

    Args:
        mix: how far it stands from the first (0) to the second (1).
        sampling: how what stands in a bar is drawn from its point.
    """

    def compose(voices: Mapping[str, Voice], prime: Prime, settings: Settings, progress: Progress) -> Song:
        generator = next(iter(voices.values())).random
        bars, most = settings.bars, settings.events
        if bars is None and most is None:  # as long as the nearer song
            bars = min(len(encoded.means[int(mix > 0.5)]), LONGEST_PLAN)
        drawn: list[list[DrawnEvent]] = []
        written = silent = 0
        while len(drawn) < bars if bars is not None else written < (most or 0) and silent < SILENT:
            point = _point(encoded, len(drawn), mix, generator)
            drawn += encoded.network.decode(
                point, temperature=sampling.temperature, top_p=sampling.top_p, generator=generator
            )
            written += len(drawn[-1])
            silent = 0 if drawn[-1] else silent + 1
            progress(*((len(drawn), bars) if bars is not None else (min(written, most or 0), most or 0)))
        return song_of(prime, events_of(encoded.table, drawn, prime.place)[:most], replace(settings, bars=bars))

    return compose


def _point(encoded: Encoded, number: int, mix: float, generator: torch.Generator) -> torch.Tensor:
    """A point between two bars, each drawn from its Gaussian, (1, latent)."""
    drawn = []
    for mean, spread in zip(encoded.means, encoded.spreads, strict=True):
        row = number % len(mean)
        drawn.append(mean[row] + spread[row] * torch.randn(mean.shape[1], generator=generator))
    return between_points(drawn[0][None], drawn[1][None], mix)


def _some(table: BarTable, songs: Sequence[tuple[Song, Events]], pair: Pair, learning: BarLearning) -> Bars | None:
    """Some bars of other songs, moved into the key of the two; of all others no table is made."""
    if not songs:
        return None
    numbers = [table.numbers(events) for _, events in songs]
    found = [np.unique(bars, return_counts=True) for bars in numbers]  # those that are not empty
    song = np.repeat(np.arange(len(songs)), [len(bars) for bars, _ in found])
    bar, count = (np.concatenate(columns) for columns in zip(*found, strict=True))
    rows = np.sort(np.random.default_rng(learning.seed).permutation(len(bar))[: learning.others])
    key, parts = key_of(pair.sources[0].song), pair.sources[0].parts
    tables = []
    for number in np.unique(song[rows]).tolist():
        moved = transposed(songs[number][0], key)[0].events(parts)
        drawn = bar[rows[song[rows] == number]]
        first, end = (np.searchsorted(numbers[number], bars).tolist() for bars in (drawn, drawn + 1))
        tables += [table.bars(moved.stretch(*ends)) for ends in zip(first, end, strict=True)]
    return joined(tables, min(int(count.max()), MOST_EVENTS))  # training draws as many numbers as there is room


def _digest(bars: Bars | None) -> str:
    return "" if bars is None else key_of_weights(*(column.long().flatten().tolist() for column in bars))


def _fresh(table: BarTable, learning: BarLearning) -> BarAutoencoder:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(learning.seed)
        return BarAutoencoder(len(table.places), len(table.durations), table.velocities, updates=learning.updates)


def _train(network: BarAutoencoder, own: Bars, others: Bars | None, learning: BarLearning) -> None:
    """Train in place; half of each batch are bars of the two songs."""

    def batches() -> Iterator[Batch]:
        random = np.random.default_rng(learning.seed)
        share = learning.own if others is not None else 1.0
        for step in range(learning.updates):
            if interrupt.asked:
                return
            advance(step, learning.updates)
            mine = max(round(share * learning.batch), 1)
            parts = [own.rows(torch.from_numpy(random.integers(len(own.events), size=mine)))]
            if others is not None:
                rows = random.integers(len(others.events), size=learning.batch - mine)
                parts.append(others.rows(torch.from_numpy(rows)))
            yield joined(parts)._asdict()

    with (
        bar("bars of A and B: updates") as advance,
        stopping() as interrupt,
        torch.random.fork_rng(devices=[]),
        quiet_trainer(1) as trainer,
    ):
        torch.manual_seed(learning.seed)
        trainer.fit(network, Batches(batches, learning.updates))
    if interrupt.asked:
        raise KeyboardInterrupt
