"""docs/results.md out of the JSON under benchmarks/results/learning/: no number of the page is typed by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from datamodules.song import DEFAULT_GRID
from experiments.figures import TITLES

__all__ = ["write_page"]

Found = dict[str, Any]
ORIGINAL = {"notes": 0.26, "durations": 0.80, "offsets": 0.14}
SONGS = {"two_songs": "two rock songs (two_songs_freedoom)", "bundled": "the bundled songs"}

HEAD = """# Results

Made by `python -m benchmarks.learning.results`, which keeps the raw figures as JSON under
`benchmarks/results/learning/` (with the commit and the date of each) and writes this page from them. Every row's
commands are at the end. Two cores, no accelerator. Figures over several seeds are the mean, with the least and the most
behind it. Nats are complete and per event, MAE is in quarter notes (see [design.md](design.md)).
"""
UNHEARD = """## Songs that were never heard

Each row is a search (`--confirm 3`: the winner is the configuration with the best mean over three other seeds). On
validation: that mean, with its standard deviation, beside the best baseline on the same events (n-grams; for notes also
fitted on twelve transposed copies). Then the exported winner, on test where a corpus has a test part, with a 95 %
interval by resampling songs (blocks of 16 events on the two songs), and its paired difference from the best baseline
there. The validation events chose the winner; the test events chose nothing. Core-minutes are those of all trainings of
the row, the confirmations too. The chorales are jsb_chorales, trained on train/, validated on valid/.
"""
TOGETHER = """Validation and test together, one search each. The network that knew a corpus before and the one that
did not differ by less than the noise of so few events: `evaluate --against` does not tell them apart on the test half.
"""
CHANGED = """## One thing changed

Notes of the chorales, validation. Backbones: a search of three minutes on two cores each, so that a dearer network has
fewer trials. Weights: the default hyperparameters under each weighting, three seeds; macro is the accuracy averaged
over chords, top-1 that over events.
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

The rows of the default space are what `tune all` finds when nothing is fixed: a longer window, the other columns and
the place in the bar too. A floor is that of a table of the winner's own column and window; what sees more can pass it.
On training songs that is memory, and no merit.
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

