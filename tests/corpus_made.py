"""What tests of reading a corpus say of it."""

from __future__ import annotations

from pathlib import Path

from datamodules.corpus.rows import Row

__all__ = ["reasons"]


def reasons(rows: tuple[Row, ...]) -> dict[str, str]:
    """Why each file was left out, by its name; nothing where it was read."""
    return {Path(row.path).name: row.reason for row in rows}
