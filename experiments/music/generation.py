"""Heads and a prime to a new song.

A head sees a window of its own column only, so the columns are drawn one after another: first the offsets, which say
how many events fill the bars that were asked for, then the others. A column without a head is the prime's own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain, cycle, islice
from typing import TYPE_CHECKING, cast

import numpy as np
import torch

from datamodules.errors import UserError
from datamodules.midi_repair import settle
from datamodules.song import LONGEST_QUARTERS, Notes, Part, Song
from datamodules.vocabulary import Value
from experiments.heads import HEADS
from experiments.music.dynamics import Dynamics
from experiments.music.prime import Prime, common_grid
from experiments.winners import Winner

if TYPE_CHECKING:
    from lightning_modules.head import Head

__all__ = ["Sampling", "Settings", "context_length", "generate", "unknown_of_prime"]

MOST_EVENTS = 100_000  # an hour of fast music; more is a slip of the finger
MOST_BARS = 10_000
SLOWEST, FASTEST = 4.0, 1000.0  # quarter notes a minute; a MIDI file holds no slower tempo
TRIES = 8  # draws of an offset before the shortest known one is taken
PART = Part("tritone", program=0, drums=False, role="chords")

Progress = Callable[[int, int], None]  # steps done, steps in all


@dataclass(frozen=True)
class Sampling:
    """How a head's values are drawn."""

    temperature: float = 1.0  # as the head learnt them
    top_p: float = 0.95  # without the long tail: one odd chord in a window makes the next ones odd too


@dataclass(frozen=True)
class Settings:
    """What to generate.

    Attributes:
        events: how many, unless `bars` is given.
        bars: how many bars to fill.
        sampling: of each head; the default one for a head that is not named.
        tempo: quarter notes a minute; None for the prime's.
        seed: of all draws.
    """

    events: int = 256
    bars: int | None = None
    sampling: Mapping[str, Sampling] = field(default_factory=dict)
    tempo: float | None = None
    seed: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.events <= MOST_EVENTS:
            raise UserError(f"--events {self.events}: must be from 1 to {MOST_EVENTS:,}")
        if self.bars is not None and not 1 <= self.bars <= MOST_BARS:
            raise UserError(f"--bars {self.bars}: must be from 1 to {MOST_BARS:,}")
        if self.tempo is not None and not SLOWEST <= self.tempo <= FASTEST:
            raise UserError(f"--tempo {self.tempo:g}: must be from {SLOWEST:g} to {FASTEST:g} quarter notes a minute")
        if self.seed < 0:
            raise UserError(f"--seed {self.seed}: must be at least 0")
        for head, sampling in self.sampling.items():
            if not (math.isfinite(sampling.temperature) and sampling.temperature >= 0):
                raise UserError(f"--temperature {sampling.temperature:g} ({head}): must be at least 0")
            if not 0 < sampling.top_p <= 1:
                raise UserError(f"--top-p {sampling.top_p:g} ({head}): must be above 0 and at most 1")


def context_length(winners: Mapping[str, Winner], prime: Prime) -> int:
    """How many of the prime's events are context: the largest window of the heads, or all there are."""
    return min(max(winner.config.window for winner in winners.values()), len(prime.events))


def unknown_of_prime(winners: Mapping[str, Winner], prime: Prime) -> dict[str, tuple[int, int]]:
    """For each head: how many of the prime's values in its first window it does not know, and how many there are."""
    length = context_length(winners, prime)
    counts = {}
    for name, winner in winners.items():
        seen = prime.column(HEADS[name].column)[:length][-winner.config.window :]
        ids = [_input(winner, value) for value in seen]
        counts[name] = ids.count(winner.vocabulary.unknown), len(ids)
    return counts


def generate(
    winners: Mapping[str, Winner],
    prime: Prime,
    settings: Settings,
    *,
    candidates: int = 1,
    progress: Progress | None = None,
) -> Iterator[Song]:
    """New songs, one after another.

    Candidate k depends on the seed and k alone, bit by bit, and not on how many are asked for. That is why they are
    not drawn as a batch: a row of a batch differs from the same row alone in the last bits of its logits, which once
    in a while is another note. Each column of each candidate has a random generator of its own.

    Args:
        winners: by head, at least one.
        prime: see `prime.find_prime`; on the heads' grid.
        settings: how much, how and in which tempo.
        candidates: how many songs.
        progress: called now and then.

    Raises:
        UserError: heads of different grids.
    """
    if common_grid(winners) != prime.song.grid:
        raise ValueError("the prime must be read on the heads' grid")
    heads = {name: winner.head() for name, winner in winners.items()}
    for candidate in range(candidates):
        with _one_thread():
            columns = _columns(winners, heads, prime, settings, candidate, _part_of(progress, candidate, candidates))
        yield _song(prime, context_length(winners, prime), columns, settings, candidate)


def _columns(
    winners: Mapping[str, Winner],
    heads: Mapping[str, Head],
    prime: Prime,
    settings: Settings,
    candidate: int,
    progress: Progress,
) -> dict[str, list[Value]]:
    """Every head's column of one new song: sampled, or the prime's own."""
    length = context_length(winners, prime)
    streams = {}
    for name in HEADS:
        if name in winners:
            sampling = settings.sampling.get(name, Sampling())
            words = np.random.SeedSequence([settings.seed, candidate, *name.encode()])
            random = torch.Generator().manual_seed(int(words.generate_state(1, np.uint64)[0]))
            context = prime.column(HEADS[name].column)[:length]
            streams[name] = _sampled(winners[name], heads[name], context, sampling, random)
        else:
            streams[name] = _repeated(prime, name, length)
    offsets = _enough(
        cast("Iterator[int]", streams.pop("offsets")),
        prime,
        length,
        settings,
        lambda done, of: progress(done, of * len(HEADS)),
    )
    columns: dict[str, list[Value]] = {"offsets": list(offsets)}
    for place, (name, stream) in enumerate(streams.items(), start=1):
        columns[name] = []
        for done, value in enumerate(islice(stream, len(offsets)), start=1 + place * len(offsets)):
            columns[name].append(value)
            progress(done, len(offsets) * len(HEADS))
    return columns


