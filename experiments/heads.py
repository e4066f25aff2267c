"""The registry of heads: which column each predicts, with which network, searched in which space.

A new head is a file in `lightning_modules/`, a space in `search_spaces/`, and an entry here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import search_spaces.durations
import search_spaces.notes
import search_spaces.offsets
import search_spaces.velocity
from datamodules.columns import ColumnSpec
from datamodules.context import known_size, past_size
from datamodules.errors import UserError, did_you_mean
from datamodules.form.standing import stand_size
from datamodules.framing import Framing
from datamodules.vocabulary import Vocabulary, tick_histogram
from lightning_modules.config import DurationsConfig, HeadConfig, NotesConfig, TimingConfig

if TYPE_CHECKING:
    from lightning_modules.head import Head

__all__ = ["ALL", "HEADS", "HeadName", "HeadSpec", "named_heads"]

ALL = "all"  # every head, where a command takes the name of one


@dataclass(frozen=True)
class HeadSpec:
    """One head.

    Attributes:
        column: the column of the events that it predicts; its name is the head's.
        config: its hyperparameters.
        space: draws them.
        module: "module:class" of its network, named and not imported: torch costs every command seconds that few need.
        top_p: of its draws, unless told otherwise. Of numbers nearly all: what ends a long stretch of one rhythm is
            often less likely than 1 in 20, and rare rhythms are music (benchmarks/music/traps.py). Of chords less: most
            of the tail of the many is noise, and one odd chord in a window makes the next ones odd too.
    """

    column: ColumnSpec
    config: type[HeadConfig]
    space: Callable[[Any], dict[str, Any]]
    module: str
    top_p: float = 0.995

    @property
    def name(self) -> str:
        return self.column.name

    def load(self) -> type[Head]:
        """The network's class; imports torch and Lightning."""
        module, name = self.module.split(":")
        found: type[Head] = getattr(import_module(module), name)
        return found

    def column_for(self, values: Mapping[str, Any]) -> ColumnSpec:
        """The column at the grain that some or all hyperparameters name."""
        return replace(self.column, grain=str(values.get("grain", self.column.grain)))

    def framing(self, config: HeadConfig) -> Framing:
        """How the head's network looks at its column."""
        context = config.inputs == "context"
        spelled = getattr(config, "output", "") == "factored"
        moves = self.column.chords or context
        transpose = config.transpose if moves else "none"
        return Framing(config.window, config.tail, context, spelled, transpose, config.form == "plan")

    def build(self, config: HeadConfig, vocabulary: Vocabulary, grid: int) -> Head:
        """The head's network over a vocabulary, with fresh weights."""
        from lightning_modules.encoder import Inputs

        make: Callable[..., Head] = self.load()
        column, framing = self.column, self.framing(config)
        inputs = Inputs(
            ids=0 if framing.spelled else vocabulary.inputs,
            chords=framing.spelled or framing.context,
            numbers=past_size() + known_size(column.after) if framing.context else 0,
            known=framing.context and "notes" in column.after,
            form=stand_size() if framing.form else 0,
        )
        histogram = None if column.chords else tick_histogram(vocabulary, column.lowest, column.highest(grid))
        return make(
            config,
            inputs,
            vocabulary.values,
            grid=column.per_unit(grid),
            lowest=column.lowest,
            histogram=histogram,
        )


_SPECS = (
    HeadSpec(
        ColumnSpec("notes", "chords", noun="chord", after=("offsets",)),
        NotesConfig,
        search_spaces.notes.space,
        "lightning_modules.notes:NotesHead",
        top_p=0.95,
    ),
    HeadSpec(
        ColumnSpec("durations", "duration", lowest=1, noun="duration", after=("offsets", "notes")),
        DurationsConfig,
        search_spaces.durations.space,
        "lightning_modules.durations:DurationsHead",
    ),
    HeadSpec(
        ColumnSpec("offsets", "offset", noun="offset"),
        TimingConfig,
        search_spaces.offsets.space,
        "lightning_modules.offsets:OffsetsHead",
    ),
    HeadSpec(
        ColumnSpec(
            "velocity",
            "velocity",
            lowest=1,
            most=127,
            unit="velocity steps",
            noun="loudness",
            after=("offsets", "notes", "durations"),
        ),
        TimingConfig,
        search_spaces.velocity.space,
        "lightning_modules.velocity:VelocityHead",
    ),
)
HEADS: Mapping[str, HeadSpec] = MappingProxyType({spec.name: spec for spec in _SPECS})

if TYPE_CHECKING:
    HeadName = str
else:  # one of these; built here, so that a command line shows and accepts every head
    HeadName = Literal[(*HEADS, ALL)]


def named_heads(name: str) -> tuple[HeadSpec, ...]:
    """The heads that `name` stands for: one, or every one for `ALL`."""
    if name == ALL:
        return tuple(HEADS.values())
    if name not in HEADS:
        raise UserError(
            f"{name!r} is no head; heads are {', '.join(HEADS)}, or {ALL}{did_you_mean(name, (*HEADS, ALL))}"
        )
    return (HEADS[name],)
