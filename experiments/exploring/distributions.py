"""The picture of `explore`: how the targets of each head are distributed, and what weights make of that."""

from __future__ import annotations

from collections import Counter

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from datamodules.song import ROLES
from experiments.exploring.note_panels import draw_pitches, draw_tail, draw_top
from experiments.exploring.style import COLOURS, FAINT, PAPER, shortened, styled, thousands
from experiments.exploring.summaries import ColumnSummary, Summary, plain
from experiments.music.pictures import as_png

__all__ = ["draw"]

FEW = 12  # songs up to here have a bar each
SPARE = "#7a5c99"  # of a head that has no colour yet
KINDS = {"straight": "#2f6690", "triplet": "#e0912f", "finer": "#a9b4be"}
PARTS = {"melody": "#2f6690", "chords": "#6fa8c9", "bass": "#3a8f6b", "drums": "#a9b4be"}
QUARTERS = {
    "1/24": 1 / 24,
    "1/12": 1 / 12,
    "1/8": 1 / 8,
    "1/6": 1 / 6,
    "1/4": 1 / 4,
    "1/3": 1 / 3,
    "1/2": 1 / 2,
    "3/4": 3 / 4,
}
QUARTERS |= {str(n): float(n) for n in (1, 2, 3, 4, 8, 16)} | {"3/2": 1.5}


def draw(summary: Summary) -> bytes:
    """The picture as a PNG; the same summary gives the same bytes."""
    by_name = {column.name: column for column in summary.columns}
    with styled():
        figure = Figure(figsize=(14, 15.8), dpi=110, layout=ConstrainedLayoutEngine(w_pad=0.16, h_pad=0.1))
        FigureCanvasAgg(figure)
        figure.suptitle(_title(summary), x=0.008, ha="left", fontsize=15, fontweight="bold")
        # a row is a figure of its own, so that one row's long names do not push another's panels aside
        grid = figure.add_gridspec(4, 1, height_ratios=(1.4, 0.95, 1, 1.1), hspace=0.04)
        rows = [figure.add_subfigure(grid[row]) for row in range(4)]
        rows[0].suptitle(plain(summary.split), x=0.008, ha="left", fontsize=10.5, color=FAINT)
        left, right = rows[0].subplots(1, 2, width_ratios=(1, 2.6))
        draw_top(left, by_name["notes"])
        draw_tail(right, by_name["notes"])
        draw_pitches(rows[1].add_subplot(), by_name["notes"])
        numbers = [column for column in summary.columns if not column.spec.chords]
        for axes, column in zip(rows[2].subplots(1, len(numbers), squeeze=False)[0], numbers, strict=True):
            (_draw_timing if column.spec.timed else _draw_steps)(axes, column)
        left, middle, right = rows[3].subplots(1, 3, width_ratios=(1.35, 1, 0.85))
        _draw_weights(left, summary)
        _draw_events(middle, summary)
        _draw_parts(right, summary)
        return as_png(figure)


def _title(summary: Summary) -> str:
    names = ", ".join(song.name for song in summary.songs[:3])
    songs = names if len(summary.songs) <= 3 else f"{len(summary.songs):,} songs"
    return songs if len(songs) <= 100 else f"{songs[:97]}..."


def _draw_timing(axes: Axes, column: ColumnSummary) -> None:
    """Durations or offsets over a logarithmic axis of quarter notes, coloured by how they divide the beat."""
    quarters = np.array(column.values, dtype=np.float64) / column.grid
    kinds = np.array([_kind(value, column.grid) for value in column.values if isinstance(value, int)])
    for kind, colour in KINDS.items():
        chosen = kinds == kind
        if not chosen.any():
            continue
        share = column.counts[chosen].sum() / column.targets
        axes.vlines(quarters[chosen], 0.6, column.counts[chosen], colors=colour, linewidth=2.6)
        axes.plot(
            quarters[chosen], column.counts[chosen], "o", color=colour, markersize=4.5, label=f"{kind} {share:.0%}"
        )
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_ylim(0.6, float(column.counts[0]) * 5)  # room for the labels
    low, high = min(quarters.min(), 1 / 4), max(quarters.max(), 4)
    axes.set_xlim(low / 1.2, high * 1.2)
    shown = {name: place for name, place in QUARTERS.items() if low / 1.1 < place < high * 1.1}
    axes.set_xticks(list(shown.values()), list(shown))
    axes.minorticks_off()
    axes.yaxis.set_major_formatter(thousands)
    axes.grid(axis="y")
    for i in range(min(4, len(quarters))):
        told = f"{column.label(column.values[i])}\n{column.counts[i] / column.targets:.0%}"
        at = (quarters[i], float(column.counts[i]))
        axes.annotate(told, at, (0, 5), textcoords="offset points", ha="center", fontsize=8.5, linespacing=1.1)
    axes.legend(
        loc="lower right", bbox_to_anchor=(1, 1), ncols=3, handletextpad=0.1, columnspacing=1.0, borderaxespad=0.2
    )
    axes.set_xlabel(f"quarter notes ({len(quarters):,} values, {column.once:,} of them once)")
    axes.set_ylabel("training targets")
    axes.set_title(column.name.capitalize())


