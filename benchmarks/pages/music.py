"""The tables of docs/music.md."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.pages.kept import Found, Kept, table

__all__ = ["music_blocks"]

CORPORA = {"jsb": "chorales", "nottingham": "nottingham", "mutopia": "mutopia", "bundled": "bundled"}
WAYS = ("default", "default, one prime", "top-p 0.95", "temperature 0.7, top-p 0.9", "greedy")
NUMBERS = ("nats of notes", "nats of durations", "nats of offsets", "divergence of timing", "divergence of rhythm")


def music_blocks(kept: Kept) -> dict[str, str]:
    """By name."""
    traps = [f"traps_{name}" for name in CORPORA]
    behind, likeness = (
        [f"{row}_{name}" for name in CORPORA if name != "bundled"] for row in ("after_equal", "likeness")
    )
    blocks = {
        "traps": (_traps(kept.figures(*traps)), traps),
        "after_equal": (_after_equal(kept.figures(*behind)), behind),
        "likeness": (_likeness(kept.figures(*likeness)), likeness),
    }
    return {name: "\n".join([*lines, "", kept.stand(*rows)]).strip() for name, (lines, rows) in blocks.items()}


def _share(value: Sequence[float]) -> str:
    """In per cent, with its interval."""
    mean, low, high = (f"{100 * number:.1f}" for number in value)
    return f"{mean} ({low} to {high})"


def _traps(figures: Found) -> list[str]:
    known = [name for name in CORPORA if name in figures]
    if not known:
        return table((), [])

    def row(told: str, cell: Callable[[Any], str]) -> list[str]:
        return [told, *(cell(figures[name]) for name in known)]

    def way(name: str) -> list[str]:
        return row(name, lambda found: _share(found["ways"][name]["any"]) if name in found["ways"] else "")

    def longest(found: Any) -> str:
        return ", ".join(str(math.floor(found["longest"][figure])) for figure in ("equal", "cycle", "offsets"))

    rows = [
        row("events of an excerpt", lambda found: str(found["events of an excerpt"])),
        row("training excerpts", lambda found: str(found["training excerpts"])),
        row("longest that is no trap: equal, in turn, offsets", longest),
        row("held-out (excerpts)", lambda f: f"{_share(f['held-out']['any'])} ({f['held-out']['excerpts']})"),
        *map(way, WAYS),
        row("default, above held-out", lambda found: _share(found["ways"]["default"]["above held-out"])),
    ]
    return table(("songs", *(CORPORA[name] for name in known)), rows)


def _after_equal(figures: Found) -> list[str]:
    rows = []
    for name, told in CORPORA.items():
        found = figures.get(name, {})
        for kind in ("held-out", "new") if found else ():
            figure = [_share(found[kind][one]) if found[kind][one] else "" for one in ("chord", "duration", "offset")]
            rows.append([told, str(found["equal events"]), kind, f"{found[kind]['events']:,}", *figure])
    headings = ("songs", "equal events", "in", "events behind", "chord again", "its duration too", "its offset too")
    return table(headings, rows)


def _likeness(figures: Found) -> list[str]:
    rows = []
    for name, told in CORPORA.items():
        for drawn, found in figures.get(name, {}).items():
            numbers = [f"{found[figure]:.{2 if 'nats' in figure else 3}f}" for figure in NUMBERS]
            rows.append([told, drawn, *numbers, f"{100 * found['copied 8-grams']:.1f} %"])
    headings = ("songs", "drawn", "notes", "durations", "offsets", "timing", "rhythm", "copied 8-grams")
    return table(headings, rows)
