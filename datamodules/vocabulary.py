"""What a column's values are called: tokens, ids and counts, and the two base distributions that know every value.

A chord is its pitches, low to high; other values are numbers, mostly of ticks. A `Vocabulary` holds the values of the
training part. What it lacks still has a probability: a chord by the `Speller`, which spells it pitch by pitch, a tick
by `tick_histogram`. This file knows neither songs nor splits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, pairwise
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from datamodules.errors import UserError

__all__ = [
    "ADDED",
    "PITCHES",
    "TRANSPOSITIONS",
    "Chord",
    "Speller",
    "Value",
    "Vocabulary",
    "parse_token",
    "tick_histogram",
    "token",
]

PITCHES = 128  # MIDI numbers
TRANSPOSITIONS = tuple(range(-5, 7))  # semitones: every key once, the nearest way
ADDED = 0.1  # to every count of the base distributions, so that nothing has probability zero

Chord = tuple[int, ...]
Value = Chord | int


def token(chord: Chord) -> str:
    """The chord's name: ``(60, 64, 67)`` is ``60.64.67``."""
    return ".".join(map(str, chord))


def parse_token(text: str) -> Chord:
    """The chord that a token names.

    Raises:
        UserError: it is not a list of different pitches from 0 to 127, low to high.
    """
    parts = text.split(".")
    if all(len(part) <= 3 and part.isdecimal() and part == str(int(part)) for part in parts):
        chord = tuple(map(int, parts))
        if chord[-1] < PITCHES and all(low < high for low, high in pairwise(chord)):
            return chord
    raise UserError(
        f"{text[:40]!r} is no token: pitches from 0 to 127, low to high, are joined by dots, as in 60.64.67"
    )


@dataclass(frozen=True)
class Vocabulary:
    """The values of the training part, which are a head's classes, and the two inputs that are never a class.

    Ids 0 to ``len(vocabulary) - 1`` are the values; then come `unknown` and `start`.

    Attributes:
        values: distinct and sorted; chords or ticks.
        counts: how often each value is a target in the training part. 0 for one that only opens songs.
        borrowed: ids of the values that do not stand in the training part: a network knows them from songs that it
            learnt from before. No base distribution and no baseline is given them.
    """

    values: tuple[Value, ...]
    counts: tuple[int, ...]
    borrowed: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.values)

    @property
    def kind(self) -> Literal["chords", "ticks"]:
        """What the values are; ticks stands for numbers of any unit."""
        return "ticks" if isinstance(self.values[0], int) else "chords"

    @property
    def own(self) -> tuple[Value, ...]:
        """The values that stand in the training part."""
        borrowed = set(self.borrowed)
        return tuple(value for i, value in enumerate(self.values) if i not in borrowed)

    @cached_property
    def index(self) -> dict[Value, int]:
        """From a value to its id."""
        return {value: i for i, value in enumerate(self.values)}

    @property
    def unknown(self) -> int:
        """The input id of every value that is not in the vocabulary."""
        return len(self)

    @property
    def start(self) -> int:
        """The input id that fills the window at a song's start."""
        return len(self) + 1

    @property
    def inputs(self) -> int:
        """How many different inputs there are: the rows of an embedding."""
        return len(self) + 2

    def to_json(self) -> dict[str, Any]:
        """Plain data; `from_json` makes an equal vocabulary of it."""
        values: list[str] | list[Value] = list(self.values)
        if self.kind == "chords":
            values = [token(chord) for chord in cast("tuple[Chord, ...]", self.values)]
        borrowed = {"borrowed": list(self.borrowed)} if self.borrowed else {}
        return {"kind": self.kind, "values": values, "counts": list(self.counts)} | borrowed

    @classmethod
    def from_json(cls, data: object) -> Vocabulary:
        """The vocabulary that `to_json` wrote. The data may come from a stranger's file: everything is checked.

        Raises:
            UserError: the data is no vocabulary.
        """
        if not isinstance(data, Mapping) or set(data) - {"borrowed"} != {"kind", "values", "counts"}:
            raise UserError("no vocabulary: it must hold kind, values and counts, and nothing else but borrowed")
        kind, values, counts, borrowed = data["kind"], data["values"], data["counts"], data.get("borrowed", [])
        if kind not in ("chords", "ticks") or not isinstance(values, list) or not isinstance(counts, list):
            raise UserError("a damaged vocabulary: kind must be chords or ticks, values and counts must be lists")
        if not values or len(values) != len(counts) or not all(_whole(count) for count in counts):
            raise UserError("a damaged vocabulary: it must have values, and one count from 0 up for each")
        if not all(isinstance(value, str) if kind == "chords" else _whole(value) for value in values):
            raise UserError(f"a damaged vocabulary: its values are not all {kind}")
        if not isinstance(borrowed, list) or not all(_whole(i) and i < len(values) and not counts[i] for i in borrowed):
            raise UserError("a damaged vocabulary: borrowed must list ids of values that are no training targets")
        if any(low >= high for low, high in pairwise(borrowed)) or len(borrowed) == len(values):
            raise UserError("a damaged vocabulary: borrowed ids must be distinct and sorted, and not all there are")
        parsed: tuple[Any, ...] = tuple(map(parse_token, values)) if kind == "chords" else tuple(values)
        if any(low >= high for low, high in pairwise(parsed)):
            raise UserError("a damaged vocabulary: its values are not distinct and sorted")
        return cls(parsed, tuple(counts), tuple(borrowed))


