"""The registry of heads: which column each predicts, with which network, searched in which space.

A new head is a file in `lightning_modules/`, a space in `search_spaces/`, and an entry here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import search_spaces.durations
import search_spaces.notes
import search_spaces.offsets
from datamodules.columns import ColumnSpec
from datamodules.errors import UserError
from datamodules.song import LONGEST_QUARTERS
from datamodules.vocabulary import Vocabulary, tick_histogram
from lightning_modules.config import HeadConfig, NotesConfig, TimingConfig

if TYPE_CHECKING:
    from lightning_modules.head import Head

__all__ = ["HEADS", "HeadSpec", "named_heads"]


@dataclass(frozen=True)
class HeadSpec:
    """One head.

    Attributes:
        column: the column of the events that it predicts; its name is the head's.
        config: its hyperparameters.
        space: draws them.
        module: "module:class" of its network, named and not imported: torch costs every command seconds that few need.
    """

    column: ColumnSpec
    config: type[HeadConfig]
    space: Callable[[Any], dict[str, Any]]
    module: str

    @property
    def name(self) -> str:
        return self.column.name

    def load(self) -> type[Head]:
        """The network's class; imports torch and Lightning."""
        module, name = self.module.split(":")
        found: type[Head] = getattr(import_module(module), name)
        return found

    def build(self, config: HeadConfig, vocabulary: Vocabulary, grid: int) -> Head:
        """The head's network over a vocabulary, with fresh weights."""
        make: Callable[..., Head] = self.load()
        lowest = self.column.lowest
        histogram = None if self.column.chords else tick_histogram(vocabulary, lowest, LONGEST_QUARTERS * grid)
        return make(config, vocabulary.values, grid=grid, lowest=lowest, histogram=histogram)


_SPECS = (
    HeadSpec(
        ColumnSpec("notes", "chords"), NotesConfig, search_spaces.notes.space, "lightning_modules.notes:NotesHead"
    ),
    HeadSpec(
        ColumnSpec("durations", "duration", lowest=1),
        TimingConfig,
        search_spaces.durations.space,
        "lightning_modules.durations:DurationsHead",
    ),
    HeadSpec(
        ColumnSpec("offsets", "offset"),
        TimingConfig,
        search_spaces.offsets.space,
        "lightning_modules.offsets:OffsetsHead",
    ),
)
HEADS: Mapping[str, HeadSpec] = MappingProxyType({spec.name: spec for spec in _SPECS})


def named_heads(name: str) -> tuple[HeadSpec, ...]:
    """The heads that `name` stands for: one, or every one for "all"."""
    if name == "all":
        return tuple(HEADS.values())
    if name not in HEADS:
        raise UserError(f"{name!r} is no head; heads are {', '.join(HEADS)}, or all")
    return (HEADS[name],)
