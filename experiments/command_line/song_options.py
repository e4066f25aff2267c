"""Options on the songs that `tune` and `explore` share; their defaults stand in `DataOptions`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import tyro

from experiments.command_line.option_fields import worded

__all__ = ["FileMegabytes", "FileSeconds", "Grid", "Held", "Parts", "Songs", "Split"]

Songs = Annotated[
    tyro.conf.Positional[tuple[Path, ...]],
    tyro.conf.arg(
        metavar="[SONGS ...]",
        help_behavior_hint="",
        help="MIDI files, folders, or music21:QUERY as music21:bach (default: the bundled demo songs)",
    ),
]
Split = Annotated[
    Literal["auto", "song", "tail", "none"],
    tyro.conf.arg(
        help="what is held out: whole songs, the last fifth of each, or nothing; auto: the split that the songs came"
        " with (a table or folders), else song from ten songs on, else tail"
    ),
]
Held = Annotated[tuple[Path, ...], worded("SONGS ...")]
Parts = Annotated[
    str | None,
    tyro.conf.arg(
        metavar="PART,...",
        help_behavior_hint="",
        help="roles or names of the parts to learn, as melody,chords (default: all pitched parts)",
    ),
]
Grid = Annotated[int, tyro.conf.arg(metavar="N", help="ticks a quarter note, a divisor of 480")]
FileSeconds = Annotated[
    float,
    tyro.conf.arg(
        metavar="X",
        help="seconds of processor time that reading a file may take; one that takes longer is left out",
    ),
]
FileMegabytes = Annotated[
    int,
    tyro.conf.arg(
        metavar="N", help="megabytes of memory that reading a file may take; one that needs more is left out"
    ),
]
