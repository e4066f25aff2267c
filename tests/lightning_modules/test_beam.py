"""The likeliest chords of a spelling head, against all chords there are."""

from __future__ import annotations

from itertools import combinations

import pytest
import torch
from torch import Tensor

from lightning_modules.outputs.beam import likeliest
from lightning_modules.outputs.output import PITCHES
from lightning_modules.outputs.spelling import FactoredOutput

LOWEST = 5  # pitches that the toy knows
EVERY = [chord for size in range(1, LOWEST + 1) for chord in combinations(range(LOWEST), size)]


@pytest.fixture
def toy() -> FactoredOutput:
    """Spells the lowest pitches only, so that all its chords can be listed."""
    torch.manual_seed(0)
    output = FactoredOutput(8)
    with torch.no_grad():
        output.choice.weight *= 4
        output.choice.bias[LOWEST:PITCHES] = -1e4
    return output


def log_probs(output: FactoredOutput, state: Tensor) -> Tensor:
    """Of all chords after each state, (n, chords)."""
    pitches = torch.zeros(len(EVERY), PITCHES, dtype=torch.bool)
    for row, chord in enumerate(EVERY):
        pitches[row, list(chord)] = True
    batch = {"pitches": pitches} | {name: torch.zeros(len(EVERY)) for name in ("target", "weight", "base")}
    with torch.inference_mode():
        return torch.stack([output.keep(one.expand(len(EVERY), -1), batch)["model"] for one in state])


def test_a_wide_beam_finds_all_chords_in_order(toy: FactoredOutput) -> None:
    state = torch.randn(6, 8)
    exact = log_probs(toy, state)
    assert torch.allclose(exact.exp().sum(dim=1), torch.ones(6, dtype=torch.float64), atol=1e-5)
    with torch.inference_mode():
        chords, scores = likeliest(toy, state, len(EVERY))
    assert torch.allclose(scores.double(), exact.sort(dim=1, descending=True).values, atol=1e-4)
    for row in range(6):
        found = [tuple(chord.nonzero().flatten().tolist()) for chord in chords[row]]
        assert sorted(found) == sorted(EVERY)
        assert torch.allclose(scores[row].double(), exact[row, [EVERY.index(chord) for chord in found]], atol=1e-4)


def test_a_beam_of_five_finds_nearly_all_of_the_five_likeliest(toy: FactoredOutput) -> None:
    state = torch.randn(60, 8)
    exact = log_probs(toy, state)
    with torch.inference_mode():
        chords, scores = likeliest(toy, state, 5)
    assert (scores.diff(dim=1) <= 0).all()
    hits = 0
    for row in range(len(state)):
        found = {tuple(chord.nonzero().flatten().tolist()) for chord in chords[row]}
        assert len(found) == 5
        hits += len(found & {EVERY[i] for i in exact[row].topk(5).indices.tolist()})
    assert hits >= 0.9 * 5 * len(state)


def test_a_chord_down_to_the_lowest_pitch_ends(toy: FactoredOutput) -> None:
    with torch.no_grad():
        toy.choice.bias[0] = 50.0
    with torch.inference_mode():
        chords, scores = likeliest(toy, torch.randn(3, 8), 1)
    assert chords[:, 0].nonzero()[:, 1].tolist() == [0, 0, 0]
    assert (scores > -1e-3).all()
