"""What is wrong with a command line, in one line that names the nearest right word.

tyro decides what is refused; here is told why. What cannot be told here is left to tyro.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Collection, Iterator, Sequence

from datamodules.errors import did_you_mean
from experiments.command_line.option_fields import Option, options_of

__all__ = ["mistake"]

NUMBERS = {int: "a whole number", float: "a number"}


def mistake(options: type, words: Sequence[str], command: str, given: Collection[str] = ()) -> str:
    """What is wrong with the words of a command line; "" if it cannot be told.

    Args:
        options: what the command takes.
        given: the fields that have a value from elsewhere.
    """
    there = options_of(options)
    return next(_mistakes(there, words, command, given), "")


def _mistakes(there: Sequence[Option], words: Sequence[str], command: str, given: Collection[str]) -> Iterator[str]:
    flags = {option.flag: option for option in there if not option.positional}
    flags |= {option.flag.replace("--", "--no-", 1): option for option in there if option.switch}
    left, loose, seen = deque(words), [], set(given)
    while left:
        word = left.popleft()
        if not _is_flag(word):
            loose.append(word)
            continue
        flag, equals, value = word.partition("=")
        option = flags.get(flag.replace("_", "-"))
        if option is None:
            yield f"{command} has no option {flag}{_meant(flag, flags)}"
            return
        seen.add(option.name)
        yield from _refused(option, flag, [value] if equals else _taken(option, left))
    yield from _misplaced(there, loose, command, seen)


def _taken(option: Option, left: deque[str]) -> list[str]:
    """The words that an option takes."""
    found: list[str] = []
    while left and not option.switch and not _is_flag(left[0]) and (option.many or len(found) < option.count):
        found.append(left.popleft())
    return found


def _refused(option: Option, flag: str, values: Sequence[str]) -> Iterator[str]:
    if not (option.many or option.switch) and len(values) < option.count:
        needed = "a value" if option.count == 1 else f"{option.count} values"
        yield f"{flag} needs {needed}: {flag} {option.metavar}"
    for value in values:
        if option.choices and value not in option.choices:
            yield f"{flag} {value}: give one of {', '.join(option.choices)}{did_you_mean(value, option.choices)}"
        elif option.kind in NUMBERS and not _is_number(option.kind, value):
            yield f"{flag} {value}: give {NUMBERS[option.kind]}"


def _misplaced(there: Sequence[Option], loose: Sequence[str], command: str, seen: Collection[str]) -> Iterator[str]:
    """What is wrong with the words that no option took, and what is missing."""
    left = deque(loose)
    for option in there:
        if option.positional:
            values = [left.popleft() for _ in range(len(left) if option.many else min(len(left), 1))]
            seen = {*seen, option.name} if values else seen
            yield from _refused(option, option.flag, values) if values else ()
    if left:
        places = " ".join(option.metavar for option in there if option.positional)
        yield f"{command} takes {places}; {left[0]} is one word too many"
    missing = [option for option in there if option.required and option.name not in seen]
    if missing:
        yield f"{command} needs {' and '.join(map(_asked, missing))}; see `python -m experiments.{command} --help`"


def _asked(option: Option) -> str:
    """A required option in words."""
    if not option.positional:
        return f"{option.flag} {option.metavar}"
    return option.flag + (f" ({', '.join(option.choices)})" if option.choices else "")


def _meant(flag: str, flags: Collection[str]) -> str:
    """The option that was meant: one that is spelled much the same, or that begins like it."""
    near = did_you_mean(flag, flags)
    longer = [known for known in flags if len(flag) > 3 and known.startswith(flag)]
    return near or (f"; did you mean {longer[0]}?" if longer else "")


def _is_flag(word: str) -> bool:
    return bool(re.match("--?[A-Za-z]", word))


def _is_number(kind: type, word: str) -> bool:
    try:
        kind(word)
    except ValueError:
        return False
    return True
