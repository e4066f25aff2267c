"""The registry of backbones: what reads the window, between the encoder and the dense layers.

A new one is a file with its layers, and an entry here (docs/extending.md); a package that is installed can add one
too. This file does not import torch: a spec names its layers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from lightning_modules.bounds import Option
from lightning_modules.registry import Registry, named, unnamed

if TYPE_CHECKING:
    from torch import nn

    from lightning_modules.config import HeadConfig

__all__ = ["BACKBONES", "BackboneSpec"]

NONE: Mapping[str, Option] = MappingProxyType({})


def _agree(values: Mapping[str, object]) -> list[str]:
    return []


@dataclass(frozen=True)
class BackboneSpec:
    """A backbone.

    Attributes:
        name: what `backbone` is set to.
        layers: "module:function", named and not imported; called with a head's config, it gives `lstm_layers` modules,
            one on the other. The first gets `embedding` numbers a position and gives `hidden`. Each is called as
            ``layer(x, kept)``, (batch, positions, width) -> (batch, kept, hidden), of the last `kept` positions.
        layer: what one of them is called.
        carries: whether its layers remember the positions before: each has ``follow(x, memory) -> (all states, memory
            after)`` too, which begins with None and never changes a memory that it was given. Else it reads a whole
            window anew for every event.
        causal: whether a position sees none that come later. One that does can only predict what follows a window:
            `loss` must be last.
        options: hyperparameters of its own, by name; known as NAME.OPTION everywhere, and in `HeadConfig.own` here.
        space: trial -> what it draws of them, as NAME.OPTION; None leaves them at their defaults.
        odds: how often a search draws it, beside the odds of the others; 0 for only when it is asked for, so that
            installing a package changes no search.
        conflicts: what is wrong with some or all hyperparameters together, a line each.
    """

    name: str
    layers: str
    layer: str
    carries: bool = False
    causal: bool = True
    options: Mapping[str, Option] = field(default_factory=lambda: NONE)
    space: Callable[[Any], dict[str, Any]] | None = None
    odds: float = 0.0
    conflicts: Callable[[Mapping[str, object]], list[str]] = _agree

    def build(self, config: HeadConfig) -> list[nn.Module]:
        """Its layers, with fresh weights; imports torch.

        Raises:
            ValueError: they are not as many as `lstm_layers`.
        """
        made = list(named(self.layers)(config))
        if len(made) != config.lstm_layers:
            raise ValueError(f"backbone {self.name} made {len(made)} layers, not lstm_layers={config.lstm_layers}")
        return made

    def problem(self) -> str:
        """Why it cannot be taken from another package; "" if it can."""
        if told := unnamed("layers", self.layers, "function"):
            return told
        wrong = [name for name, option in self.options.items() if not isinstance(option, Option)]
        wrong += [name for name in self.options if not name.isidentifier()]
        if wrong:
            return f"its option {wrong[0]} must be a word, and made by number or choice of lightning_modules.bounds"
        bad = [option.bounds.problem(name, option.default, option.kind) for name, option in self.options.items()]
        return next((problem for problem in bad if problem), "")


def _heads_divide(values: Mapping[str, object]) -> list[str]:
    hidden, heads = values.get("hidden"), values.get("attention_heads")
    if isinstance(hidden, int) and isinstance(heads, int) and hidden % heads:
        return [f"attention_heads={heads} must divide hidden={hidden}"]
    return []


BACKBONES: Registry[BackboneSpec] = Registry(
    "tritone.backbones",
    BackboneSpec,
    (
        # on chorales LSTMs are 0.6 nats ahead of transformers after the same minutes; more songs may turn that
        BackboneSpec("lstm", "lightning_modules.lstm:layers", "LSTM", carries=True, odds=0.85),
        BackboneSpec(
            "transformer",
            "lightning_modules.transformer:blocks",
            "transformer block",
            odds=0.15,
            conflicts=_heads_divide,
        ),
    ),
)
