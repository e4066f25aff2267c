"""A song as a piano roll: a PNG of rows of bars, as one reads a score."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from datamodules.form.finding import Section
from datamodules.names import BLACK_KEYS, pitch_name
from datamodules.song import Song, bar_lines
from experiments.files import write_bytes

__all__ = ["as_png", "piano_roll", "roll_strip"]

WIDTH, DPI = 14.0, 100  # inches, dots an inch: 1400 pixels
BARS_A_ROW = 16
MOST_ROWS = 12  # of a long song, whose rows then hold more bars
FEWEST_PITCHES = 24  # that a row is high
DARK, LIGHT, GRID = "#1b2430", "#f6f7f9", "#c9d0d8"
COLOURS = {"melody": "#d1495b", "chords": "#2878b5", "bass": "#2f8f5b", "drums": "#8a8f98"}
SINGLE = "#2f5fa8"  # a song of one part, whose shades are its velocities


@dataclass(frozen=True)
class _Roll:
    """What all rows of a picture share: the notes as boxes, their colours, and the pitches from low to high."""

    left: NDArray[np.int64]
    right: NDArray[np.int64]
    pitch: NDArray[np.int64]
    colour: NDArray[np.float64]  # (notes, 3)
    low: int
    high: int
    bars: list[int]
    sections: Mapping[int, str]  # their labels, by the bar (from 0) that they begin with


def piano_roll(song: Song, path: Path, title: str = "", sections: Sequence[Section] = ()) -> None:
    """Draw the song's pitched notes, coloured by part; those of a song of one part are the darker the louder.

    The picture is 1400 pixels wide, has rows of 16 bars (more in songs of over 192), and the same bytes each time.

    Args:
        song: with or without notes.
        path: of the PNG, written whole or not at all.
        title: above the picture.
        sections: whose labels stand where they begin.
    """
    roll = _roll(song, {section.first: section.label for section in sections})
    bars = len(roll.bars) - 1
    a_row = max(BARS_A_ROW, math.ceil(bars / MOST_ROWS)) if bars > BARS_A_ROW else max(bars, 4)
    rows = max(math.ceil(bars / a_row), 1)
    height = 0.55 + 0.034 * (roll.high - roll.low)
    figure = Figure(figsize=(WIDTH, rows * height + 0.75), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(
        rows, 1, left=0.045, right=0.985, top=1 - 0.62 / figure.get_figheight(), bottom=0.3 / figure.get_figheight(),
        hspace=0.38 / height,
    )  # fmt: skip
    for row in range(rows):
        _draw(figure.add_subplot(grid[row]), roll, row * a_row, a_row)
    place = 0.045, 1 - 0.3 / figure.get_figheight()
    # a file's name may hold what would be a formula, or what is no text at all
    told = title.encode("utf-8", "replace").decode()
    figure.text(*place, told, fontsize=13, color=DARK, va="center", weight="bold", parse_math=False)
    _legend(figure, song)
    write_bytes(path, as_png(figure))


def as_png(figure: Figure) -> bytes:
    """A figure's PNG file; the same figure gives the same bytes."""
    file = io.BytesIO()
    figure.savefig(file, format="png", metadata={"Software": None})  # else matplotlib's version is in the bytes
    return file.getvalue()


def roll_strip(axes: Axes, song: Song) -> None:
    """Draw all of a song's pitched notes in one row; the ticks of its bar lines are the axis's."""
    roll = _roll(song)
    _draw(axes, roll, 0, len(roll.bars) - 1)


