"""The form of songs as a picture: a piano roll each, and under it the self-similarity matrix with its sections."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from datamodules.form.finding import Form
from datamodules.song import Song, bar_lines
from experiments.exploring.style import INK, styled
from experiments.exploring.summaries import plain
from experiments.music.pictures import as_png, roll_strip

__all__ = ["draw_forms"]

WIDTH, ROLL, MAP = 13.0, 2.1, 6.2  # inches: of the picture, and how high a roll and a matrix are
# a section's label has a colour; there are rarely more
COLOURS = ("#2f6690", "#d1495b", "#3a8f6b", "#e0912f", "#7a5c99", "#4b5f6d", "#b0567a", "#8a8a3a")


def draw_forms(songs: Sequence[tuple[Song, Form]]) -> bytes:
    """A PNG, the songs side by side in pairs; the same songs give the same bytes.

    Args:
        songs: at least one, each with notes.
    """
    with styled():
        return _drawn(songs)


def _drawn(songs: Sequence[tuple[Song, Form]]) -> bytes:
    columns = min(len(songs), 2)
    rows = -(-len(songs) // columns)
    figure = Figure(figsize=(WIDTH, rows * (ROLL + MAP + 0.9)), dpi=100, facecolor="white")
    FigureCanvasAgg(figure)
    high = figure.get_figheight()
    grid = figure.add_gridspec(
        2 * rows, columns, height_ratios=[ROLL, MAP] * rows, left=0.045, right=0.985, wspace=0.1,
        top=1 - 0.55 / high, bottom=0.4 / high, hspace=0.14,
    )  # fmt: skip
    for number, (song, form) in enumerate(songs):
        row, column = divmod(number, columns)
        above = figure.add_subplot(grid[2 * row, column])
        _draw_roll(above, song, form)
        _draw_map(figure.add_subplot(grid[2 * row + 1, column]), form)
    return as_png(figure)


def _colour(label: str) -> str:
    return COLOURS[(ord(label[0]) - ord("A")) % len(COLOURS)]


def _draw_roll(axes: Axes, song: Song, form: Form) -> None:
    """The notes, and above them a band with the sections."""
    roll_strip(axes, song)
    lines = np.array(bar_lines(song))
    low, high = axes.get_ylim()
    band = 0.09 * (high - low)
    axes.set_ylim(low, high + 1.4 * band)
    for section in form.sections:
        left, right = lines[section.first], lines[section.first + section.bars]
        box = Rectangle((left, high + 0.3 * band), right - left, band, color=_colour(section.label), linewidth=0)
        axes.add_patch(box)
        axes.axvline(left, color=_colour(section.label), linewidth=0.8, zorder=1.5)
        axes.text(
            (left + right) / 2, high + 0.75 * band, section.label, color="white", ha="center", va="center",
            fontsize=8, weight="bold", clip_on=True,
        )  # fmt: skip
    name = song.name.rsplit("/", 1)[-1]
    axes.set_title(plain(name), loc="left", fontsize=11, weight="bold", color=INK, parse_math=False)


def _draw_map(axes: Axes, form: Form) -> None:
    """How alike any two bars are; sections of one label are framed where they meet."""
    bars = len(form.similarity)
    axes.imshow(form.similarity, cmap="magma", vmin=0, vmax=1, extent=(1, bars + 1, bars + 1, 1), aspect="auto")
    for one in form.sections:
        for other in form.sections:
            if one.label == other.label:
                frame = Rectangle(
                    (one.first + 1, other.first + 1), one.bars, other.bars, fill=False, linewidth=1.3,
                    edgecolor=_colour(one.label) if one is other else "#ffffff",
                )  # fmt: skip
                axes.add_patch(frame)
        axes.text(
            one.first + 1 + one.bars / 2, one.first + 1 + one.bars / 2, one.label, color="white", ha="center",
            va="center", fontsize=9, weight="bold",
            bbox={"boxstyle": "round,pad=0.2", "facecolor": _colour(one.label), "linewidth": 0},
        )  # fmt: skip
    axes.set_xlabel(f"bar; sections: {form}", color=INK, fontsize=9, loc="left")
    axes.tick_params(length=0, labelsize=8, colors="#5a6572")
    for side in axes.spines.values():
        side.set_visible(False)
