"""Options out of a TOML or YAML file, and the file that would repeat a run.

Keys are the options' names, with - or _; a table named after a command holds options of that command alone. The command
line wins.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import tomllib
import typing
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import tyro

from datamodules.corpus.finding import absolute, near_file
from datamodules.errors import UserError, did_you_mean, first_line
from datamodules.files import read_whole
from experiments.command_line.common_options import COMMANDS
from experiments.command_line.option_fields import Option, flag_of, is_required, is_switch, options_of

__all__ = ["as_toml", "defaults_of", "named_file"]

LARGEST = 1_000_000  # bytes

Options = TypeVar("Options")


def named_file(arguments: Sequence[str]) -> Path | None:
    """The file that --config names on a command line."""
    found = None
    for number, word in enumerate(arguments):
        if word == "--":
            break
        if word == "--config" and number + 1 < len(arguments):
            found = Path(arguments[number + 1])
        elif word.startswith("--config="):
            found = Path(word.partition("=")[2])
    return found


def defaults_of(options: type[Options], path: Path, command: str) -> Options:
    """The options that a file gives; what it leaves out has its own default, or is MISSING.

    Raises:
        UserError: it cannot be read, names what is no option, or gives an option what it does not take.
    """
    values = _known(options, _read(path), path, command)
    words = {name: list(_words(options, name, value, path)) for name, value in values.items()}
    found = None if any(_too_many(options, *given) for given in values.items()) else _parsed(options, words)
    if found is None:
        for key, value in values.items():  # which of them was it?
            if _too_many(options, key, value) or _parsed(options, {key: words[key]}) is None:
                raise UserError(f"{path}: {key} cannot be {value!r}{_instead(options, key, value, command)}")
        raise UserError(f"{path}: its options do not go together; see `python -m experiments.{command} --help`")
    return found


def _instead(options: type, key: str, value: Any, command: str) -> str:
    """What an option takes."""
    if choices := _named(options, key).choices:
        return f": give one of {', '.join(choices)}{did_you_mean(str(value), choices)}"
    return f"; see `python -m experiments.{command} --help`"


def as_toml(options: Any, *, without: Sequence[str] = ()) -> str:
    """The options that differ from their defaults, as a file that gives them again. Paths are made absolute."""
    import tomli_w

    told = {}
    for field in dataclasses.fields(options):
        value = getattr(options, field.name)
        if field.name not in without and (is_required(field) or value != _default(field)) and value is not None:
            told[flag_of(type(options), field.name)] = _plain(value)
    return tomli_w.dumps(told)


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return absolute(value)
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _default(field: dataclasses.Field[Any]) -> Any:
    return field.default_factory() if field.default_factory is not dataclasses.MISSING else field.default


def _read(path: Path) -> Mapping[str, Any]:
    try:
        text = read_whole(path, LARGEST).decode()
        if path.suffix.lower() in (".yaml", ".yml"):
            import yaml

            found = yaml.safe_load(text)
        elif path.suffix.lower() == ".toml":
            found = tomllib.loads(text)
        else:
            raise UserError(f"--config {path}: name a .toml or .yaml file")
    except OSError as error:
        raise UserError(f"--config {path}: cannot be read ({error.strerror or error}){near_file(path)}") from error
    except UserError:
        raise
    except (ValueError, RecursionError) as error:
        raise UserError(f"--config {path}: is no TOML ({first_line(error)})") from error
    except Exception as error:  # what PyYAML raises has no common base of its own that is imported here
        raise UserError(f"--config {path}: is no YAML ({first_line(error)})") from error
    if not isinstance(found, dict):
        raise UserError(f"--config {path}: holds no options (NAME = VALUE)")
    return found


def _known(options: type, found: Mapping[str, Any], path: Path, command: str) -> dict[str, Any]:
    """The values by the options' own names; those of the command's own table win."""
    names = {
        flag_of(options, field.name): field.name for field in dataclasses.fields(options) if field.name != "config"
    }
    own = found.get(command)
    told = {key: value for key, value in found.items() if not (key in COMMANDS and isinstance(value, dict))}
    values: dict[str, Any] = {}
    for key, value in (*told.items(), *(own.items() if isinstance(own, dict) else ())):
        name = str(key).replace("_", "-")
        if name not in names:
            if isinstance(value, dict):
                near = did_you_mean(name, COMMANDS) or f"; commands are {', '.join(COMMANDS)}"
                raise UserError(f"{path}: [{key}] is no command{near}")
            near = did_you_mean(name, names) or f"; {command} has {', '.join(names)}"
            raise UserError(f"{path}: {key} is no option of {command}{near}")
        values[names[name]] = value
    return values


def _named(options: type, name: str) -> Option:
    return next(option for option in options_of(options) if option.name == name)


def _too_many(options: type, name: str, value: Any) -> bool:
    """Whether an option would leave words, which a command line gives to the places."""
    option = _named(options, name)
    return isinstance(value, list) and len(value) > option.count and not (option.many or option.repeated)


def _words(options: type, name: str, value: Any, path: Path) -> Iterator[str]:
    """An option as a command line gives it."""
    flag = "--" + flag_of(options, name)
    marks = getattr(typing.get_type_hints(options, include_extras=True)[name], "__metadata__", ())
    items = value if isinstance(value, list) else [value]
    if any(isinstance(item, (list, dict)) for item in items):
        raise UserError(f"{path}: {name} cannot be {value!r}: give a value, or a list of values")
    if value is False and "off" in _named(options, name).choices:
        items = ["off"]  # which a YAML file means by it, and which its reader takes for the other
    elif isinstance(value, bool):
        if value or not is_switch(marks):
            yield flag if value else flag.replace("--", "--no-", 1)
        return
    if tyro.conf.Positional in marks:
        yield from map(str, items)
    elif tyro.conf.UseAppendAction in marks:
        for item in items:
            yield from (flag, str(item))
    elif len(items) == 1 and str(items[0]).startswith("-"):
        yield f"{flag}={items[0]}"
    else:
        yield from (flag, *map(str, items))


def _parsed(options: type[Options], words: Mapping[str, Sequence[str]]) -> Options | None:
    """The options that the words of each give, or None if they are none.

    What is required and not there is MISSING: the command line must give it.
    """
    there, fields = options_of(options), {field.name: field for field in dataclasses.fields(options)}  # type: ignore[arg-type]
    places = [option.name for option in there if option.positional]
    last = max((place for place, name in enumerate(places) if words.get(name)), default=-1)
    # something stands in for what is required, and keeps the places before a word that is known by its place alone
    absent = [one for one in there if one.name not in words and (one.required or one.name in places[:last])]
    whole = {**words, **{one.name: _stand_in(one) for one in absent}}
    named = (name for name in whole if name not in places)  # behind the places: one with many words would take theirs
    ordered = [word for name in (*places, *named) for word in whole.get(name, ())]
    kind = tyro.conf.configure(tyro.conf.OmitSubcommandPrefixes)(options)
    try:
        with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
            found = tyro.cli(kind, args=ordered, console_outputs=False)
    except SystemExit:
        return None
    for option in absent:
        value = tyro.MISSING if option.required else _default(fields[option.name])
        object.__setattr__(found, option.name, value)
    return found


def _stand_in(option: Option) -> list[str]:
    """Words that an option takes."""
    value = option.choices[0] if option.choices else "0"
    return [value] if option.positional else [option.flag, value]
