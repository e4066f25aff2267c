"""What a command line calls the options of a command, and what each of them takes: read from their typed fields."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Sequence
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any

import tyro

__all__ = [
    "Option",
    "Section",
    "Switch",
    "flag_of",
    "is_positional",
    "is_required",
    "is_switch",
    "options_of",
    "worded",
]


def worded(metavar: str | None = None) -> Any:
    """How an option is shown whose help text tells its default in words: tyro would say "(default: None)" after it."""
    return tyro.conf.arg(metavar=metavar, help_behavior_hint="")


Switch = Annotated[bool, tyro.conf.FlagCreatePairsOff, worded()]  # an option that stands alone


@dataclass(frozen=True)
class Section:
    """Marks the option before which --help has a line with a title; it holds for those that follow."""

    title: str


@dataclass(frozen=True)
class Option:
    """An option as a command line knows it.

    Attributes:
        name: of the field.
        flag: what a command line calls it, with its dashes; of a positional one, its place: HEAD, RUN, SONGS.
        kind: of one of its values.
        choices: the only words that it takes; () for any.
        many: whether any number of words may follow it.
        count: how many it takes otherwise.
        repeated: whether it may be given again, for one more.
        switch: whether it stands alone.
        section: what --help says above it; "" for nothing.
    """

    name: str
    flag: str
    metavar: str
    kind: type
    choices: tuple[str, ...]
    positional: bool
    required: bool
    many: bool
    switch: bool
    section: str
    count: int = 1
    repeated: bool = False


def options_of(options: type) -> tuple[Option, ...]:
    """The options of a command, in order."""
    hints = typing.get_type_hints(options, include_extras=True)
    return tuple(_option(options, field, hints[field.name]) for field in dataclasses.fields(options))


def _option(options: type, field: dataclasses.Field[Any], hint: Any) -> Option:
    marks = getattr(hint, "__metadata__", ())
    bare = typing.get_args(hint)[0] if marks else hint
    if typing.get_origin(bare) in (typing.Union, UnionType):
        bare = next(one for one in typing.get_args(bare) if one is not NoneType)
    repeated = tyro.conf.UseAppendAction in marks
    listed = typing.get_origin(bare) is tuple
    each = typing.get_args(bare) if listed else (bare,)
    value, fixed = each[0], len(each) > 1 and ... not in each
    choices = tuple(map(str, typing.get_args(value))) if typing.get_origin(value) is typing.Literal else ()
    metavar = next((mark.metavar for mark in marks if getattr(mark, "metavar", None)), "{" + ",".join(choices) + "}")
    positional = is_positional(hint)
    return Option(
        name=field.name,
        flag=metavar.strip("[]").split()[0] if positional else "--" + flag_of(options, field.name),
        metavar=metavar,
        kind=value if isinstance(value, type) else str,
        choices=choices,
        positional=positional,
        required=is_required(field),
        many=listed and not fixed and not repeated,
        switch=value is bool,
        section=next((mark.title for mark in marks if isinstance(mark, Section)), ""),
        count=len(each) if fixed else 1,
        repeated=repeated,
    )


def flag_of(options: type, name: str) -> str:
    """What an option is called, without its dashes."""
    marks = getattr(typing.get_type_hints(options, include_extras=True)[name], "__metadata__", ())
    own = next((mark.name for mark in marks if getattr(mark, "name", None)), None)
    return str(own or name).replace("_", "-")


def is_required(field: dataclasses.Field[Any]) -> bool:
    """Whether it has no default."""
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def is_switch(marks: Sequence[Any]) -> bool:
    """Whether a flag can only be given, and not taken back."""
    return tyro.conf.FlagCreatePairsOff in marks


def is_positional(hint: Any) -> bool:
    """Whether an option has no name, but a place."""
    return tyro.conf.Positional in getattr(hint, "__metadata__", ())
