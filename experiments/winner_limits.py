"""How much a winner's file may hold: asked before one is made, and before one is read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from datamodules.errors import UserError
from datamodules.vocabulary import Vocabulary

__all__ = ["LARGEST_HEADER", "OTHERS", "check_file", "check_room"]

LARGEST = 4 * 2**30  # bytes; far above any head of ours
LARGEST_HEADER = 100_000_000  # bytes of metadata, as safetensors itself has it: four million chords
OTHERS = 1_000_000  # bytes of them, for all that does not grow with the songs


def check_room(vocabulary: Vocabulary, init: Mapping[str, Any] | None) -> None:
    """Look whether a winner's metadata have room for what grows with the songs: before any time goes into one.

    Args:
        init: what they will tell of the winner that it began from; None if it began from none.

    Raises:
        UserError: they have not.
    """
    size = sum(len(json.dumps(json.dumps(part))) for part in (vocabulary.to_json(), init))  # JSON in a JSON header
    if size > LARGEST_HEADER - OTHERS:
        what = f"{len(vocabulary):,} different {vocabulary.kind}" + (", and songs that --init knew," if init else "")
        raise UserError(
            f"{what} would take {size:,} bytes in a winner's file, whose metadata have {LARGEST_HEADER:,} at most: give"
            " fewer songs, or learn some parts only (--parts)"
        )


def check_file(path: Path) -> None:
    """Raise UserError unless the file may be a winner: what can be told before anything is parsed."""
    if not path.is_file():
        if path.exists():
            raise UserError(f"{path} is damaged or no winner (not a regular file)")
        raise UserError(f"{path} is missing: run `python -m experiments.tune` first")
    size = path.stat().st_size
    if size > LARGEST:
        raise UserError(f"{path}: {size:,} bytes are no winner of ours")
    with path.open("rb") as file:
        header = int.from_bytes(file.read(8), "little")
    if header > LARGEST_HEADER:
        raise UserError(f"{path} is damaged or no winner (its header would be of {header:,} bytes)")
