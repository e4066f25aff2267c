"""A length for each note (`grain=note`): what the network says of them, note by note, and learns."""

from __future__ import annotations

import math
from collections import Counter
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from events_made import events_of
from lengths_made import DURATIONS, GRID, SPEC, with_lengths
from torch import Tensor

from datamodules.baselines.averages import baselines
from datamodules.batches import in_order
from datamodules.columns import Column, build_column
from datamodules.midi_windows import MidiWindows
from datamodules.splits import VALID, make_split
from lightning_modules.config import DurationsConfig
from lightning_modules.head import Head, score
from lightning_modules.outputs.lengths import LengthsOutput
from lightning_modules.outputs.output import Batch
from lightning_modules.outputs.ticks import Ticks

HIDDEN, LOWEST, HIGHEST = 12, 1, 6
VALUES = [1, 2, 4]  # of the ticks from 1 to 6


def output_of(seed: int = 0) -> LengthsOutput:
    torch.manual_seed(seed)
    weights = torch.tensor([3.0, 2.0, 0.1, 1.0, 0.1, 0.1], dtype=torch.float64)
    return (
        LengthsOutput(HIDDEN, VALUES, Ticks(2, LOWEST, HIGHEST, weights / weights.sum())).eval().requires_grad_(False)
    )


def states(count: int, seed: int = 1) -> Tensor:
    return torch.randn(count, HIDDEN, generator=torch.Generator().manual_seed(seed))


def lengths_of(events: list[dict[int, int]]) -> Tensor:
    """Events, each from pitch to ticks, as `Windows` gives them."""
    lengths = torch.zeros(len(events), 128, dtype=torch.int64)
    for row, event in zip(lengths, events, strict=True):
        for pitch, ticks in event.items():
            row[pitch] = ticks
    return lengths


def batch_of(events: list[dict[int, int]]) -> Batch:
    return {"lengths": lengths_of(events), "weight": torch.linspace(0.5, 1.5, len(events))}


def naive_steps(output: LengthsOutput, state: Tensor, event: dict[int, int]) -> list[tuple[Tensor, int]]:
    """Of each note from high to low, the probabilities of the vocabulary's lengths, and its own."""
    steps, above = [], len(VALUES) + 1
    chord = output.chord.weight[:, sorted(event)].sum(dim=1)
    for pitch in sorted(event, reverse=True):
        hidden = output.state(state) + chord + output.pitch.weight[pitch] + output.above.weight[above]
        steps.append((output.layer(hidden.relu()).double().softmax(dim=0), event[pitch]))
        ticks = min(event[pitch], HIGHEST)
        above = min(range(len(VALUES)), key=lambda i: abs(VALUES[i] - ticks))
    return steps


EVENTS = [{60: 1}, {60: 4, 64: 2}, {40: 1, 50: 1, 72: 4}, {60: 2, 64: 2}, {0: 4, 127: 1}]
ODD = [{60: 3, 64: 2}, {60: 9, 61: 6, 62: 1}]  # outside the vocabulary, and of the range


def test_losses_are_the_chain_note_by_note() -> None:
    output, state = output_of(), states(len(EVENTS))
    expected = [
        -sum(math.log(p[VALUES.index(ticks)]) for p, ticks in naive_steps(output, row, event))
        for row, event in zip(state, EVENTS, strict=True)
    ]
    assert output.losses(state, batch_of(EVENTS)).tolist() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("mixture", [0.001, 0.3])
def test_figures_are_those_of_the_mixture_note_by_note(mixture: float) -> None:
    output, events = output_of(), EVENTS + ODD
    state = states(len(events))
    nats, errors, hits, by_length = [], [], [], dict[int, list[float]]()
    for row, event in zip(state, events, strict=True):
        own = 0.0
        for probabilities, true in naive_steps(output, row, event):
            masses = mixture * output.histogram
            for value, mass in zip(VALUES, probabilities, strict=True):
                masses[value - LOWEST] += (1 - mixture) * mass
            ticks = min(true, HIGHEST)
            one = -math.log(masses[ticks - LOWEST])
            by_length.setdefault(ticks, []).append(one)
            own += one
            errors.append(abs(int((masses.cumsum(0) >= 0.5 - 1e-12).int().argmax()) + LOWEST - true) / 2)
            hits.append(int(masses.argmax()) + LOWEST == ticks)
        nats.append(own)
    found = output.score(output.settle(output.keep(state, batch_of(events)), mixture), mixture)
    assert found.nats.tolist() == pytest.approx(nats, rel=1e-5)
    expected = {
        "valid": np.mean(nats),
        "macro_nats": np.mean([np.mean(values) for values in by_length.values()]),
        "mixture": mixture,
        "mae": np.mean(errors),
        "accuracy": np.mean(hits),
    }
    assert {name: found.figures[name] for name in expected} == pytest.approx(expected, rel=1e-5)
    assert found.errors is not None
    assert float(found.errors.mean()) == pytest.approx(expected["mae"])
    known = output.losses(state[: len(EVENTS)], batch_of(EVENTS))  # events of which every length is known
    assert found.figures["cross_entropy"] == pytest.approx(float(known.mean()), rel=1e-5)


