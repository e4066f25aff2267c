"""Chords spelled pitch by pitch: one distribution over all of them, scored and drawn as the chain rule says."""

from __future__ import annotations

import math
from collections import Counter
from itertools import chain, combinations

import pytest
import torch
from torch import Tensor

from lightning_modules.outputs.output import Batch
from lightning_modules.outputs.spelling import FactoredOutput

HIDDEN = 12
END = START = 128
Chord = tuple[int, ...]


def output_of(seed: int = 0, spread: float = 1.5) -> FactoredOutput:
    """A fresh output, less even than the initial one."""
    torch.manual_seed(seed)
    output = FactoredOutput(HIDDEN)
    with torch.no_grad():
        for parameter in output.parameters():
            parameter.mul_(spread / max(float(parameter.std()), 0.1) / math.sqrt(HIDDEN))
    return output.eval()


def only(output: FactoredOutput, pitches: tuple[int, ...]) -> FactoredOutput:
    """The output, to which no other pitches are possible."""
    with torch.no_grad():
        output.choice.bias[[pitch for pitch in range(128) if pitch not in pitches]] = -1e4
    return output


def subsets(pitches: tuple[int, ...]) -> list[Chord]:
    """All chords of these pitches."""
    return list(chain.from_iterable(combinations(pitches, size) for size in range(1, len(pitches) + 1)))


def draw(
    output: FactoredOutput, state: Tensor, temperature: float, top_p: float, generator: torch.Generator | None = None
) -> list[Chord]:
    chords = output.draw(state, {}, temperature, top_p, generator)
    assert all(isinstance(chord, tuple) for chord in chords)
    return chords  # type: ignore[return-value]


def batch_of(chords: list[Chord]) -> Batch:
    pitches = torch.zeros(len(chords), 128, dtype=torch.bool)
    for row, chord in zip(pitches, chords, strict=True):
        row[list(chord)] = True
    count = len(chords)
    return {
        "pitches": pitches,
        "target": torch.arange(count),
        "weight": torch.linspace(0.5, 1.5, count),
        "base": torch.full((count,), -5.0, dtype=torch.float64),
    }


def states(count: int, seed: int = 1) -> Tensor:
    return torch.randn(count, HIDDEN, generator=torch.Generator().manual_seed(seed))


def naive_choices(output: FactoredOutput, state: Tensor, above: Chord) -> Tensor:
    """The probabilities of what follows the pitches above, of the 128 pitches and the end, one number at a time."""
    flags = torch.zeros(128)
    flags[list(above)] = 1
    last = above[-1] if above else START
    hidden = output.state(state) + output.above.weight @ flags + output.last.weight[last]
    raw = output.choice(hidden.relu()).double()
    possible = [*range(last), *([END] if above else [])]
    total = sum(math.exp(raw[choice]) for choice in possible)
    return torch.tensor([math.exp(raw[choice]) / total if choice in possible else 0.0 for choice in range(129)])


def naive_log_prob(output: FactoredOutput, state: Tensor, chord: Chord) -> float:
    """The chain rule from the highest pitch down to the end."""
    spelled = tuple(sorted(chord, reverse=True))
    steps = [(spelled[:depth], choice) for depth, choice in enumerate((*spelled, END))]
    return sum(math.log(float(naive_choices(output, state, above)[choice])) for above, choice in steps)


@pytest.mark.parametrize(
    "pitches", [(0,), (127,), (0, 1, 2), (0, 127), (3, 40, 41, 60, 99, 127), (60, 61, 62, 63, 64, 65, 66)]
)
def test_probabilities_sum_to_1_over_all_chords(pitches: tuple[int, ...]) -> None:
    chords = subsets(pitches)
    output = only(output_of(), pitches)
    with torch.no_grad():
        for state in states(3):
            nats = output.losses(state.expand(len(chords), -1), batch_of(chords))
            assert float((-nats.double()).exp().sum()) == pytest.approx(1, abs=1e-5)


@torch.no_grad()
def test_nats_are_the_chain_rules() -> None:
    output = output_of()
    chords: list[Chord] = [(60, 64, 67), (0,), (127,), (0, 127), (1, 2, 3, 4, 5, 6), (59,), tuple(range(30, 90, 7))]
    state = states(len(chords))
    nats = output.losses(state, batch_of(chords))
    assert nats.shape == (len(chords),)
    expected = [-naive_log_prob(output, row, chord) for row, chord in zip(state, chords, strict=True)]
    assert nats.tolist() == pytest.approx(expected, rel=1e-4)
    kept = output.keep(state, batch_of(chords))
    assert kept["model"].dtype == torch.float64
    assert (-kept["model"]).tolist() == pytest.approx(expected, rel=1e-4)


