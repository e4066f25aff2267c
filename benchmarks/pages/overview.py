"""docs/overview.png: the searches of a run, and the beginning of the song that its heads wrote.

python -m benchmarks.pages.overview RUN
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path

import numpy as np
from matplotlib import image
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from datamodules.midi.reading import read_midi
from experiments.music.pictures import piano_roll
from experiments.run_folder import Run
from experiments.search.study.optuna_study import METRIC
from experiments.tables import EpochTable
from experiments.winners import load_winner

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "overview.png"
DARK, TRIAL, BEST, BASELINE = "#1b2430", "#b9c7d8", "#2f5fa8", "#d1495b"
ROWS_SHOWN = 300  # pixels of the piano roll: its first row


def searches(run: Run) -> np.ndarray:
    """The trials' learning curves in the order they ran, the best so far, and the best n-gram: an image."""
    figure = Figure(figsize=(14, 3.4), dpi=100, facecolor="white")
    canvas = FigureCanvasAgg(figure)
    heads = run.searched()
    for place, head in enumerate(heads, start=1):
        axes = figure.add_subplot(1, len(heads), place)
        _search(axes, run, head)
        if place == 1:
            axes.set_ylabel("nats an event, validation", color=DARK)
            axes.legend(frameon=False, fontsize=9, loc="upper right")
    figure.subplots_adjust(left=0.055, right=0.985, top=0.88, bottom=0.15, wspace=0.16)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3]


def _search(axes: Axes, run: Run, head: str) -> None:
    reports = EpochTable(run.head(head) / "epochs.csv").reports()
    position, best, line = 0, np.inf, []
    for reports_of_trial in (reports[row] for row in sorted(reports)):
        values = [report["valid"] for report in reports_of_trial]
        axes.plot(range(position, position + len(values)), values, color=TRIAL, linewidth=0.9)
        for report in reports_of_trial:
            best = min(best, report[METRIC])
            line.append(best)
        position += len(values)
    axes.plot(line, color=BEST, linewidth=2.2, label="best so far")
    found = load_winner(run.winner(head)).facts["baselines"]
    nats = min(value["nats"] for name, value in found.items() if name.startswith("kneser_ney"))
    axes.axhline(nats, color=BASELINE, linestyle="--", linewidth=1.4, label="best Kneser-Ney")
    axes.set_ylim(0.8 * min(line), 1.5 * nats)
    axes.set_title(head, loc="left", fontsize=12, color=DARK, weight="bold")
    axes.set_xlabel(f"epochs of {len(reports)} trials", color=DARK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=9, colors=DARK)


def main(path: str) -> None:
    """Write the picture of the run at `path`."""
    run = Run(Path(path).resolve())
    top = searches(run)
    with tempfile.TemporaryDirectory() as folder:
        piano_roll(read_midi(run.path / "song.mid"), Path(folder) / "song.png", "The song that they wrote")
        roll = (image.imread(io.BytesIO((Path(folder) / "song.png").read_bytes()))[..., :3] * 255).astype(np.uint8)
    roll = roll[:ROWS_SHOWN]
    width = min(top.shape[1], roll.shape[1])
    whole = np.ascontiguousarray(np.concatenate([top[:, :width], roll[:, :width]]))
    image.imsave(PAGE, whole, metadata={"Software": None})
    print(f"wrote {PAGE}")


if __name__ == "__main__":
    main(*sys.argv[1:])
