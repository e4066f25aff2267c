"""Writing a file whole or not at all."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

__all__ = ["write_whole"]


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
