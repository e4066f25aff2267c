"""The panels on notes in the picture of `explore`: chords, how rare most of them are, and pitches.

The second is the one that class weights were added for: a few chords are targets again and again, and most of the
vocabulary is a long tail of chords that occur once.
"""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import LogLocator

from datamodules.names import BLACK_KEYS, chord_names, pitch_name
from experiments.exploring.style import COLOURS, FAINT, INK, shortened, thousands
from experiments.exploring.summaries import ColumnSummary

__all__ = ["draw_pitches", "draw_tail", "draw_top"]

TOP = 14  # chords that are named


def draw_top(axes: Axes, notes: ColumnSummary) -> None:
    """The most frequent chords by name."""
    counts = notes.counts[:TOP]
    rows = np.arange(len(counts))
    axes.barh(rows, counts, height=0.72, color=COLOURS["notes"])
    axes.set_yticks(rows, [shortened(chord_names(value)) for value in notes.values[:TOP]])
    axes.set_ylim(max(len(counts), 5) - 0.4, -0.6)
    for row, count in zip(rows, counts.tolist(), strict=True):
        axes.annotate(f"{count:,}", (count, row), (4, 0), textcoords="offset points", va="center", color=INK)
    axes.set_xlim(0, float(counts[0]) * 1.16)
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_visible(False)
    axes.spines["bottom"].set_visible(False)
    axes.set_title("The most frequent chords")


def draw_tail(axes: Axes, notes: ColumnSummary) -> None:
    """How often each chord is a target, from the most frequent to the rarest."""
    ranks = np.arange(1, len(notes.counts) + 1)
    named = min(TOP, len(ranks))
    # a step a chord: the edges of a bar of width one, so that thousands of chords are still one polygon
    edges = np.append(ranks - 0.5, ranks[-1] + 0.5)
    for until, colour in ((len(ranks), "#a9c6d9"), (named, COLOURS["notes"])):
        heights = np.append(notes.counts[:until], notes.counts[until - 1])
        axes.fill_between(edges[: until + 1], 0.6, heights, step="post", color=colour, linewidth=0)
    axes.set_yscale("log")
    axes.set_ylim(0.6, float(notes.counts[0]) * 1.6)
    axes.set_xlim(0.5, ranks[-1] + 0.5)
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(thousands)
    axes.xaxis.set_major_formatter(thousands)
    axes.tick_params(axis="y", which="minor", length=0)
    axes.grid(axis="y")
    axes.axvline(notes.half + 0.5, color=COLOURS["durations"], linewidth=1.2, linestyle=(0, (4, 2)))
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


def draw_pitches(axes: Axes, notes: ColumnSummary) -> None:
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
    axes.yaxis.set_major_formatter(thousands)
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
