"""Named sets of fixed hyperparameters, a frozen mapping a head; what a preset leaves open is searched.

So is a head that a preset does not name: the original had no velocity.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from lightning_modules.config import Plain

__all__ = ["PRESETS"]


def _frozen(**heads: dict[str, Plain]) -> Mapping[str, Mapping[str, Plain]]:
    return MappingProxyType({head: MappingProxyType(values) for head, values in heads.items()})


ORIGINAL: Mapping[str, Plain] = MappingProxyType(
    {
        "inputs": "own",
        "window": 5,
        "loss": "last",
        "transpose": "none",
        "weighting": "balanced",
        "backbone": "lstm",
        "schedule": "constant",
    }
)

# preset -> head -> hyperparameters
PRESETS: Mapping[str, Mapping[str, Mapping[str, Plain]]] = MappingProxyType(
    {
        # the 2021 project: five notes to predict the sixth, class weights, L1 regressions; its author tuned the
        # hidden nodes and the counts of layers by hand, so these stay in the search
        "original": _frozen(
            notes={**ORIGINAL, "output": "token", "tied": "no"},
            durations={**ORIGINAL, "objective": "mae"},
            offsets={**ORIGINAL, "objective": "mae"},
        ),
    }
)
