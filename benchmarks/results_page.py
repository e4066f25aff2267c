"""docs/results.md out of the JSON under benchmarks/results/: no number of the page is typed by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from datamodules.song import DEFAULT_GRID
from experiments.figures import TITLES

__all__ = ["write_page"]

Found = dict[str, Any]
ORIGINAL = {"notes": 0.26, "durations": 0.80, "offsets": 0.14}
SONGS = {"two_songs": "two rock songs (two_songs_freedoom)", "bundled": "the bundled songs"}

HEAD = """# Results

Made by `python -m benchmarks.results`, which keeps the raw figures as JSON under `benchmarks/results/` (with the commit
and the date of each) and writes this page from them. Every row's commands are at the end. Two cores, no accelerator.
Figures over several seeds are the mean, with the least and the most behind it. Nats are complete and per event, MAE is
in quarter notes (see [design.md](design.md)).
"""
ON_TRAINING = """## The original's setting: figures on the training songs

The project that this one began with reported 0.26 nats (categorical cross-entropy, notes), 0.8 quarter notes MAE
(durations) and 0.14 (offsets), all on its own two training songs. **These are other songs**, so the figures do not
compare as such; what can be told is what the same design reaches here, and how much of it a constant or a table would
reach. `--preset original --split none`, then `train`; one pass in evaluation mode over all training windows.

The preset trains with balanced class weights. On the rock songs, where one chord is half of all targets, such a loss
has its minimum far from 0.26 unweighted: the distribution that is best under the weights, given five chords, has the
nats in the column "weighted optimum", whatever the network. So the preset as it stands does not reach 0.26 there.
Trained on without the weights (`train --weighting none`), or without them from the start (`--set weighting=none`), the
same network goes to the floor, the entropy of the next chord given five.
"""
TIMING = """
Timing is an L1 regression there. The training median alone, a constant, is below the original's figures on these
songs, so those are beaten by saying nothing; the floor is the error of the median given five values. MAE is that of the
mixture's median, as everywhere here. A Laplace around a regression's prediction is a poor distribution for durations,
so the mixture leaves it out and says the median; the column "alone" is the prediction's own mean error over its last
training epoch, dropout and all. Balanced weights pull that prediction towards rare lengths: on the rock songs'
durations it is then worse than the original's 0.8.
"""
HELD_OUT = """## The same, held out

The same preset with the last fifth of each song held out (`--split auto`), scored by `evaluate` on the test half.
"""
SEARCHED = """## The default search, held out