def _sampled(
    winner: Winner, head: Head, context: Sequence[Value], sampling: Sampling, random: torch.Generator
) -> Iterator[Value]:
    """Values without end, drawn from a head that sees the context first and then what it has said itself."""
    size, timing = winner.config.window, winner.vocabulary.kind == "ticks"
    ids = [_input(winner, value) for value in context[-size:]]
    window = torch.tensor([[winner.vocabulary.start] * (size - len(ids)) + ids])  # (1, window)
    while True:
        for _ in range(TRIES):
            (value,) = head.sample(window, temperature=sampling.temperature, top_p=sampling.top_p, generator=random)
            # The vocabulary of offsets holds the tick 0 if a training song begins on a bar line, but it is no target:
            # two events never share an onset. Drawn all the same, it would stop time, so it is drawn again.
            if not timing or cast("int", value) >= 1:
                break
        else:
            value = _shortest(winner)
        yield value
        window = torch.cat((window[:, 1:], torch.tensor([[_input(winner, value)]])), dim=1)


def _shortest(winner: Winner) -> int:
    """The least ticks above 0 that the head knows: for a head that will say nothing but 0."""
    return next((tick for tick in cast("tuple[int, ...]", winner.vocabulary.values) if tick >= 1), 1)


def _input(winner: Winner, value: Value) -> int:
    """The id under which a head sees a value; timing is clipped as it was in training."""
    if isinstance(value, int):
        value = min(max(value, winner.spec.column.lowest), LONGEST_QUARTERS * winner.grid)
    return winner.vocabulary.index.get(value, winner.vocabulary.unknown)


def _repeated(prime: Prime, head: str, length: int) -> Iterator[Value]:
    """The prime's own column after its first `length` events, and then the whole of it again and again."""
    column = prime.column(HEADS[head].column)
    if head == "offsets":  # what opens the column is a place in the bar: back there from the last event
        column[0] = prime.way_back
    return chain(column[length:], cycle(column))


def _enough(offsets: Iterator[int], prime: Prime, length: int, settings: Settings, progress: Progress) -> list[int]:
    """The new song's offsets, as many as it has events; the first is the place of its first event in the first bar."""
    song, bar = prime.song, prime.bar
    first = song.bar_position(int(prime.events.onset[length - 1]) + next(offsets)) % bar
    kept, tick = [first], first
    most = settings.events if settings.bars is None else MOST_EVENTS
    end = math.inf if settings.bars is None else settings.bars * bar
    while len(kept) < most:
        offset = next(offsets)
        tick += offset
        if tick >= end:
            break
        kept.append(offset)
        progress(len(kept), most if settings.bars is None else max(round(len(kept) * end / tick), len(kept)))
    return kept


def _song(prime: Prime, length: int, columns: Mapping[str, list[Value]], settings: Settings, candidate: int) -> Song:
    """The columns as a song of one part, in the prime's tempo, metre and key unless asked otherwise."""
    chords = cast("list[tuple[int, ...]]", columns["notes"])
    onsets = np.cumsum(np.array(columns["offsets"], np.int64))
    ends = onsets + np.maximum(np.array(columns["durations"], np.int64), 1)
    if settings.bars is not None:
        ends = np.minimum(ends, settings.bars * prime.bar)
    sizes = np.array([len(chord) for chord in chords])
    onset, end = np.repeat(onsets, sizes), np.repeat(ends, sizes)
    pitch = np.fromiter(chain.from_iterable(chords), np.int64, int(sizes.sum()))
    top = np.zeros(len(pitch), dtype=bool)
    top[np.cumsum(sizes) - 1] = True  # a chord's pitches stand low to high
    velocity = Dynamics.of(prime).velocities(onset, top)
    kept, end = settle(np.zeros_like(pitch), pitch, onset, end, velocity)  # a pitch ends where it begins again
    order = np.lexsort((pitch[kept], onset[kept]))
    rows = kept[order]
    table = (onset[rows], pitch[rows], end[order] - onset[rows], velocity[rows], np.zeros_like(rows))
    return Song(
        grid=prime.song.grid,
        parts=(PART,),
        notes=Notes(*(x.astype(np.int32) for x in table)),
        tempos=np.array([[0.0, settings.tempo or min(max(prime.tempo, SLOWEST), FASTEST)]]),
        metres=np.array([[0, *prime.metre]], np.int32),
        keys=np.array([[0, key] for key in prime.key], np.int32).reshape(-1, 2),
        name=f"seed {settings.seed}" + (f", candidate {candidate + 1}" if candidate else ""),
    )


@contextmanager
def _one_thread() -> Iterator[None]:
    """One thread inside: the fastest for one window at a time, and the same sums on every number of cores."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _part_of(progress: Progress | None, candidate: int, candidates: int) -> Progress:
    """The progress of one candidate as that of all."""

    def tell(done: int, of: int) -> None:
        if progress is not None:
            progress(candidate * of + done, candidates * of)

    return tell
