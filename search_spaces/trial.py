"""What a space sees of a trial: the part of `optuna.Trial` that it may use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

__all__ = ["Space", "Trial"]


class Trial(Protocol):
    """Names go in first and by position: Ray's OptunaSearch records what was drawn from there."""

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        """A whole number from `low` to `high`, both included."""
        ...

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """A number from `low` to `high`."""
        ...

    # Any: Optuna's own annotation of a choice is wider than ours and invariant
    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """One of `choices`."""
        ...


Space = Callable[[Trial], dict[str, Any]]
