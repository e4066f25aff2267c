"""The tables of docs/results.md."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import mean, stdev

from benchmarks.pages.kept import Found, table
from datamodules.song import DEFAULT_GRID
from experiments.figures import TITLES

__all__ = ["SONGS", "backbones", "held_out", "last_fifth", "on_training", "timing", "unheard", "weights"]

ORIGINAL = {"notes": 0.26, "durations": 0.80, "offsets": 0.14}
SONGS = {"two_songs": "two rock songs (two_songs_freedoom)", "bundled": "the bundled songs"}
TRAINED = (  # rows of the tables on training songs: row, songs, weights
    ("two_songs_none", f"{SONGS['two_songs']}, default space", "none"),
    ("two_songs_original_none", SONGS["two_songs"], "balanced"),
    ("two_songs_then_unweighted_none", SONGS["two_songs"], "balanced, then none"),
    ("two_songs_unweighted_none", SONGS["two_songs"], "none"),
    ("bundled_original_none", SONGS["bundled"], "balanced"),
)


def _spread(values: Sequence[float], digits: int = 3) -> str:
    """The mean, and the least and the most where they differ."""
    whole, least, most = (f"{value:.{digits}f}" for value in (mean(values), min(values), max(values)))
    return whole if least == most else f"{whole} ({least} to {most})"


def _over(rows: Sequence[Found], pick: Callable[[Found], float], digits: int = 3) -> str:
    return _spread([pick(row) for row in rows], digits)


ROWS = {  # of the first table: row -> songs, head
    "jsb_notes": ("chorales, context", "notes"),
    "jsb_notes_own": ("chorales, own column", "notes"),
    "jsb_notes_original": ("chorales, original design", "notes"),
    "jsb_durations": ("chorales, context", "durations"),
    "jsb_durations_original": ("chorales, original design", "durations"),
    "jsb_offsets": ("chorales, context", "offsets"),
    "jsb_offsets_original": ("chorales, original design", "offsets"),
    "mutopia_notes": ("mutopia_pd", "notes"),
    "freedoom_notes": ("freedoom", "notes"),
    "two_songs_notes": ("two rock songs", "notes"),
    "two_songs_from_mutopia": ("two rock songs, after mutopia_pd", "notes"),
}


def unheard(found: dict[str, list[Found]]) -> list[str]:
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
    return table(headings, lines)


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


def last_fifth(found: dict[str, list[Found]]) -> list[str]:
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
    return table(("notes, last fifth of two rock songs", "nats"), lines)


def backbones(found: dict[str, list[Found]]) -> list[str]:
    lines = []
    for name in ("lstm", "transformer"):
        for row in found.get(f"jsb_{name}", []):
            winner = row["winners"]["notes"]
            lines.append([name, f"{winner['best']:.3f}", str(winner["trials"]), f"{winner['core_minutes']:.1f}"])
    return table(("backbone", "nats", "trials", "core-minutes"), lines)


def weights(found: dict[str, list[Found]]) -> list[str]:
    lines = []
    for scheme in ("none", "sqrt", "balanced"):
        for row in found.get(f"jsb_weights_{scheme}", []):
            winner = row["winners"]["notes"]
            hits = [f"{100 * mean(winner['repeats'][name]):.1f} %" for name in ("top1", "macro")]
            lines.append([scheme, _confirmed(winner, "valid"), *hits, _confirmed(winner, "macro_nats")])
    return table(("weights", "nats", "top-1", "macro", "macro nats"), lines)


def on_training(found: dict[str, list[Found]]) -> list[str]:
    lines = []
    for name, title, weighting in TRAINED:
        rows = [row["train"]["heads"]["notes"] for row in found.get(name, [])]
        if rows:
            lines.append(
                [
                    title,
                    weighting,
                    _over(rows, lambda row: row["on_training_songs"]["cross_entropy"]),
                    _over(rows, lambda row: row["on_training_songs"]["weighted_cross_entropy"]),
                    _over(rows, lambda row: row["floors"]["nats"]),
                    _over(rows, lambda row: row["floors"]["at_weighted"]),
                    f"{ORIGINAL['notes']:.2f}",
                ]
            )
    headings = ("songs", "weights", "notes, nats", "weighted nats", "floor", "weighted optimum", "the original's")
    return table(headings, lines)


def timing(found: dict[str, list[Found]]) -> list[str]:
    lines = []
    for name, title, weighting in TRAINED:
        for head in ("durations", "offsets"):
            rows = [row["train"]["heads"][head] for row in found.get(name, [])]
            if rows:
                constants = rows[0]["baselines"]
                lines.append(
                    [
                        title,
                        weighting,
                        head,
                        _over(rows, lambda row: row["on_training_songs"]["mae"]),
                        _alone(rows),
                        _over(rows, lambda row: row["floors"]["mae"]),
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
    return table(headings, lines)


def _alone(rows: list[Found]) -> str:
    """A regression's own error; "" where the search found a categorical better."""
    scales = [row["on_training_songs"].get("scale") for row in rows]
    return "" if None in scales else _spread([scale / DEFAULT_GRID for scale in scales])


def held_out(rows: list[Found], title: str) -> list[str]:
    if not rows:
        return []
    lines = []
    for head in rows[0]["evaluate"]["heads"]:
        heads = [row["evaluate"]["heads"][head] for row in rows if head in row["evaluate"]["heads"]]
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
    told = table(("", "nats", "MAE", "exact, %"), lines)
    return [f"### {title[0].upper()}{title[1:]}, {part}", "", *told, "", *(_apart(rows[0]) if len(rows) == 1 else [])]


def _apart(row: Found) -> list[str]:
    """How far each head of one search is from counting, as nothing else says what its figures are worth."""
    heads = row["evaluate"]["heads"].items()
    gaps = [f"{head} {_tested(row['evaluate']['on'], tested, 'valid')[1]}" for head, tested in heads]
    return [f"One search. Its differences from the best baseline, in nats, with 95 % intervals: {'; '.join(gaps)}.", ""]