@torch.no_grad()
def test_figures_are_those_of_a_naive_loop() -> None:
    output, chords = output_of(3), subsets((50, 60, 61, 70))
    state, batch = states(len(chords)), batch_of(chords)
    batch["target"] = torch.arange(len(chords)) % 4
    batch["weight"] = torch.linspace(0.1, 1.9, len(chords))
    greedy = draw(output, state, 0.0, 1.0)
    batch["pitches"][::3] = batch_of(greedy[::3])["pitches"]
    chords = [tuple(row.nonzero()[:, 0].tolist()) for row in batch["pitches"]]
    model = [naive_log_prob(output, row, chord) for row, chord in zip(state, chords, strict=True)]
    score = output.score(output.keep(state, batch), 0.2)
    nats = [-math.log(0.8 * math.exp(one) + 0.2 * math.exp(-5)) for one in model]
    assert score.nats.tolist() == pytest.approx(nats, rel=1e-4)
    hits = [float(chord == best) for chord, best in zip(chords, greedy, strict=True)]
    assert 0 < sum(hits) < len(hits)
    classes = [[i for i in range(len(chords)) if i % 4 == k] for k in range(4)]
    expected = {
        "valid": sum(nats) / len(nats),
        "macro_nats": sum(sum(nats[i] for i in of) / len(of) for of in classes) / 4,
        "mixture": 0.2,
        "top1": sum(hits) / len(hits),
        "macro": sum(sum(hits[i] for i in of) / len(of) for of in classes) / 4,
        "cross_entropy": -sum(model) / len(model),
        "weighted_cross_entropy": -sum(w * m for w, m in zip(batch["weight"].tolist(), model, strict=True))
        / len(model),
    }
    assert score.figures == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(("temperature", "top_p"), [(1.0, 1.0), (0.5, 1.0), (2.0, 1.0), (1.0, 0.7)])
@torch.no_grad()
def test_draws_follow_the_distribution(temperature: float, top_p: float) -> None:
    """Of every choice, made sharper or cut by temperature and top-p; a chi-square over all chords of three pitches."""
    pitches, count = (40, 60, 61), 4000
    output, state = only(output_of(2, spread=0.7), pitches), states(1)
    generator = torch.Generator().manual_seed(5)
    found = Counter(draw(output, state.expand(count, -1), temperature, top_p, generator))
    expected = {chord: count * shaped_prob(output, state[0], chord, temperature, top_p) for chord in subsets(pitches)}
    assert sum(expected.values()) == pytest.approx(count, rel=1e-3)
    assert set(found) <= {chord for chord, times in expected.items() if times > 0}
    common = {chord: times for chord, times in expected.items() if times > 5}
    assert len(common) >= 3
    surprise = sum((found[chord] - times) ** 2 / times for chord, times in common.items())
    assert surprise < 22.5  # of six degrees of freedom at most: one in a thousand is larger


def shaped_prob(output: FactoredOutput, state: Tensor, chord: Chord, temperature: float, top_p: float) -> float:
    spelled, product = tuple(sorted(chord, reverse=True)), 1.0
    for depth, choice in enumerate((*spelled, END)):
        shares = naive_choices(output, state, spelled[:depth]).double() ** (1 / temperature)
        shares /= shares.sum()
        order = shares.argsort(descending=True)
        kept = order[(shares[order].cumsum(0) - shares[order]) < top_p]
        product *= float(shares[choice] / shares[kept].sum()) if choice in kept.tolist() else 0.0
    return product


@torch.no_grad()
def test_temperature_zero_takes_the_likeliest_choices_and_top1_is_that() -> None:
    output, state = output_of(4), states(40)
    expected = []
    for row in state:
        chord: Chord = ()
        while (choice := int(naive_choices(output, row, chord).argmax())) != END:
            chord = (*chord, choice)
        expected.append(tuple(reversed(chord)))
    assert draw(output, state, 0.0, 1.0) == expected
    assert len(set(expected)) > 5
    assert max(map(len, expected)) > 1
    assert output.keep(state, batch_of(expected))["top1"].all()
    others: list[Chord] = [chord[1:] or (chord[0] + 1,) for chord in expected]
    assert not output.keep(state, batch_of(others))["top1"].any()


@torch.no_grad()
def test_every_draw_is_a_chord() -> None:
    """Not empty, each pitch once, low to high; even if all that it would do is to end, or to go on."""
    for bias in (50.0, -50.0, 0.0):
        output = output_of(6)
        output.choice.bias[END] += bias
        chords = draw(output, states(100), 3.0, 1.0, torch.Generator().manual_seed(1))
        for chord in chords:
            assert chord
            assert list(chord) == sorted(set(chord))
            assert 0 <= chord[0] <= chord[-1] <= 127
        if bias:
            assert all((len(chord) == 1) if bias > 0 else (0 in chord) for chord in chords)


@torch.no_grad()
def test_draws_are_of_their_own_rows_and_of_the_seed() -> None:
    output = output_of(7)
    together = draw(output, states(9), 0.0, 1.0)
    assert [draw(output, row[None], 0.0, 1.0)[0] for row in states(9)] == together
    one, two, three = (draw(output, states(50), 1.0, 0.9, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert one == two != three
    with pytest.raises(ValueError, match="temperature"):
        draw(output, states(1), -1.0, 1.0, None)


def test_a_chord_can_be_learned_by_heart() -> None:
    """And the gradient reaches every layer."""
    torch.manual_seed(0)
    output, chords = FactoredOutput(HIDDEN), [(60, 64, 67), (62,), (0, 127), (60, 64)]
    state, optimizer = states(4), torch.optim.Adam(output.parameters(), lr=0.05)
    for _ in range(80):
        optimizer.zero_grad()
        output.losses(state, batch_of(chords)).mean().backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    assert all(parameter.grad is not None and bool(parameter.grad.any()) for parameter in output.parameters())
    assert draw(output, state, 0.0, 1.0) == chords
    assert float(output.losses(state, batch_of(chords)).detach().mean()) < 0.1


def test_no_targets_are_no_losses() -> None:
    output = output_of()
    assert output.losses(states(3)[:0], batch_of([])).shape == (0,)
