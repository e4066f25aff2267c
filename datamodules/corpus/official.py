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
    folders = dict.fromkeys(map(os.path.dirname, paths))
    above = dict.fromkeys(map(os.path.dirname, folders))
    wanted = [os.path.normpath(path) for path in paths]
    tables = [table for folder in {**folders, **above} for table in _tables(folder)]
    tables = [(name, table) for name, table in tables if not table.keys().isdisjoint(wanted)]
    if not tables:
        names = [_by_folder(path) for path in paths]
        return Official("folders train, valid and test", tuple(names)) if _useful(names) else None
    origin = ", ".join(sorted({name for name, _ in tables}))
    known = {path: split for _, table in tables for path, split in table.items()}
    songs = [known.get(path, "") for path in wanted]
    named = sum(map(bool, songs))
    if named < len(songs):
        return Official(origin, reason=f"it names {named:,} of {len(songs):,} songs")
    if not _useful(songs):
        return Official(origin, reason="of these songs it has none to train or none to validate on")
    return Official(origin, tuple(songs))


def _useful(names: Sequence[str]) -> bool:
    return all(names) and "train" in names and "valid" in names


def _by_folder(path: str) -> str:
    """What the lowest folder with such a name says; "" where none has one."""
    folders = os.path.dirname(path).casefold().split(os.sep)
    return next((name for folder in reversed(folders) if (name := _NAMES.get(folder))), "")


def _tables(folder: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The tables of a folder that have a split: name, and path and split of the songs of each."""
    for path in _files(folder):
        try:
            lines = read_whole(path, _LARGEST).decode("utf-8-sig").splitlines()
            rows = csv.DictReader(lines)
            if {"midi_filename", "split"} <= set(rows.fieldnames or ()):
                yield (
                    path.name,
                    {
                        os.path.normpath(os.path.join(folder, row["midi_filename"] or "")): _NAMES[split]
                        for row in rows
                        if (split := (row["split"] or "").strip().casefold()) in _NAMES
                    },
                )
        except (OSError, ValueError, csv.Error):  # no table of ours
            continue


def _files(folder: str) -> list[Path]:
    try:
        with os.scandir(folder or ".") as entries:
            names = sorted(e.name for e in entries if e.name.lower().endswith(".csv") and e.name[0] != ".")
    except OSError:
        return []
    return [Path(folder) / name for name in names[:_MOST]]
