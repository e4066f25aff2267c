"""How long each note of an event sounds: a categorical a note, from the highest to the lowest, by the chain rule.

Each note is given the state, the event's pitches, its own pitch and the length of the note above it: the notes of a
chord mostly share one length, and a melody is the note above what is held.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from lightning_modules.outputs.figures import (
    by_row,
    cross_entropies,
    nats_figures,
    over_ticks,
    point_figures,
    settled,
    target_log_probs,
)
from lightning_modules.outputs.output import PITCHES, Batch, Score, Value
from lightning_modules.outputs.ticks import Ticks
from lightning_modules.sampling import check_sampling, sample

__all__ = ["LengthsOutput"]


class Notes(NamedTuple):
    """The notes of n events, K in all, event by event and each from high to low; int64 (K,)."""

    row: Tensor  # of the event
    pitch: Tensor
    above: Tensor  # the class nearest to the length of the note above, or `start`
    target: Tensor  # the class, or `unknown`
    value: Tensor  # ticks, clipped to the range
    true: Tensor  # ticks


class LengthsOutput(nn.Module):
    """Softmaxes over the lengths seen in training, each mixed with the histogram of single notes by one `l`.

    An event's nats are the sum over its notes. Figures: valid, mixture; macro_nats (nats of a note: the mean over
    lengths of their means), mae and accuracy over notes, as for the grid; cross_entropy and weighted_cross_entropy of
    the softmaxes alone, an event, over the events whose every length is in the vocabulary.
    """

    values: Tensor
    histogram: Tensor
    middles: Tensor

    def __init__(self, hidden: int, values: Sequence[int], ticks: Ticks) -> None:
        super().__init__()
        self.state = nn.Linear(hidden, hidden)
        self.chord = nn.Linear(PITCHES, hidden, bias=False)
        self.pitch = nn.Embedding(PITCHES, hidden)
        self.above = nn.Embedding(len(values) + 2, hidden)  # ids as at the input, though <unknown> never stands here
        self.layer = nn.Linear(hidden, len(values))
        self.ticks = ticks
        # not in the state: a winner's vocabulary holds them
        self.register_buffer("values", torch.tensor(values, dtype=torch.int64), persistent=False)
        self.register_buffer("middles", (self.values[1:] + self.values[:-1]) / 2, persistent=False)
        self.register_buffer("histogram", ticks.histogram, persistent=False)

    @property
    def unknown(self) -> int:
        """The class of a length outside the vocabulary."""
        return len(self.values)

    @property
    def start(self) -> int:
        """What stands above an event's highest note."""
        return len(self.values) + 1

    def logits(self, context: Tensor, pitch: Tensor, above: Tensor) -> Tensor:
        """Of each note's length, (K, V).

        Args:
            context: of each note's event, see `context`, (K, hidden).
            pitch: int64 (K,).
            above: the class of the note above, or `start`, int64 (K,).
        """
        logits: Tensor = self.layer((context + self.pitch(pitch) + self.above(above)).relu())
        return logits

    def context(self, state: Tensor, chords: Tensor) -> Tensor:
        """What all notes of an event share: the state, and its pitches, float (n, 128); (n, hidden)."""
        context: Tensor = self.state(state) + self.chord(chords)
        return context

    def notes(self, lengths: Tensor) -> Notes:
        """The notes of events, given as ticks by pitch, 0 for silence: int64 (n, 128)."""
        row, falling = lengths.flip(1).nonzero(as_tuple=True)  # event by event, from high to low
        pitch = PITCHES - 1 - falling
        true = lengths[row, pitch]
        value = true.clamp(self.ticks.lowest, self.ticks.highest)
        nearest = torch.bucketize(value.to(self.middles.dtype), self.middles)
        highest = torch.ones_like(row, dtype=torch.bool)
        highest[1:] = row[1:] != row[:-1]
        above = torch.where(highest, self.start, nearest.roll(1))
        return Notes(row, pitch, above, nearest.where(self.values[nearest] == value, self.unknown), value, true)

    def _taught(self, state: Tensor, batch: Batch) -> tuple[Tensor, Notes]:
        """The logits of all notes, each given the true length of the note above."""
        notes = self.notes(batch["lengths"])
        context = self.context(state, (batch["lengths"] > 0).to(state.dtype))
        return self.logits(context[notes.row], notes.pitch, notes.above), notes

    def losses(self, state: Tensor, batch: Batch) -> Tensor:
        logits, notes = self._taught(state, batch)
        return by_row(cross_entropy(logits, notes.target, reduction="none"), notes.row, len(state))

    def end_epoch(self, loss: Tensor) -> None:
        """Nothing to learn from it."""

    def keep(self, state: Tensor, batch: Batch) -> Batch:
        """A row a note, (K,), but for the weights of the events and how many notes each has, (n,)."""
        logits, notes = self._taught(state, batch)
        return {
            "model": target_log_probs(logits, notes.target),
            "base": self.histogram.log()[notes.value - self.ticks.lowest],
            "probabilities": logits.softmax(dim=1),  # float32 (K, V): the largest, 4 V bytes a note
            "value": notes.value,
            "true": notes.true,
            "notes": (batch["lengths"] > 0).sum(dim=1),
            "weight": batch["weight"],
        }

    def masses(self, probabilities: Tensor) -> Tensor:
        """(n, V) -> the same over all ticks of the range, float64 (n, ticks)."""
        return over_ticks(probabilities, self.values, self.ticks)

    def settle(self, kept: Batch, mixture: float) -> Batch:
        return settled(kept, "probabilities", self.masses, self.histogram, mixture, self.ticks)

    def score(self, kept: Batch, mixture: float) -> Score:
        events = len(kept["notes"])
        row = torch.arange(events, device=kept["notes"].device).repeat_interleave(kept["notes"])
        figures, nats = nats_figures(kept["model"], kept["base"], kept["value"], mixture)
        summed = by_row(nats, row, events)
        figures["valid"] = float(summed.mean())
        whole = {"model": by_row(kept["model"], row, events), "weight": kept["weight"]}
        shared = by_row(kept["error"], row, events) * events / len(row)
        return Score(figures | point_figures(kept) | cross_entropies(whole), summed.cpu(), shared.cpu())

    def draw(
        self, state: Tensor, batch: Batch, temperature: float, top_p: float, generator: torch.Generator | None
    ) -> list[Value]:
        """Of each row, the lengths in ticks of the pitches that are known of it, low to high as they are."""
        check_sampling(temperature, top_p)
        chords = batch["known"][:, -1]
        context = self.context(state, chords)
        pitches = [row.nonzero()[:, 0].flip(0).tolist() for row in chords]
        drawn: list[list[int]] = [[] for _ in pitches]
        for depth in range(max(map(len, pitches), default=0)):
            rows = [row for row, chord in enumerate(pitches) if len(chord) > depth]
            pitch = torch.tensor([pitches[row][depth] for row in rows], device=state.device)
            above = torch.tensor([drawn[row][-1] if depth else self.start for row in rows], device=state.device)
            classes = sample(self.logits(context[rows], pitch, above), temperature, top_p, generator)
            for row, length in zip(rows, classes.tolist(), strict=True):
                drawn[row].append(length)
        values = self.values.tolist()
        return [tuple(values[length] for length in reversed(lengths)) for lengths in drawn]