@pytest.mark.parametrize("chord", [(60,), (60, 64), (0, 64, 127)])
def test_the_probabilities_of_all_lengths_of_a_chord_sum_to_one(chord: tuple[int, ...]) -> None:
    output = output_of()
    every = [dict(zip(chord, ticks, strict=True)) for ticks in product(range(LOWEST, HIGHEST + 1), repeat=len(chord))]
    state = states(1).expand(len(every), -1)
    nats = output.score(output.settle(output.keep(state, batch_of(every)), 0.2), 0.2).nats
    assert float((-nats).exp().sum()) == pytest.approx(1, abs=1e-6)


def test_draws_follow_the_chain() -> None:
    output = output_of()
    chord = {60: 1, 64: 1, 67: 1}
    known = (lengths_of([chord, {50: 1}]) > 0).float()
    batch = {"known": torch.stack([torch.zeros_like(known), known], dim=1)}  # the last position counts
    state = states(2)
    pair = output.draw(state, batch, 0.0, 1.0, None)
    likeliest: dict[int, int] = {}
    for number, pitch in enumerate(sorted(chord, reverse=True)):
        steps = naive_steps(output, state[0], {**chord, **likeliest})
        likeliest[pitch] = VALUES[int(steps[number][0].argmax())]
    assert pair[0] == tuple(likeliest[pitch] for pitch in sorted(chord))
    assert isinstance(pair[1], tuple)
    assert len(pair[1]) == 1

    count, generator = 4000, torch.Generator().manual_seed(0)
    many = {"known": known[:1].expand(count, -1)[:, None]}
    drawn = Counter(output.draw(state[:1].expand(count, -1), many, 1.0, 1.0, generator))
    for ticks in product(VALUES, repeat=3):
        event = dict(zip(chord, ticks, strict=True))
        share = math.prod(float(p[VALUES.index(length)]) for p, length in naive_steps(output, state[0], event))
        assert drawn[ticks] / count == pytest.approx(share, abs=4 * math.sqrt(share / count) + 1e-3)
    with pytest.raises(ValueError, match="temperature"):
        output.draw(state, batch, -1.0, 1.0, None)


def network(column: Column, **settings: Any) -> tuple[Head, DurationsConfig]:
    small = {"grain": "note", "hidden": 24, "embedding": 16, "window": 4, "batch_size": 16, "dropout_layers": 0}
    config = DurationsConfig.from_dict(small | {"learning_rate": 0.01, "transpose": "none"} | settings)
    torch.manual_seed(0)
    return DURATIONS.build(config, column.vocabulary, column.grid), config


def test_it_learns_a_melody_over_a_held_chord() -> None:
    """The highest note of a chord is short, those under it are long; a note alone is in between."""
    from experiments.training import fit

    random = np.random.default_rng(0)
    known = [(60,), (64,), (48, 72), (52, 67), (48, 55, 71), (50, 57, 62)]
    chords = [known[i] for i in random.integers(len(known), size=200)]
    lengths = [length for chord in chords for length in ([24] if len(chord) == 1 else [96] * (len(chord) - 1) + [6])]
    song = with_lengths(events_of(chords, [0] * 200, [0] + [24] * 199), lengths)
    column = build_column(SPEC, [song], make_split("tail", [song], 0), GRID)
    head, config = network(column)
    data = MidiWindows(column, DURATIONS.framing(config), batch_size=16, seed=0)
    fit(head, data, epochs=4, callbacks=[])
    found = head.figures
    against = baselines(column, VALID)
    assert found["accuracy"] > 0.95
    assert found["mae"] < 0.1 < against["median"]["mae"]
    assert found["valid"] < 0.5 < against["kneser_ney_best"]["nats"]
    assert found["cross_entropy"] <= found["valid"] + 0.05
    again = score(head, in_order(column, VALID, DURATIONS.framing(config)), float(head.mixture))
    assert again.figures["valid"] == pytest.approx(found["valid"])
    assert again.nats.shape == column.targets(VALID).shape
