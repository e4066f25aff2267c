"""What a worker does in place of reading. Alone in a module: a worker imports it, and with it nothing that is slow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from datamodules.corpus import workers
from datamodules.midi.raw_bytes import Limits, RejectedFile
from datamodules.midi.reading import read_midi
from datamodules.song import Song

__all__ = ["endless_in", "spinning_in", "without_memory_for"]


def without_memory_for(
    name: str, files: list[tuple[int, Path]], grid: int, limits: Limits
) -> list[tuple[int, Song | RejectedFile]]:
    if any(path.name == name for _, path in files):
        raise MemoryError
    return [(row, workers._read(path, grid, limits)) for row, path in files]


def endless_in(
    name: str, files: list[tuple[int, Path]], grid: int, limits: Limits
) -> list[tuple[int, Song | RejectedFile]]:
    """Where Python's signals are heard."""

    def read(path: Path, *, grid: int, limits: Limits) -> Song:
        while path.name == name:
            pass
        return read_midi(path, grid=grid, limits=limits)

    vars(workers)["read_midi"] = read
    return [(row, workers._read(path, grid, limits)) for row, path in files]


def spinning_in(
    name: str, files: list[tuple[int, Path]], grid: int, limits: Limits
) -> list[tuple[int, Song | RejectedFile]]:
    """Where Python's signals are not heard."""

    def spin(path: Path, **_: Any) -> Song:
        return read_midi(path) if path.name != name else sum(range(10**14))  # type: ignore[return-value]

    vars(workers)["read_midi"] = spin
    return [(row, workers._read(path, grid, limits)) for row, path in files]
