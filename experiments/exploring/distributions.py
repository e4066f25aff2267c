"""The picture of `explore`: how the targets of each head are distributed, and what weights make of that.

The first panel is the one that class weights were added for: a few chords are targets again and again, and most of the
vocabulary is a long tail of chords that occur once.
"""

from __future__ import annotations

import io
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import Rectangle
from matplotlib.ticker import LogLocator

from datamodules.song import ROLES
from experiments.exploring.summaries import ColumnSummary, Summary, chord_names, pitch_name, plain

__all__ = ["draw", "styled"]

TOP = 14  # chords that are named
FEW = 12  # songs up to here have a bar each
INK, FAINT, PAPER = "#22303c", "#8b98a5", "#ffffff"
HEADS = {"notes": "#2f6690", "durations": "#d1495b", "offsets": "#3a8f6b"}
SPARE = "#7a5c99"  # of a head that has no colour yet
KINDS = {"straight": "#2f6690", "triplet": "#e0912f", "finer": "#a9b4be"}
PARTS = {"melody": "#2f6690", "chords": "#6fa8c9", "bass": "#3a8f6b", "drums": "#a9b4be"}
BLACK_KEYS = (1, 3, 6, 8, 10)
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

STYLE: Any = {  # matplotlib's stubs want each key as a literal
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same picture on every machine
    "font.size": 9.5,
    "text.color": INK,
    "text.parse_math": False,  # a dollar sign in a song's name is a dollar sign
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.titlesize": 11.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": "#e6eaee",
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "figure.facecolor": PAPER,
    "axes.facecolor": PAPER,
}


@contextmanager
def styled() -> Iterator[None]:
    """The pictures' style inside, whatever a user's matplotlibrc says."""
    with matplotlib.rc_context(), warnings.catch_warnings():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        # a song's name in a script that the font lacks is drawn as boxes
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


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
        _draw_top(left, by_name["notes"])
        _draw_tail(right, by_name["notes"])
        _draw_pitches(rows[1].add_subplot(), by_name["notes"])
        numbers = [column for column in summary.columns if not column.spec.chords]
        for axes, column in zip(rows[2].subplots(1, len(numbers), squeeze=False)[0], numbers, strict=True):
            (_draw_timing if column.spec.timed else _draw_steps)(axes, column)
        left, middle, right = rows[3].subplots(1, 3, width_ratios=(1.35, 1, 0.85))
        _draw_weights(left, summary)
        _draw_events(middle, summary)
        _draw_parts(right, summary)
        return _png(figure)


def _png(figure: Figure) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()


def _title(summary: Summary) -> str:
    names = ", ".join(song.name for song in summary.songs[:3])
    songs = names if len(summary.songs) <= 3 else f"{len(summary.songs):,} songs"
    return songs if len(songs) <= 100 else f"{songs[:97]}..."


def _draw_top(axes: Axes, notes: ColumnSummary) -> None:
    """The most frequent chords by name."""
    counts = notes.counts[:TOP]
    rows = np.arange(len(counts))
    axes.barh(rows, counts, height=0.72, color=HEADS["notes"])
    axes.set_yticks(rows, [_shortened(chord_names(value)) for value in notes.values[:TOP]])
    axes.set_ylim(max(len(counts), 5) - 0.4, -0.6)
    for row, count in zip(rows, counts.tolist(), strict=True):
        axes.annotate(f"{count:,}", (count, row), (4, 0), textcoords="offset points", va="center", color=INK)
    axes.set_xlim(0, float(counts[0]) * 1.16)
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_visible(False)
    axes.spines["bottom"].set_visible(False)
    axes.set_title("The most frequent chords")


