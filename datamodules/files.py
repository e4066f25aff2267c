"""Writing a file whole or not at all, and reading one that may be no file at all."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from pathlib import Path

__all__ = ["read_whole", "write_whole"]


def read_whole(path: Path, most: int) -> bytes:
    """The bytes of a file whose path may come from a stranger: never waits, and never takes more than `most`.

    A pipe would keep its reader waiting for ever, a device never ends, and what stands under /proc may do either while
    it says that it holds nothing. So only a regular file is read, and only what it says it holds.

    Raises:
        OSError: it cannot be opened; EINVAL: it is no regular file; EFBIG: it holds more than `most` bytes.
    """
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise OSError(errno.EINVAL, "not a regular file", str(path))
            if status.st_size > most:
                raise OSError(errno.EFBIG, f"larger than {most:,} bytes", str(path))
            return file.read(status.st_size)
    except ValueError as error:  # a zero byte in its name
        raise OSError(errno.EINVAL, str(error), str(path)) from error


def write_whole(path: Path, data: bytes, *, durable: bool = False) -> None:
    """Write `data` to `path` so that a reader, or a crash, finds the old file or the new one and nothing between.

    The bytes go to a hidden file in the same folder first, because `os.replace` is atomic only within a file system.

    Args:
        durable: after a loss of power too, at the price of waiting for the disk.

    Raises:
        OSError: the folder cannot be written; no trace is left there.
    """
    draft = path.with_name(f".{path.name[:64]}.{os.getpid()}-{secrets.token_hex(4)}")
    try:
        with draft.open("xb") as file:
            file.write(data)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        os.replace(draft, path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def _without_waiting(path: str, flags: int) -> int:
    """Open for reading, also a pipe that nobody writes to."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
