"""Splits that a collection of songs brings with it: in a table beside them, or by the folders that they stand in.

maestro-v3.0.0.csv          columns `midi_filename` (from the table's folder on) and `split`, as MAESTRO has them
train/ valid/ test/         as Boulanger-Lewandowski's JSB chorales, Nottingham, MuseData and Piano-midi.de have them
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from datamodules.files import read_whole

__all__ = ["Official", "official_split"]

_NAMES = {"train": "train", "valid": "valid", "validation": "valid", "val": "valid", "test": "test"}
_LARGEST = 1 << 24  # bytes of a table; MAESTRO's has 300,000
_MOST = 20  # tables of a folder that are looked at


@dataclass(frozen=True)
class Official:
    """A split that songs came with.

    Attributes:
        origin: where it stands, for people.
        songs: train, valid or test for each song; empty if it cannot be used.
        reason: why it cannot.
    """

    origin: str
    songs: tuple[str, ...] = ()
    reason: str = ""


def official_split(paths: Sequence[str]) -> Official | None:
    """The split that the songs at `paths` came with; None if there is none.

    A table that leaves out some of the songs, or names none to train or to validate on, cannot be used.
    """
    folders = {os.path.dirname(path): None for path in paths}
    above = {os.path.dirname(folder): None for folder in folders}
    tables = [found for folder in {**folders, **above} if (found := _table(folder)) is not None]
    if not tables:
        names = tuple(map(_by_folder, paths))
        return Official("folders train, valid and test", names) if _useful(names) else None  # type: ignore[arg-type]
    origin = ", ".join(sorted({name for name, _ in tables}))
    known = {path: split for _, table in tables for path, split in table.items()}
    songs = [known.get(os.path.normpath(path), "") for path in paths]
    named = sum(map(bool, songs))
    if not named:
        return None
    if named < len(songs):
        return Official(origin, reason=f"it names {named:,} of {len(songs):,} songs")
    if not _useful(songs):
        return Official(origin, reason="of these songs it has none to train or none to validate on")
    return Official(origin, tuple(songs))


def _useful(names: Sequence[str | None]) -> bool:
    return all(names) and "train" in names and "valid" in names


def _by_folder(path: str) -> str | None:
    """What the lowest folder with such a name says."""
    return next((name for part in reversed(Path(path).parts[:-1]) if (name := _NAMES.get(part.casefold()))), None)


def _table(folder: str) -> tuple[str, dict[str, str]] | None:
    """The first table of a folder that has a split: its name, and path and split of its songs."""
    for path in _tables(folder):
        try:
            lines = read_whole(path, _LARGEST).decode("utf-8-sig").splitlines()
            rows = csv.DictReader(lines)
            if not {"midi_filename", "split"} <= set(rows.fieldnames or ()):
                continue
            return path.name, {
                os.path.normpath(os.path.join(folder, row["midi_filename"] or "")): _NAMES[split]
                for row in rows
                if (split := (row["split"] or "").strip().casefold()) in _NAMES
            }
        except (OSError, ValueError, csv.Error):  # no table of ours
            continue
    return None


def _tables(folder: str) -> Iterator[Path]:
    try:
        with os.scandir(folder or ".") as entries:
            names = sorted(entry.name for entry in entries if entry.name.lower().endswith(".csv"))
    except OSError:
        return
    yield from (Path(folder) / name for name in names[:_MOST] if name[0] != ".")
