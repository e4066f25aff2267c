"""How figures are called and shown: the same words in the live table, `tune`, `train`, `evaluate` and `runs`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from datamodules.column_spec import ColumnSpec
from experiments.heads import HEADS
from lightning_modules.backbones import BACKBONES
from lightning_modules.config import HeadConfig

__all__ = [
    "METRICS",
    "TITLES",
    "baseline_values",
    "compared",
    "comparison",
    "confirmed_in_words",
    "in_words",
    "many",
    "metric_name",
    "told_in_words",
    "unit_of",
]

# --metric -> (figure that is minimised, its unit; "" for that of the head's column)
METRICS = {
    "nats": ("valid", "nats"),
    "mae": ("mae", ""),
    "macro": ("macro_nats", "nats (mean of classes)"),
}

TITLES = {
    "unigram": "unigram",
    "kneser_ney_3": "Kneser-Ney 3",
    "kneser_ney_best": "Kneser-Ney best",
    "kneser_ney_3_transposed": "Kneser-Ney 3, transposed",
    "kneser_ney_best_transposed": "Kneser-Ney best, transposed",
    "median": "median of training",
    "repeat": "the last value again",
}
WINNER, INTERVAL = "winner", "95 %"
COLUMNS = (  # figure, heading, digits, in per cent
    ("nats", "nats", 3, False),  # an event
    ("nats_interval", INTERVAL, 3, False),
    ("mae", "MAE", 3, False),  # in the unit of the head's column
    ("mae_interval", INTERVAL, 3, False),
    ("top1", "top-1", 1, True),
    ("top5", "top-5", 1, True),
    ("macro", "macro", 1, True),
    ("accuracy", "exact", 1, True),
    ("macro_nats", "macro nats", 3, False),
)


def metric_name(head: str, metric: str) -> str:
    """The figure that a search over `head` minimises."""
    return "nats" if metric == "mae" and HEADS[head].column.chords else metric


def unit_of(column: ColumnSpec, metric: str) -> str:
    """What a figure of a column is told in: nats, of what, or the unit of the column."""
    return column.nats if metric == "nats" else METRICS[metric][1] or column.unit


def baseline_values(baselines: Mapping[str, Mapping[str, float]], metric: str) -> dict[str, float]:
    """The baselines that have the figure of a metric: for the live table."""
    if metric == "mae":
        return {name: found["mae"] for name, found in baselines.items() if "mae" in found}
    best = {name: found["nats"] for name, found in baselines.items() if "nats" in found and not name.endswith("_3")}
    names = {"unigram": "unigram", "kneser_ney_best": "KN", "kneser_ney_best_transposed": "KN transposed"}
    return {short: best[name] for name, short in names.items() if name in best} if metric == "nats" else {}


def comparison(
    title: str,
    winner: Mapping[str, Any],
    baselines: Mapping[str, Mapping[str, Any]],
    mixed: Mapping[str, Any] | None = None,
    *,
    column: ColumnSpec,
) -> Table:
    """The winner's figures with the baselines' below them: see `compared`."""
    headings, rows = compared(winner, baselines, mixed, column=column)
    table = Table(title=title, title_justify="left", box=None, header_style="dim", padding=(0, 1, 0, 0))
    table.add_column("", no_wrap=True)
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=heading == INTERVAL)
    for name, cells in rows:
        table.add_row(name, *cells, style="bold" if name == WINNER else "")
    return table


def compared(
    winner: Mapping[str, Any],
    baselines: Mapping[str, Mapping[str, Any]],
    mixed: Mapping[str, Any] | None = None,
    *,
    column: ColumnSpec,
) -> tuple[list[str], list[tuple[str, list[str]]]]:
    """The headings, and a row for the winner and each baseline: its name and its cells.

    Args:
        winner: its figures; also `nats_interval` and `mae_interval`, two ends each, where they are known.
        mixed: the figures of its mixture with an n-gram, called alike.
        column: what they are figures of.
    """
    rows: list[tuple[str, Mapping[str, Any]]] = [(WINNER, {**winner, "nats": winner["valid"]})]
    rows += [("winner and n-gram mixed", mixed)] if mixed is not None else []
    rows += [(TITLES.get(name, name), found) for name, found in baselines.items()]
    shown = [each for each in COLUMNS if any(each[0] in found for _, found in rows)]
    units = {"nats": column.nats, "mae": f"MAE, {column.unit}"}
    headings = [units.get(figure, heading) for figure, heading, _, _ in shown]
    told = []
    for name, found in rows:
        order = f" ({found['order']})" if "order" in found else ""
        told.append((name + order, [_cell(found.get(figure), digits, percent) for figure, _, digits, percent in shown]))
    return headings, told


def _cell(value: float | Sequence[float] | None, digits: int, percent: bool) -> str:
    if value is None:
        return ""
    if isinstance(value, Sequence):
        return "-".join(f"{end:.2f}" for end in value)  # short, so that the table keeps its shape
    return f"{100 * value:.{digits}f} %" if percent else f"{value:.{digits}f}"


def confirmed_in_words(facts: Mapping[str, Any]) -> str:
    """By what a winner was chosen beside its own figure: its mean over other seeds, or over folds; "" if by nothing.

    Args:
        facts: the winner's metadata, perhaps a stranger's: what cannot be read is left out.
    """
    told = []
    for name, counted, unit in (("confirmed", "values", "seed"), ("folds", "targets", "fold")):
        found = facts.get(name)
        if isinstance(found, dict) and isinstance(found.get(counted), list) and isinstance(found.get("mean"), float):
            count = len(found[counted])
            spread = f" ± {found['sd']:.3f}" if isinstance(found.get("sd"), float) else ""
            told.append((f"{count} {unit}{'s' if count != 1 else ''}", f"{found['mean']:.3f}{spread}"))
    if not told:
        return ""
    (first, value), *others = told  # confirmed over folds, it is one mean
    return f"mean of {first} {value}" + "".join(f", each of {other}" for other, _ in others)


def told_in_words(figures: Mapping[str, Any]) -> list[str]:
    """What of a winner's nats tells its songs' forms, as a line; none where it is told no form.

    Args:
        figures: perhaps a stranger's: what cannot be read is left out.
    """
    valid, told = figures.get("valid"), figures.get("told")
    if not (isinstance(valid, float) and isinstance(told, float)):
        return []
    return [f"{valid:.3f} nats = {valid - told:.3f}, given each song's form, + {told:.3f} that tell the form"]


def many(count: int, noun: str) -> str:
    """1 song, 1,024 songs."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def in_words(config: HeadConfig) -> str:
    """What is built: the counts, and where BatchNorm and dropout stand."""
    own = ", ".join(f"{name} {value}" for name, value in config.own.items())
    words = [
        f"{config.lstm_layers} {BACKBONES[config.backbone].layer} of {config.hidden}" + (f" ({own})" if own else "")
    ]
    words += [f"{config.dense_layers} dense"] if config.dense_layers else []
    slots = f"{config.slots} slot{'s' if config.slots > 1 else ''}"
    words += [f"BatchNorm in {config.batchnorm_layers} of {slots}"] if config.batchnorm_layers else []
    words += [f"dropout {config.dropout:.2f} in {config.dropout_layers} of {slots}"] if config.dropout_layers else []
    words += [f"window {config.window}", f"inputs {config.inputs}", f"weights {config.weighting}"]
    words += [f"form {config.form}"] if config.form != "none" else []
    return ", ".join(words)
