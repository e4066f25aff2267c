"""docs/between.png: nats under the heads of either song, and likeness to either, as the mix goes from 0 to 1."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

from benchmarks.pages.between import MIXES

__all__ = ["draw"]

TITLES = {
    "predictions": "logits mixed",
    "probabilities": "probabilities mixed",
    "embedding": "a vector a song",
    "autoencoder": "auto-encoder of bars",
}
KINDS = (("nats", "nats an event under heads of"), ("like", "likeness to"))


def draw(figures: Mapping[str, Mapping[str, Any]], path: Path) -> None:
    """The curves of all pairs."""
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    fig, axes = plt.subplots(2, len(figures), figsize=(5.2 * len(figures), 7.2), squeeze=False, layout="constrained")
    for column, (pair, ways) in enumerate(figures.items()):
        for row, (kind, told) in enumerate(KINDS):
            _curves(axes[row][column], ways, kind)
            axes[row][column].set_ylabel(f"{told}\nA (solid), B (dashed)")
        axes[0][column].set_title(pair)
    handles, labels = axes[0][0].get_legend_handles_labels()
    chosen = [number for number, label in enumerate(labels) if not label.endswith(", B")]
    shown = [labels[n].removesuffix(", A") for n in chosen]
    fig.legend([handles[n] for n in chosen], shown, loc="outside lower center", ncols=5, frameon=False)
    fig.savefig(path, dpi=110)
    plt.close(fig)


def _curves(axis: Any, ways: Mapping[str, Any], kind: str) -> None:
    for number, (way, title) in enumerate(TITLES.items()):
        for side, style in (("A", "-"), ("B", "--")) if way in ways else ():
            mean, bounds = np.array(ways[way][f"{kind} {side}"]), np.array(ways[way][f"{kind} {side}: 95 %"], float)
            axis.plot(MIXES, mean, style, color=f"C{number}", label=f"{title}, {side}", marker="o", ms=3)
            axis.fill_between(MIXES, bounds[:, 0], bounds[:, 1], color=f"C{number}", alpha=0.12, lw=0)
    for side, at in (("A", 0), ("B", 1)) if "alone" in ways else ():
        alone = ways["alone"][f"{kind} {side}"][at]
        axis.plot([at], [alone], "k*", ms=11, zorder=5, label=None if at else "heads of one song alone")
    axis.set_xticks(MIXES)
    axis.set_xlabel("mix: 0 is A, 1 is B")
    axis.grid(alpha=0.25)
    axis.spines[["top", "right"]].set_visible(False)
