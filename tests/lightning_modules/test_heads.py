"""One contract for every head: a new head, or a new choice of an old one, is tested by being registered."""

from __future__ import annotations

import json
import math

import pytest
import pytorch_lightning as pl
import torch
from columns_made import COLUMNS, GRID
from heads_made import CHORDS, Settings, batch_of, cases, column_of, data_of, fit, head_of, kind
from torch import nn

from datamodules.splits import TRAIN
from experiments.heads import HEADS
from lightning_modules.head import Head, score

CASES = pytest.mark.parametrize(("name", "settings"), cases())


class Figures(pl.Callback):
    """What a callback sees at the end of every validation."""

    def __init__(self) -> None:
        self.rows: list[dict[str, float]] = []

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert isinstance(pl_module, Head)
        self.rows.append(dict(pl_module.figures))


EXPECTED = {
    "token": {"top1", "top5", "macro", "cross_entropy", "weighted_cross_entropy"},
    "factored": {"top1", "macro", "cross_entropy", "weighted_cross_entropy"},
    "grid": {"mae", "accuracy", "cross_entropy", "weighted_cross_entropy"},
    "note": {"mae", "accuracy", "cross_entropy", "weighted_cross_entropy"},
    "mae": {"mae", "accuracy", "scale"},
}


@CASES
def test_a_head_learns_and_reports(name: str, settings: Settings) -> None:
    # for a regression, what batch normalisation adds in noise is as much as there is left to learn here
    batchnorm = 0 if settings.get("objective") == "mae" else 1
    rate = 0.02 if settings.get("backbone", "lstm") == "lstm" else 0.003  # so that an epoch is not all that it takes
    head, seen = head_of(name, settings, batchnorm_layers=batchnorm, learning_rate=rate), Figures()
    fit(head, name, 12, [seen])
    assert len(seen.rows) == 12
    first, last = seen.rows[0], seen.rows[-1]
    assert set(last) == {"train_loss", "valid", "macro_nats", "mixture"} | EXPECTED[kind(head.config)]
    assert all(type(figure) is float and math.isfinite(figure) for figure in last.values())
    assert last["train_loss"] < first["train_loss"] / 2
    assert last["valid"] < first["valid"]
    if kind(head.config) != "mae":
        learned = score(head, data_of(name, head.config).in_order(TRAIN)).figures
        assert learned["cross_entropy"] < 0.1
        assert learned["top1" if COLUMNS[name].chords else "accuracy"] > 0.95
        assert last["top1" if COLUMNS[name].chords else "accuracy"] > 0.8
    assert float(head.mixture) == last["mixture"]
    json.dumps(last, allow_nan=False)


@CASES
def test_of_a_target_that_is_scored_by_a_known_mixture_a_few_numbers_are_kept(name: str, settings: Settings) -> None:
    """No row over the vocabulary: of a large corpus it would be many times what the corpus is."""
    head = head_of(name, settings).eval()
    with torch.inference_mode():
        kept = head.keep(batch_of(name, head), 0.3)
    assert all(tensor.ndim == 1 for tensor in kept.values())
    assert len(kept) <= 10


@CASES
def test_scoring_without_a_trainer_is_validation(name: str, settings: Settings) -> None:
    head = head_of(name, settings, dropout_layers=1, batchnorm_layers=1)
    fit(head, name, 2)
    valid, before = data_of(name, head.config).val_dataloader(), head.training
    result = score(head, valid)
    assert head.training == before
    assert result.figures == {key: head.figures[key] for key in result.figures}
    assert result.nats.shape == (24,)
    assert result.nats.dtype == torch.float64
    assert float(result.nats.mean()) == pytest.approx(result.figures["valid"])
    kept = score(head, valid, mixture=float(head.mixture))
    assert torch.equal(kept.nats, result.nats)
    assert kept.figures == result.figures
    assert (kept.errors is None) == (result.errors is None)
    assert kept.errors is None or torch.equal(kept.errors, result.errors)
    other = score(head, valid, mixture=0.9)
    assert other.figures["mixture"] == 0.9
    assert other.figures["valid"] >= kept.figures["valid"]


@CASES
def test_the_state_alone_predicts_bit_equally(name: str, settings: Settings) -> None:
    head = head_of(name, settings, lstm_layers=2, batchnorm_layers=2)
    fit(head, name, 2)
    torch.manual_seed(9)
    again = HEADS[name].build(head.config, column_of(name, settings.get("grain", "event")).vocabulary, GRID)
    again.load_state_dict({key: tensor.clone() for key, tensor in head.state_dict().items()})
    batch = batch_of(name, head)
    one, two = (score(h, [batch], mixture=float(h.mixture)) for h in (head, again))
    assert torch.equal(one.nats, two.nats)
    assert one.figures == two.figures


@CASES
def test_the_same_seed_trains_to_the_same_weights_in_all_keys(name: str, settings: Settings) -> None:
    states = []
    for _ in range(2):
        head = head_of(name, settings, dropout_layers=1, transpose="window")
        fit(head, name, 1)
        states.append(head.state_dict())
        assert math.isfinite(head.figures["valid"])
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])


@CASES
def test_the_meta_device_tells_the_sizes(name: str, settings: Settings) -> None:
    others = {"lstm_layers": 3, "dense_layers": 1, "batchnorm_layers": 2}
    with torch.device("meta"):
        head = head_of(name, settings, **others)
        planned = head.state_dict()
        assert all(planned[key].is_meta for key in dict(head.named_parameters()))
    real = head_of(name, settings, **others).state_dict()
    assert {k: (v.shape, v.dtype) for k, v in planned.items()} == {k: (v.shape, v.dtype) for k, v in real.items()}


