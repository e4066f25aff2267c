"""What it is worth to a head to be told where in its song's form an event stands: held-out nats with and without.

    python -m benchmarks.music.worth_of_form [FOLDER ...] [--every N] [--heads HEAD ...] [--seeds N] [--json FILE]

The bundled songs, or of each FOLDER every Nth MIDI file by name, are split as a run splits them, and each head is
trained with the default hyperparameters and form=none, form=plan and, where it is asked for, form=none over a longer
window, as a trial of a search is; its best epoch on validation is scored on the test part. A seed is that of the
training and of the split. What telling the form costs is in the nats, and beside them.

What stands in the JSON already is not trained again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import tyro

from benchmarks.adding import code_of, known_figures
from benchmarks.measured import shown, write
from datamodules.batches import in_order
from datamodules.columns import Column, only_value
from datamodules.midi_windows import MidiWindows
from experiments.best_epoch import fit_best
from experiments.data_options import DataOptions
from experiments.dataset import Dataset, read_dataset
from experiments.heads import HEADS
from lightning_modules.head import Head, score

TITLE = "Nats an event with and without the form, on the test part"
BUNDLED = "bundled songs"


@dataclass(frozen=True)
class Options:
    """What it is worth to a head to be told where in its song's form an event stands."""

    folders: Annotated[tyro.conf.Positional[tuple[Path, ...]], tyro.conf.arg(metavar="[FOLDER ...]")] = ()
    """of MIDI files (default: the bundled songs)"""
    every: int = 7
    """of a folder's files by name, one in so many"""
    heads: tuple[str, ...] = tuple(HEADS)
    """which"""
    seeds: int = 3
    """of the training and the split"""
    epochs: int = 12
    """of each training"""
    long: int = 0
    """a window over which form=none is trained too; 0 for none"""
    json: Path = Path("worth_of_form.json")
    """where the figures are kept"""


def trained(column: Column, head: str, hyperparameters: dict[str, Any], seed: int, epochs: int) -> Head:
    """A head's best epoch on validation."""
    spec = HEADS[head]
    config = spec.config.from_dict(hyperparameters)
    torch.manual_seed(seed)
    network = spec.build(config, column.vocabulary, column.grid)
    data = MidiWindows(column, spec.framing(config), batch_size=config.batch_size, seed=seed)
    best = fit_best(network, data, epochs=epochs, progress=lambda *_: None).best
    if best is None:
        raise FloatingPointError(f"{head}, seed {seed}: no epoch has a figure")
    network.load_state_dict(best.tensors)
    return network


def judged(dataset: Dataset, head: str, hyperparameters: dict[str, Any], seed: int, epochs: int) -> dict[str, Any]:
    """Figures on the test part, in nats an event: of all, what of it tells the form, and of the head told nothing."""
    spec, began = HEADS[head], time.monotonic()
    framing = spec.framing(spec.config.from_dict(hyperparameters))
    column = dataset.column(spec.column, form=framing.form)
    network = trained(column, head, hyperparameters, seed, epochs)

    def nats(of: Column) -> dict[str, float]:
        return score(network, in_order(of, of.test_part, framing), float(network.mixture)).figures

    found = nats(column)
    figures = {"nats": found["valid"], "told": found.get("told", 0.0)}
    if column.standing is not None:
        nothing = (np.zeros_like(getattr(column.standing, name)) for name in ("table", "bits", "nats"))
        figures["told_nothing"] = nats(replace(column, standing=type(column.standing)(*nothing)))["valid"]
    targets = len(column.targets(column.test_part))
    return {**figures, "targets": targets, "seconds": round(time.monotonic() - began, 1)}


def measure(options: Options, keep: Callable[[dict[str, Any]], None], figures: dict[str, Any]) -> None:
    """Train what is missing, a seed after another, and keep the figures after each."""
    ways: dict[str, dict[str, Any]] = {"none": {}, "plan": {"form": "plan"}}
    ways |= {f"window {options.long}": {"window": options.long}} if options.long else {}
    for seed in range(1, options.seeds + 1):
        for folder in options.folders or (None,):
            paths = () if folder is None else sorted(map(str, folder.absolute().rglob("*.mid")))[:: options.every]
            dataset = read_dataset(DataOptions(tuple(paths), seed=seed))
            for head in options.heads:
                spec = HEADS[head].column
                if only_value(spec, dataset.events, dataset.split, dataset.options.grid) is not None:
                    continue
                for way, hyperparameters in ways.items():
                    name = f"{folder.name if folder else BUNDLED}, {head}, {way}, seed {seed}"
                    if name not in figures:
                        figures[name] = judged(dataset, head, hyperparameters, seed, options.epochs)
                        keep(figures)
                        print(name, {key: shown(value) for key, value in figures[name].items()}, flush=True)


def main() -> None:
    """The command."""
    options = tyro.cli(Options)
    torch.set_num_threads(1)
    module = "benchmarks.music.worth_of_form"
    figures = known_figures(options.json, module)
    asked = {"epochs": options.epochs, "every": options.every, "window": options.long}
    more = {"asked": asked, "code": code_of(module)}
    measure(options, lambda found: write("worth_of_form", TITLE, found, options.json, more), figures)


if __name__ == "__main__":
    main()
