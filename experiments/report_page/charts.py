"""The charts of a search as SVG: history, learning curves, parallel coordinates, importances.

They stand in the page itself and take its colours, so that they are light by day and dark by night: matplotlib draws in
signal colours, which are then the page's CSS variables.
"""

from __future__ import annotations

import io
import math
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
import optuna
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from experiments.tables import TrialRow

__all__ = ["curves", "history", "importances", "parallel"]

SIGNALS = {  # colours that stand for a variable of page.css
    "ink": "#111213",
    "faint": "#818283",
    "line": "#d1d2d3",
    "accent": "#2f6691",
    "good": "#2f8f5c",
    "bad": "#d1495c",
}
INK, FAINT, LINE, ACCENT, GOOD, BAD = SIGNALS.values()
SIZE = (5.4, 3.1)  # inches: at a phone's width the letters can still be read
STYLE: Any = {
    "font.family": "sans-serif",
    "font.size": 9,
    "text.color": INK,
    "text.parse_math": False,
    "axes.edgecolor": LINE,
    "axes.labelcolor": FAINT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": LINE,
    "grid.linewidth": 0.5,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": FAINT,
    "ytick.labelcolor": FAINT,
    "svg.fonttype": "none",  # letters stay letters: they can be searched, and are small
    "legend.frameon": False,
}
COUNTS = (  # what the parallel coordinates show, if it was searched
    "hidden",
    "lstm_layers",
    "dense_layers",
    "batchnorm_layers",
    "dropout_layers",
    "dropout",
    "window",
    "batch_size",
    "learning_rate",
)
LOGARITHMIC = ("learning_rate", "weight_decay", "hidden", "window", "batch_size", "embedding")
MOST_CURVES, MOST_LINES, MOST_DOTS = 120, 250, 1500
FULL, UNENDED = "trained in full", "failed, interrupted or running"
KINDS = {"done": FULL, "stopped early": "stopped early"}  # of trials in the history, by their status
FEWEST = 8  # trials that say something of what mattered

SHORT = {"batchnorm_layers": "BatchNorm", "dropout_layers": "dropouts", "lstm_layers": "LSTMs", "dense_layers": "dense"}


def history(rows: Sequence[TrialRow], baselines: Mapping[str, float], unit: str) -> str:
    """Every trial's best, the best so far, and the baselines; "" if no trial has a figure."""
    told = [row for row in rows if math.isfinite(row.best)]
    if not told:
        return ""

    def draw(axes: Axes) -> None:
        number = np.array([row.row for row in told])
        best = np.array([row.best for row in told])
        lines = [value for value in baselines.values() if math.isfinite(value)]
        low = min(best.min(), *lines) if lines else best.min()
        high = max(np.quantile(best, 0.9), *(value for value in lines), best.min())
        room = max(high - low, 1e-6)
        axes.set_ylim(low - 0.06 * room, high + 0.12 * room)
        kind = np.array([KINDS.get(row.status, UNENDED) for row in told])
        for label, colour, marker in ((UNENDED, FAINT, "x"), ("stopped early", FAINT, "o"), (FULL, ACCENT, "o")):
            mask = kind == label
            if mask.any():
                shown = np.minimum(best[mask], high + 0.1 * room)  # what is far above stands at the edge
                look: Any = {"s": 14, "color": colour, "marker": marker, "linewidths": marker == "x"}
                axes.scatter(number[mask], shown, label=label, rasterized=mask.sum() > MOST_DOTS, **look)
        axes.step(number, np.minimum.accumulate(best), where="post", color=GOOD, linewidth=1.6, label="best so far")
        for name, value in baselines.items():
            axes.axhline(value, color=BAD, linewidth=0.9, linestyle=(0, (4, 3)))
            axes.annotate(name, (1, value), (0, 2), xycoords=("axes fraction", "data"), textcoords="offset points",
                          ha="right", color=BAD, fontsize=8)  # fmt: skip
        _finish(axes, "trial", unit)

    return _svg(draw, "history")


