"""Which songs a run is over, and how they are cut: what run.json keeps of that."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from datamodules.corpus.finding import absolute
from datamodules.errors import UserError
from datamodules.midi.raw_bytes import Limits
from datamodules.song import DEFAULT_GRID, check_grid

__all__ = ["DEFAULT_SPLIT", "DataOptions"]

DEFAULT_SPLIT: Final = "auto"

# Of what one file may cost. Below, no worker could begin; above, a stranger's run would keep us waiting.
BOUNDS = {"file_seconds": (0.1, 3600), "file_megabytes": (100, 100_000)}


class SongOptions(Protocol):
    """What `tune` and `explore` ask of the songs, as their options name it."""

    @property
    def songs(self) -> tuple[Path, ...]: ...
    @property
    def valid(self) -> tuple[Path, ...]: ...
    @property
    def test(self) -> tuple[Path, ...]: ...
    @property
    def split(self) -> str: ...
    @property
    def parts(self) -> str | None: ...
    @property
    def grid(self) -> int: ...
    @property
    def seed(self) -> int: ...
    @property
    def file_seconds(self) -> float: ...
    @property
    def file_megabytes(self) -> int: ...


@dataclass(frozen=True)
class DataOptions:
    """Which songs, and how they are cut. Paths are absolute, so that a run can be opened from anywhere.

    Attributes:
        songs, valid, test: files, folders and queries (``music21:bach``); no songs are the bundled ones, wherever they
            are installed.
        parts: roles or names of the parts that make the events; None for all pitched ones.
        seed: of the split.
        file_seconds, file_megabytes: processor time and memory that reading one file may take.
    """

    songs: tuple[str, ...]
    valid: tuple[str, ...] = ()
    test: tuple[str, ...] = ()
    split: str = DEFAULT_SPLIT
    parts: tuple[str, ...] | None = None
    grid: int = DEFAULT_GRID
    seed: int = 1
    file_seconds: float = Limits.seconds
    file_megabytes: int = Limits.memory // 10**6

    def __post_init__(self) -> None:
        for name, (low, high) in BOUNDS.items():
            if not low <= getattr(self, name) <= high:
                option = f"--{name.replace('_', '-')}"
                raise UserError(f"{option} {getattr(self, name):g}: must be from {low:g} to {high:,}")

    @property
    def limits(self) -> Limits:
        """What one file may cost."""
        return Limits(seconds=self.file_seconds, memory=self.file_megabytes * 10**6)

    @classmethod
    def given(cls, command: SongOptions) -> DataOptions:
        """What a command line says.

        Raises:
            UserError: an empty list of parts, a seed below 0, or a limit out of its bounds.
        """

        parts = None
        if command.parts is not None:
            parts = tuple(name.strip() for name in command.parts.split(",") if name.strip())
            if not parts:
                raise UserError("--parts is empty: name roles or parts, as in --parts melody,chords")
        if command.seed < 0:
            raise UserError(f"--seed {command.seed}: must be at least 0")
        return cls(
            songs=tuple(map(absolute, command.songs)),
            valid=tuple(map(absolute, command.valid)),
            test=tuple(map(absolute, command.test)),
            split=command.split,
            parts=parts,
            grid=check_grid(command.grid),
            seed=command.seed,
            file_seconds=command.file_seconds,
            file_megabytes=command.file_megabytes,
        )

    def to_json(self) -> dict[str, Any]:
        """Plain data; `from_json` makes equal options of it."""
        return json.loads(json.dumps(asdict(self)))  # type: ignore[no-any-return]

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> DataOptions:
        """The options that `to_json` wrote; limits that it did not write yet are the default ones."""
        parts = None if data["parts"] is None else tuple(map(str, data["parts"]))
        seed = int(data["seed"])
        if seed < 0:
            raise ValueError(f"seed {seed} is below 0")
        return cls(
            songs=tuple(map(str, data["songs"])),
            valid=tuple(map(str, data["valid"])),
            test=tuple(map(str, data["test"])),
            split=str(data["split"]),
            parts=parts,
            grid=check_grid(int(data["grid"])),
            seed=seed,
            file_seconds=float(data.get("file_seconds", cls.file_seconds)),
            file_megabytes=int(data.get("file_megabytes", cls.file_megabytes)),
        )
