"""The tables of docs/between.md."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.pages.kept import Kept, table

__all__ = ["PAIRS", "between_blocks"]

MIXES = (0.0, 0.25, 0.5, 0.75, 1.0)
PAIRS = {  # row -> the pair, in its JSON and on the page
    "between_bundled": ("bundled", "bundled songs"),
    "between_freedoom": ("Freedoom", "Freedoom"),
    "between_mutopia": ("Bach, Mozart", "Bach, Mozart"),
}
WAYS = {
    "predictions": "predictions",
    "probabilities": "(probabilities)",
    "embedding": "embedding",
    "autoencoder": "autoencoder",
    "alone": "heads of A, or B, alone",
}


def between_blocks(kept: Kept) -> dict[str, str]:
    """By name: a table a pair."""
    return {
        told: "\n".join([*_pair(kept.figures(row).get(pair, {}), told), "", kept.stand(row)]).strip()
        for row, (pair, told) in PAIRS.items()
    }


def _pair(ways: dict[str, Any], told: str) -> list[str]:
    rows = []
    for way, name in WAYS.items():
        if way in ways:
            found = ways[way]
            nats = [_at(found["mixes"], found[f"nats {side}"], lambda x: f"{x:.1f}") for side in "AB"]
            like = [_at(found["mixes"], found[f"like {side}"], lambda x: f"{x:.2f}".lstrip("0")) for side in "AB"]
            rows.append([name, *nats, *like])
    mixes = ", ".join(f"{mix:g}" for mix in MIXES)
    headings = (f"{told}, by mix {mixes}", "nats under A", "nats under B", "likeness to A", "to B")
    return table(headings, rows)


def _at(mixes: Sequence[float], values: Sequence[float], shown: Any) -> str:
    """The values at all mixes, "-" where there is none."""
    known = dict(zip(mixes, values, strict=True))
    return " ".join(shown(known[mix]) if mix in known else "-" for mix in MIXES)