def curves(reports: Mapping[int, Sequence[Mapping[str, float]]], figure: str, winner: int, unit: str) -> str:
    """A figure by epoch, a line a trial; the winner's is bold."""
    lines = {
        row: [(one["epoch"], one[figure]) for one in found if figure in one and math.isfinite(one[figure])]
        for row, found in reports.items()
    }
    lines = {row: line for row, line in lines.items() if line}
    if not lines:
        return ""

    def draw(axes: Axes) -> None:
        ranked = sorted(lines, key=lambda row: min(value for _, value in lines[row]))
        every = max(math.ceil(len(ranked) / MOST_CURVES), 1)
        for row in ranked[::every]:
            if row != winner:
                axes.plot(*zip(*lines[row], strict=True), color=FAINT, linewidth=0.7, alpha=0.55)
        if winner in lines:
            axes.plot(*zip(*lines[winner], strict=True), color=GOOD, linewidth=2, label=f"the winner, trial {winner}")
        values = np.concatenate([[value for _, value in line] for line in lines.values()])
        low, high = float(values.min()), float(np.quantile(values, 0.95))
        axes.set_ylim(low - 0.05 * (high - low or 1), high + 0.05 * (high - low or 1))
        _finish(axes, "epoch", unit)

    return _svg(draw, "curves")


def parallel(rows: Sequence[TrialRow], unit: str) -> str:
    """A line a trial through its counts and its best: the better, the stronger. "" if nothing was searched."""
    told = sorted((row for row in rows if math.isfinite(row.best)), key=lambda row: row.best)
    told = told[:: max(math.ceil(len(told) / MOST_LINES), 1)]
    names = [name for name in COUNTS if len({row.hyperparameters.get(name) for row in told}) > 1]
    names = [name for name in names if all(isinstance(row.hyperparameters.get(name), int | float) for row in told)]
    if len(told) < 2 or not names:
        return ""

    def draw(axes: Axes) -> None:
        columns = [np.array([float(row.hyperparameters[name]) for row in told]) for name in names]
        heights = [_placed(column, name) for column, name in zip(columns, names, strict=True)]
        best = np.array([row.best for row in told])
        rank = np.linspace(1, 0, len(told))
        heights.append(rank)
        places = np.arange(len(names) + 1)
        for number in reversed(range(len(told))):
            strong = number < 3
            axes.plot(
                places,
                [height[number] for height in heights],
                color=GOOD if strong else ACCENT,
                alpha=0.95 if strong else 0.08 + 0.5 * float(rank[number]) ** 2,
                linewidth=1.8 if strong else 0.8,
            )
        for place, column in enumerate(columns):
            axes.axvline(place, color=LINE, linewidth=0.8, zorder=0)
            _ends(axes, place, f"{column.min():.3g}", f"{column.max():.3g}", FAINT)
        _ends(axes, len(names), f"{best.max():.3f}", f"{best.min():.3f}", INK)
        labels = [SHORT.get(name, name.replace("_", " ")) for name in names] + [f"rank by {unit.split(' ')[0]}"]
        axes.set_xticks(places, labels, rotation=35, ha="right")
        axes.set_yticks([])
        axes.set_ylim(-0.14, 1.14)
        axes.set_xlim(-0.3, len(names) + 0.3)
        for spine in axes.spines.values():
            spine.set_visible(False)

    return _svg(draw, "parallel")


def _ends(axes: Axes, place: int, below: str, above: str, colour: str) -> None:
    """What the ends of a scale from 0 to 1 stand for."""
    for at, told, side, away in ((0, below, "top", -3), (1, above, "bottom", 3)):
        axes.annotate(told, (place, at), (0, away), ha="center", va=side,
                      textcoords="offset points", color=colour, fontsize=7.5)  # fmt: skip


def _placed(values: NDArray[np.float64], name: str) -> NDArray[np.float64]:
    """Values on a scale from 0 to 1."""
    scaled = np.log(values) if name in LOGARITHMIC and (values > 0).all() else values
    placed: NDArray[np.float64] = (scaled - scaled.min()) / (float(scaled.max() - scaled.min()) or 1.0)
    return placed


