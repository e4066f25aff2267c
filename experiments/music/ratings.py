"""Ratings that the blind page of a report saves, and the sampling that was rated best.

The files may be a stranger's: every size, type and range is checked, and nothing in them is shown but numbers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeGuard

from datamodules.errors import UserError
from datamodules.files import read_whole
from experiments.heads import WRITING
from experiments.music.events.sampling import Sampling

__all__ = ["BEST", "FORMAT", "WORST", "Liked", "liked"]

FORMAT = 1  # of the file: blind.js writes it
WORST, BEST = 1, 5
MOST_BYTES, MOST_ROWS, MOST_FILES = 1 << 20, 1000, 1000
HOTTEST = 100.0  # a temperature that draws evenly

Setting = tuple[tuple[str, Sampling], ...]  # the heads, each with its sampling, in the order of WRITING


@dataclass(frozen=True)
class Liked:
    """What was rated best.

    Attributes:
        sampling: by head; of a head that did not play, nothing.
        told: what it is, and why, in a line.
    """

    sampling: Mapping[str, Sampling]
    told: str


@dataclass(frozen=True)
class _Row:
    """An excerpt that was rated; a real one has no setting."""

    setting: Setting | None
    rating: int


def liked(paths: Sequence[Path]) -> Liked:
    """The sampling with the best mean rating over all files.

    Of equal means, the one with more ratings; of these, that nearest to the default. A file that is given twice counts
    once.

    Raises:
        UserError: a file that is missing, damaged or no ratings, or not one rating of a written excerpt in all of them.
    """
    if len(paths) > MOST_FILES:
        raise UserError(f"--like: {len(paths):,} files; give up to {MOST_FILES:,}")
    by_setting: dict[Setting, list[int]] = {}
    real: list[int] = []
    seen: set[str] = set()
    for path in paths:
        for row in _rows(path, seen):
            (real if row.setting is None else by_setting.setdefault(row.setting, [])).append(row.rating)
    if not by_setting:
        raise UserError(f"--like {' '.join(map(str, paths[:3]))}: no written excerpt is rated there; rate one first")
    best = min(by_setting, key=lambda setting: _rank(setting, by_setting[setting]))
    told = f"{_in_words(best)}: mean {_mean(by_setting[best]):.1f} of {_count(by_setting[best])}"
    told += f", the best of {len(by_setting)} settings" if len(by_setting) > 1 else ", the only setting"
    told += f"; real excerpts {_mean(real):.1f} of {len(real)}" if real else "; no real excerpt is rated"
    return Liked(dict(best), f"--like: {told}")


def _rank(setting: Setting, ratings: Sequence[int]) -> tuple[float, int, float, str]:
    """The best setting has the least."""
    away = [
        abs(one.temperature - default.temperature) + abs(one.top_p - default.top_p)
        for one, default in ((one, Sampling.of(head)) for head, one in setting)
    ]
    return -_mean(ratings), -len(ratings), round(sum(away) / len(away), 9), repr(setting)


def _mean(ratings: Sequence[int]) -> float:
    return sum(ratings) / len(ratings)


def _count(ratings: Sequence[int]) -> str:
    return f"{len(ratings)} rating{'s' if len(ratings) != 1 else ''}"


def _in_words(setting: Setting) -> str:
    """Once, where all heads have the same."""
    each = {head: one.describe() for head, one in setting}
    if len(set(each.values())) > 1:
        return "; ".join(f"{head} {how}" for head, how in each.items())
    how = next(iter(each.values()))
    return how if len(each) == len(WRITING) else f"{how} ({', '.join(each)})"


def _rows(path: Path, seen: set[str]) -> Iterator[_Row]:
    """The rated excerpts of a file; none if its bytes were seen before."""
    try:
        data = read_whole(path, MOST_BYTES)
    except OSError as error:
        raise UserError(f"--like {path}: cannot be read: {error.strerror or error}") from error
    digest = sha256(data).hexdigest()
    if digest in seen:
        return
    seen.add(digest)
    try:
        whole = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise UserError(f"--like {path}: is damaged, or no ratings: it is not JSON") from error
    try:
        yield from _understood(whole)
    except ValueError as error:
        raise UserError(f"--like {path}: {error}; give a file that the blind page of `report` saved") from error


def _understood(whole: Any) -> list[_Row]:
    """Raises ValueError, with the reason, for what is no ratings."""
    if not isinstance(whole, dict) or whole.get("kind") != "tritone ratings":
        raise ValueError("holds no ratings")
    if not _is_number(whole.get("format")) or whole["format"] != FORMAT:
        raise ValueError(f"is of another format than {FORMAT}, which this version reads")
    rows = whole.get("excerpts")
    if not isinstance(rows, list) or len(rows) > MOST_ROWS:
        raise ValueError(f"holds no list of up to {MOST_ROWS:,} excerpts")
    found = []
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, dict) or row.get("kind") not in ("written", "real"):
            raise ValueError(f"excerpt {number} is neither written nor real")
        rating = row.get("rating")
        if rating is None:
            continue  # it was left out
        if type(rating) is not int or not WORST <= rating <= BEST:
            raise ValueError(f"the rating of excerpt {number} is no whole number from {WORST} to {BEST}")
        found.append(_Row(_setting(row.get("settings"), number) if row["kind"] == "written" else None, rating))
    return found


def _setting(found: Any, number: int) -> Setting:
    if not isinstance(found, dict) or not found or not set(found) <= set(WRITING):
        raise ValueError(f"the settings of excerpt {number} are not those of heads ({', '.join(WRITING)})")
    setting = []
    for head in WRITING:
        if head not in found:
            continue
        values = found[head] if isinstance(found[head], dict) else {}
        temperature, top_p = values.get("temperature"), values.get("top_p")
        if not _is_number(temperature) or not 0 <= temperature <= HOTTEST:
            raise ValueError(f"the temperature of {head} in excerpt {number} is no number from 0 to {HOTTEST:g}")
        if not _is_number(top_p) or not 0 < top_p <= 1:
            raise ValueError(f"the top-p of {head} in excerpt {number} is no number above 0 and at most 1")
        setting.append((head, Sampling(float(temperature), float(top_p))))
    return tuple(setting)


def _is_number(value: Any) -> TypeGuard[float]:
    """NaN, which JSON may hold here, compares as false with every bound; a bool is no number."""
    return type(value) in (int, float)
