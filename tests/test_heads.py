"""One contract for every head: a new head is tested by being registered."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from experiments.heads import HEADS
from lightning_modules.config import HeadConfig, NotesConfig, TimingConfig
from lightning_modules.head import Head, score
from lightning_modules.outputs import Batch

GRID, LOWEST, HIGHEST = 4, 1, 64  # a coarse grid: 16 quarters are 64 ticks
TICKS = (1, 2, 4, 8, 16)
CHORDS = ((60,), (60, 64), (60, 64, 67), (62, 65), (72,))
V = len(TICKS)
UNSEEN = 3  # ticks
CASES = [("notes", "token")] + [(name, kind) for name in HEADS if name != "notes" for kind in ("grid", "mae")]


def histogram() -> NDArray[np.float64]:
    counts = np.full(HIGHEST - LOWEST + 1, 0.1)
    counts[[t - LOWEST for t in TICKS]] += 10
    shares: NDArray[np.float64] = counts / counts.sum()
    return shares


def config_of(name: str, objective: str, **settings: Any) -> HeadConfig:
    small = {"hidden": 16, "embedding": 8, "window": 4, "dropout_layers": 0, "learning_rate": 0.02}
    extra = {} if objective == "token" else {"objective": objective}
    return HEADS[name].config.from_dict(small | extra | settings)


def head_of(name: str, objective: str, **settings: Any) -> Head:
    torch.manual_seed(0)
    config = config_of(name, objective, **settings)
    if name == "notes":
        return HEADS[name].load()(config, CHORDS)
    return HEADS[name].load()(config, TICKS, grid=GRID, lowest=LOWEST, histogram=histogram())


@dataclass(frozen=True)
class Toy:
    """Batches of a cycle through the vocabulary: each value tells the next."""

    timing: bool
    batches: int = 8
    size: int = 20
    unseen: bool = False

    def __len__(self) -> int:
        return self.batches

    def __iter__(self) -> Iterator[Batch]:
        generator = torch.Generator().manual_seed(self.batches)
        ticks = torch.tensor(TICKS)
        for _ in range(self.batches):
            first = torch.randint(V, (self.size,), generator=generator)
            window = (first[:, None] + torch.arange(4)) % V
            window[:3, :2] = V + 1  # a song's start
            target = (first + 4) % V
            value = ticks[target] if self.timing else torch.zeros_like(target)
            if self.unseen:
                target[0], value[0] = V, UNSEEN * self.timing
            base = (
                torch.from_numpy(histogram())[value - LOWEST].log() if self.timing else torch.full((self.size,), -4.0)
            )
            weight = torch.linspace(0.5, 1.5, self.size)
            yield self.batch(window, target, weight, base.double(), value)

    @staticmethod
    def batch(window: Tensor, target: Tensor, weight: Tensor, base: Tensor, value: Tensor) -> Batch:
        names = ("window", "target", "weight", "base", "value", "true")
        return dict(zip(names, (window, target, weight, base, value, value.clone()), strict=True))


def toy(name: str, **options: Any) -> Toy:
    return Toy(timing=name != "notes", **options)


def fit(head: Head, name: str, epochs: int, callbacks: list[pl.Callback] | None = None) -> None:
    trainer = pl.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        callbacks=callbacks,
    )
    trainer.fit(head, toy(name), toy(name, batches=2, unseen=True))


class Figures(pl.Callback):
    """What a callback sees at the end of every validation."""

    def __init__(self) -> None:
        self.rows: list[dict[str, float]] = []

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert isinstance(pl_module, Head)
        self.rows.append(dict(pl_module.figures))


EXPECTED = {
    "token": {"top1", "top5", "macro", "cross_entropy", "weighted_cross_entropy"},
    "grid": {"mae", "accuracy", "cross_entropy", "weighted_cross_entropy"},
    "mae": {"mae", "accuracy", "scale"},
}


@pytest.mark.parametrize(("name", "objective"), CASES)
def test_a_head_learns_and_reports(name: str, objective: str) -> None:
    head, seen = head_of(name, objective, batchnorm_layers=1), Figures()
    fit(head, name, 12, [seen])
    assert len(seen.rows) == 12
    first, last = seen.rows[0], seen.rows[-1]
    assert set(last) == {"train_loss", "valid", "macro_nats", "mixture"} | EXPECTED[objective]
    assert all(type(figure) is float and math.isfinite(figure) for figure in last.values())
    assert last["train_loss"] < first["train_loss"] / 2
    assert last["valid"] < first["valid"]
    if objective != "mae":
        assert last["cross_entropy"] < 0.1
        assert last["top1" if name == "notes" else "accuracy"] > 0.8
    assert float(head.mixture) == last["mixture"]
    json.dumps(last, allow_nan=False)


@pytest.mark.parametrize(("name", "objective"), CASES)
def test_scoring_without_a_trainer_is_validation(name: str, objective: str) -> None:
    head = head_of(name, objective, dropout_layers=1, batchnorm_layers=1)
    fit(head, name, 2)
    before = head.training
    result = score(head, toy(name, batches=2, unseen=True))
    assert head.training == before
    assert result.figures == {key: head.figures[key] for key in result.figures}
    assert result.nats.shape == (40,)
    assert result.nats.dtype == torch.float64
    assert float(result.nats.mean()) == pytest.approx(result.figures["valid"])
    kept = score(head, toy(name, batches=2, unseen=True), mixture=float(head.mixture))
    assert torch.equal(kept.nats, result.nats)
    other = score(head, toy(name, batches=2, unseen=True), mixture=0.9)
    assert other.figures["mixture"] == 0.9
    assert other.figures["valid"] >= kept.figures["valid"]


@pytest.mark.parametrize(("name", "objective"), CASES)
def test_the_state_alone_predicts_bit_equally(name: str, objective: str) -> None:
    head = head_of(name, objective, lstm_layers=2, batchnorm_layers=2)
    fit(head, name, 2)
    torch.manual_seed(9)
    again = head_of(name, objective, lstm_layers=2, batchnorm_layers=2)
    again.load_state_dict({key: tensor.clone() for key, tensor in head.state_dict().items()})
    one, two = (score(h, toy(name), mixture=float(h.mixture)) for h in (head, again))
    assert torch.equal(one.nats, two.nats)
    assert one.figures == two.figures


@pytest.mark.parametrize(("name", "objective"), CASES)
def test_the_same_seed_trains_to_the_same_weights(name: str, objective: str) -> None:
    states = []
    for _ in range(2):
        head = head_of(name, objective, dropout_layers=1)
        fit(head, name, 1)
        states.append(head.state_dict())
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])


@pytest.mark.parametrize(("name", "objective"), CASES)
def test_the_meta_device_tells_the_sizes(name: str, objective: str) -> None:
    settings = {"lstm_layers": 3, "dense_layers": 1, "batchnorm_layers": 2}
    with torch.device("meta"):
        planned = head_of(name, objective, **settings).state_dict()
    real = head_of(name, objective, **settings).state_dict()
    assert {k: (v.shape, v.dtype) for k, v in planned.items()} == {k: (v.shape, v.dtype) for k, v in real.items()}
    assert all(planned[key].is_meta for key in dict(head_of(name, objective, **settings).named_parameters()))


@pytest.mark.parametrize(("name", "objective"), CASES)
def test_a_head_holds_the_counted_modules(name: str, objective: str) -> None:
    counts = {"lstm_layers": 2, "dense_layers": 1, "batchnorm_layers": 2, "dropout_layers": 3}
    head = head_of(name, objective, **counts)
    kinds = (nn.LSTM, nn.Linear, nn.BatchNorm1d, nn.Dropout)
    assert [sum(isinstance(m, kind) for m in head.modules()) for kind in kinds] == [
        2,
        1 + 1,
        2,
        3,
    ]  # + the output layer
    assert head.embedding.weight.shape == (V + 2, 8)


@pytest.mark.parametrize(("name", "objective"), CASES)
def test_samples_are_values_and_seeded(name: str, objective: str) -> None:
    head = head_of(name, objective)
    window = torch.randint(V + 2, (50, 4))
    draws = [head.sample(window, top_p=0.9, generator=torch.Generator().manual_seed(1)) for _ in range(2)]
    assert draws[0] == draws[1]
    assert len(draws[0]) == 50
    if name == "notes":
        assert set(draws[0]) <= set(CHORDS)
    else:
        assert all(type(value) is int and LOWEST <= value <= HIGHEST for value in draws[0])
    with pytest.raises(ValueError, match="temperature"):
        head.sample(window, temperature=-1.0)
    with pytest.raises(ValueError, match="top_p"):
        head.sample(window, top_p=0.0)


def test_the_regression_draws_its_prediction_on_the_grid() -> None:
    head = head_of("durations", "mae")
    window = torch.randint(V + 2, (20, 4))
    expected = (head.eval()(window) * GRID).round().clamp(min=LOWEST).long().tolist()
    assert head.sample(window, temperature=5.0) == expected
    nn.init.constant_(head.get_parameter("output.layer.bias"), -99.0)
    assert set(head.sample(window)) == {LOWEST}


@pytest.mark.parametrize("objective", ["grid", "mae"])
def test_timing_probabilities_sum_to_1_over_the_range(objective: str) -> None:
    head = head_of("durations", objective)
    window = torch.randint(V + 2, (1, 4)).expand(HIGHEST, -1)
    every = torch.arange(LOWEST, HIGHEST + 1)
    ids = torch.tensor([TICKS.index(t) if t in TICKS else V for t in every.tolist()])
    batch = Toy.batch(window, ids, torch.ones(HIGHEST), torch.from_numpy(histogram()).log(), every)
    nats = score(head, [batch], mixture=0.3).nats
    assert float((-nats).exp().sum()) == pytest.approx(1, abs=1e-6)


def test_notes_probabilities_sum_to_1_over_all_chords() -> None:
    head = head_of("notes", "token")
    base = torch.rand(12, dtype=torch.float64)  # a base over the vocabulary's and seven other chords
    base /= base.sum()
    ids, zeros = torch.arange(12).clamp(max=V), torch.zeros(12, dtype=torch.int64)
    window = torch.randint(V + 2, (1, 4)).expand(12, -1)
    nats = score(head, [Toy.batch(window, ids, torch.ones(12), base.log(), zeros)], mixture=0.3).nats
    assert float((-nats).exp().sum()) == pytest.approx(1, abs=1e-6)


def test_token_figures_are_those_of_a_naive_loop() -> None:
    head = head_of("notes", "token").eval()
    batch = next(iter(toy("notes", unseen=True)))
    figures = score(head, [batch]).figures
    with torch.no_grad():
        shares = head(batch["window"]).double().softmax(1)
    hits: dict[int, list[float]] = {}
    nats, weighted = [], []
    for row, target, weight in zip(shares, batch["target"].tolist(), batch["weight"].tolist(), strict=True):
        hits.setdefault(target, []).append(float(int(row.argmax()) == target))
        if target < V:
            nats.append(-math.log(row[target]))
            weighted.append(weight * nats[-1])
    flat = [hit for of_class in hits.values() for hit in of_class]
    assert figures["top1"] == pytest.approx(np.mean(flat))
    assert figures["macro"] == pytest.approx(np.mean([np.mean(of_class) for of_class in hits.values()]))
    assert figures["cross_entropy"] == pytest.approx(np.mean(nats), rel=1e-5)
    assert figures["weighted_cross_entropy"] == pytest.approx(np.mean(weighted), rel=1e-5)


def test_the_error_is_against_the_true_value_and_accuracy_against_the_clipped_one() -> None:
    head = head_of("durations", "grid")
    nn.init.constant_(head.get_parameter("output.layer.bias"), -50.0)
    with torch.no_grad():
        head.get_parameter("output.layer.bias")[TICKS.index(16)] = 50.0  # sure of 16 ticks
    batch = next(iter(toy("durations")))
    batch["value"].fill_(16)
    batch["true"].fill_(100)
    figures = score(head, [batch], mixture=0.001).figures
    assert figures["accuracy"] == 1.0
    assert figures["mae"] == pytest.approx((100 - 16) / GRID)


def test_the_scale_is_the_unweighted_training_error() -> None:
    head = head_of("durations", "mae", learning_rate=1e-7)  # stays what it is
    with torch.no_grad():
        expected = [(head(batch["window"]) * GRID - batch["value"]).abs() for batch in toy("durations")]
    fit(head, "durations", 1)
    assert head.figures["scale"] == pytest.approx(float(torch.cat(expected).mean()), rel=1e-3)
    assert head.state_dict()["output.scale"] == head.figures["scale"]


def test_a_regression_starts_from_the_median() -> None:
    assert head_of("durations", "mae").get_parameter("output.layer.bias").item() == 4 / GRID


@pytest.mark.parametrize(("name", "objective"), CASES)
def test_a_diverged_head_reports_nan_and_raises_nothing(name: str, objective: str) -> None:
    head = head_of(name, objective)
    nn.init.constant_(head.embedding.weight, math.nan)
    fit(head, name, 1)
    assert math.isnan(head.figures["valid"])


def test_nothing_to_score_is_refused() -> None:
    with pytest.raises(ValueError, match="no targets"):
        score(head_of("notes", "token"), [])
    with pytest.raises(ValueError, match="mixture"):
        score(head_of("notes", "token"), toy("notes"), mixture=1.5)


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        ((), {}, "vocabulary"),
        ((1, 2), {"histogram": None}, "histogram"),
        ((0, 2), {}, "from 1 to 64"),
        ((2, 65), {}, "from 1 to 64"),
        ((1, 2), {"histogram": np.ones(64)}, "sum to 1"),
    ],
)
def test_timing_heads_refuse_what_makes_no_distribution(values: Any, options: dict[str, Any], message: str) -> None:
    built = {"grid": GRID, "lowest": LOWEST, "histogram": histogram()} | options
    with pytest.raises(ValueError, match=message):
        HEADS["durations"].load()(TimingConfig(), values, **built)


def test_an_empty_vocabulary_of_chords_is_refused() -> None:
    with pytest.raises(ValueError, match="no chord"):
        HEADS["notes"].load()(NotesConfig(), ())


# the hyperparameters


@pytest.mark.parametrize("name", HEADS)
def test_config_to_dict_to_json_and_back(name: str) -> None:
    kind = HEADS[name].config
    changed = replace(kind(), hidden=77, weighting="sqrt", lstm_layers=2, batchnorm_layers=2, learning_rate=1e-4)
    assert kind.from_dict(json.loads(json.dumps(changed.to_dict()))) == changed
    assert tuple(changed.to_dict()) == kind.names()
    assert kind.from_dict({}) == kind()
    assert all(type(value) in (int, float, str) for value in changed.to_dict().values())


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"hiden": 3}, "unknown hyperparameter 'hiden'; known: window, batch_size"),
        ({"hidden": 40000}, "hidden must be from 1 to 4096"),
        ({"hidden": 64.0}, "hidden must be a whole number"),
        ({"hidden": True}, "hidden must be a whole number"),
        ({"hidden": "64"}, "hidden must be a whole number"),
        ({"learning_rate": math.nan}, "learning_rate must be from"),
        ({"learning_rate": None}, "learning_rate must be a number"),
        ({"dropout": 1}, "dropout must be from 0 to 0.95"),
        ({"weighting": "much"}, "weighting must be one of none, sqrt, balanced"),
        ({"weighting": ["none"]}, "weighting must be one of"),
        ({"window": 0, "embedding": 5000}, "window must .*; embedding must"),
        ({"batch_size": 1}, "batch_size must be from 2"),
    ],
)
def test_wrong_hyperparameters_are_refused_by_name(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        NotesConfig.from_dict(values)


def test_objectives_are_the_timing_heads() -> None:
    assert TimingConfig.from_dict({"objective": "mae"}).objective == "mae"
    with pytest.raises(ValueError, match="objective must be one of grid, mae"):
        TimingConfig.from_dict({"objective": "token"})
    with pytest.raises(ValueError, match="unknown hyperparameter 'objective'"):
        NotesConfig.from_dict({"objective": "mae"})


def test_settings_are_parsed_by_their_types() -> None:
    parsed = TimingConfig.parse(["hidden=64", "learning_rate = 1e-3", "objective=mae", "dropout=0"])
    assert parsed == {"hidden": 64, "learning_rate": 1e-3, "objective": "mae", "dropout": 0.0}
    for wrong, message in [
        ("hidden", "NAME=VALUE"),
        ("hidden=x", "whole number"),
        ("=3", "NAME=VALUE"),
        ("a=3", "known"),
    ]:
        with pytest.raises(ValueError, match=message):
            TimingConfig.parse([wrong])
