"""The figures of benchmarks/music/planned.py, out of its rows: means, each with its interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.music.intervals import mean_over_songs
from experiments.music.copying.figures import GRAMS

__all__ = ["figures", "returning"]

RECOGNISED = (0.5, 0.95)  # where what returns is neither another section nor the same again

Row = Mapping[str, Any]


def figures(rows: Sequence[Row]) -> dict[str, Any]:
    """All figures; each is [mean, low, high] over songs (intervals.py), but where it is a number of songs."""
    ways = list(dict.fromkeys(row["how"] for row in rows if row["how"] != "real"))
    found: dict[str, Any] = {}
    for group in ("forms", "like"):
        here = {way: [row for row in rows if row["how"] == way and _group(row) == group] for way in ways}
        if not any(here.values()):
            continue
        for way, songs in here.items():
            for ear in ("own", "other") if songs else ():
                found |= _agreement(f"found again, {group}, {way}, {ear} features", songs, ear)
        for ear in ("one", "random"):
            found |= _agreement(
                f"found again, {group}, {ear} label{'s' if ear == 'random' else ''}", here[ways[0]], ear
            )
        for way, songs in here.items():
            found |= _copied(f"{group}, {way}", songs) if songs and "copied" in songs[0] else {}
    for way in ways:
        found |= returning(way, [row for row in rows if row["how"] == way])
    return found | _repeated(rows, ways)


def _group(row: Row) -> str:
    return "like" if row["form"].startswith("like ") else "forms"


def _agreement(name: str, songs: Sequence[Row], ear: str) -> dict[str, Any]:
    kinds = ("boundaries", "pairs", "adjusted Rand")
    return {f"{name}: {kind}": _mean([row[ear][place] for row in songs]) for place, kind in enumerate(kinds)}


def _copied(name: str, songs: Sequence[Row]) -> dict[str, Any]:
    """Of the training songs, and of the prime: the longest run, and the shares of sequences."""
    found = {}
    for of in ("copied", "of prime"):
        for view in songs[0][of]:
            for place, kind in enumerate(("longest", *(f"{gram}-grams" for gram in GRAMS))):
                found[f"{of}, {name}, {view}: {kind}"] = _mean([row[of][view][place] for row in songs])
    return found


def returning(way: str, songs: Sequence[Row]) -> dict[str, Any]:
    """How alike what returns is to what came first."""
    shares = [row["returning"] for row in songs if row.get("returning") is not None]
    if not shares:
        return {}
    low, high = RECOGNISED
    inside = [float(low <= share <= high) for share in shares]
    return {
        f"returning, {way}": _mean(shares),
        f"returning, {way}: least and most": [min(shares), max(shares)],
        f"returning, {way}: share of songs from {low} to {high}": float(np.mean(inside)),
    }


def _repeated(rows: Sequence[Row], ways: Sequence[str]) -> dict[str, Any]:
    """The shares of bars in repeated passages, of each plan and of the real songs."""
    found = {}
    for form in dict.fromkeys(row["form"] for row in rows):
        for way in ("real", *ways):
            songs = [row["repeated"] for row in rows if row["how"] == way and row["form"] == form]
            if songs:
                found[f"repeated, {form}, {way} ({len(songs)})"] = _mean(songs)
    return found


def _mean(values: Sequence[float | None]) -> list[float | None]:
    """The mean of those that are known, with its interval; empty if none is."""
    known = [value for value in values if value is not None]
    return mean_over_songs(known, 4) if known else []