@dataclass(frozen=True)
class Speller:
    """Q: the probability of any chord, pitch by pitch from high to low: a bigram with a start and an end.

    After pitch p come the p lower pitches or the end; from the start, any pitch. So every non-empty set of pitches is
    spelled in one way, and the probabilities of all of them sum to 1.

    Attributes:
        table: shape (pitches + 1, pitches + 1), natural logarithms: [from, to], where the last row is the start and
            the last column the end.
    """

    table: NDArray[np.float64]

    @classmethod
    def fit(cls, chords: Iterable[Chord], *, pitches: int = PITCHES) -> Speller:
        """A speller with `ADDED` on every count, fitted on the distinct chords among `chords`."""
        counts = np.zeros((pitches + 1, pitches + 1))
        distinct = list(set(chords))
        if distinct:
            sources, flat, first = _steps(distinct, pitches)
            np.add.at(counts, (sources, flat), 1.0)
            np.add.at(counts[:, pitches], flat[first], 1.0)
        allowed = np.tri(pitches + 1, k=-1, dtype=bool)  # from a pitch to the lower ones, from the start to all
        allowed[:pitches, pitches] = True  # from a pitch to the end
        counts = np.where(allowed, counts + ADDED, 0.0)
        with np.errstate(divide="ignore"):  # a step that is not allowed has ln 0 = -inf
            return cls(np.log(counts / counts.sum(axis=1, keepdims=True)))

    def log_probs(self, chords: Sequence[Chord]) -> NDArray[np.float64]:
        """ln Q of each chord, in nats; shape (chords,). A chord is its pitches low to high, and not empty."""
        if not chords:
            return np.zeros(0)
        end = len(self.table) - 1
        sources, flat, first = _steps(chords, end)
        spelled: NDArray[np.float64] = np.add.reduceat(self.table[sources, flat], first)
        spelled += self.table[flat[first], end]
        return spelled


def tick_histogram(vocabulary: Vocabulary, lowest: int, highest: int) -> NDArray[np.float64]:
    """How the training targets are distributed over the ticks `lowest` to `highest`, with `ADDED` on every tick.

    Returns:
        Probabilities of shape (highest - lowest + 1,).
    """
    weights = np.full(highest - lowest + 1, ADDED)
    ticks = np.asarray(vocabulary.values, dtype=np.int64)
    np.add.at(weights, np.clip(ticks, lowest, highest) - lowest, np.asarray(vocabulary.counts, dtype=np.float64))
    shares: NDArray[np.float64] = weights / weights.sum()
    return shares


def _steps(chords: Sequence[Chord], start: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Every pitch of the chords, one after another, with the step that leads to it when they are spelled.

    Returns:
        Where the step comes from, shape (pitches,): the next higher pitch of the chord, or `start`; the pitches,
        shape (pitches,); the position of each chord's lowest pitch, shape (chords,).
    """
    lengths = np.fromiter(map(len, chords), dtype=np.int64, count=len(chords))
    if not lengths.all():
        raise ValueError("an empty chord cannot be spelled")
    flat = np.fromiter(chain.from_iterable(chords), dtype=np.int64, count=int(lengths.sum()))
    ends = np.cumsum(lengths)
    sources = np.append(flat[1:], start)
    sources[ends - 1] = start
    return sources, flat, ends - lengths


def _whole(value: object) -> bool:
    """Whether the value is an int from 0 up that an int64 holds; True and False are not numbers here."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**62
