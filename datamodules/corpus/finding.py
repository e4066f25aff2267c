"""Which files a path stands for, and how they are called: names and folders may be a stranger's."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from datamodules.errors import UserError, did_you_mean

__all__ = ["MUSIC21", "absolute", "find_files", "is_query", "near_file", "printable"]

MUSIC21 = "music21:"  # begins what stands for scores of music21's corpus, see `music21_songs`

_SUFFIXES = (".mid", ".midi")
_BESIDE = 1000  # files that one is looked for among
_NO_SONGS = "__MACOSX"  # what macOS keeps of other files, under their names
# What a terminal obeys, what breaks a line, and what turns the direction of what follows.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def find_files(paths: Sequence[Path], closed: Callable[[Path, OSError], object] = lambda *_: None) -> list[Path]:
    """The MIDI files of `paths`, each once, sorted.

    A folder stands for all .mid and .midi files (any case) in it and below; hidden files and folders (leading dot) and
    what macOS adds to archives (``__MACOSX``) are skipped, links are followed, once each. A file that is named itself
    is taken whatever its name. Pipes, sockets and devices are no files.

    Args:
        closed: is told of every folder that cannot be looked into, and why.

    Raises:
        UserError: a path does not exist.
    """
    found: set[str] = set()
    for path in paths:
        if path.is_dir():
            found.update(_walk(os.fspath(path), closed))
        elif path.is_file():
            found.add(os.fspath(path))
        else:
            missing = "is neither a file nor a folder" if path.exists() else "does not exist"
            raise UserError(f"{path} {missing}; name MIDI files or folders that hold some{near_file(path)}")
    return [Path(name) for name in sorted(found)]


def is_query(path: Path) -> bool:
    """Whether it stands for scores of music21's corpus, and for no file."""
    return os.fspath(path).startswith(MUSIC21)


def absolute(path: Path) -> str:
    """The path as a run keeps it, to be opened from anywhere; a query is one as it stands."""
    return os.fspath(path if is_query(path) else path.absolute())


def near_file(path: Path) -> str:
    """ "; did you mean my_song.mid?" of a path that does not exist, if something beside it is called much the same."""
    try:
        if path.exists():
            return ""
        with os.scandir(path.parent) as entries:
            there = [printable(Path(entry.name)) for entry in islice(entries, _BESIDE)]
    except (OSError, ValueError):  # no folder, or what no path can be
        return ""
    return did_you_mean(path.name, there)


def printable(path: Path) -> str:
    """The path as one line that any terminal or JSON file takes, whatever bytes it is made of."""
    text = os.fspath(path).encode("utf-8", "backslashreplace").decode()
    return _UNPRINTABLE.sub(lambda sign: ascii(sign[0])[1:-1], text)


def _walk(folder: str, closed: Callable[[Path, OSError], object]) -> Iterator[str]:
    """The MIDI files below a folder, however deep. Each folder is entered once, so that a loop of links ends."""
    seen: set[tuple[int, int]] = set()
    left = [folder]
    while left:
        top = left.pop()
        try:
            status = os.stat(top)
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(top) as entries:
                there = sorted((entry for entry in entries if entry.name[0] != "."), key=lambda entry: entry.name)
        except OSError as error:  # not for us to look into, or gone meanwhile
            closed(Path(top), error)
            continue
        yield from (entry.path for entry in there if entry.name.lower().endswith(_SUFFIXES) and _is(entry.is_file))
        left += [entry.path for entry in reversed(there) if _is(entry.is_dir) and entry.name != _NO_SONGS]


def _is(kind: Callable[[], bool]) -> bool:
    """What an entry of a folder is; a loop of links is nothing."""
    try:
        return kind()
    except OSError:
        return False