`tune all`, then `evaluate` on events that no search has seen: the test half of each song's last fifth. The chorales
have no test part here: their figures are on the validation songs, which did choose the winner.
"""


def write_page(folder: Path, page: Path) -> None:
    """Write the page from the JSON files in `folder`, as far as they are there."""
    found: dict[str, list[Found]] = {}
    for file in sorted(folder.glob("*.json")):
        row = json.loads(file.read_text())
        found.setdefault(row["row"], []).append(row)
    lines = [HEAD, ON_TRAINING, *_on_training(found), TIMING, *_timing(found), "", HELD_OUT]
    for name in ("two_songs_original", "bundled_original"):
        lines += _held_out(found.get(name, []), SONGS[name.removesuffix("_original")])
    lines += [SEARCHED]
    for name, title in (*SONGS.items(), ("jsb", "Bach chorales (jsb_chorales: train/, --valid valid/)")):
        lines += _held_out(found.get(name, []), title)
    lines += ["## The commands", ""]
    for name, rows in found.items():
        seeds = ", ".join(str(row["seed"]) for row in rows)
        minutes = mean(sum(row["seconds"]) for row in rows) / 60
        commit, date = rows[0]["commit"][:10], rows[0]["date"]
        lines += [f"`{name}`, seed {seeds}: {minutes:.1f} minutes a seed; commit {commit}, {date}", "", "```"]
        lines += [*rows[0]["commands"], "```", ""]
    page.write_text("\n".join(lines))


def _spread(values: Sequence[float], digits: int = 3) -> str:
    if len(values) == 1:
        return f"{values[0]:.{digits}f}"
    return f"{mean(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(headings)} |", "|" + "---|" * len(headings), *(f"| {' | '.join(row)} |" for row in rows)]


def _over(rows: Sequence[Found], pick: Callable[[Found], float], digits: int = 3) -> str:
    return _spread([pick(row) for row in rows], digits)


def _on_training(found: dict[str, list[Found]]) -> list[str]:
    lines = []
    for name, title, weights in (
        ("two_songs_original_none", SONGS["two_songs"], "balanced"),
        ("two_songs_then_unweighted_none", SONGS["two_songs"], "balanced, then none"),
        ("two_songs_unweighted_none", SONGS["two_songs"], "none"),
        ("bundled_original_none", SONGS["bundled"], "balanced"),
    ):
        rows = [row["train"]["heads"]["notes"] for row in found.get(name, [])]
        if rows:
            lines.append(
                [
                    title,
                    weights,
                    _over(rows, lambda row: row["on_training_songs"]["cross_entropy"]),
                    _over(rows, lambda row: row["on_training_songs"]["weighted_cross_entropy"]),
                    f"{rows[0]['floors']['nats']:.3f}",
                    f"{rows[0]['floors']['at_weighted']:.3f}",
                    f"{ORIGINAL['notes']:.2f}",
                ]
            )
    headings = ("songs", "weights", "notes, nats", "weighted nats", "floor", "weighted optimum", "the original's")
    return _table(headings, lines)


def _timing(found: dict[str, list[Found]]) -> list[str]:
    lines = []
    for name, title, weights in (
        ("two_songs_original_none", SONGS["two_songs"], "balanced"),
        ("two_songs_then_unweighted_none", SONGS["two_songs"], "balanced, then none"),
        ("two_songs_unweighted_none", SONGS["two_songs"], "none"),
        ("bundled_original_none", SONGS["bundled"], "balanced"),
    ):
        for head in ("durations", "offsets"):
            rows = [row["train"]["heads"][head] for row in found.get(name, [])]
            if rows:
                constants = rows[0]["baselines"]
                lines.append(
                    [
                        title,
                        weights,
                        head,
                        _over(rows, lambda row: row["on_training_songs"]["mae"]),
                        _over(rows, lambda row: row["on_training_songs"]["scale"] / DEFAULT_GRID),
                        f"{rows[0]['floors']['mae']:.3f}",
                        f"{constants['median']['mae']:.3f}",
                        f"{constants['repeat']['mae']:.3f}",
                        f"{ORIGINAL[head]:.2f}",
                    ]
                )
    headings = (
        "songs",
        "weights",
        "head",
        "MAE",
        "alone",
        "floor",
        "median",
        "last value again",
        "the original's",
    )
    return _table(headings, lines)


def _held_out(rows: list[Found], title: str) -> list[str]:
    if not rows:
        return []
    lines = []
    for head in rows[0]["evaluate"]["heads"]:
        heads = [row["evaluate"]["heads"][head] for row in rows]
        figures = heads[0]["figures"]
        exact = "top1" if head == "notes" else "accuracy"
        mae = _over(heads, lambda h: h["figures"]["mae"]) if "mae" in figures else ""
        leak = heads[0]["leakage"]
        told = f", leakage {100 * leak:.0f} %" if leak is not None else ""
        best = _over(heads, lambda h: h["figures"]["valid"])
        hits = _over(heads, lambda h, exact=exact: 100 * h["figures"][exact], 1)  # type: ignore[misc]
        lines.append([f"**{head}** ({heads[0]['targets']:,} targets{told})", f"**{best}**", mae, hits])
        for name, baseline in heads[0]["baselines"].items():
            order = f" ({baseline['order']})" if "order" in baseline else ""
            nats = f"{baseline['nats']:.3f}" if "nats" in baseline else ""
            lines.append([TITLES[name] + order, nats, f"{baseline['mae']:.3f}" if "mae" in baseline else "", ""])
    part = rows[0]["evaluate"]["on"]
    return [f"### {title[0].upper()}{title[1:]}, {part}", "", *_table(("", "nats", "MAE", "exact, %"), lines), ""]
