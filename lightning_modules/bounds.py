"""What a hyperparameter may be: its default and its bounds, and the line that says why a value is refused."""

from __future__ import annotations

import difflib
import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass

__all__ = ["Bounds", "Option", "Plain", "choice", "near", "number"]

Plain = int | float | str


@dataclass(frozen=True)
class Bounds:
    """What a value may be. A winner may come from a stranger: the bounds hold before anything is built."""

    low: float = -math.inf
    high: float = math.inf
    choices: Collection[str] | None = None

    def problem(self, name: str, value: object, kind: type) -> str | None:
        """Why `value` cannot be `name`; None if it can."""
        if self.choices is not None:
            if isinstance(value, str) and value in self.choices:
                return None
            return f"{name} must be one of {', '.join(self.choices)}, not {value!r}" + near(str(value), self.choices)
        if isinstance(value, bool) or not isinstance(value, (int, float) if kind is float else kind):
            return f"{name} must be {'a number' if kind is float else 'a whole number'}, not {value!r}"
        if not (self.low <= value <= self.high):  # type: ignore[operator]  # narrowed to a number above; NaN fails too
            return f"{name} must be from {self.low:g} to {self.high:g}, not {value!r}"
        return None


def near(word: str, known: Iterable[str]) -> str:
    """The known word that was meant; this package knows no other that could tell."""
    found = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {found[0]}?" if found else ""


@dataclass(frozen=True)
class Option:
    """A hyperparameter that one backbone has and no other: an int, a float or a text, as its default is."""

    default: Plain
    bounds: Bounds

    @property
    def kind(self) -> type:
        return type(self.default)


def number(default: float, low: float, high: float) -> Option:
    """A number from `low` to `high`, whole if its default is."""
    return Option(default, Bounds(low, high))


def choice(default: str, *choices: str) -> Option:
    """One of some words."""
    return Option(default, Bounds(choices=choices))
