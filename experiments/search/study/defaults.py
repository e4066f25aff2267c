"""What the first trial of a search draws, so that it has the defaults: even a short search starts from a good point.

A space may draw under names of its own (a share of the slots, say) and map them to hyperparameters. So what gives the
defaults is looked for: each name that is no hyperparameter is tried over its range, and the values nearest them kept.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from search_spaces import Space

__all__ = ["default_draw"]

STEPS = 40  # values of a range that are tried, about: fine enough to meet a share of a tenth
PASSES = 3  # over the names at most: what one gives may depend on another

Range = tuple[Any, ...]


def default_draw(space: Space, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """What a trial must draw for `space` to give hyperparameters as near to `defaults` as it can.

    Args:
        space: trial -> hyperparameters; asked often, and never given a trial of Optuna's.

    Raises:
        ValueError: the space gives nothing valid.
    """
    trial = _Answering(defaults)
    distance = _apart(space(trial), defaults)
    for _ in range(PASSES):
        for name in list(trial.tried):
            _settle(trial, name, space, defaults)
        before, distance = distance, _apart(space(trial), defaults)
        if not distance[0] or distance == before:
            break
    trial.asked.clear()
    space(trial)
    return dict(trial.asked)


class _Answering:
    """A trial that answers with the defaults, as near as the range allows; other names with what was found best."""

    def __init__(self, defaults: Mapping[str, Any]) -> None:
        self.defaults = defaults
        self.answers: dict[str, Any] = {}  # of names that are no hyperparameters
        self.tried: dict[str, Range] = {}  # what these could be
        self.asked: dict[str, Any] = {}

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        values = _spread(low, high, log, whole=step)
        return int(self._answer(name, values, low, high, whole=step))

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        values = _spread(low, high, log, whole=step)
        return float(self._answer(name, values, low, high, whole=step))

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        if name in self.defaults:
            value = self.defaults[name]
            if value not in choices:
                numbers = all(isinstance(choice, (int, float)) for choice in (value, *choices))
                value = min(choices, key=lambda choice: abs(choice - value)) if numbers else choices[0]
        else:
            self.tried[name] = tuple(choices)
            value = self.answers[name] if self.answers.get(name) in choices else choices[0]
        self.asked[name] = value
        return value

    def _answer(self, name: str, values: Range, low: float, high: float, whole: float | None) -> float:
        if name not in self.defaults:
            self.tried[name] = values
        wanted: float = self.defaults.get(name, self.answers.get(name, values[len(values) // 2]))
        value = min(max(wanted, low), high)
        value = value if whole is None else low + round((value - low) / whole) * whole
        self.asked[name] = value
        return float(value)


def _spread(low: float, high: float, log: bool, whole: float | None) -> Range:
    """Values from `low` to `high`: all of a short range of steps, else `STEPS` even ones."""
    if whole is not None and (high - low) / whole <= STEPS:
        return tuple(low + number * whole for number in range(math.floor((high - low) / whole + 1e-9) + 1))
    shares = [number / STEPS for number in range(STEPS + 1)]
    values = [low * (high / low) ** share if log else low + (high - low) * share for share in shares]
    if whole is not None:
        values = [low + round((value - low) / whole) * whole for value in values]
    return tuple(dict.fromkeys(min(max(value, low), high) for value in values))


def _settle(trial: _Answering, name: str, space: Space, defaults: Mapping[str, Any]) -> None:
    """Keep the value of `name` that comes nearest the defaults; of equals the middle one, far from other choices."""
    apart: list[tuple[float, ...]] = []
    values = trial.tried[name]
    for value in values:
        trial.answers[name] = value
        apart.append(_apart(space(trial), defaults))
    least = [value for value, found in zip(values, apart, strict=True) if found == min(apart)]
    trial.answers[name] = least[len(least) // 2]


def _apart(found: Mapping[str, Any], defaults: Mapping[str, Any]) -> tuple[float, ...]:
    """How far hyperparameters are from the defaults: how many differ, and by how much."""
    different = [(found[name], value) for name, value in defaults.items() if name in found and found[name] != value]
    numbers = [pair for pair in different if all(isinstance(value, (int, float)) for value in pair)]
    return len(different), sum(abs(math.log(max(a, 1e-9) / max(b, 1e-9))) for a, b in numbers)
