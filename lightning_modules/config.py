"""The hyperparameters of a head: every default, every bound, once.

Flat and JSON-plain, so that a search draws it, a command line shows it and a winner stores it as it is. This file does
not import torch: a driver or a search space reads hyperparameters without paying for it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple, Self

from lightning_modules.backbones import BACKBONES
from lightning_modules.bounds import Bounds, Option, Plain, near

__all__ = ["DurationsConfig", "HeadConfig", "NotesConfig", "Plain", "TimingConfig", "tail_of"]

OPTIONS = "backbone_options"


def tail_of(window: int, loss: str) -> int:
    """Targets of a window: its last position, or its second half."""
    return 1 if loss == "last" else max(window // 2, 1)


class Need(NamedTuple):
    """What one value of a hyperparameter asks of another hyperparameter."""

    name: str
    value: Plain
    other: str
    wanted: Plain
    reason: str


def _number(default: Any, low: float, high: float) -> Any:  # Any, as dataclasses.field itself: the annotation rules
    return field(default=default, metadata={"bounds": Bounds(low, high)})


def _choice(default: str, *choices: str) -> Any:
    return _of(default, choices)


def _of(default: str, choices: Collection[str]) -> Any:
    return field(default=default, metadata={"bounds": Bounds(choices=choices)})


@dataclass(frozen=True)
class HeadConfig:
    """What every head has. A wrong value raises ValueError, naming each field that is wrong."""

    inputs: str = _choice("context", "own", "context")
    """own: the head's own column only, the original's; context: also the other columns, the beat and the velocity"""
    window: int = _number(32, 1, 1024)
    """values that the network sees at most; 5 to 32 gains 0.2 nats on chorales, more gains little"""
    loss: str = _choice("half", "last", "half")
    """targets of a window: the one that follows it, the original's; or its second half, many at the price of one"""
    form: str = _choice("none", "none", "plan")
    """plan: it sees where in the song's form an event stands, and what that place held when the section's label last
    came; the form is told beforehand, which its nats are charged for"""
    transpose: str = _choice("window", "none", "song", "window")
    """what training moves to a random key, anew in each pass; without effect where no chord is seen or predicted"""
    batch_size: int = _number(16, 2, 8192)
    """windows an update"""
    weighting: str = _choice("none", "none", "sqrt", "balanced")
    """weight of a window, from the frequency of its target"""
    learning_rate: float = _number(3e-3, 1e-7, 1.0)
    """of AdamW, at its highest"""
    schedule: str = _choice("cosine", "constant", "cosine")
    """of the learning rate: constant, or falling to zero over the most epochs that a trial may train"""
    weight_decay: float = _number(0.01, 0.0, 1.0)
    """of AdamW, torch's own default"""
    embedding: int = _number(64, 1, 1024)
    """numbers that stand for a value of the column"""
    backbone: str = _of("lstm", BACKBONES)
    """what reads the window: LSTMs, or causal self-attention over relative positions"""
    hidden: int = _number(128, 1, 4096)
    """nodes of each LSTM, transformer block and dense layer"""
    lstm_layers: int = _number(1, 1, 3)
    """layers of the backbone, one on the other: LSTMs, or transformer blocks in their place"""
    attention_heads: int = _number(4, 1, 16)
    """of each transformer block; must divide `hidden`; without effect on LSTMs"""
    dense_layers: int = _number(0, 0, 3)
    """dense layers (with ReLU) between the last LSTM and the output layer"""
    batchnorm_layers: int = _number(0, 0, 6)
    """slots with batch normalisation, counted from the output backwards"""
    dropout_layers: int = _number(1, 0, 6)
    """slots with dropout, counted from the output backwards"""
    dropout: float = _number(0.3, 0.0, 0.95)
    """share of the nodes that a dropout layer silences; without effect if there is none"""
    backbone_options: tuple[tuple[str, Plain], ...] = field(default=(), metadata={"bounds": Bounds()})
    """what its backbone has of its own; known by everyone else as BACKBONE.NAME, one hyperparameter each"""

    _counted: ClassVar[tuple[str, ...]] = ("batchnorm_layers", "dropout_layers")
    needs: ClassVar[tuple[Need, ...]] = (
        Need("form", "plan", "inputs", "context", "where an event stands is told beside the other columns"),
    )
    never_drawn: ClassVar[tuple[str, ...]] = ()  # what a search fixes, as its figures could not be compared otherwise

    def __post_init__(self) -> None:
        values = self.to_dict()
        problems = self.problems(values)
        if not problems:
            problems = [
                f"{name} must be at most {self.slots} (lstm_layers + dense_layers), not {values[name]}"
                for name in self._counted
                if int(values[name]) > self.slots
            ] + self.conflicts(values)
        if problems:
            raise ValueError("; ".join(problems))
        for f in dataclasses.fields(self):  # 0 for 0.0 is welcome in JSON; kept as what the annotation says
            if f.type in ("float", float):
                object.__setattr__(self, f.name, float(values[f.name]))
        given = dict(self.backbone_options)
        whole = ((name, option.kind(given.get(name, option.default))) for name, option in _options(self.backbone))
        object.__setattr__(self, OPTIONS, tuple(whole))

    @property
    def own(self) -> dict[str, Any]:
        """What its backbone has of its own, by name."""
        return dict(self.backbone_options)

    @property
    def tail(self) -> int:
        """Targets a window."""
        return tail_of(self.window, self.loss)

    @property
    def slots(self) -> int:
        """Places that take batch normalisation or dropout: after each LSTM and each dense layer."""
        return self.lstm_layers + self.dense_layers

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The hyperparameters, in order; those that only one backbone has come last."""
        own = (f"{backbone}.{name}" for backbone in BACKBONES for name, _ in _options(backbone))
        return (*(f.name for f in dataclasses.fields(cls) if f.name != OPTIONS), *own)

    @classmethod
    def highest(cls, name: str) -> float:
        """The most that a numeric hyperparameter may be."""
        bounds: Bounds = cls.__dataclass_fields__[name].metadata["bounds"]
        return bounds.high

    @classmethod
    def choices(cls, name: str) -> tuple[str, ...]:
        """What a hyperparameter that is a word may be."""
        bounds: Bounds = cls.__dataclass_fields__[name].metadata["bounds"]
        return tuple(bounds.choices or ())

    @classmethod
    def problems(cls, values: Mapping[str, object]) -> list[str]:
        """What is wrong with some or all values, each by itself: unknown names, wrong types, out of bounds."""
        known = cls._known()
        problems = [
            f"unknown hyperparameter {name!r}; known: {', '.join(cls.names())}{near(name, cls.names())}"
            for name in values
            if name not in known and _option(name) is None
        ]
        for name, value in values.items():
            if name in known:
                problem = known[name].bounds.problem(name, value, known[name].kind)
            else:
                option = _option(name)
                problem = option.bounds.problem(name, value, option.kind) if option else None
            problems += [problem] if problem else []
        return problems

    @classmethod
    def conflicts(cls, values: Mapping[str, object]) -> list[str]:
        """What some or all values ask of each other and do not get."""
        found = [
            f"{name}={value} needs {other}={wanted}, not {other}={values[other]}: {reason}"
            for name, value, other, wanted, reason in cls.needs
            if values.get(name) == value and values.get(other, wanted) != wanted
        ]
        backbone = values.get("backbone")
        if isinstance(backbone, str) and backbone in BACKBONES:
            spec = BACKBONES[backbone]
            found += _foreign(values, backbone) + spec.conflicts(values)
            if not spec.causal and values.get("loss", "last") != "last":
                found.append(f"backbone={backbone} needs loss=last: its positions see those that come later")
        return found

    @classmethod
    def implied(cls, values: Mapping[str, object]) -> dict[str, Plain]:
        """The hyperparameters that follow from some values."""
        owner = next((name.partition(".")[0] for name in values if "." in name), None)
        found: dict[str, Plain] = {} if owner is None else {"backbone": owner}
        backbone = values.get("backbone", owner)
        if isinstance(backbone, str) and backbone in BACKBONES and not BACKBONES[backbone].causal:
            found["loss"] = "last"
        return found | {other: wanted for name, value, other, wanted, _ in cls.needs if values.get(name) == value}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The config of some or all hyperparameters; the others take their defaults.

        Raises:
            ValueError: unknown names (the known ones are told), wrong types, values out of bounds.
        """
        problems = cls.problems(values) or _foreign(values, values.get("backbone", cls.backbone))
        if problems:
            raise ValueError("; ".join(problems))
        own = tuple((name.partition(".")[2], value) for name, value in values.items() if "." in name)
        return cls(**{name: value for name, value in values.items() if "." not in name}, backbone_options=own)

    def to_dict(self) -> dict[str, Plain]:
        """All hyperparameters, JSON-plain; ``from_dict(to_dict())`` is equal."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name != OPTIONS}
        return values | {f"{self.backbone}.{name}": value for name, value in self.backbone_options}

    @classmethod
    def _known(cls) -> dict[str, Option]:
        """The hyperparameters that every backbone has."""
        kinds = {"int": int, "float": float, "str": str}
        return {
            f.name: Option(kinds[str(f.type)](f.default), f.metadata["bounds"])
            for f in dataclasses.fields(cls)
            if f.name != OPTIONS
        }

    @classmethod
    def parse(cls, settings: Iterable[str]) -> dict[str, Plain]:
        """``["hidden=64", "weighting=none"]`` as values of the right types.

        Raises:
            ValueError: not ``NAME=VALUE``, or what `from_dict` refuses.
        """
        known = cls._known()
        values: dict[str, Plain] = {}
        for setting in settings:
            name, equals, text = (s.strip() for s in setting.partition("="))
            if not equals or not name or not text:
                raise ValueError(f"{setting!r} is not NAME=VALUE, for example hidden=64")
            option = known.get(name) or _option(name)
            values[name] = _converted(text, option.kind if option else str)
        problems = cls.problems(values)
        if problems:
            raise ValueError("; ".join(problems))
        return values


def _converted(text: str, kind: type) -> Plain:
    """The text as a number if it should and can be one; what it is not is told by `problems`."""
    try:
        return kind(text)  # type: ignore[no-any-return]  # int, float or str
    except ValueError:
        return text


def _options(backbone: str) -> Collection[tuple[str, Option]]:
    """What a backbone has of its own; nothing for one that is unknown."""
    return BACKBONES[backbone].options.items() if backbone in BACKBONES else ()


def _foreign(values: Mapping[str, object], backbone: str) -> list[str]:
    """Which of the values belong to another backbone."""
    others = ((name, name.partition(".")[0]) for name in values if "." in name)
    return [f"{name} needs backbone={other}, not backbone={backbone}" for name, other in others if other != backbone]


def _option(name: str) -> Option | None:
    """The hyperparameter BACKBONE.NAME; None if there is none."""
    backbone, _, own = name.partition(".")
    return dict(_options(backbone)).get(own)


@dataclass(frozen=True)
class NotesConfig(HeadConfig):
    """The notes head. Chords are harder than numbers: on chorales and on two songs it wants more than the others do."""

    hidden: int = _number(192, 1, 4096)
    """nodes of each LSTM, transformer block and dense layer"""
    dense_layers: int = _number(1, 0, 3)
    """dense layers (with ReLU) between the last LSTM and the output layer"""
    batchnorm_layers: int = _number(1, 0, 6)
    """slots with batch normalisation, counted from the output backwards; one gains 0.1 nats on chorales, more on two
    songs"""
    output: str = _choice("factored", "token", "factored")
    """token: a softmax over the chords of the vocabulary, the original's; factored: pitch by pitch, any chord"""
    tied: str = _choice("no", "no", "yes")
    """whether a token softmax weighs its classes by the input's embedding; without effect on factored"""


@dataclass(frozen=True)
class TimingConfig(HeadConfig):
    """The heads of a number: durations, offsets, velocity."""

    objective: str = _choice("grid", "grid", "mae")
    """grid: a categorical over the ticks seen in training; mae: an L1 regression, the original's"""


@dataclass(frozen=True)
class DurationsConfig(TimingConfig):
    """The durations head."""

    grain: str = _choice("event", "event", "note")
    """event: how long it sounds, its longest note; note: a length for each of its pitches. Fixed, never drawn"""

    never_drawn: ClassVar[tuple[str, ...]] = ("grain",)
    needs: ClassVar[tuple[Need, ...]] = (
        *HeadConfig.needs,
        Need("grain", "note", "inputs", "context", "it must know the event's notes"),
        Need("grain", "note", "objective", "grid", "only the categorical gives each note a length"),
    )