def _roll(song: Song, sections: Mapping[int, str] = MappingProxyType({})) -> _Roll:
    keep = song.chosen()
    onset, pitch = song.notes.onset[keep].astype(np.int64), song.notes.pitch[keep].astype(np.int64)
    parts = song.notes.part[keep]
    colours = np.array([to_rgb(COLOURS[part.role]) for part in song.parts]).reshape(-1, 3)
    if sum(not part.drums for part in song.parts) == 1:
        shade = 0.35 + 0.65 * (song.notes.velocity[keep].astype(np.float64)[:, None] / 127) ** 1.2
        colour = 1 - shade * (1 - np.array(to_rgb(SINGLE)))
    else:
        colour = colours[parts] if len(parts) else np.zeros((0, 3))
    low, high = (int(pitch.min()), int(pitch.max())) if len(pitch) else (60, 72)
    low, high = low - 2, high + 3
    missing = max(FEWEST_PITCHES - (high - low), 0)
    low, high = max(low - missing // 2, 0), min(high + missing - missing // 2, 128)
    order = np.argsort(-song.notes.length[keep], kind="stable")  # short notes over long ones
    right = onset + song.notes.length[keep]
    return _Roll(onset[order], right[order], pitch[order], colour[order], low, high, bar_lines(song), sections)


def _draw(axes: Axes, roll: _Roll, first: int, bars: int) -> None:
    """One row: `bars` bars from bar `first` on, numbered from 1."""
    lines = roll.bars[first : first + bars + 1]
    begin = lines[0]
    whole = (lines[-1] - lines[0]) / max(len(lines) - 1, 1)
    end = begin + whole * bars if len(lines) <= bars else lines[-1]  # the last row is drawn to the others' scale
    axes.set_xlim(begin, end)
    axes.set_ylim(roll.low, roll.high)
    axes.set_facecolor("white")
    for pitch in range(roll.low, roll.high):
        if pitch % 12 in BLACK_KEYS:
            axes.axhspan(pitch, pitch + 1, xmax=(lines[-1] - begin) / (end - begin), color=LIGHT, zorder=0, linewidth=0)
    every = _every(bars)
    for number, line in list(enumerate(lines))[::every]:
        strong = (first + number) % 4 == 0
        axes.axvline(line, color=GRID, linewidth=1.1 if strong else 0.6, zorder=1)
    inside = (roll.left < lines[-1]) & (roll.right > begin)
    left, right = np.maximum(roll.left[inside], begin), np.minimum(roll.right[inside], lines[-1])
    gap = np.minimum((end - begin) / 1400, (right - left) * 0.2)  # a pixel between repeated notes
    bottom = roll.pitch[inside] + 0.08
    boxes = np.stack(
        [
            np.stack([left, bottom], 1),
            np.stack([left, bottom + 0.84], 1),
            np.stack([right - gap, bottom + 0.84], 1),
            np.stack([right - gap, bottom], 1),
        ],
        axis=1,
    )
    axes.add_collection(PolyCollection(list(boxes), facecolors=roll.colour[inside], linewidths=0, zorder=2, snap=False))
    _label(axes, roll, first, lines, bars)


def _every(bars: int) -> int:
    """Every which bar of a row is drawn and numbered."""
    return max(math.ceil(bars / 24), 1)


def _label(axes: Axes, roll: _Roll, first: int, lines: list[int], bars: int) -> None:
    """Bar numbers under the row, its sections above it, the Cs (and, with room, the Gs) at its left."""
    every = _every(bars)
    shown: list[tuple[Any, str]] = [
        (line, str(first + number + 1)) for number, line in enumerate(lines[:-1]) if number % every == 0
    ]
    axes.set_xticks([line for line, _ in shown], [text for _, text in shown])
    for number, line in enumerate(lines[:-1]):
        if (label := roll.sections.get(first + number)) is not None:
            axes.axvline(line, color=DARK, linewidth=1.1, zorder=1)
            axes.annotate(
                label, (line, roll.high), xytext=(0, 2), textcoords="offset points", va="bottom", ha="left",
                fontsize=9, color=DARK, weight="bold",
            )  # fmt: skip
    named = [
        pitch for pitch in range(roll.low, roll.high) if pitch % 12 in ((0,) if roll.high - roll.low > 60 else (0, 7))
    ]
    axes.set_yticks([pitch + 0.5 for pitch in named], [pitch_name(pitch) for pitch in named])
    axes.tick_params(length=0, labelsize=8, colors="#5a6572", pad=3)
    for number_shown in axes.get_xticklabels():
        number_shown.set_horizontalalignment("left")
    for side in axes.spines.values():
        side.set_visible(False)


def _legend(figure: Figure, song: Song) -> None:
    """The roles of the parts by colour, if there are several."""
    roles = list(dict.fromkeys(part.role for part in song.parts if not part.drums))
    if len(roles) > 1:
        figure.legend(
            handles=[Patch(color=COLOURS[role], label=role) for role in roles],
            loc="upper right",
            bbox_to_anchor=(0.99, 1.0 - 0.08 / figure.get_figheight()),
            ncols=len(roles),
            frameon=False,
            fontsize=10,
            labelcolor=DARK,
            handlelength=1.0,
        )
