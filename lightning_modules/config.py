"""The hyperparameters of a head: every default, every bound, once.

Flat and JSON-plain, so that a search draws it, a command line shows it and a winner stores it as it is. This file does
not import torch: a driver or a search space reads hyperparameters without paying for it.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

__all__ = ["HeadConfig", "NotesConfig", "Plain", "TimingConfig"]

Plain = int | float | str


@dataclass(frozen=True)
class Bounds:
    """What a value may be. A winner may come from a stranger: the bounds hold before anything is built."""

    low: float = -math.inf
    high: float = math.inf
    choices: tuple[str, ...] = ()

    def problem(self, name: str, value: object, kind: type) -> str | None:
        """Why `value` cannot be `name`; None if it can."""
        if self.choices:
            return None if value in self.choices else f"{name} must be one of {', '.join(self.choices)}, not {value!r}"
        if isinstance(value, bool) or not isinstance(value, (int, float) if kind is float else kind):
            return f"{name} must be {'a number' if kind is float else 'a whole number'}, not {value!r}"
        if not (self.low <= value <= self.high):  # type: ignore[operator]  # narrowed to a number above; NaN fails too
            return f"{name} must be from {self.low:g} to {self.high:g}, not {value!r}"
        return None


def _number(default: Any, low: float, high: float) -> Any:  # Any, as dataclasses.field itself: the annotation rules
    return field(default=default, metadata={"bounds": Bounds(low, high)})


def _choice(default: str, *choices: str) -> Any:
    return field(default=default, metadata={"bounds": Bounds(choices=choices)})


@dataclass(frozen=True)
class HeadConfig:
    """What every head has. A wrong value raises ValueError, naming each field that is wrong."""

    window: int = _number(16, 1, 1024)
    """values before the target that the network sees; 5 to 32 gains 0.2 nats on chorales, more gains little"""
    batch_size: int = _number(64, 2, 8192)
    """windows an update"""
    weighting: str = _choice("none", "none", "sqrt", "balanced")
    """weight of a window, from the frequency of its target"""
    learning_rate: float = _number(3e-3, 1e-7, 1.0)
    """of AdamW, constant"""
    weight_decay: float = _number(0.01, 0.0, 1.0)
    """of AdamW, torch's own default"""
    embedding: int = _number(64, 1, 1024)
    """numbers that stand for a value of the column"""
    hidden: int = _number(128, 1, 4096)
    """nodes of each LSTM and each dense layer"""
    lstm_layers: int = _number(1, 1, 3)
    """LSTMs, one on the other"""
    dense_layers: int = _number(0, 0, 3)
    """dense layers (with ReLU) between the last LSTM and the output layer"""
    batchnorm_layers: int = _number(0, 0, 6)
    """slots with batch normalisation, counted from the output backwards"""
    dropout_layers: int = _number(1, 0, 6)
    """slots with dropout, counted from the output backwards"""
    dropout: float = _number(0.3, 0.0, 0.95)
    """share of the nodes that a dropout layer silences; without effect if there is none"""

    _counted: ClassVar[tuple[str, ...]] = ("batchnorm_layers", "dropout_layers")

    def __post_init__(self) -> None:
        values = dataclasses.asdict(self)
        problems = self.problems(values)
        if not problems:
            problems = [
                f"{name} must be at most {self.slots} (lstm_layers + dense_layers), not {values[name]}"
                for name in self._counted
                if values[name] > self.slots
            ]
        if problems:
            raise ValueError("; ".join(problems))
        for f in dataclasses.fields(self):  # 0 for 0.0 is welcome in JSON; kept as what the annotation says
            if f.type in ("float", float):
                object.__setattr__(self, f.name, float(values[f.name]))

    @property
    def slots(self) -> int:
        """Places that take batch normalisation or dropout: after each LSTM and each dense layer."""
        return self.lstm_layers + self.dense_layers

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The hyperparameters, in order."""
        return tuple(f.name for f in dataclasses.fields(cls))

    @classmethod
    def highest(cls, name: str) -> float:
        """The most that a numeric hyperparameter may be."""
        bounds: Bounds = cls.__dataclass_fields__[name].metadata["bounds"]
        return bounds.high

    @classmethod
    def problems(cls, values: Mapping[str, object]) -> list[str]:
        """What is wrong with some or all values, each by itself: unknown names, wrong types, out of bounds."""
        known = {f.name: f for f in dataclasses.fields(cls)}
        problems = [
            f"unknown hyperparameter {name!r}; known: {', '.join(known)}" for name in values if name not in known
        ]
        for name, value in values.items():
            if name in known:
                kind = {"int": int, "float": float, "str": str}[str(known[name].type)]
                problem = known[name].metadata["bounds"].problem(name, value, kind)
                problems += [problem] if problem else []
        return problems

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The config of some or all hyperparameters; the others take their defaults.

        Raises:
            ValueError: unknown names (the known ones are told), wrong types, values out of bounds.
        """
        problems = cls.problems(values)
        if problems:
            raise ValueError("; ".join(problems))
        return cls(**values)

    def to_dict(self) -> dict[str, Plain]:
        """All hyperparameters, JSON-plain; ``from_dict(to_dict())`` is equal."""
        return dataclasses.asdict(self)

    @classmethod
    def parse(cls, settings: Iterable[str]) -> dict[str, Plain]:
        """``["hidden=64", "weighting=none"]`` as values of the right types.

        Raises:
            ValueError: not ``NAME=VALUE``, or what `from_dict` refuses.
        """
        kinds = {f.name: str(f.type) for f in dataclasses.fields(cls)}
        values: dict[str, Plain] = {}
        for setting in settings:
            name, equals, text = (s.strip() for s in setting.partition("="))
            if not equals or not name or not text:
                raise ValueError(f"{setting!r} is not NAME=VALUE, for example hidden=64")
            values[name] = _converted(text, kinds.get(name, "str"))
        problems = cls.problems(values)
        if problems:
            raise ValueError("; ".join(problems))
        return values


def _converted(text: str, kind: str) -> Plain:
    """The text as a number if it should and can be one; what it is not is told by `problems`."""
    try:
        return int(text) if kind == "int" else float(text) if kind == "float" else text
    except ValueError:
        return text


@dataclass(frozen=True)
class NotesConfig(HeadConfig):
    """The notes head: a softmax over the chords of the vocabulary."""


@dataclass(frozen=True)
class TimingConfig(HeadConfig):
    """The durations and the offsets head."""

    objective: str = _choice("grid", "grid", "mae")
    """grid: a categorical over the ticks seen in training; mae: L1 regression in quarter notes, the original's"""
