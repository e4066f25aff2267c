"""Windows equal a naive loop; weights equal scikit-learn's."""

from __future__ import annotations

import warnings
from collections import Counter
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
import torch
from events_made import random_songs
from sklearn.utils.class_weight import compute_sample_weight

from datamodules.columns import Column, build_column
from datamodules.splits import TEST, TRAIN, VALID, make_split
from datamodules.windows import Weighting, Windows, in_order, pad_inputs, weights
from experiments.heads import HEADS

COLUMNS = {name: spec.column for name, spec in HEADS.items()}

SONGS = random_songs(4, songs=4, events=30, chords=20)


def _column(name: str, kind: str) -> Column:
    return build_column(COLUMNS[name], SONGS, make_split(kind, SONGS, seed=1), 24)


def _naive(column: Column, part: int, window: int) -> list[list[int]]:
    """Each target's window, one event after another."""
    found = []
    for first, end in zip(column.starts[:-1].tolist(), column.starts[1:].tolist(), strict=True):
        shown = [column.vocabulary.start] * window + column.inputs[first:end].tolist()
        found += [shown[i : i + window] for i in range(end - first) if column.part[first + i] == part]
    return found


@pytest.mark.parametrize("window", [1, 2, 5, 17, 100])
@pytest.mark.parametrize("kind", ["song", "tail", "none"])
@pytest.mark.parametrize("name", COLUMNS)
def test_windows_are_those_of_a_naive_loop(name: str, kind: str, window: int) -> None:
    column = _column(name, kind)
    for part in (TRAIN, VALID, TEST):
        windows = Windows(column, part, window)
        batch = windows.batch(slice(None))
        assert batch["window"].tolist() == _naive(column, part, window)
        assert len(windows) == len(batch["target"]) == int((column.part == part).sum())


def test_a_tails_windows_reach_back_into_training() -> None:
    column = _column("notes", "tail")
    cut = int(column.targets(VALID)[0])
    assert column.part[cut - 1] == TRAIN
    assert Windows(column, VALID, 5).batch(slice(1))["window"].tolist() == [column.inputs[cut - 5 : cut].tolist()]


@pytest.mark.parametrize("name", COLUMNS)
def test_a_batch_holds_what_is_said_of_its_targets(name: str) -> None:
    column = _column(name, "song")
    windows = Windows(column, VALID, 3)
    chosen = torch.tensor([4, 0, 7])
    events = column.targets(VALID)[chosen.numpy()]
    batch = windows.batch(chosen)
    assert {key: (tensor.dtype, tuple(tensor.shape)) for key, tensor in batch.items()} == {
        "window": (torch.int64, (3, 3)),
        "target": (torch.int64, (3,)),
        "weight": (torch.float32, (3,)),
        "base": (torch.float64, (3,)),
        "value": (torch.int64, (3,)),
        "true": (torch.int64, (3,)),
    }
    assert batch["target"].tolist() == column.inputs[events].tolist()
    assert batch["weight"].tolist() == [1, 1, 1]
    assert batch["base"].tolist() == column.base[events].tolist()
    assert batch["true"].tolist() == column.value[events].tolist()
    lexicon = [column.lexicon[i] for i in column.ids[events]]
    assert batch["value"].tolist() == ([0, 0, 0] if name == "notes" else lexicon)


def test_training_targets_are_always_classes() -> None:
    for name in COLUMNS:
        for kind in ("song", "tail", "none"):
            column = _column(name, kind)
            target = Windows(column, TRAIN, 2).batch(slice(None))["target"]
            assert int(target.max()) < len(column.vocabulary)
    held_out = Windows(_column("notes", "song"), VALID, 2).batch(slice(None))["target"]
    assert int(held_out.max()) == len(_column("notes", "song").vocabulary), "the test needs an unseen chord"


@pytest.mark.parametrize("name", COLUMNS)
def test_read_only_arrays_do(name: str) -> None:
    """As they come out of an object store that processes share; torch warns about those that it would wrap."""
    column = _column(name, "tail")
    frozen: dict[str, Any] = {}
    for field in fields(column):
        value = getattr(column, field.name)
        if isinstance(value, np.ndarray):
            frozen[field.name] = value.copy()
            frozen[field.name].flags.writeable = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        windows = Windows(replace(column, **frozen), TRAIN, 4, "balanced")
        batches = [windows.batch(chosen) for chosen in (slice(3, 9), np.arange(3, 9), torch.arange(3, 9))]
    expected = Windows(column, TRAIN, 4, "balanced").batch(slice(3, 9))
    for batch in batches:
        assert all(torch.equal(batch[key], expected[key]) for key in expected)
    batches[0]["window"].zero_()  # a batch is a copy
    assert torch.equal(windows.batch(slice(3, 9))["window"], expected["window"])


def test_the_windows_are_a_view() -> None:
    column = _column("notes", "tail")
    padded = pad_inputs(column, 50)
    windows = Windows(column, TRAIN, 50, padded=padded)
    assert len(padded) == len(column) + len(SONGS) * 50
    assert windows.view.data_ptr() == padded.data_ptr()


def test_in_order_gives_every_target_once() -> None:
    column = _column("durations", "tail")
    batches = in_order(column, TRAIN, 5)
    for _ in range(2):
        found = torch.cat([batch["target"] for batch in batches])
        assert found.tolist() == column.ids[column.targets(TRAIN)].tolist()
    assert len(batches) == len(list(batches)) == 1


@pytest.mark.parametrize("name", COLUMNS)
def test_balanced_weights_are_scikit_learns(name: str) -> None:
    column = _column(name, "tail")
    ids = column.ids[column.targets(TRAIN)]
    assert weights(ids, "balanced").tolist() == pytest.approx(compute_sample_weight("balanced", ids).tolist())
    got = Windows(column, TRAIN, 5, "balanced").batch(slice(None))["weight"]
    assert got.tolist() == weights(ids, "balanced").tolist()


@pytest.mark.parametrize("scheme", ["none", "balanced", "sqrt"])
def test_weights_have_mean_one(scheme: Weighting) -> None:
    ids = np.random.default_rng(0).geometric(0.2, 500)
    found = weights(ids, scheme)
    assert found.dtype == np.float32
    assert found.mean(dtype=np.float64) == pytest.approx(1, abs=1e-6)
    assert weights(ids[:0], scheme).shape == (0,)


def test_square_root_weights() -> None:
    ids = np.array([3, 3, 3, 3, 9, 5, 5, 3])
    counts = Counter(ids.tolist())
    found = weights(ids, "sqrt")
    products = [float(weight) * counts[i] ** 0.5 for weight, i in zip(found, ids.tolist(), strict=True)]
    assert products == pytest.approx([products[0]] * len(ids))


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="weighting"):
        weights(np.arange(3), "cubic")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="window 0"):
        Windows(_column("notes", "tail"), TRAIN, 0)