@CASES
def test_a_head_holds_the_counted_modules(name: str, settings: Settings) -> None:
    others = {"lstm_layers": 2, "dense_layers": 1, "batchnorm_layers": 2, "dropout_layers": 3}
    head = head_of(name, settings, **others)
    if head.config.backbone == "lstm":
        counted = [nn.LSTM, nn.BatchNorm1d, nn.Dropout]
        assert [sum(isinstance(module, kind) for module in head.modules()) for kind in counted] == [2, 2, 3]
        assert sum(isinstance(module, nn.Linear) for module in head.stack.modules()) == 1
    vocabulary = column_of(name, settings.get("grain", "event")).vocabulary
    if head.encoder.ids is not None:
        assert head.encoder.ids.weight.shape == (len(vocabulary) + 2, 8)
    assert (head.encoder.ids is None) == (kind(head.config) == "factored"), "what is spelled is not looked up"


@CASES
def test_an_encoder_takes_what_a_batch_holds(name: str, settings: Settings) -> None:
    """Nothing that a batch holds for each position is left unseen, and nothing is asked for that it has not."""
    head = head_of(name, settings)
    batch = batch_of(name, head)
    width = {key: tensor.shape[2:] for key, tensor in batch.items() if tensor.shape[1:2] == (head.config.window,)}
    inputs = {key for key in ("window", "chord", "numbers", "known") if key in batch}
    assert inputs == set(width)
    with torch.no_grad():
        states = head.eval()(batch)
        for key in inputs:
            other = torch.zeros_like(batch[key]) if key == "window" else batch[key].flip(0)
            assert not torch.allclose(head(batch | {key: other}), states), key
    assert states.shape == (len(batch["target"]), head.config.hidden)
    every = torch.ones(len(batch[next(iter(inputs))]), head.config.tail, dtype=torch.bool)
    with torch.no_grad():
        whole = head({key: batch[key] for key in inputs})
        assert torch.equal(whole, head(batch | {"counted": every}))
        assert torch.equal(whole[batch.get("counted", every).flatten()], states)


@CASES
def test_samples_are_values_and_seeded(name: str, settings: Settings) -> None:
    head = head_of(name, settings)
    column, batch = column_of(name, settings.get("grain", "event")), batch_of(name, head, TRAIN)
    rows = len(next(batch[key] for key in ("window", "chord") if key in batch))
    draws = [head.sample(batch, top_p=0.9, generator=torch.Generator().manual_seed(1)) for _ in range(2)]
    assert draws[0] == draws[1]
    assert len(draws[0]) == rows > 20
    if kind(head.config) == "token":
        assert set(draws[0]) <= set(CHORDS)
    elif kind(head.config) == "factored":
        assert all(isinstance(chord, tuple) and chord == tuple(sorted(set(chord))) and chord for chord in draws[0])
    elif kind(head.config) == "note":
        sounding = batch["known"][:, -1].sum(dim=1).tolist()
        assert [len(lengths) for lengths in draws[0] if isinstance(lengths, tuple)] == sounding
        assert {length for lengths in draws[0] for length in lengths} <= set(column.vocabulary.values)  # type: ignore[union-attr]
    else:
        assert all(type(value) is int and column.spec.lowest <= value <= column.highest for value in draws[0])
    with pytest.raises(ValueError, match="temperature"):
        head.sample(batch, temperature=-1.0)
    with pytest.raises(ValueError, match="top_p"):
        head.sample(batch, top_p=0.0)


@CASES
def test_a_sample_is_of_the_last_position_whatever_the_targets_of_a_window(name: str, settings: Settings) -> None:
    head = head_of(name, settings).eval()
    batch, other = batch_of(name, head, TRAIN), head_of(name, settings | {"loss": "last"}).eval()
    assert head.sample(batch, temperature=0) == other.sample(batch, temperature=0)
    with torch.no_grad():
        last = other({key: value for key, value in batch.items() if key != "counted"})
    assert head.sample(batch, temperature=0) == head.output.draw(last, batch, 0, 1, None)


@CASES
def test_a_diverged_head_reports_nan_and_raises_nothing(name: str, settings: Settings) -> None:
    head = head_of(name, settings)
    for parameter in head.encoder.parameters():
        nn.init.constant_(parameter, math.nan)
    fit(head, name, 1)
    assert math.isnan(head.figures["valid"])


def test_columns_can_be_drawn_one_after_another() -> None:
    """In the order in which generation draws them, each after those that it knows of its event."""
    drawn: list[str] = []
    for name in sorted(HEADS, key=lambda name: len(COLUMNS[name].after)):
        assert set(COLUMNS[name].after) <= set(drawn)
        drawn.append(name)
    assert COLUMNS["offsets"].after == ()
    assert COLUMNS["notes"].after == ("offsets",)
    assert COLUMNS["durations"].after == ("offsets", "notes")


def test_nothing_to_score_is_refused() -> None:
    head = head_of("notes", {})
    with pytest.raises(ValueError, match="no targets"):
        score(head, [])
    with pytest.raises(ValueError, match="mixture"):
        score(head, [batch_of("notes", head)], mixture=1.5)