def importances(rows: Sequence[TrialRow]) -> str:
    """Which hyperparameters told the best trials from the others, by PED-ANOVA (Watanabe et al. 2023)."""
    found = weighed(rows)
    if not found:
        return ""

    def draw(axes: Axes) -> None:
        shown = list(found.items())[:10][::-1]
        axes.barh(
            [name.replace("_", " ") for name, _ in shown], [value for _, value in shown], color=ACCENT, height=0.7
        )
        axes.xaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
        axes.tick_params(axis="y", length=0, labelcolor=INK)
        axes.spines["left"].set_visible(False)
        axes.grid(axis="x")

    return _svg(draw, "importances")


def weighed(rows: Sequence[TrialRow]) -> dict[str, float]:
    """The importance of each hyperparameter that was searched in every trial, the greatest first; they sum to 1."""
    told = [row for row in rows if math.isfinite(row.best) and row.status != "failed"]
    if len(told) < FEWEST:
        return {}
    shared = set.intersection(*(set(row.hyperparameters) for row in told))
    spread = {name: {row.hyperparameters[name] for row in told} for name in sorted(shared)}
    distributions = {name: _distribution(name, values) for name, values in spread.items() if len(values) > 1}
    if not distributions:
        return {}
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study()
    for row in told:
        params = {name: _as(distribution, row.hyperparameters[name]) for name, distribution in distributions.items()}
        study.add_trial(optuna.trial.create_trial(params=params, distributions=distributions, value=row.best))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the evaluator is called experimental
        try:
            evaluator = optuna.importance.PedAnovaImportanceEvaluator()
            return optuna.importance.get_param_importances(study, evaluator=evaluator)
        except (ValueError, RuntimeError, ZeroDivisionError):  # all alike
            return {}


def _distribution(name: str, values: set[Any]) -> optuna.distributions.BaseDistribution:
    if all(type(value) in (int, float) for value in values):
        low, high = float(min(values)), float(max(values))
        return optuna.distributions.FloatDistribution(low, high, log=name in LOGARITHMIC and low > 0)
    return optuna.distributions.CategoricalDistribution(sorted(map(str, values)))


def _as(distribution: optuna.distributions.BaseDistribution, value: Any) -> Any:
    return float(value) if isinstance(distribution, optuna.distributions.FloatDistribution) else str(value)


def _finish(axes: Axes, counted: str, unit: str) -> None:
    """Names of the axes, whole numbers along the first, a legend."""
    axes.set_xlabel(counted)
    axes.set_ylabel(unit)
    low, high = axes.get_xlim()
    if high - low < 1:  # one trial or one epoch
        axes.set_xlim((low + high) / 2 - 0.5, (low + high) / 2 + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(axis="y")
    axes.figure.legend(
        loc="outside upper left", ncols=3, fontsize=8, handlelength=1.2, columnspacing=1.2, labelcolor=INK
    )


def _svg(draw: Callable[[Axes], None], salt: str) -> str:
    """What `draw` draws, as SVG that stands in a page and takes its colours; the same each time."""
    with matplotlib.rc_context(), warnings.catch_warnings():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update({**STYLE, "svg.hashsalt": salt})
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure = Figure(figsize=SIZE, layout=ConstrainedLayoutEngine(w_pad=0.04, h_pad=0.04))
        FigureCanvasSVG(figure)
        draw(figure.add_subplot())
        file = io.StringIO()
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return _for_a_page(file.getvalue())


def _for_a_page(svg: str) -> str:
    """Without what only a file of its own needs; as wide as there is room."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(<svg [^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg [^>]*?) height="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(
        r' id="(?:figure|axes|patch|line2d|text|matplotlib\.axis|xtick|ytick|PathCollection|legend)_\d+"', "", svg
    )
    svg = svg.replace("font-family: sans-serif", "font-family: inherit").replace("font: 9px sans-serif", "font: 9px")
    for name, colour in SIGNALS.items():
        svg = svg.replace(colour, f"var(--{name})")
    return svg
