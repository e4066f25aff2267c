"""Windows as views on a column.

A window is W values in a row. Its network predicts, at each position, the value that follows; of these the last `tail`
positions are targets: one, as in the original, or half a window, so that every target has between half a window and a
whole one before it, in training as in scoring. All windows are rows of one view on the padded events, so memory grows
with the events, not with events x W; only the rows of a batch are ever copied.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from datamodules.columns import Column
from datamodules.framing import Framing
from datamodules.lengths import by_pitch
from datamodules.vocabulary import PITCHES, TRANSPOSITIONS
from datamodules.weights import Weighting, weights

__all__ = ["Batch", "Segments", "Windows"]

Batch = dict[str, Tensor]
Ints = NDArray[np.int64]
Arrays = dict[str, NDArray[np.generic]]


@dataclass(frozen=True)
class Segments:
    """Windows by their last target, M of them, in the order of the events.

    Attributes:
        last: int64 (M,), the event that the last position predicts.
        first: int64 (M,), the first event that counts as a target of this window: those before it count in others.
        shift: int64 (M,), semitones that the window is moved by.
    """

    last: Ints
    first: Ints
    shift: Ints

    def __len__(self) -> int:
        return len(self.last)

    def __getitem__(self, chosen: Ints | slice) -> Segments:
        return Segments(self.last[chosen], self.first[chosen], self.shift[chosen])


class _Places(NamedTuple):
    """Where the B windows of a batch lie among the E events."""

    before: Ints  # (B, W) the event at each position, E for a song's start
    after: Ints  # (B, W) the event that follows it
    shift: Ints | None  # (B,) semitones that each window is moved by, if any is
    counted: NDArray[np.bool_]  # (B, T) which of the last positions are targets
    events: Ints  # (n,) the targets
    target: Ints  # (n,) their classes


class Windows:
    """The windows of one part of a column; its targets are N events.

    The column's arrays are read where they lie, and may be read-only.
    """

    def __init__(self, column: Column, part: int, framing: Framing, weighting: Weighting = "none") -> None:
        self.column, self.framing = column, framing
        self.events = column.targets(part)  # int64 (N,)
        self.weight = np.zeros(len(column), dtype=np.float32)  # (E,), by target
        self.weight[self.events] = weights(column.ids[self.events], weighting)
        breaks = np.flatnonzero((np.diff(self.events) > 1) | (np.diff(self._songs[self.events]) > 0)) + 1
        ends = np.r_[breaks, len(self.events)] if len(self.events) else breaks
        self._run_first = self.events[np.r_[0, breaks]] if len(self.events) else self.events  # (runs,) of targets
        self._run_last = self.events[ends - 1]

    def __len__(self) -> int:
        return len(self.events)

    @property
    def expected(self) -> float:
        """How many windows a pass with a random phase has, on average."""
        length, tail = self._run_last - self._run_first + 1, self.framing.tail
        return float(((length - 1) / tail + 1).sum())

    def in_order(self) -> Segments:
        """Windows that hold every target once, each as late as it can be."""
        return self._cut(np.full(len(self._run_first), self.framing.tail - 1))

    def passed(self, random: np.random.Generator) -> Segments:
        """The same, cut and moved at random: the windows of one pass of training."""
        segments = self._cut(random.integers(0, self.framing.tail, len(self._run_first)))
        if self.framing.transpose == "none":
            return segments
        song = self._songs[segments.last]
        low, high = self._shifts
        if self.framing.transpose == "song":
            shift = random.integers(low, high + 1)[song]
        else:
            shift = random.integers(low[song], high[song] + 1)
        return Segments(segments.last, segments.first, shift)

    def _cut(self, phase: Ints) -> Segments:
        """Each run of targets a .. b in windows whose last targets are a + phase, a + phase + tail, ..., b."""
        first, last, tail = self._run_first, self._run_last, self.framing.tail
        count = 1 + np.maximum(-(-(last - first - phase) // tail), 0)
        run = np.repeat(np.arange(len(first)), count)
        number = np.arange(len(run)) - np.repeat(np.cumsum(count) - count, count)
        ends = np.minimum((first + phase)[run] + number * tail, last[run])
        begins = np.where(number == 0, first[run], np.r_[0, ends[:-1]] + 1)
        return Segments(ends, begins, np.zeros_like(ends))

    def batch(self, segments: Segments) -> Batch:
        """Copies out windows, B of them with n targets in all, T = `framing.tail`.

        Returns:
            Of every position: window int64 (B, W), input ids, unless chords are spelled; chord float32 (B, W, 129),
            the pitches before and whether there is none but the song's start, if they are spelled or context is shown;
            with context also numbers float32 (B, W, features), and known float32 (B, W, 128), the pitches of the
            event to come, where a head is drawn after them; with the form float32 form (B, W, `stand_size`) and again
            (B, W, 128), where the event to come stands in it and the pitches that were there before - of a head that
            says when that event comes, where the event before it stands.

            counted: bool (B, T), which of the last positions are targets; absent if all are. song int64 (B,), if it is
            told.

            Of every target: target int64 (n,), a class from 0 to V - 1, or V for a value outside the vocabulary; weight
            float32 (n,); base float64 (n,), ln of the base distribution; value int64 (n,), ticks clipped to the range,
            0 for chords; true int64 (n,), ticks as they stand in the song; pitches bool (n, 128), if they are spelled;
            lengths int64 (n, 128), ticks of each pitch as they stand in the song, 0 where it is silent, of grain note;
            told float64 (n,), with the form: nats, what it costs to tell it.
        """
        places = self._places(segments)
        batch = {**self._shown(segments, places), **self._wanted(places)}
        return {name: torch.from_numpy(array) for name, array in batch.items()}

    def _places(self, segments: Segments) -> _Places:
        """Where the windows lie, and their targets."""
        column, tail = self.column, self.framing.tail
        index = self._view[segments.last + self._songs[segments.last] * self.framing.window]  # (B, W + 1)
        target_at = segments.last[:, None] + np.arange(1 - tail, 1)  # (B, T)
        counted = target_at >= segments.first[:, None]
        events = target_at[counted]
        target = np.minimum(column.ids[events], column.vocabulary.unknown).astype(np.int64)
        shift = segments.shift if self.framing.transpose != "none" and segments.shift.any() else None
        if shift is not None and column.spec.chords and not self.framing.spelled:
            target = self._moved_ids[np.repeat(shift, counted.sum(axis=1)) - TRANSPOSITIONS[0], target]
            known = target < column.vocabulary.unknown  # what the vocabulary lacks in the other key is no target
            counted[counted] = known
            events, target = events[known], target[known]
        return _Places(index[:, :-1], index[:, 1:], shift, counted, events, target)

    def _shown(self, segments: Segments, places: _Places) -> Arrays:
        """What a network is shown of every position."""
        column, framing, (before, after, shift, counted, _, _) = self.column, self.framing, places
        spelled = column.spec.chords and framing.spelled
        shown: Arrays = {}
        if not spelled:
            shown["window"] = self._inputs[before]
            if column.spec.chords and shift is not None:
                shown["window"] = self._moved_ids[shift[:, None] - TRANSPOSITIONS[0], shown["window"]]
        if framing.context or spelled:
            start = (before == len(column)).astype(np.float32)[:, :, None]
            shown["chord"] = np.concatenate([_pitches(column.chords[before], shift), start], axis=2)
        if framing.context:
            shown["numbers"] = np.concatenate([column.past[before], column.known[after]], axis=2)
            if "notes" in column.spec.after:
                shown["known"] = _pitches(column.chords[after], shift)
        if framing.form:
            there = after if "offsets" in column.spec.after else before
            shown["form"] = column.form[there]
            shown["again"] = _pitches(column.again[there], shift)
        if not counted.all():
            shown["counted"] = counted
        if framing.songs:
            shown["song"] = self._songs[segments.last]
        return shown

    def _wanted(self, places: _Places) -> Arrays:
        """What there is to know of every target."""
        column, (_, after, shift, counted, events, target) = self.column, places
        true = column.value[events].astype(np.int64)
        wanted: Arrays = {
            "target": target,
            "weight": self.weight[events],
            "base": column.base[events],
            "value": true if column.spec.chords else np.clip(true, column.spec.lowest, column.highest),
            "true": true,
        }
        if column.spec.chords and self.framing.spelled:
            wanted["pitches"] = _pitches(column.chords[after[:, -self.framing.tail :]], shift)[counted] > 0
        if column.spec.grain == "note":
            each = np.repeat(shift, counted.sum(axis=1)) if shift is not None else None
            wanted["lengths"] = by_pitch(column.context, events, each)
        if self.framing.form:
            wanted["told"] = column.told[events]
        return wanted

    @cached_property
    def _songs(self) -> Ints:
        return self.column.songs()

    @cached_property
    def _view(self) -> NDArray[np.int64]:
        """The events with W starts before each song, W + 1 in a row: (entries - W, W + 1)."""
        window, events = self.framing.window, len(self.column)
        padded = np.full(events + (len(self.column.starts) - 1) * window, events, dtype=np.int64)
        # event e of song s lies at e + (s + 1) * W, so the window that it ends begins at e + s * W
        padded[np.arange(events) + (self._songs + 1) * window] = np.arange(events)
        return np.lib.stride_tricks.sliding_window_view(padded, window + 1)

    @cached_property
    def _inputs(self) -> Ints:
        return np.append(self.column.inputs, self.column.vocabulary.start)

    @cached_property
    def _shifts(self) -> tuple[Ints, Ints]:
        """The least and the most semitones that each song's training part can be moved by and stay in the range."""
        column = self.column
        inside = np.where(column.training()[:, None], column.context.bits, 0)  # packed: (E, 16)
        sounds = np.unpackbits(np.bitwise_or.reduceat(inside, column.starts[:-1], axis=0), axis=1)  # (S, 128)
        lowest, highest = sounds.argmax(axis=1), PITCHES - 1 - sounds[:, ::-1].argmax(axis=1)
        low = np.maximum(TRANSPOSITIONS[0], -lowest)
        high = np.minimum(TRANSPOSITIONS[-1], PITCHES - 1 - highest)
        return low.astype(np.int64), high.astype(np.int64)

    @cached_property
    def _moved_ids(self) -> Ints:
        """The id of each id's chord in each key, (shifts, V + 2); `unknown` for what the vocabulary lacks there."""
        vocabulary = self.column.vocabulary
        table = np.full((len(TRANSPOSITIONS), vocabulary.inputs), vocabulary.unknown, dtype=np.int64)
        table[:, vocabulary.start] = vocabulary.start
        for row, shift in enumerate(TRANSPOSITIONS):
            for id_, chord in enumerate(vocabulary.values):
                assert isinstance(chord, tuple)
                table[row, id_] = vocabulary.index.get(tuple(p + shift for p in chord), vocabulary.unknown)
        return table


def _pitches(bits: NDArray[np.uint8], shift: Ints | None) -> NDArray[np.float32]:
    """Packed chords (B, W, 16), each row moved by its semitones, as float32 (B, W, 128)."""
    flags = np.unpackbits(bits, axis=2)
    if shift is None:
        return flags.astype(np.float32)
    moved = np.zeros(flags.shape, np.float32)
    for row, semitones in enumerate(shift.tolist()):  # only songs that stay in the range are moved
        up, down = max(semitones, 0), max(-semitones, 0)
        moved[row, :, up : PITCHES - down] = flags[row, :, down : PITCHES - up]
    return moved
