"""What heads predict: probabilities that sum to 1, figures that equal a naive loop, and what is refused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from columns_made import COLUMNS, GRID, choices
from heads_made import CHORDS, DURATIONS, NUMBERS, Settings, batch_of, cases, column_of, data_of, fit, head_of
from torch import Tensor, nn

from datamodules.splits import TRAIN
from experiments.heads import HEADS
from experiments.training import fit as train
from lightning_modules.config import NotesConfig
from lightning_modules.encoder import Inputs
from lightning_modules.head import Head, score
from lightning_modules.outputs.output import Batch
from lightning_modules.scoring import median_tick


@pytest.mark.parametrize("name", NUMBERS)
def test_the_regression_draws_its_prediction_on_the_grid(name: str) -> None:
    head = head_of(name, {"objective": "mae", "loss": "last"}).eval()
    batch, column = batch_of(name, head), column_of(name)
    nn.init.normal_(head.get_parameter("output.layer.weight"))
    with torch.inference_mode():
        centre = head.keep(batch)["centre"]
    expected = centre.round().clamp(column.spec.lowest, column.highest).long().tolist()
    assert head.sample(batch, temperature=5.0) == expected
    assert len(set(expected)) > 3
    nn.init.constant_(head.get_parameter("output.layer.bias"), -999.0)
    assert set(head.sample(batch)) == {column.spec.lowest}


def _one_window(name: str, head: Head, row: int, targets: int) -> Batch:
    """One window of one target, so many times."""
    batch = batch_of(name, head)
    assert head.config.tail == 1
    inputs = {key: batch[key][row : row + 1] for key in ("window", "chord", "numbers", "known") if key in batch}
    return {key: value.expand(targets, *value.shape[1:]) for key, value in inputs.items()}


@pytest.mark.parametrize(("name", "settings"), [case for case in cases() if not COLUMNS[case.values[0]].chords])
def test_the_probabilities_of_numbers_sum_to_1_over_the_range(name: str, settings: Settings) -> None:
    head = head_of(name, settings | {"loss": "last"})
    column = column_of(name, settings.get("grain", "event"))
    every = torch.arange(column.spec.lowest, column.highest + 1)
    index, unknown = column.vocabulary.index, column.vocabulary.unknown
    assert column.histogram is not None
    lengths = torch.zeros(len(every), 128, dtype=torch.int64)
    lengths[:, 60] = every
    for row in (0, 13):
        batch = _one_window(name, head, row, len(every)) | {
            "target": torch.tensor([index.get(number, unknown) for number in every.tolist()]),
            "weight": torch.ones(len(every)),
            "base": torch.from_numpy(column.histogram).log(),
            "value": every,
            "true": every,
            "lengths": lengths,
        }
        nats = score(head, [batch], mixture=0.3).nats
        assert float((-nats).exp().sum()) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(
    "settings", [s for s in choices("notes", "inputs", "output", "tied") if s["output"] == "token"]
)
def test_notes_probabilities_sum_to_1_over_all_chords(settings: Settings) -> None:
    head = head_of("notes", settings | {"loss": "last"})
    base = torch.rand(12, dtype=torch.float64)  # a base over the vocabulary's and seven other chords
    base /= base.sum()
    zeros = torch.zeros(12, dtype=torch.int64)
    batch = _one_window("notes", head, 3, 12) | {
        "target": torch.arange(12).clamp(max=5), "weight": torch.ones(12), "base": base.log(),
        "value": zeros, "true": zeros,
    }  # fmt: skip
    nats = score(head, [batch], mixture=0.3).nats
    assert float((-nats).exp().sum()) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("loss", ["last", "half"])
@pytest.mark.parametrize("tied", ["no", "yes"])
def test_token_figures_are_those_of_a_naive_loop(tied: str, loss: str) -> None:
    head = head_of("notes", {"output": "token", "tied": tied, "loss": loss}).eval()
    batch = batch_of("notes", head)
    batch["weight"] = torch.linspace(0.5, 1.5, len(batch["weight"]))
    figures = score(head, [batch]).figures
    with torch.no_grad():
        shares = head.output(head(batch)).double().softmax(1)  # type: ignore[operator]
    unknown = len(CHORDS)
    assert unknown in batch["target"].tolist()
    hits: dict[int, list[float]] = {}
    nats, weighted = [], []
    for row, target, weight in zip(shares, batch["target"].tolist(), batch["weight"].tolist(), strict=True):
        hits.setdefault(target, []).append(float(int(row.argmax()) == target))
        if target < unknown:
            nats.append(-math.log(row[target]))
            weighted.append(weight * nats[-1])
    flat = [hit for of_class in hits.values() for hit in of_class]
    assert figures["top1"] == pytest.approx(np.mean(flat))
    assert figures["macro"] == pytest.approx(np.mean([np.mean(of_class) for of_class in hits.values()]))
    assert figures["cross_entropy"] == pytest.approx(np.mean(nats), rel=1e-5)
    assert figures["weighted_cross_entropy"] == pytest.approx(np.mean(weighted), rel=1e-5)


def test_a_tied_softmax_weighs_its_classes_by_the_inputs_embedding() -> None:
    head = head_of("notes", {"output": "token", "tied": "yes"})
    assert head.encoder.ids is not None
    state, embedding = torch.randn(3, 16), head.encoder.ids.weight
    logits: Tensor = head.output(state)  # type: ignore[operator]
    bias = head.get_parameter("output.bias")
    nn.init.normal_(bias)
    logits = head.output(state)  # type: ignore[operator]
    expected = head.get_submodule("output.layer")(state) @ embedding[: len(CHORDS)].T + bias
    assert torch.allclose(logits, expected, atol=1e-6)
    logits.sum().backward()  # type: ignore[no-untyped-call]
    assert embedding.grad is not None
    assert embedding.grad[: len(CHORDS)].any(dim=1).all(), "the classes teach the embedding"
    assert sum(parameter is embedding for parameter in head.parameters()) == 1
    assert not [key for key in head.state_dict() if "tied" in key]


def test_the_error_is_against_the_true_value_and_accuracy_against_the_clipped_one() -> None:
    head = head_of("durations", {"objective": "grid"})
    nn.init.constant_(head.get_parameter("output.layer.bias"), -50.0)
    with torch.no_grad():
        head.get_parameter("output.layer.bias")[DURATIONS.index(96)] = 50.0  # sure of four quarters
    batch = batch_of("durations", head)
    batch["value"].fill_(96)
    batch["true"].fill_(1000)
    figures = score(head, [batch], mixture=0.001).figures
    assert figures["accuracy"] == 1.0
    assert figures["mae"] == pytest.approx((1000 - 96) / GRID)


@pytest.mark.parametrize("name", NUMBERS)
def test_the_scale_is_the_unweighted_training_error(name: str) -> None:
    # so slow that it stays what it is
    head = head_of(name, {"objective": "mae", "loss": "last"}, learning_rate=1e-7, weighting="balanced")
    batch = batch_of(name, head, TRAIN)
    with torch.no_grad():
        expected = (head.keep(batch)["centre"] - batch["value"]).abs().mean()
    fit(head, name, 1, weighting="balanced", unknown_rate=0)
    assert head.figures["scale"] == pytest.approx(float(expected), rel=1e-3)
    assert head.state_dict()["output.scale"] == head.figures["scale"]


@pytest.mark.parametrize("name", NUMBERS)
def test_an_output_is_told_of_each_epoch_validated_or_not(name: str) -> None:
    told = []
    for validate in (True, False):
        head = head_of(name, {"objective": "mae", "loss": "last"})
        losses: list[float] = []
        head.output.end_epoch = lambda loss, losses=losses: losses.append(float(loss))  # type: ignore[method-assign]
        train(head, data_of(name, head.config), epochs=3, callbacks=[], validate=validate)
        told.append(losses)
    assert len(told[0]) == 3
    assert told[0] == told[1]


@pytest.mark.parametrize("name", NUMBERS)
def test_a_regression_starts_from_the_median(name: str) -> None:
    column = column_of(name)
    assert column.histogram is not None
    median = median_tick(torch.from_numpy(column.histogram)[None], column.spec.lowest)
    head = head_of(name, {"objective": "mae"})
    nn.init.zeros_(head.get_parameter("output.layer.weight"))
    with torch.no_grad():
        centre = head.keep(batch_of(name, head))["centre"]
    assert centre.tolist() == pytest.approx([median.item()] * 24)


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        ((), {}, "vocabulary"),
        ((2, 3), {"histogram": None}, "histogram"),
        ((1, 3), {}, "from 2 to 65"),
        ((3, 66), {}, "from 2 to 65"),
        ((2, 3), {"histogram": np.ones(64)}, "sum to 1"),
        ((2, 3), {"histogram": np.eye(64)[0]}, "above 0"),
    ],
)
def test_heads_of_numbers_refuse_what_makes_no_distribution(
    name: str, values: Any, options: dict[str, Any], message: str
) -> None:
    built = {"grid": 4, "lowest": 2, "histogram": np.full(64, 1 / 64)} | options
    with pytest.raises(ValueError, match=message):
        HEADS[name].load()(HEADS[name].config(), Inputs(ids=4), values, **built)


def test_an_empty_vocabulary_of_chords_is_refused() -> None:
    with pytest.raises(ValueError, match="no chord"):
        HEADS["notes"].load()(NotesConfig(), Inputs(chords=True), ())
