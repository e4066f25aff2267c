"""Interpolated Kneser-Ney n-grams over a column: the baseline that a network has to beat.

After Chen and Goodman, "An empirical study of smoothing techniques for language modeling" (1999), with one discount an
order and continuation counts below the highest. The recursion ends in the column's base distribution, so every value
has a probability. Training n-grams are those that end in a training target; songs are padded with start symbols, which
are context only. A held-out event's context is its true history, which may reach into the training part.

All positions are worked on at once: an n-gram is a number, and numbers are counted by sorting.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from datamodules.columns import Column
from datamodules.grams import numbered, paired
from datamodules.lengths import notes_of, summed, unrolled
from datamodules.splits import TRAIN
from datamodules.vocabulary import PITCHES, TRANSPOSITIONS, Chord, Speller

__all__ = ["HIGHEST_ORDER", "discount", "kneser_ney"]

HIGHEST_ORDER = 6

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class _Positions:
    """Training targets (of every copy), then the scored targets; the first `training` of P positions.

    Attributes:
        event: the target's event, int64 (P,).
        shift: semitones that the copy is moved by, int64 (P,).
        depth: how many events its song has before it, int64 (P,).
        training: how many of them are training targets.
        symbols: a number for each event's value, such that moving a value adds its semitones; int64 (E,).
    """

    event: Ints
    shift: Ints
    depth: Ints
    training: int
    symbols: Ints

    def before(self, distance: int) -> Ints:
        """The symbol `distance` events before each position, from 1 up; before a song's start it is 0. Shape (P,)."""
        at = self.event - distance
        return np.where(distance <= self.depth, self.symbols[np.maximum(at, 0)] + self.shift + 1, 0)


def kneser_ney(column: Column, targets: Ints, *, highest: int = HIGHEST_ORDER, transpose: bool = False) -> Floats:
    """ln probability of targets under models of every order from 1 (no context) to `highest`, in nats.

    Args:
        column: its training part is what the models are fitted on.
        targets: the events to score, shape (N,).
        highest: the highest order: n uses the n - 1 events before.
        transpose: for chords: fit on the training part of each song at `TRANSPOSITIONS`, and so the speller. A copy
            that would leave the range of pitches is left out.

    Returns:
        Shape (highest, N); row n - 1 is order n. Of grain note the models read one note after another, and an event's
        probability is the product of its notes'.
    """
    if column.spec.grain == "note":
        notes, row = notes_of(column.context, targets)
        return summed(kneser_ney(unrolled(column), notes, highest=highest), row)
    if transpose:
        positions, log_base = _transposed(column, targets)
    else:
        train = column.targets(TRAIN)
        positions = _positions(column, train, np.zeros_like(train), targets, column.ids.astype(np.int64))
        log_base = column.base[targets]
    rows = []
    lower = np.exp(log_base)  # the order below, counted by continuation
    for order in _orders(positions, highest):
        rows.append(order.interpolate(order.raw, lower))
        if order.continued is not None:
            lower = order.interpolate(order.continued, lower)
    return np.log(np.stack(rows))


@dataclass(frozen=True)
class _Order:
    """The n-grams of one order, G of them, over C contexts.

    Attributes:
        gram, context: of each scored target, int64 (N,).
        context_of: the context of each n-gram, int64 (G,).
        raw: how often each n-gram occurs in training, int64 (G,).
        continued: how many different symbols precede it there, int64 (G,); None for the highest order.
    """

    gram: Ints
    context: Ints
    context_of: Ints
    raw: Ints
    continued: Ints | None

    def interpolate(self, counts: Ints, lower: Floats) -> Floats:
        """The probability of each scored target, from its counts and its probability one order below."""
        seen, less = counts > 0, discount(counts)
        contexts = self.context_of[seen]
        size = int(self.context_of.max()) + 1
        total = np.bincount(contexts, weights=counts[seen], minlength=size)[self.context]
        followers = np.bincount(contexts, minlength=size)[self.context]
        kept = np.maximum(counts[self.gram] - less, 0.0)
        mixed = (kept + less * followers * lower) / np.maximum(total, 1)
        return np.where(total > 0, mixed, lower)


def discount(counts: Ints) -> float:
    """What is taken off each count of an order, from how many n-grams occur once and twice; counts of shape (G,)."""
    once, twice = int(np.count_nonzero(counts == 1)), int(np.count_nonzero(counts == 2))
    return once / (once + 2 * twice) if once and twice else 0.5


def _orders(positions: _Positions, highest: int) -> Iterator[_Order]:
    """The orders from 1 up. Grams and contexts are numbered anew in each, over training and scored positions."""
    training = positions.training
    context = np.zeros(len(positions.event), dtype=np.int64)
    gram = numbered(positions.before(0))
    for order in range(1, highest + 1):
        size = int(gram.max()) + 1
        raw = np.bincount(gram[:training], minlength=size)
        context_of = np.zeros(size, dtype=np.int64)
        context_of[gram] = context
        if order == highest:
            yield _Order(gram[training:], context[training:], context_of, raw, None)
            return
        previous = positions.before(order)
        longer = paired(gram, previous)
        ending = np.full(int(longer.max()) + 1, -1)  # the n-gram that ends each longer one seen in training
        ending[longer[:training]] = gram[:training]
        continued = np.bincount(ending[ending >= 0], minlength=size)
        yield _Order(gram[training:], context[training:], context_of, raw, continued)
        gram, context = longer, paired(context, previous)


def _positions(column: Column, train: Ints, shift: Ints, targets: Ints, symbols: Ints) -> _Positions:
    event = np.concatenate([train, targets])
    shift = np.concatenate([shift, np.zeros_like(targets)])
    return _Positions(event, shift, event - column.starts[column.songs()[event]], len(train), symbols)


def _transposed(column: Column, targets: Ints) -> tuple[_Positions, Floats]:
    """Positions of all copies of the training part, and ln Q of the targets by a speller fitted on all copies.

    A chord's symbol is its shape (the intervals above its lowest pitch) and its lowest pitch, so that moving it is
    an addition.
    """
    chords = cast("tuple[Chord, ...]", column.lexicon)
    shapes: dict[Chord, int] = {}
    shape = [shapes.setdefault(tuple(pitch - chord[0] for pitch in chord), len(shapes)) for chord in chords]
    lowest, highest = (np.array([chord[end] for chord in chords], dtype=np.int64) for end in (0, -1))
    symbols = (np.array(shape, dtype=np.int64) * 2 * PITCHES + lowest)[column.ids]
    inside = column.training()
    songs = column.starts[:-1]
    bottom = np.minimum.reduceat(np.where(inside, lowest[column.ids], PITCHES), songs)  # of each training part, (S,)
    top = np.maximum.reduceat(np.where(inside, highest[column.ids], -1), songs)
    song, train, part = column.songs(), column.targets(TRAIN), np.flatnonzero(inside)
    events, shifts, spelled = [], [], set[int]()
    for semitones in TRANSPOSITIONS:
        fits = (bottom + semitones >= 0) & (top + semitones < PITCHES)
        copied = train[fits[song[train]]]
        events.append(copied)
        shifts.append(np.full(len(copied), semitones))
        spelled.update(np.unique(symbols[part[fits[song[part]]]] + semitones).tolist())
    intervals = list(shapes)
    speller = Speller.fit(
        tuple(code % (2 * PITCHES) + above for above in intervals[code // (2 * PITCHES)]) for code in spelled
    )
    positions = _positions(column, np.concatenate(events), np.concatenate(shifts), targets, symbols)
    return positions, speller.log_probs(chords)[column.ids[targets]]
