"""What a head is: its column, its hyperparameters, its space, its network. `heads` is the registry of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from datamodules.column_spec import ColumnSpec
from datamodules.context import known_size, past_size
from datamodules.form.standing import stand_size
from datamodules.framing import Framing
from datamodules.vocabulary import Vocabulary, tick_histogram
from lightning_modules.config import HeadConfig
from lightning_modules.registry import named, unnamed

if TYPE_CHECKING:
    from lightning_modules.head import Head

__all__ = ["HeadSpec"]


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
        found: type[Head] = named(self.module)
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

    def problem(self) -> str:
        """Why it cannot be taken from another package; "" if it can."""
        column = self.column
        if column.of is None:
            return "its column has no `of`: what an event has of its own, our heads predict already"
        if column.field != column.name:
            return f"its column's field {column.field!r} must be its name"
        if not (isinstance(self.config, type) and issubclass(self.config, HeadConfig)):
            return "its config is no HeadConfig"
        if told := unnamed("module", self.module, "class"):
            return told
        if unknown := [name for name in column.after if name not in ("offsets", "notes", "durations")]:
            return f"it comes after {unknown[0]!r}, which is none of offsets, notes, durations"
        return ""
