"""Songs between two songs: how near they are to either as the mix goes from the one to the other, by each way.

    python -m benchmarks.music.between RUN A.mid B.mid [--name NAME] [--runs DIR] [--seeds N] [--events N] [--raw FILE]
        [--json FILE]

Judged by heads of A and of B that were trained with another seed than those that write (nats an event, all heads
together); by what no head says (overlapping areas of histograms of pitch classes, of steps of the top line, and of
places in the bar with durations); and by what is shared with A and with B note for note. Beside them stand songs that
the heads of A alone, or of B alone, go on with. Intervals of 95 % over songs, by the bootstrap. What is measured is
kept in --raw, and is not measured again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import tyro
from torch import Tensor, nn

from benchmarks.adding import known_rows
from benchmarks.measured import shown, write
from benchmarks.music.intervals import mean_over_songs
from datamodules.song import Events, Song
from experiments.heads import HEADS
from experiments.music.between.autoencoder import bar_autoencoder, composed
from experiments.music.between.learning import Learning, embedding_heads, source_heads
from experiments.music.between.mix import AUTOENCODER, EMBEDDING, PREDICTIONS
from experiments.music.between.pair import Pair, read_pair
from experiments.music.choosing import chosen_winners
from experiments.music.copying.figures import Comparison
from experiments.music.events.generation import Compose, generate
from experiments.music.events.sampling import Sampling
from experiments.music.events.settings import Settings
from experiments.music.ranking import likelihoods
from experiments.music.training_songs import TrainingSongs, training_songs
from experiments.winners import Winner
from lightning_modules.blending import blended
from lightning_modules.head import Head
from lightning_modules.outputs.output import Batch, Value
from lightning_modules.song_embedding import stand

MIXES = (0.0, 0.25, 0.5, 0.75, 1.0)
PROBABILITIES, ALONE = "probabilities", "alone"
WAYS = (ALONE, PREDICTIONS, PROBABILITIES, EMBEDDING, AUTOENCODER)
FIGURES = ("nats A", "nats B", "like A", "like B", "copied A", "copied B", "longest A", "longest B")
APART = 1000  # seeds of the songs of one source alone are so far from those of the mixed ones


@dataclass(frozen=True)
class Options:
    """How near songs between two songs are to either."""

    run: tyro.conf.Positional[str]
    """a run with winners, by path or name"""
    songs: Annotated[tyro.conf.Positional[tuple[Path, Path]], tyro.conf.arg(metavar="A B")]
    """the two songs"""
    name: str = "pair"
    """of the pair, in the figures"""
    runs: Path = Path("runs")
    """where runs are kept"""
    seeds: int = 20
    """songs of each way and mix"""
    events: int = 96
    """of a song"""
    ways: tuple[str, ...] = WAYS
    """which ways"""
    raw: Path = Path("between.jsonl")
    """a line a way and mix, with a row a song, which a run that was stopped goes on from"""
    json: Path | None = None
    """write the figures here too"""


class DrawnOutput(nn.Module):
    """Two heads' probabilities mixed in place of their logits: each value is wholly the one's or the other's."""

    def __init__(self, first: Head, second: Head, mix: float) -> None:
        super().__init__()
        self.outputs, self.mix = (first.output, second.output), mix

    def draw(
        self, state: Tensor, batch: Batch, temperature: float, top_p: float, generator: torch.Generator | None
    ) -> list[Value]:
        """One of the two is drawn, by the mix, and then its value."""
        number = int(torch.rand(1, generator=generator).item() < self.mix)
        return self.outputs[number].draw(state.chunk(2, dim=1)[number], batch, temperature, top_p, generator)


def drawn(first: Head, second: Head, mix: float) -> Head:
    """A head that draws as either of two, by the mix."""
    head = blended(first, second, mix)
    if mix not in (0.0, 1.0):
        head.output = DrawnOutput(first, second, mix)  # type: ignore[assignment]  # it only draws
    return head