def _draw_tail(axes: Axes, notes: ColumnSummary) -> None:
    """How often each chord is a target, from the most frequent to the rarest."""
    ranks = np.arange(1, len(notes.counts) + 1)
    named = min(TOP, len(ranks))
    # a step a chord: the edges of a bar of width one, so that thousands of chords are still one polygon
    edges = np.append(ranks - 0.5, ranks[-1] + 0.5)
    for until, colour in ((len(ranks), "#a9c6d9"), (named, HEADS["notes"])):
        heights = np.append(notes.counts[:until], notes.counts[until - 1])
        axes.fill_between(edges[: until + 1], 0.6, heights, step="post", color=colour, linewidth=0)
    axes.set_yscale("log")
    axes.set_ylim(0.6, float(notes.counts[0]) * 1.6)
    axes.set_xlim(0.5, ranks[-1] + 0.5)
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(_thousands)
    axes.xaxis.set_major_formatter(_thousands)
    axes.tick_params(axis="y", which="minor", length=0)
    axes.grid(axis="y")
    axes.axvline(notes.half + 0.5, color=HEADS["durations"], linewidth=1.2, linestyle=(0, (4, 2)))
    share = notes.counts[:named].sum() / notes.targets
    lines = (
        f"{len(ranks):,} different chords in {notes.targets:,} training targets",
        f"the {named} named ones are {share:.0%} of the targets",
        f"half of the targets: the first {notes.half:,} (dashed)",
        f"{notes.once:,} chords ({notes.once / len(ranks):.0%}) occur once",
        f"entropy {notes.entropy:.2f} nats; all alike would be {np.log(len(ranks)):.2f}",
    )
    axes.text(0.985, 0.97, "\n".join(lines), transform=axes.transAxes, ha="right", va="top", linespacing=1.6)
    axes.set_xlabel("chords, the most frequent first")
    axes.set_ylabel("times a target")
    axes.set_title("How often each chord is a target")


def _draw_pitches(axes: Axes, notes: ColumnSummary) -> None:
    """The pitches of all training chords over a piano's keys."""
    found = notes.pitches()
    used = np.flatnonzero(found)
    low, high = min(int(used[0]) // 12 * 12, 48), max(int(used[-1]) // 12 * 12 + 12, 72)
    pitches = np.arange(low, min(high, 127) + 1)
    colours = [INK if pitch % 12 in BLACK_KEYS else "#5b8fb3" for pitch in pitches]
    axes.bar(pitches, found[pitches], width=0.82, color=colours)
    axes.set_xlim(low - 0.5, pitches[-1] + 0.5)
    axes.grid(axis="y")
    axes.set_xticks([])
    axes.set_ylabel("training targets")
    axes.yaxis.set_major_formatter(_thousands)
    axes.set_title("Pitches of the chords")
    _draw_keys(axes.inset_axes((0, -0.24, 1, 0.22)), low, int(pitches[-1]))


def _draw_keys(axes: Axes, low: int, high: int) -> None:
    """A keyboard from pitch `low` to `high`, a semitone a unit."""
    axes.set_xlim(low - 0.5, high + 0.5)
    axes.set_ylim(0, 1)
    for pitch in range(low, high + 1):
        if pitch % 12 in BLACK_KEYS:
            axes.add_patch(Rectangle((pitch - 0.42, 0.38), 0.84, 0.62, color=INK, linewidth=0))
            axes.plot([pitch, pitch], [0, 0.38], color=FAINT, linewidth=0.7)
        elif (pitch + 1) % 12 not in BLACK_KEYS:  # B and E have a white key on their right
            axes.plot([pitch + 0.5, pitch + 0.5], [0, 1], color=FAINT, linewidth=0.7)
    octaves = [pitch for pitch in range(low, high + 1) if pitch % 12 == 0]
    axes.set_xticks(octaves, [pitch_name(pitch) for pitch in octaves])
    axes.tick_params(length=0)
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(True)


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
    axes.yaxis.set_major_formatter(_thousands)
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
    axes.vlines(steps, 0, column.counts, colors=HEADS.get(column.name, SPARE), linewidth=2.6)
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
        colour = HEADS.get(column.name, SPARE)
        for scheme, found in column.weights.items():
            label = f"{column.name}, {scheme}: {found.effective:,.0f}"
            axes.plot(column.counts, found.by_value, marks.get(scheme, ":"), color=colour, linewidth=1.6, label=label)
        balanced = column.weights["balanced"].by_value
        axes.plot(column.counts, balanced, "o", color=colour, markersize=3, alpha=0.6)
    axes.axhline(1, color=FAINT, linewidth=0.8)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.xaxis.set_major_formatter(_thousands)
    axes.yaxis.set_major_formatter(_thousands)
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
        axes.xaxis.set_major_formatter(_thousands)
        axes.axvline(float(np.median(events)), color=HEADS["durations"], linewidth=1.2, linestyle=(0, (4, 2)))
        axes.set_xlabel(f"events (dashed: the median, {np.median(events):,.0f})")
        axes.set_ylabel("songs")
        axes.grid(axis="y")
        return
    _bars(axes, [(_shortened(song.name), song.events, PARTS["chords"]) for song in summary.songs])


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


def _shortened(text: str, longest: int = 24) -> str:
    return text if len(text) <= longest else f"{text[: longest - 3]}..."


def _thousands(value: float, _place: float) -> str:
    """1500 as 1,500; 0.01 as it is."""
    return f"{value:,.0f}" if value == round(value) else f"{value:g}"
