"""docs/overview.png: the searches of the row `bundled`, and the beginning of the song that its heads wrote."""

from __future__ import annotations

import io
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import image
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from datamodules.bars import bar_line
from datamodules.midi.reading import read_midi
from datamodules.song import NOTE_COLUMNS, Notes, Song
from experiments.heads import HEADS
from experiments.music.pictures import BARS_A_ROW, piano_roll

__all__ = ["draw"]

DARK, TRIAL, BEST, BASELINE = "#1b2430", "#b9c7d8", "#2f5fa8", "#d1495b"


def draw(winners: dict[str, Any], song: Path, page: Path) -> None:
    """Write the picture.

    Args:
        winners: of the row's JSON, by head, each with its search's curves.
        song: a MIDI file.
    """
    top = _searches(winners)
    with tempfile.TemporaryDirectory() as folder:
        piano_roll(_beginning(read_midi(song)), Path(folder) / "song.png", "The song that they wrote")
        roll = (image.imread(io.BytesIO((Path(folder) / "song.png").read_bytes()))[..., :3] * 255).astype(np.uint8)
    width = min(top.shape[1], roll.shape[1])
    whole = np.ascontiguousarray(np.concatenate([top[:, :width], roll[:, :width]]))
    image.imsave(page, whole, metadata={"Software": None})


def _beginning(song: Song) -> Song:
    """The first bars of a song; notes that ring over their end stop there."""
    end = bar_line(song, BARS_A_ROW)
    keep = song.notes.onset < end
    columns = {name: getattr(song.notes, name)[keep] for name in NOTE_COLUMNS}
    length = np.minimum(columns["length"], end - columns["onset"])
    return replace(song, notes=Notes(**columns | {"length": length}))


def _searches(winners: dict[str, Any]) -> np.ndarray:
    """The trials' learning curves in the order they ran, the best so far, and the best n-gram: an image."""
    figure = Figure(figsize=(14, 3.4), dpi=100, facecolor="white")
    canvas = FigureCanvasAgg(figure)
    heads = [head for head in HEADS if head in winners]
    for place, head in enumerate(heads, start=1):
        axes = figure.add_subplot(1, len(heads), place)
        _search(axes, head, winners[head])
        if place == 1:
            axes.set_ylabel("nats an event, validation", color=DARK)
            axes.legend(frameon=False, fontsize=9, loc="upper right")
    figure.subplots_adjust(left=0.055, right=0.985, top=0.88, bottom=0.15, wspace=0.16)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3]


def _search(axes: Axes, head: str, winner: dict[str, Any]) -> None:
    curves = {figure: [list(map(float, trial.split())) for trial in told] for figure, told in winner["curves"].items()}
    position, least, line = 0, np.inf, []
    for valid, best in zip(curves["valid"], curves["best"], strict=True):
        axes.plot(range(position, position + len(valid)), valid, color=TRIAL, linewidth=0.9)
        for value in best:
            least = min(least, value)
            line.append(least)
        position += len(valid)
    axes.plot(line, color=BEST, linewidth=2.2, label="best so far")
    nats = min(value["nats"] for name, value in winner["baselines"].items() if name.startswith("kneser_ney"))
    axes.axhline(nats, color=BASELINE, linestyle="--", linewidth=1.4, label="best Kneser-Ney")
    axes.set_ylim(0.8 * min(line), 1.5 * nats)
    axes.set_title(head, loc="left", fontsize=12, color=DARK, weight="bold")
    axes.set_xlabel(f"epochs of {len(curves['valid'])} trials", color=DARK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=9, colors=DARK)
