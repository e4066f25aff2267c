"""What telling heads the form is worth: the table of docs/form.md."""

from __future__ import annotations

from statistics import mean
from typing import Any

from benchmarks.pages.kept import Kept, table

__all__ = ["worth"]

ROWS = ("worth_of_form_bundled", "worth_of_form_nottingham", "worth_of_form_mutopia")


def worth(kept: Kept) -> list[str]:
    """Means over seeds, and of the gain its range too.

    The last row of each corpus is of its heads together, which are told the form once.
    """
    figures = kept.figures(*ROWS)
    ways = sorted({way for name in figures if (way := name.split(", ")[2]) not in ("none", "plan")})
    rows = []
    for (corpus, head), seeds in _by_head(figures).items():
        both = [found for found in seeds.values() if {"none", "plan"} <= found.keys()]
        if both:
            gains = [found["none"]["nats"] - found["plan"]["nats"] for found in both]
            cells = [_mean(both, "none", "nats"), *(_mean(both, way, "nats") for way in ways)]
            cells += [_mean(both, "plan", "nats"), _mean(both, "plan", "told")]
            cells += [f"{mean(gains):+.3f} ({min(gains):+.3f} to {max(gains):+.3f})"]
            rows.append([corpus, head, *cells, _mean(both, "plan", "told_nothing")])
    headings = ("songs", "head", "form=none", *(f"none, {way}" for way in ways), "form=plan", "of which tell the form")
    return table((*headings, "gain (range)", "told nothing"), rows)


def _mean(seeds: list[dict[str, Any]], way: str, figure: str) -> str:
    values = [found[way][figure] for found in seeds if way in found]
    return f"{mean(values):.3f}" if values else ""


def _by_head(figures: dict[str, Any]) -> dict[tuple[str, str], dict[str, dict[str, Any]]]:
    """By corpus and head, by seed, by way; and of a corpus' heads together, where a seed has them all."""
    rows: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
    for name, found in figures.items():
        corpus, head, way, seed = name.split(", ")
        rows.setdefault((corpus, head), {}).setdefault(seed, {})[way] = found
    ordered: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
    for corpus in dict.fromkeys(corpus for corpus, _ in rows):
        own = {head: seeds for (name, head), seeds in rows.items() if name == corpus}
        ordered |= {(corpus, head): seeds for head, seeds in own.items()}
        common = [seed for seed in next(iter(own.values())) if all(seed in seeds for seeds in own.values())]
        if len(own) > 1:
            ordered[corpus, "all together"] = {
                seed: _together([seeds[seed] for seeds in own.values()]) for seed in common
            }
    return ordered


def _together(heads: list[dict[str, Any]]) -> dict[str, Any]:
    """Of heads of the same targets, what all of them say of an event; the form is told them once."""
    found = {}
    for way in ("none", "plan"):
        if all(way in ways for ways in heads):
            found[way] = {
                figure: sum(ways[way].get(figure, 0.0) for ways in heads) for figure in ("nats", "told_nothing")
            }
            found[way]["told"] = heads[0][way]["told"]
            found[way]["nats"] -= (len(heads) - 1) * found[way]["told"]
    return found
