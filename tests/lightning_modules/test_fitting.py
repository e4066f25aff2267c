"""Chords that must hold some pitches and may hold some others: what is drawn fits, and as likely as the head says."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import numpy as np
import pytest
import torch

from lightning_modules.fitting import Fit, Fitting
from lightning_modules.outputs.grid import GridOutput
from lightning_modules.outputs.spelling import FactoredOutput
from lightning_modules.outputs.ticks import Ticks
from lightning_modules.outputs.token import TokenOutput

HIDDEN = 6
CHORDS = ((36, 60, 64), (40,), (40, 60), (48, 52, 55, 60), (60,), (60, 67), (72,))
STATE = torch.randn(1, HIDDEN, generator=torch.Generator().manual_seed(1))


def allowed(*pitches: int) -> np.ndarray:
    free = np.zeros(128, dtype=bool)
    free[list(pitches)] = True
    return free


def spelling(seed: int = 0) -> FactoredOutput:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return FactoredOutput(HIDDEN)


def tokens(seed: int = 0) -> TokenOutput:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return TokenOutput(HIDDEN, CHORDS)


@pytest.mark.parametrize("seed", range(20))
def test_what_is_spelled_fits(seed: int) -> None:
    """Any given pitches, any free ones, and no other."""
    random = np.random.default_rng(seed)
    given = tuple(sorted(random.choice(128, int(random.integers(0, 4)), replace=False).tolist()))
    fit = Fit(given, random.random(128) < random.choice([0.0, 0.05, 0.9]))
    chord = Fitting(spelling(seed)).draw(STATE, fit, 1.5, 0.95, torch.Generator().manual_seed(seed))
    if not given and not fit.free.any():
        assert chord is None
    else:
        assert chord is not None
        assert fit.holds(chord)
        assert list(chord) == sorted(set(chord))


def likelihood(output: FactoredOutput, chord: tuple[int, ...]) -> float:
    flags = torch.zeros(1, 128, dtype=torch.bool)
    flags[0, list(chord)] = True
    return float((-output.losses(STATE, {"pitches": flags})).exp())


@pytest.mark.parametrize(
    ("given", "free"), [((67,), (60, 64)), ((40,), (60, 64, 67)), ((64,), (50, 70)), ((), (50, 51))]
)
def test_spelled_chords_come_as_often_as_their_share_of_those_that_fit(
    given: tuple[int, ...], free: tuple[int, ...]
) -> None:
    """Whether the given pitch is the highest, the lowest or in between."""
    output = spelling(3)
    with torch.no_grad():  # a head that likes few notes: to force its way down to a low one would fill the chord
        output.choice.bias.zero_()
        output.choice.bias[[*free, 128]] += torch.linspace(2.0, 4.0, len(free) + 1)
        every = [tuple(sorted({*given, *more})) for size in range(len(free) + 1) for more in combinations(free, size)]
        shares = {chord: likelihood(output, chord) for chord in every if chord}
    whole = sum(shares.values())
    fitting, generator = Fitting(output), torch.Generator().manual_seed(0)
    drawn = Counter(fitting.draw(STATE, Fit(given, allowed(*free)), 1.0, 1.0, generator) for _ in range(150))
    assert set(drawn) <= set(shares)
    for chord, share in shares.items():
        assert drawn[chord] / 150 == pytest.approx(share / whole, abs=0.1), chord


def test_tokens_that_fit_share_the_softmax() -> None:
    output = tokens()
    fit = Fit((60,), allowed(36, 48, 52, 55, 64))
    fits = [chord for chord in CHORDS if fit.holds(chord)]
    assert fits == [(36, 60, 64), (48, 52, 55, 60), (60,)]
    with torch.no_grad():
        probabilities = dict(zip(CHORDS, output(STATE).softmax(1)[0].tolist(), strict=True))
    whole = sum(probabilities[chord] for chord in fits)
    fitting, generator = Fitting(output), torch.Generator().manual_seed(0)
    drawn = Counter(fitting.draw(STATE, fit, 1.0, 1.0, generator) for _ in range(800))
    assert set(drawn) <= set(fits)
    for chord in fits:
        assert drawn[chord] / 800 == pytest.approx(probabilities[chord] / whole, abs=0.07)
    likeliest = max(fits, key=probabilities.__getitem__)
    assert {fitting.draw(STATE, fit, 0.0, 1.0, generator) for _ in range(3)} == {likeliest}


@pytest.mark.parametrize("given", [(), (60,)])
@pytest.mark.parametrize("spelled", [True, False])
def test_what_is_barred_leaves_its_share_to_the_others(spelled: bool, given: tuple[int, ...]) -> None:
    """Barred: the likeliest of all chords that fit."""
    generator = torch.Generator().manual_seed(0)
    if spelled:
        output: FactoredOutput | TokenOutput = spelling(3)
        free = allowed(55, 60, 64)
        with torch.no_grad():
            output.choice.bias.zero_()
            output.choice.bias[[55, 60, 64, 128]] += 9.0
        every = [
            chord for size in range(1, 4) for chord in combinations((55, 60, 64), size) if set(given) <= set(chord)
        ]
        with torch.no_grad():
            shares = {chord: likelihood(output, chord) for chord in every}
    else:
        output, free = tokens(), np.ones(128, dtype=bool)
        with torch.no_grad():
            shares = dict(zip(CHORDS, output(STATE).softmax(1)[0].tolist(), strict=True))
        shares = {chord: share for chord, share in shares.items() if set(given) <= set(chord)}
    barred = max(shares, key=shares.__getitem__)
    rest = {chord: share for chord, share in shares.items() if chord != barred}
    fitting, fit = Fitting(output), Fit(given, free, frozenset([barred]))
    assert not fit.holds(barred)
    drawn = Counter(fitting.draw(STATE, fit, 1.0, 1.0, generator) for _ in range(400))
    assert set(drawn) <= set(rest)
    for chord, share in rest.items():
        assert drawn[chord] / 400 == pytest.approx(share / sum(rest.values()), abs=0.08), chord
    likeliest = max(rest, key=rest.__getitem__)
    for temperature in (0.0, 0.05):  # where all else is barred for its unlikeliness
        assert {fitting.draw(STATE, fit, temperature, 0.5, generator) for _ in range(5)} == {likeliest}
    assert fitting.draw(STATE, Fit(given, free, frozenset(shares)), 1.0, 1.0, generator) is None


@pytest.mark.parametrize("spelled", [True, False])
@pytest.mark.parametrize(("lead", "found"), [(4.0, True), (40.0, False)])
def test_a_chord_that_is_hardly_likely_is_no_way_out(spelled: bool, lead: float, found: bool) -> None:
    """Though a narrow top-p would have held the barred one alone."""
    output = spelling(3) if spelled else tokens()
    with torch.no_grad():
        if isinstance(output, FactoredOutput):
            for row in (60, 128):
                output.choice.bias[row] += lead  # a chord of the one pitch
            output.choice.bias[61:128] -= 40
        else:
            output.layer.weight.zero_()
            output.bias = None
            output.layer.bias.zero_()
            output.layer.bias[CHORDS.index((60,))] += lead
    fit = Fit((), np.ones(128, dtype=bool), frozenset([(60,)]))
    drawn = [Fitting(output).draw(STATE, fit, 1.0, 0.5, torch.Generator().manual_seed(seed)) for seed in range(5)]
    assert all((chord is not None) == found for chord in drawn)
    assert (60,) not in drawn


def test_no_known_chord_is_none() -> None:
    generator = torch.Generator().manual_seed(0)
    assert Fitting(tokens()).draw(STATE, Fit((61,), allowed(60)), 1.0, 1.0, generator) is None
    assert Fitting(tokens()).draw(STATE, Fit((), allowed()), 1.0, 1.0, generator) is None
    assert Fitting(spelling()).draw(STATE, Fit((61,), allowed()), 1.0, 1.0, generator) == (61,)


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_the_same_seed_draws_the_same(temperature: float) -> None:
    fit = Fit((40, 70), np.ones(128, dtype=bool))
    fitting = Fitting(spelling())
    first, again = (fitting.draw(STATE, fit, temperature, 0.9, torch.Generator().manual_seed(4)) for _ in range(2))
    assert first == again


def test_other_heads_draw_no_chords() -> None:
    with pytest.raises(ValueError, match="only a notes head"):
        Fitting(GridOutput(HIDDEN, [1, 2], Ticks(24, 1, 2, torch.full((2,), 0.5, dtype=torch.float64))))
