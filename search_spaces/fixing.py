"""Hyperparameters that a user fixes (``--set hidden=64``, a preset) are never drawn; the rest of the space stays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lightning_modules.config import HeadConfig, Plain
from search_spaces.trial import Space, Trial

__all__ = ["Fixed", "complete", "fixed_values"]


class Fixed:
    """A trial that answers for the fixed hyperparameters and asks the real trial for the others."""

    def __init__(self, trial: Trial, fixed: Mapping[str, Plain]) -> None:
        self.trial = trial
        self.fixed = fixed

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        if name in self.fixed:
            return int(self.fixed[name])
        return self.trial.suggest_int(name, low, high, step=step, log=log)

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        if name in self.fixed:
            return float(self.fixed[name])
        return self.trial.suggest_float(name, low, high, step=step, log=log)

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        if name in self.fixed:
            return self.fixed[name]
        return self.trial.suggest_categorical(name, choices)


def fixed_values(trial: Trial) -> Mapping[str, Plain]:
    """What is fixed, for a space whose ranges depend on it."""
    return trial.fixed if isinstance(trial, Fixed) else {}


def complete(space: Space, config: type[HeadConfig], fixed: Mapping[str, Plain] | None = None) -> Space:
    """The space with `fixed` held, whose every draw is checked and gives all hyperparameters of `config`.

    A space may draw helper names of its own (`counts.py` does): they are in the trial, not in what is returned. What
    follows from `fixed` is held too, and so is what no search draws (`HeadConfig.never_drawn`), at its default.

    Raises:
        ValueError: at once for unknown names, values out of bounds, values that exclude each other, or more counted
            layers than the fixed LSTM and dense layers can take; by the returned function for a space that draws what
            `config` refuses, or what no search draws.
    """
    held = dict(fixed or {})
    problems = config.problems(held) or config.conflicts(held) or _slot_problems(held, config)
    if problems:
        raise ValueError("; ".join(problems))
    defaults = {name: value for name, value in config().to_dict().items() if name in config.never_drawn}
    held = defaults | config.implied(held) | held

    def completed(trial: Trial) -> dict[str, Any]:
        drawn = space(Fixed(trial, held))
        for name in config.never_drawn:
            if drawn.get(name, held[name]) != held[name]:
                raise ValueError(f"{name} is fixed for a whole search, never drawn: --set {name}={drawn[name]}")
        return config.from_dict({**drawn, **held}).to_dict()

    return completed


def _slot_problems(held: Mapping[str, Plain], config: type[HeadConfig]) -> list[str]:
    slots = sum(int(held.get(name, config.highest(name))) for name in ("lstm_layers", "dense_layers"))
    return [
        f"{name}={held[name]}: there are at most {slots} slots (lstm_layers + dense_layers)"
        for name in ("batchnorm_layers", "dropout_layers")
        if int(held.get(name, 0)) > slots
    ]
