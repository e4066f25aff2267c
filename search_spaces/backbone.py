"""What reads the window, and how wide it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from lightning_modules.backbones import BACKBONES
from search_spaces.fixing import fixed_values
from search_spaces.leaning import lean
from search_spaces.trial import Trial

__all__ = ["draw_backbone"]


def draw_backbone(trial: Trial) -> dict[str, Any]:
    """backbone, hidden, and what the backbone has of its own."""
    backbone = lean(trial, "backbone", _odds(fixed_values(trial)))
    # 256 is 0.2 nats better than 128 on chorales at half the speed; two songs need a quarter of it
    hidden = trial.suggest_int("hidden", 48, 288, log=True)
    drawn: dict[str, Any] = {"backbone": backbone, "hidden": hidden}
    spec = BACKBONES[backbone]
    if not spec.causal:
        drawn["loss"] = "last"
    if backbone in SPACES:
        return drawn | SPACES[backbone](trial, hidden)
    return drawn | (spec.space(trial) if spec.space else {})


def _odds(fixed: Mapping[str, Any]) -> dict[str, float]:
    """How often each is drawn; one that is fixed is answered, whatever its odds."""
    half = fixed.get("loss", "last") != "last"  # which only a causal one takes
    odds = {name: spec.odds for name, spec in BACKBONES.items() if spec.odds and (spec.causal or not half)}
    whole = sum(odds.values())
    return {name: odd / whole for name, odd in odds.items()}


def _of_transformer(trial: Trial, hidden: int) -> dict[str, Any]:
    """attention_heads, which divide `hidden`."""
    heads = trial.suggest_categorical("attention_heads", (2, 4, 8))
    fixed = fixed_values(trial)
    if "attention_heads" not in fixed and "hidden" in fixed:
        heads = max(number for number in range(1, heads + 1) if hidden % number == 0)
    elif "hidden" not in fixed:
        hidden = max(round(hidden / heads), 1) * heads
    elif hidden % heads:  # both are fixed and do not fit: LSTMs have no heads
        return {"backbone": "lstm"}
    return {"hidden": hidden, "attention_heads": heads}


# what our own backbones draw beside `hidden`: networks know no search, so it does not stand in their specs
SPACES: Mapping[str, Callable[[Trial, int], dict[str, Any]]] = MappingProxyType({"transformer": _of_transformer})
