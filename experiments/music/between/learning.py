"""The heads of a song: a run's winners go on with that song alone, or with two songs that they are told apart by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from datamodules.columns import Column, build_column
from datamodules.form.standing import standing_of
from datamodules.midi_windows import MidiWindows
from datamodules.splits import FIRST, TRAIN, VALID, Split, make_split
from datamodules.vocabulary import Value
from experiments.best_epoch import fit_best, on_cpu
from experiments.initial import grown
from experiments.music.between.crossing import CrossedWindows
from experiments.music.between.kept import keep_weights, kept_weights, key_of_weights, place_of
from experiments.music.between.pair import NAMES, Pair, Source
from experiments.music.events.grids import on_grid
from experiments.progress import Progress, bar, part_of
from experiments.winners import Winner, weights_hash
from lightning_modules.song_embedding import embedded

if TYPE_CHECKING:
    from lightning_modules.head import Head

__all__ = ["Learning", "embedding_heads", "source_heads"]

HELD_OUT = 10  # the last one of so many parts of a song says when to stop


@dataclass(frozen=True)
class Learning:
    """How long and how fast a run's winners go on with a song.

    Attributes:
        epochs: of `updates` each, at least; the best of them by the song's last tenth is taken.
        updates: of an epoch.
        rate: of learning, beside the winner's own.
        patience: epochs without a better one, after which it ends.
        crossed: share of a song's windows that have the past of the other, for chords alone; see `crossing`. Where the
            two songs divide the beat otherwise, rhythms that are sure of themselves in each other's company clash.
        seed: of the order of the windows.
    """

    epochs: int = 8
    updates: int = 30
    rate: float = 0.5
    patience: int = 3
    crossed: float = 0.3
    seed: int = 1


def source_heads(
    winners: Mapping[str, Winner],
    pair: Pair,
    learning: Learning = Learning(),
) -> tuple[dict[str, Winner], dict[str, Winner]]:
    """The heads of each song, by head: winners of a run that went on with that song alone.

    Both know the values of both songs, so that their predictions can be mixed. What was trained before is taken.
    """
    found: tuple[dict[str, Winner], dict[str, Winner]] = ({}, {})
    work = [(name, number) for name in winners for number in (0, 1)]
    with bar("heads of A and of B: epochs") as advance:
        for step, (name, number) in enumerate(work):
            winner, values = winners[name], _values(winners[name], pair)
            source, other = (_column(winner, [pair.sources[which]], values) for which in (number, 1 - number))
            told = part_of(advance, step, len(work))
            kind = f"{name}-of-{NAMES[number].lower()}"
            tensors = _kept_or_trained(winner, source, kind, learning, pair, told, other)
            found[number][name] = _winner(winner, source, tensors)
    return found


def embedding_heads(
    winners: Mapping[str, Winner],
    pair: Pair,
    learning: Learning = Learning(),
) -> tuple[dict[str, Winner], dict[str, Head]]:
    """The heads of both songs, told by a vector a song which one they are in: as winners, and their networks."""
    found, networks = {}, {}
    longer = replace(learning, epochs=2 * learning.epochs)
    with bar("heads of A and B: epochs") as advance:
        for step, (name, winner) in enumerate(winners.items()):
            column = _column(winner, pair.sources, _values(winner, pair))
            told = part_of(advance, step, len(winners))
            tensors = _kept_or_trained(winner, column, f"{name}-of-both", longer, pair, told)
            networks[name] = _network(winner, column, apart=True)
            networks[name].load_state_dict(tensors)
            networks[name].eval()
            found[name] = _winner(winner, column, tensors)
    return found, networks


def _values(winner: Winner, pair: Pair) -> list[Value]:
    """The values that the winner knows, and those of the two songs."""
    events = [source.on(winner.grid) for source in pair.sources]
    own = build_column(winner.column, events, make_split("none", events, 0), winner.grid)
    return sorted({*winner.vocabulary.values, *own.vocabulary.values})


def _column(winner: Winner, sources: Sequence[Source], values: Sequence[Value]) -> Column:
    """The songs' column, the last tenth of each held out."""
    parts = []
    songs = [on_grid(source.song, winner.grid) for source in sources]
    events = [source.on(winner.grid) for source in sources]
    for song in events:
        marks = np.full(len(song), TRAIN, np.int8)
        marks[0] = FIRST
        marks[-max(len(marks) // HELD_OUT, 1) :] = VALID
        parts.append(marks)
    split = Split("tail", "the last tenth of each song is held out", tuple(parts), ("tail",) * len(parts))
    column = build_column(winner.column, events, split, winner.grid, values)
    return replace(column, standing=standing_of(songs, events)) if winner.framing.form else column


def _network(winner: Winner, column: Column, *, apart: bool) -> Head:
    """The winner's network over the songs' vocabulary: what it had learnt, and fresh rows for what is new."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        head = winner.spec.build(_config(winner), column.vocabulary, column.grid)
        head.load_state_dict(grown(winner.tensors, head.state_dict(), winner.vocabulary, column.vocabulary))
        if apart:
            embedded(head)
    return head


def _config(winner: Winner) -> Any:
    """The songs stay in the key that both are in."""
    return replace(winner.config, transpose="none")


def _winner(winner: Winner, column: Column, tensors: Mapping[str, Tensor]) -> Winner:
    """Weights as a winner: where the run's one is, it says which songs that one heard."""
    figures = {**winner.facts["figures"], "mixture": float(tensors["mixture"])}
    facts = {**winner.facts, "figures": figures}
    return replace(winner, config=_config(winner), vocabulary=column.vocabulary, tensors=dict(tensors), facts=facts)


def _kept_or_trained(
    winner: Winner,
    column: Column,
    kind: str,
    learning: Learning,
    pair: Pair,
    progress: Progress,
    other: Column | None = None,
) -> dict[str, Tensor]:
    """The weights of a network that learns a column, with the past of another if there is one; else of both songs."""
    if not column.spec.chords:
        learning = replace(learning, crossed=0.0)
    key = key_of_weights(
        kind,
        weights_hash(winner.tensors),
        winner.config.to_dict(),
        column.vocabulary.to_json(),
        winner.grid,
        [source.digest for source in pair.sources],
        asdict(learning),
    )
    head = _network(winner, column, apart=other is None)
    path = place_of(kind, key)
    tensors = kept_weights(path, key, head.state_dict())
    if tensors is None:
        tensors = _trained(head, winner, column, learning, progress, other)
        keep_weights(path, key, tensors)
    progress(learning.epochs, learning.epochs)  # it may have ended before
    return tensors


def _trained(
    head: Head, winner: Winner, column: Column, learning: Learning, progress: Progress, other: Column | None
) -> dict[str, Tensor]:
    """Weights of the best epoch; the network is trained in place."""
    config = replace(_config(winner), learning_rate=min(winner.config.learning_rate * learning.rate, 1.0))
    head.config = config
    framing = replace(winner.spec.framing(config), songs=other is None)
    options = {
        "batch_size": config.batch_size,
        "weighting": config.weighting,
        "seed": learning.seed,
        "updates_per_epoch": learning.updates,
    }
    data = MidiWindows(column, framing, **options)
    if other is not None and learning.crossed:
        data = CrossedWindows(column, framing, other, learning.crossed, **options)
    start = on_cpu(head.state_dict())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(learning.seed)
        trained = fit_best(
            head, data, epochs=learning.epochs, progress=progress, patience=learning.patience, schedule="cosine"
        )
    if trained.interrupted:
        raise KeyboardInterrupt
    return trained.best.tensors if trained.best else start
