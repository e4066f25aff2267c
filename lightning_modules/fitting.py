"""A chord that must hold some pitches and may hold some others, drawn from what a notes head says of the next one.

Of a token softmax, the classes that fit share its probability. A spelling is forced choice by choice, which alone would
draw a given lowest pitch from a chord that grew too full on its way down: so several chords are spelled, each weighs
what its choices had to leave out, and one is drawn by weight (importance resampling, Gordon et al. 1993,
https://doi.org/10.1049/ip-f-2.1993.0015). With the given pitches on top all weights are one, and the draw is exact.

Whole chords may be barred. They share nothing of the softmax, and no spelled one of them is taken; where of a thousand
draws none would be another, there is none.
"""

from __future__ import annotations

from collections.abc import Collection, Set
from math import log
from typing import NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lightning_modules.outputs.output import PITCHES, Output
from lightning_modules.outputs.spelling import END, START, FactoredOutput
from lightning_modules.outputs.token import TokenOutput
from lightning_modules.sampling import sample

__all__ = ["Fit", "Fitting"]

PROPOSALS = 16  # chords spelled for one that is drawn
MANY = 1024  # where all those are barred
RARE = 1 / MANY  # what is not barred, and has no more than this share of the probability, is not likely
Chord = tuple[int, ...]


class Fit(NamedTuple):
    """What a chord must be.

    Attributes:
        given: the pitches that it holds, low to high.
        free: bool (128,), those that it may hold beside them.
        barred: chords that it is not to be.
    """

    given: Chord
    free: NDArray[np.bool_]
    barred: Set[Chord] = frozenset()

    def holds(self, chord: Collection[int]) -> bool:
        """Whether a chord is so; it has at least one pitch."""
        fits = set(self.given) <= set(chord) and all(self.free[p] or p in self.given for p in chord) and bool(chord)
        return fits and tuple(chord) not in self.barred


class Fitting:
    """Draws chords that fit.

    Args:
        output: a notes head's.
    """

    def __init__(self, output: Output) -> None:
        if not isinstance(output, TokenOutput | FactoredOutput):
            raise ValueError("only a notes head draws chords")
        self.output = output
        if isinstance(output, TokenOutput):
            self.values = cast("tuple[Chord, ...]", output.values)
            self.flags = np.zeros((len(self.values), PITCHES), bool)
            for row, chord in zip(self.flags, self.values, strict=True):
                row[list(chord)] = True

    @torch.inference_mode()
    def draw(
        self, state: Tensor, fit: Fit, temperature: float, top_p: float, generator: torch.Generator | None
    ) -> Chord | None:
        """A chord that fits, after a state (1, hidden); None if the head knows none, or all likely ones are barred.

        Temperature and top-p hold among what fits.
        """
        if not (fit.free.any() or fit.given):
            return None
        if isinstance(self.output, FactoredOutput):
            return _drawn(self.output, state, fit, temperature, top_p, generator)
        may = fit.free.copy()
        may[list(fit.given)] = True
        fits = self.flags[:, list(fit.given)].all(axis=1) & ~(self.flags & ~may).any(axis=1)
        if not fits.any():
            return None
        logits = self.output(state).masked_fill(~torch.from_numpy(fits), -torch.inf)
        if fit.barred:
            barred = torch.tensor([value in fit.barred for value in self.values])
            if logits.double().softmax(1)[0, ~barred].sum() < RARE:
                return None
            logits = logits.masked_fill(barred, -torch.inf)
        return self.values[int(sample(logits, temperature, top_p, generator))]


def _drawn(
    output: FactoredOutput,
    state: Tensor,
    fit: Fit,
    temperature: float,
    top_p: float,
    generator: torch.Generator | None,
) -> Chord | None:
    """A chord that fits, of several that are spelled; of many more, at a temperature of 1, where all are barred."""
    spelled = _spelled(output, state, fit, PROPOSALS, temperature, top_p, generator)
    left = torch.tensor([chord not in fit.barred for chord in spelled.chords])
    weights, sharp = spelled.weights, min(temperature, 1.0)
    if not left.any():
        spelled = _spelled(output, state, fit, MANY, 1.0, 1.0, generator)
        left = torch.tensor([chord not in fit.barred for chord in spelled.chords])
        weights = spelled.weights + (1 / temperature - 1) * spelled.own if temperature else spelled.own
        sharp = 1.0 if temperature else 0.0
    if not left.any():
        return None
    weights = weights.masked_fill(~left, -torch.inf)
    return spelled.chords[int(sample(weights[None], sharp, 1.0, generator))]


class _Spelled(NamedTuple):
    """Chords that fit, some of them barred."""

    chords: list[Chord]
    weights: Tensor  # logarithms: of what the choices had to leave out
    own: Tensor  # log probabilities


def _spelled(
    output: FactoredOutput,
    state: Tensor,
    fit: Fit,
    count: int,
    temperature: float,
    top_p: float,
    generator: torch.Generator | None,
) -> _Spelled:
    possible, following = _possible(fit)
    projected = output.state(state).expand(count, -1)
    above, last = state.new_zeros(count, PITCHES + 1), torch.full((count,), START)
    weights, going = state.new_zeros(count, dtype=torch.float64), torch.ones(count, dtype=torch.bool)
    said = torch.zeros_like(weights)
    while going.any():
        last = last.where(going, START)  # what is spelled after an end is not heard
        logits = output.logits(projected, above[:, :PITCHES], last)
        left = logits.masked_fill(~possible[last], -torch.inf)
        told = [(x.double() / (temperature or 1.0)).log_softmax(1) for x in (logits, left)]
        # half of them take the next given pitch at once: a head that sees it coming late would fill the chord before
        hurried = (torch.rand(count, generator=generator) < 0.5) & (following[last] >= 0) & (temperature > 0)
        choice = sample(left, temperature, top_p, generator)
        choice = following[last].where(hurried, choice).where(going, END)
        own, forced = (x.gather(1, choice[:, None])[:, 0] for x in told)
        mixed = (forced.exp() + (choice == following[last]).double()).log() - log(2)
        drawn = mixed.where((following[last] >= 0) & (temperature > 0), forced)
        weights += (own - drawn).where(going, 0.0)
        said += own.where(going, 0.0)
        above.scatter_(1, choice[:, None], 1.0)
        last, going = choice, going & (choice != END) & (choice != 0)
    chords = [tuple(np.flatnonzero(row).tolist()) for row in above[:, :PITCHES].numpy()]
    return _Spelled(chords, weights, said)


def _possible(fit: Fit) -> tuple[Tensor, Tensor]:
    """After each pitch spelled last, or START, what may follow so that the chord can still fit: bool (129, 129).

    No given pitch is passed over, and no chord ends before its last one. Also the next given pitch below each, or -1.
    """
    choice = np.arange(PITCHES + 1)
    given = np.array(fit.given, np.int64)
    below = np.append(given, -1)[np.searchsorted(given, choice) - 1]
    usable = np.append(fit.free, False)
    usable[given] = True
    possible = usable & (choice >= below[:, None])
    possible[:, END] = below < 0
    possible[START, END] = False
    return torch.from_numpy(possible), torch.from_numpy(below)