class Maker:
    """Writes songs between two, by each way; all heads alike, without a plan.

    Args:
        options: the pair and the run.
    """

    def __init__(self, options: Options) -> None:
        self.options = options
        self.run = chosen_winners(options.run, dict.fromkeys(HEADS), options.runs)
        self.pair: Pair = read_pair(self.run, options.songs)
        self.own = source_heads(self.run, self.pair)
        self.plain = source_heads(self.run, self.pair, Learning(crossed=0.0))
        self.judges = source_heads(self.run, self.pair, Learning(crossed=0.0, seed=2))
        self.alone = [Comparison(TrainingSongs(((source.song, source.events),), 1)) for source in self.pair.sources]
        self.window = max(winner.config.window for winner in self.run.values())

    def songs(self, way: str, mix: float) -> Iterator[Song]:
        """One a seed."""
        winners: Mapping[str, Winner] = (self.plain if way == ALONE else self.own)[int(mix == 1)]
        pair, networks = self.pair, dict[str, Head]()
        compose: Compose | None = None
        if way in (PREDICTIONS, PROBABILITIES):
            join = blended if way == PREDICTIONS else drawn
            networks = {name: join(*(own[name].head() for own in self.own), mix) for name in winners}
        elif way == EMBEDDING:
            winners, networks = embedding_heads(self.run, self.pair)
            for network in networks.values():
                stand(network, mix)
        elif way == AUTOENCODER:
            pair = pair.in_one_metre()
            encoded = bar_autoencoder(pair, training_songs(self.run.values()))
            winners, compose = self.run, composed(encoded, mix, Sampling())
        prime = pair.sources[int(mix > 0.5)].prime(self.window)
        for seed in range(1, self.options.seeds + 1):
            settings = Settings(events=self.options.events, seed=seed + (APART if way == ALONE else 0))
            yield from generate(winners, prime, settings, compose=compose, networks=networks)

    def measured(self, way: str, mix: float) -> list[list[float]]:
        """A row of `FIGURES` a song."""
        songs = list(self.songs(way, mix))
        nats = [[told.total for told in likelihoods(judge, songs)] for judge in self.judges]
        rows = []
        for number, song in enumerate(songs):
            like = [likeness(song.events(), source.events) for source in self.pair.sources]
            copied = [compare.of(song) for compare in self.alone]
            rows.append(
                [*(one[number] for one in nats), *like, *(one.copied or 0.0 for one in copied)]
                + [float(one.longest) for one in copied]
            )
        return rows


def likeness(song: Events, other: Events) -> float:
    """The mean overlapping area of three pairs of histograms, from 0 (nothing in common) to 1 (the same)."""
    pairs = zip(_histograms(song), _histograms(other), strict=True)
    return float(np.mean([sum(min(one.get(key, 0.0), two.get(key, 0.0)) for key in one) for one, two in pairs]))


def _histograms(song: Events) -> tuple[dict[Any, float], ...]:
    """Of pitch classes, of steps of the top line in semitones, and of places in the bar with durations."""
    top = song.pitches[song.starts[1:] - 1]
    rhythm = list(zip(song.place.tolist(), song.duration.tolist(), strict=True))
    return tuple(map(_shares, ((song.pitches % 12).tolist(), np.diff(top).tolist(), rhythm)))


def _shares(values: list[Any]) -> dict[Any, float]:
    return {value: values.count(value) / len(values) for value in set(values)}


def measure(options: Options) -> dict[str, dict[str, Any]]:
    """By way, then by figure: the means at the mixes, and their intervals."""
    known = _known(options)
    maker: Maker | None = None
    found: dict[str, dict[str, Any]] = {}
    for way in options.ways:
        rows: dict[float, list[list[float]]] = {}
        for mix in MIXES if way != ALONE else (0.0, 1.0):
            if (way, mix) not in known:
                maker = maker or Maker(options)
                known[way, mix] = maker.measured(way, mix)
                with options.raw.open("a") as file:
                    file.write(json.dumps({"way": way, "mix": mix, "songs": known[way, mix]}) + "\n")
            rows[mix] = known[way, mix]
        found[way] = summed(rows)
        print(options.name, way, *(f"\n  {name}: {shown(row)}" for name, row in found[way].items() if "95" not in name))
    return found


def _known(options: Options) -> dict[tuple[str, float], list[list[float]]]:
    """What was measured, by way and mix."""
    of = {"run": options.run, "songs": list(map(str, options.songs)), "seeds": options.seeds, "events": options.events}
    rows = known_rows(options.raw, "benchmarks.music.between", of)
    return {(row["way"], row["mix"]): row["songs"] for row in rows}


def summed(rows: Mapping[float, list[list[float]]]) -> dict[str, Any]:
    """Means over songs at each mix, with intervals, and whether nats only rise under A and only fall under B."""
    tables = [np.array(songs) for songs in rows.values()]
    found: dict[str, Any] = {"mixes": list(rows)}
    for column, name in enumerate(FIGURES):
        means = [mean_over_songs(table[:, column].tolist(), 3) for table in tables]
        found[name] = [mean for mean, *_ in means]
        found[f"{name}: 95 %"] = [ends for _, *ends in means]
    found["monotone"] = bool((np.diff(found["nats A"]) > 0).all() and (np.diff(found["nats B"]) < 0).all())
    return found


def main() -> None:
    """The command."""
    options = tyro.cli(Options)
    torch.set_num_threads(1)
    figures = {options.name: measure(options)}
    if options.json is not None:
        title = f"Songs between two songs, {options.seeds} of {options.events} events each"
        write("between", title, figures, options.json)


if __name__ == "__main__":
    main()
