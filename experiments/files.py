"""Files written whole or not at all, and locks that die with their process."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from datamodules.errors import UserError
from datamodules.files import read_whole, write_whole

__all__ = ["MOST", "TakenError", "locked", "place", "read_json", "read_text", "write_bytes", "write_json", "write_text"]

MOST = 1 << 27  # bytes of a text file of a run, which may be a stranger's: songs.json of 300,000 songs is as large


class TakenError(UserError):
    """Another process has what this one wants, or was there meanwhile."""


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to `path` in one step: readers see the old file or the new one, never a part.

    Raises:
        UserError: the folder cannot be written (status 1).
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, data, durable=True)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}", status=1) from error


def write_text(path: Path, text: str) -> None:
    """`write_bytes` of UTF-8 text."""
    write_bytes(path, text.encode())


def write_json(path: Path, value: Any) -> None:
    """`write_text` of indented JSON; NaN is refused, because other readers refuse it."""
    write_text(path, json.dumps(value, indent=1, allow_nan=False) + "\n")


def read_text(path: Path) -> str:
    """The UTF-8 text of a file that may come from a stranger.

    Raises:
        OSError: it cannot be read, is no regular file, or holds more than `MOST` bytes.
        UnicodeDecodeError: it is no text.
    """
    return read_whole(path, MOST).decode("utf-8")


def read_json(path: Path) -> Any:
    """The value in a JSON file, which may come from a stranger.

    Raises:
        UserError: it is missing, unreadable or not JSON.
    """
    try:
        return json.loads(read_text(path))
    except FileNotFoundError as error:
        raise UserError(f"{path} is missing") from error
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is damaged: it is not JSON") from error


def place(storage: str) -> str:
    """Where --storage is, from anywhere: a URI as it stands, a path made absolute."""
    return storage if "://" in storage else str(Path(storage).absolute())


@contextlib.contextmanager
def locked(path: Path, busy: str | None = None) -> Iterator[None]:
    """Hold an exclusive lock on `path` for the block. The kernel lets go of it when the process dies, however it dies.

    Args:
        busy: what to say if another process holds it; None waits for it, which must be short.

    Raises:
        TakenError: another process holds it, with the message `busy`.
        UserError: the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # never through a link to another file, nor waiting for the reader of a pipe: the folder may be a stranger's
        mode = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK
        file = os.fdopen(os.open(path, mode, 0o666), "a")
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}", status=1) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX if busy is None else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if busy is not None and isinstance(error, BlockingIOError):
                raise TakenError(busy) from error
            raise UserError(f"cannot lock {path}: {error.strerror or error}") from error
        yield
