"""Weights equal scikit-learn's, and have mean one."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from columns_made import COLUMNS, column_of, lively_songs
from sklearn.utils.class_weight import compute_sample_weight

from datamodules.framing import Framing
from datamodules.splits import TRAIN
from datamodules.weights import Weighting, weights
from datamodules.windows import Windows


@pytest.mark.parametrize("name", COLUMNS)
def test_balanced_weights_are_scikit_learns(name: str) -> None:
    column = column_of(name, lively_songs(4, songs=4, events=30, chords=20), "tail")
    ids = column.ids[column.targets(TRAIN)]
    assert weights(ids, "balanced").tolist() == pytest.approx(compute_sample_weight("balanced", ids).tolist())
    for tail in (1, 3):
        windows = Windows(column, TRAIN, Framing(5, tail), "balanced")
        got = windows.batch(windows.in_order())["weight"]
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


def test_other_schemes_are_refused() -> None:
    with pytest.raises(ValueError, match="weighting"):
        weights(np.arange(3), "cubic")
