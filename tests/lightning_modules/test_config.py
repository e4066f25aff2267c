"""Hyperparameters: to a dict and back, and what is wrong with them is told by name."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest

from experiments.heads import HEADS
from lightning_modules.config import NotesConfig, TimingConfig


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
        ({"hiden": 3}, "unknown hyperparameter 'hiden'; known: inputs, window"),
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
