"""What reads the window, and how wide it is."""

from __future__ import annotations

from typing import Any

from search_spaces.fixing import fixed_values
from search_spaces.leaning import lean
from search_spaces.trial import Trial

__all__ = ["draw_backbone"]


def draw_backbone(trial: Trial) -> dict[str, Any]:
    """backbone, hidden and, for a transformer, attention_heads, which divide `hidden`."""
    # on chorales LSTMs are 0.6 nats ahead of transformers after the same minutes; more songs may turn that
    backbone = lean(trial, "backbone", {"lstm": 0.85, "transformer": 0.15})
    # 256 is 0.2 nats better than 128 on chorales at half the speed; two songs need a quarter of it
    hidden = trial.suggest_int("hidden", 48, 288, log=True)
    if backbone == "lstm":
        return {"backbone": backbone, "hidden": hidden}
    heads = trial.suggest_categorical("attention_heads", (2, 4, 8))
    fixed = fixed_values(trial)
    if "attention_heads" not in fixed and "hidden" in fixed:
        heads = max(number for number in range(1, heads + 1) if hidden % number == 0)
    elif "hidden" not in fixed:
        hidden = max(round(hidden / heads), 1) * heads
    elif hidden % heads:  # both are fixed and do not fit: LSTMs have no heads
        return {"backbone": "lstm", "hidden": hidden}
    return {"backbone": backbone, "hidden": hidden, "attention_heads": heads}
