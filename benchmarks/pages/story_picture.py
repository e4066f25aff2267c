"""docs/story.png: nats an event, step by step from the original's design to ours, beside what counting reaches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

__all__ = ["Step", "draw"]

DARK, BAR, LOST, COUNTED = "#1b2430", "#2f5fa8", "#b9c7d8", "#d1495b"


@dataclass(frozen=True)
class Step:
    """A change, and the nats an event that it leads to."""

    title: str
    nats: float


def draw(ladder: Sequence[Step], counted: float, path: Path) -> None:
    """A bar a step; `counted` is the best n-gram's."""
    height = 0.5 * len(ladder) + 1.0  # inches: a bar has the same, however many there are
    figure = Figure(figsize=(9.6, height), dpi=100, facecolor="white")
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_axes((0.345, 0.6 / height, 0.625, 1 - 0.9 / height))
    places, nats = range(len(ladder)), [step.nats for step in ladder]
    colours = [BAR if now < before else LOST for before, now in zip([nats[0] + 1, *nats], nats, strict=False)]
    axes.barh(places, nats, color=colours, height=0.66)
    for place, step in enumerate(ladder):
        box = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}  # above the n-gram's line
        axes.text(step.nats + 0.06, place, f"{step.nats:.2f}", va="center", fontsize=10, color=DARK, bbox=box)
    axes.axvline(counted, color=COUNTED, linestyle="--", linewidth=1.4)
    axes.text(counted, -0.72, f"the best n-gram, {counted:.2f}", color=COUNTED, fontsize=9.5, ha="center")
    axes.set_yticks(places, [ladder[0].title, *(f"+ {step.title}" for step in ladder[1:])], fontsize=10, color=DARK)
    axes.set_ylim(len(ladder) - 0.4, -0.6)
    axes.set_xlim(0, 1.08 * max(nats))
    axes.set_xlabel("nats an event, notes of the validation chorales; less is better", fontsize=10, color=DARK)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", labelsize=9, colors=DARK)
    canvas.print_png(str(path), metadata={"Software": None})
