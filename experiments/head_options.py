"""The options of `generate` that say whose heads write, and between which songs; some are named after the heads."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from datamodules.errors import UserError
from experiments.command_line.option_fields import Section, Switch, worded
from experiments.heads import HEADS, WRITING
from experiments.music.between.mix import AUTOENCODER, WAYS, Mix

__all__ = ["MixOfHead", "check_between", "mix_of"]

MIDDLE = 0.5

if TYPE_CHECKING:
    WayName = str
else:  # one of these; built here, so that a command line shows and accepts every way
    WayName = Literal[WAYS]


def _run_of(head: str) -> Any:
    """The option that is named after a head."""
    told = tyro.conf.arg(
        metavar="RUN", help_behavior_hint="", help=f"another run, or a winner's file, to take the {head} head from"
    )
    first = head == next(iter(HEADS))
    hint = Annotated[str | None, told, Section("heads")] if first else Annotated[str | None, told]
    return head, hint, dataclasses.field(default=None)


def _mix_of(head: str) -> Any:
    """--mix-HEAD."""
    told = tyro.conf.arg(metavar="X", help_behavior_hint="", help=f"the {head} head's own (default: that of --mix)")
    return f"mix_{head}", Annotated[float | None, told], dataclasses.field(default=None)


if TYPE_CHECKING:
    RunOfHead = object
else:  # an option a head: --notes RUN and so on
    RunOfHead = dataclasses.make_dataclass("RunOfHead", map(_run_of, HEADS), frozen=True)


@dataclass(frozen=True)
class HeadOptions(RunOfHead):
    """Whose heads write, and between which songs."""

    run: Annotated[tyro.conf.Positional[str | None], worded("[RUN]")] = None
    """a run, by path or name; without one, the newest winner of each head is taken"""
    all_songs: Switch = False
    """use the winners that `train --all-songs` made"""
    between: Annotated[
        tuple[Path, Path] | None,
        worded("A B"),
        Section("a song between two"),
    ] = None
    """two MIDI files; the heads go on learning each, and write between them. B is moved into A's key and metre"""
    mix: Annotated[float | None, worded("X")] = None
    """how far from A (0) to B (1) the new song stands (default: 0.5)"""
    way: Annotated[WayName | None, worded(f"{{{','.join(WAYS)}}}")] = None
    """mix the predictions of each song's heads (the default), give heads of both a vector between the songs', or write
    bars between theirs"""


if TYPE_CHECKING:
    MixOfHead = HeadOptions
else:  # an option a head: --mix-notes X and so on
    MixOfHead = dataclasses.make_dataclass("MixOfHead", map(_mix_of, WRITING), bases=(HeadOptions,), frozen=True)


def check_between(options: HeadOptions, others: Mapping[str, object]) -> None:
    """Refuse what goes with no song between two, or with that alone.

    Args:
        others: by option, what was given of what --between has itself; None for what was not.

    Raises:
        UserError: two options that do not go together.
    """
    own = _own(options)
    if options.between is None:
        for option, value in own.items():
            if value is not None:
                raise UserError(f"{option}: mixes two songs; name them, as --between A.mid B.mid")
        return
    for option, value in others.items():
        if value not in (None, False):
            by = " by an autoencoder" if options.way == AUTOENCODER else ""
            raise UserError(f"{option}: goes with no song --between two others{by}; give one or the other")
    mix_of(options)


def mix_of(options: HeadOptions) -> Mix:
    """How far between the two songs.

    Raises:
        UserError: it is not from 0 to 1, or the way cannot mix head by head.
    """
    heads = {head: share for head in WRITING if (share := getattr(options, f"mix_{head}")) is not None}
    given = {} if options.way is None else {"way": options.way}
    return Mix(MIDDLE if options.mix is None else options.mix, heads, **given)


def _own(options: HeadOptions) -> dict[str, object]:
    heads = {f"--mix-{head}": getattr(options, f"mix_{head}") for head in WRITING}
    return {"--mix": options.mix, "--way": options.way, **heads}