`tune all`, then `evaluate` on events that no search has seen: the test half of each song's last fifth.
"""


def write_page(folder: Path, page: Path) -> None:
    """Write the page from the JSON files in `folder`, as far as they are there."""
    found: dict[str, list[Found]] = {}
    for file in sorted(folder.glob("*.json")):
        row = json.loads(file.read_text())
        found.setdefault(row["row"], []).append(row)
    lines = [
        HEAD,
        UNHEARD,
        *_unheard(found),
        "",
        *_last_fifth(found),
        "",
        TOGETHER,
        CHANGED,
        *_backbones(found),
        "",
        *_weights(found),
        "",
    ]
    lines += [ON_TRAINING, *_on_training(found), TIMING, *_timing(found), "", HELD_OUT]
    for name in ("two_songs_original", "bundled_original"):
        lines += _held_out(found.get(name, []), SONGS[name.removesuffix("_original")])
    lines += [SEARCHED]
    lines += _held_out(found.get("bundled", []), SONGS["bundled"])
    lines += ["## The commands", ""]
    for name, rows in found.items():
        seeds = ", ".join(str(row["seed"]) for row in rows)
        minutes = mean(sum(row["seconds"]) for row in rows) / 60
        commits = ", ".join(dict.fromkeys(row["commit"][:10] for row in rows))
        dates = ", ".join(dict.fromkeys(row["date"] for row in rows))
        lines += [f"`{name}`, seed {seeds}: {minutes:.1f} minutes a seed; commit {commits}, {dates}", "", "```"]
        lines += [*rows[0]["commands"], "```", ""]
        lines += [f"Seed {row['seed']} was resumed: {row['note']}.\n" for row in rows if "note" in row]
    page.write_text("\n".join(lines))


def _spread(values: Sequence[float], digits: int = 3) -> str:
    if len(values) == 1:
        return f"{values[0]:.{digits}f}"
    return f"{mean(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    if not rows:
        return ["Not measured yet."]
    return [f"| {' | '.join(headings)} |", "|" + "---|" * len(headings), *(f"| {' | '.join(row)} |" for row in rows)]


def _over(rows: Sequence[Found], pick: Callable[[Found], float], digits: int = 3) -> str:
    return _spread([pick(row) for row in rows], digits)


ROWS = {  # of the first table: row -> songs, head
    "jsb_notes": ("chorales, context", "notes"),
    "jsb_notes_own": ("chorales, own column", "notes"),
    "jsb_notes_original": ("chorales, original design", "notes"),
    "jsb_durations": ("chorales, context", "durations"),
    "jsb_offsets": ("chorales, context", "offsets"),
    "mutopia_notes": ("mutopia_pd", "notes"),
    "freedoom_notes": ("freedoom", "notes"),
    "two_songs_notes": ("two rock songs", "notes"),
    "two_songs_from_mutopia": ("two rock songs, after mutopia_pd", "notes"),
}


def _unheard(found: dict[str, list[Found]]) -> list[str]:
    lines = []
    for name, (songs, head) in ROWS.items():
        for row in found.get(name, []):
            winner, tested = row["winners"][head], row["evaluate"]["heads"][head]
            split = f", split {row['seed']}" if len(found[name]) > 1 else ""
            lines += [
                [
                    songs + split,
                    head if figure == "valid" else f"{head}, MAE",
                    _confirmed(winner, figure),
                    _best_baseline(winner["baselines"], figure),
                    *_tested(row["evaluate"]["on"], tested, figure),
                    f"{row.get('core_minutes', winner['core_minutes']):.0f}",
                ]
                for figure in ("valid", "mae")
                if figure in winner["figures"]
            ]
    headings = ("songs", "head", "validation", "baseline", "the winner", "difference there", "core-minutes")
    return _table(headings, lines)


def _confirmed(winner: Found, figure: str) -> str:
    """Mean and standard deviation over the confirmations' seeds; the winner's own figure where there are none."""
    values = winner.get("repeats", {}).get(figure, [])
    if len(values) < 2:
        return f"{winner['figures'][figure]:.3f}"
    return f"{mean(values):.3f} ± {stdev(values):.3f}"


def _best_baseline(baselines: dict[str, Found], figure: str) -> str:
    key = {"valid": "nats"}.get(figure, figure)
    name = min((name for name in baselines if key in baselines[name]), key=lambda name: baselines[name][key])
    return f"{baselines[name][key]:.3f} ({TITLES[name]})"


def _tested(on: str, tested: Found, figure: str) -> list[str]:
    key = {"valid": "nats"}.get(figure, figure)
    gap, ends = tested["against_baseline"][key], tested["intervals"].get(key)
    told = f"{gap['difference']:+.3f}"
    if gap["interval"]:
        told += f" ({gap['interval'][0]:+.3f} to {gap['interval'][1]:+.3f})"
    return [f"{on} {tested['figures'][figure]:.3f}" + (f" ({ends[0]:.3f} to {ends[1]:.3f})" if ends else ""), told]


def _last_fifth(found: dict[str, list[Found]]) -> list[str]:
    """The two rock songs, validation and test together: each model's figures on the two, weighted by their targets."""
    lines: list[list[str]] = []
    for name in ("two_songs_notes", "two_songs_from_mutopia"):
        for row in found.get(name, []):
            winner, tested = row["winners"]["notes"], row["evaluate"]["heads"]["notes"]
            counts = row["evaluate"]["split"]["targets"]
            pair = counts["validation"], counts["test"]

            def together(valid: float, test: float, pair: tuple[int, int] = pair) -> str:
                return f"{(valid * pair[0] + test * pair[1]) / sum(pair):.3f}"

            best = together(winner["figures"]["valid"], tested["figures"]["valid"])
            lines.append([f"**{ROWS[name][0]}**", f"**{best}**"])
            if name == "two_songs_notes":
                lines += [
                    [TITLES[key], together(winner["baselines"][key]["nats"], one["nats"])]
                    for key, one in tested["baselines"].items()
                ]
    return _table(("notes, last fifth of two rock songs", "nats"), lines)


def _backbones(found: dict[str, list[Found]]) -> list[str]:
    lines = []
    for name in ("lstm", "transformer"):
        for row in found.get(f"jsb_{name}", []):
            winner = row["winners"]["notes"]
            lines.append([name, f"{winner['best']:.3f}", str(winner["trials"]), f"{winner['core_minutes']:.1f}"])
    return _table(("backbone", "nats", "trials", "core-minutes"), lines)


def _weights(found: dict[str, list[Found]]) -> list[str]:
    lines = []
    for scheme in ("none", "sqrt", "balanced"):
        for row in found.get(f"jsb_weights_{scheme}", []):
            winner = row["winners"]["notes"]
            hits = [f"{100 * mean(winner['repeats'][name]):.1f} %" for name in ("top1", "macro")]
            lines.append([scheme, _confirmed(winner, "valid"), *hits, _confirmed(winner, "macro_nats")])
    return _table(("weights", "nats", "top-1", "macro", "macro nats"), lines)


def _on_training(found: dict[str, list[Found]]) -> list[str]:
    lines = []
    for name, title, weights in (
        ("two_songs_none", f"{SONGS['two_songs']}, default space", "none"),
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
        ("two_songs_none", f"{SONGS['two_songs']}, default space", "none"),
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
                        _alone(rows),
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


def _alone(rows: list[Found]) -> str:
    """A regression's own error; "" where the search found a categorical better."""
    scales = [row["on_training_songs"].get("scale") for row in rows]
    return "" if None in scales else _spread([scale / DEFAULT_GRID for scale in scales])


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