def _draw_steps(axes: Axes, column: ColumnSummary) -> None:
    """Numbers that are no lengths, as velocities, over their range."""
    steps = np.array(column.values, dtype=np.float64)
    axes.vlines(steps, 0, column.counts, colors=COLOURS.get(column.name, SPARE), linewidth=2.6)
    axes.set_xlim(0, column.spec.highest(column.grid) + 1)
    axes.set_ylim(0, float(column.counts[0]) * 1.1)
    axes.grid(axis="y")
    axes.set_xlabel(f"{column.spec.unit} ({len(steps):,} values, {column.once:,} of them once)")
    axes.set_title(column.name.capitalize())


def _kind(ticks: int, grid: int) -> str:
    """Whether a length divides the beat by two again and again, by three, or is what a hand plays between."""
    if ticks * 8 % grid == 0:
        return "straight"
    return "triplet" if ticks * 12 % grid == 0 else "finer"


def _draw_weights(axes: Axes, summary: Summary) -> None:
    """What a training window counts, by how often its target occurs."""
    marks = {"balanced": "-", "sqrt": "--"}
    for column in summary.columns:
        colour = COLOURS.get(column.name, SPARE)
        for scheme, found in column.weights.items():
            label = f"{column.name}, {scheme}: {found.effective:,.0f}"
            axes.plot(column.counts, found.by_value, marks.get(scheme, ":"), color=colour, linewidth=1.6, label=label)
        balanced = column.weights["balanced"].by_value
        axes.plot(column.counts, balanced, "o", color=colour, markersize=3, alpha=0.6)
    axes.axhline(1, color=FAINT, linewidth=0.8)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.xaxis.set_major_formatter(thousands)
    axes.yaxis.set_major_formatter(thousands)
    axes.grid()
    axes.set_xlabel("times that the target occurs")
    axes.set_ylabel("weight of a window")
    axes.set_title("Weights by frequency")
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), title="effective sample size", alignment="left")


def _draw_events(axes: Axes, summary: Summary) -> None:
    """How long the songs are."""
    events = [song.events for song in summary.songs]
    axes.set_title("Events a song")
    if len(events) > FEW:
        lowest, highest = max(min(events), 1), max(events)
        bins = np.geomspace(lowest, highest + 1, 24) if highest > 8 * lowest else np.linspace(lowest, highest + 1, 24)
        axes.hist(events, bins=bins.tolist(), color=PARTS["chords"], edgecolor=PAPER, linewidth=0.6)
        if highest > 8 * lowest:
            axes.set_xscale("log")
        axes.xaxis.set_major_formatter(thousands)
        axes.axvline(float(np.median(events)), color=COLOURS["durations"], linewidth=1.2, linestyle=(0, (4, 2)))
        axes.set_xlabel(f"events (dashed: the median, {np.median(events):,.0f})")
        axes.set_ylabel("songs")
        axes.grid(axis="y")
        return
    _bars(axes, [(shortened(song.name), song.events, PARTS["chords"]) for song in summary.songs])


def _draw_parts(axes: Axes, summary: Summary) -> None:
    """Which roles the songs' parts play."""
    parts = Counter(part.role for song in summary.songs for part in song.parts)
    having = Counter(role for song in summary.songs for role in {part.role for part in song.parts})
    told = {role: f"{role}\nin {having[role]:,} song{'' if having[role] == 1 else 's'}" for role in ROLES}
    _bars(axes, [(told[role], parts[role], PARTS[role]) for role in ROLES if parts[role]])
    axes.set_title("Parts")


def _bars(axes: Axes, rows: list[tuple[str, int, str]]) -> None:
    """Horizontal bars: (name, length, colour) each."""
    for row, (_, length, colour) in enumerate(rows):
        axes.barh(row, length, height=0.62, color=colour)
        axes.annotate(f"{length:,}", (length, row), (4, 0), textcoords="offset points", va="center")
    axes.set_yticks(range(len(rows)), [name for name, _, _ in rows])
    axes.set_ylim(max(len(rows), 4) - 0.4, -0.6)
    axes.set_xlim(0, max(length for _, length, _ in rows) * 1.2 + 0.01)
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_visible(False)
    axes.spines["bottom"].set_visible(False)
