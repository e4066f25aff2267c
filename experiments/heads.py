"""The registry of heads: which column each predicts, with which network, searched in which space.

A new head is a file in `lightning_modules/`, a space in `search_spaces/`, and an entry here; an installed package can
add one too (docs/extending.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import search_spaces.durations
import search_spaces.notes
import search_spaces.offsets
import search_spaces.velocity
from datamodules.column_spec import ColumnSpec
from datamodules.errors import UserError, did_you_mean
from experiments.head_spec import HeadSpec
from lightning_modules.config import DurationsConfig, NotesConfig, TimingConfig
from lightning_modules.registry import Registry

__all__ = ["ALL", "HEADS", "RESERVED", "WRITING", "HeadName", "HeadSpec", "named_heads"]

ALL = "all"  # every head, where a command takes the name of one
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
# What no head can be called: an option of `generate`, where some are named after heads; what stands beside heads in a
# run's folder and files. That nothing is lacking here is tested (tests/search/test_extending.py).
RESERVED = (
    *("run", "all_songs", "between", "mix", "way", "prime", "go_on", "continue", "keep", "events", "bars", "form"),
    *("variation", "temperature", "top_p", "like", "mix_ngram", "max_copy", "tempo", "key", "drums", "tracks"),
    *("instruments", "seed", "candidates", "soundfont", "musicxml", "report", "play", "out", "runs", "config"),
    *(f"mix_{spec.name}" for spec in _SPECS if spec.column.of is None),
    *(ALL, "help", "songs", "triples", "tune", "wandb"),
)
HEADS: Registry[HeadSpec] = Registry("tritone.heads", HeadSpec, _SPECS, RESERVED)
# those whose values are events' own, of which songs are made; the others only judge songs
WRITING = tuple(name for name, spec in HEADS.items() if spec.column.of is None)

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
