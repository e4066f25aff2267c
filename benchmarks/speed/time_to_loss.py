"""Wall time to the best validation loss of a plain loop with one target a window, which has two minutes.

    python -m benchmarks.speed.time_to_loss CORPUS ... [--json FILE]

What changes the work itself is judged by this: the time to the same validation loss (`valid`, complete nats an event)
of the notes head, on three seeds, one thread each, two trainings at once. The reference is bare_loop.py's loop, with
the head's own network and window, but one target a window, as the original had, and 64 windows an update. Its learning
rate falls over its two minutes; the others run as a trial does, under Lightning, and their rate falls over `--within`
of that. The time of each, and of the reference itself, is when its best `valid` so far first reaches the reference's
best: what the reference trains after its best counts for nobody. Networks and batches are made before the clock starts;
the loop with its validation passes is on it, and so are Lightning's Trainer and the compiling of a network.

A corpus with folders `train` and `valid` is learnt from the one and validated on the other; any other is split by
`auto`, and the figures say by which.

- half a window: the head's default, whose loss is over the second half of each window
- large batches: four times the windows an update, and twice the learning rate (by the square root)
- rare validation: a validation pass every fourth epoch
- compiled: the default's forward pass by `torch.compile`
"""

from __future__ import annotations

import itertools
import math
import multiprocessing
import os
import time
import warnings
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import pytorch_lightning as pl
import torch
import tyro

from benchmarks.measured import tell
from benchmarks.speed.bare_loop import Job, bare_loop
from benchmarks.speed.spaces import HEAD
from datamodules.columns import Column
from datamodules.framing import UPDATES_PER_EPOCH
from datamodules.midi_windows import MidiWindows
from experiments.data_options import DataOptions
from experiments.dataset import read_dataset
from experiments.heads import HEADS
from experiments.training import fit

ONE_TARGET = {"loss": "last", "batch_size": 64}
REFERENCE = "one target a window"
RARE = 4  # epochs to a validation pass


@dataclass(frozen=True)
class Way:
    """A way of training, beside the reference's: hyperparameters, epochs to a validation pass, and compiling."""

    hyperparameters: Mapping[str, Any]
    epochs_in_one: int = 1
    compiled: bool = False


WAYS = {
    "half a window": Way({}),
    "large batches": Way({"batch_size": 64, "learning_rate": 6e-3}),
    "rare validation": Way({}, epochs_in_one=RARE),
    "compiled": Way({}, compiled=True),
}


@dataclass(frozen=True)
class Options:
    """Wall time to the same validation loss."""

    songs: tyro.conf.Positional[tuple[Path, ...]] = ()
    """corpora, each a folder of MIDI files that is measured by itself (default: the bundled songs)"""
    seconds: float = 120.0
    """that the reference trains"""
    within: float = 0.4
    """share of these seconds that the other ways are given"""
    seeds: int = 3
    """of each"""
    workers: int = 2
    """trainings at once; no more than there are cores"""
    quick: bool = False
    """one seed of 6 seconds, to see that it runs"""
    json: Path | None = None
    """write the figures here too"""


Curve = list[tuple[float, float]]  # seconds since training began, best `valid` so far


@dataclass(frozen=True)
class Training:
    """One training on one corpus, for about so many seconds."""

    corpus: Path | None
    name: str
    seed: int
    seconds: float


def train(given: Training) -> Curve:
    """Run it, in a process that does nothing else."""
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", module="pytorch_lightning")  # its use of torch, nothing to act on
    column = read_dataset(songs_of(given.corpus)[0]).column(HEADS[HEAD].column).prepared()
    if given.name == REFERENCE:
        return _reference(column, given.seed, given.seconds)
    return _way(column, WAYS[given.name], given.seed, given.seconds)


def songs_of(corpus: Path | None) -> tuple[DataOptions, str]:
    """The songs of a corpus, none: the bundled ones, and by what they are split, in words."""
    if corpus is None:
        return DataOptions(()), "--split auto"
    train, valid = (str(corpus.absolute() / part) for part in ("train", "valid"))
    if Path(train).is_dir() and Path(valid).is_dir():
        return DataOptions((train,), (valid,)), "its folders train and valid"
    return DataOptions((str(corpus.absolute()),)), "--split auto"


def _reference(column: Column, seed: int, seconds: float) -> Curve:
    once = bare_loop(column, Job(ONE_TARGET, 0, 2, 2, seed))  # warm, and how long an epoch takes
    epochs = max(round(seconds / (once.at[1] - once.at[0])), 2)
    loop = bare_loop(column, Job(ONE_TARGET, 0, epochs, epochs, seed))
    return _falling(loop.at, loop.valid)


def _way(column: Column, way: Way, seed: int, seconds: float) -> Curve:
    once = _lightning(column, way, seed, 2)
    epochs = max(round(seconds / (once.at[1] - once.at[0])), 2)
    clock = _lightning(column, way, seed, epochs)
    return _falling(clock.at, clock.valid)


def _falling(at: tuple[float, ...] | list[float], valid: tuple[float, ...] | list[float]) -> Curve:
    return list(zip(at, itertools.accumulate(valid, min), strict=True))


class Clock(pl.Callback):
    """Seconds and `valid` of each epoch."""

    def __init__(self) -> None:
        self.began, self.at, self.valid = time.perf_counter(), list[float](), list[float]()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Validation has just closed the epoch."""
        self.at.append(time.perf_counter() - self.began)
        self.valid.append(pl_module.figures["valid"])  # type: ignore[index,operator]  # a Head


def _lightning(column: Column, way: Way, seed: int, epochs: int) -> Clock:
    spec = HEADS[HEAD]
    config = spec.config.from_dict(dict(way.hyperparameters))
    torch.manual_seed(seed)

    def windows(updates: int) -> MidiWindows:
        return MidiWindows(
            column, spec.framing(config), batch_size=config.batch_size, seed=seed, updates_per_epoch=updates
        )

    data = windows(UPDATES_PER_EPOCH)
    if way.epochs_in_one > 1:  # as many passes in one epoch: validation comes after them all
        data = windows(data.updates * way.epochs_in_one)
    head = spec.build(config, column.vocabulary, column.grid)
    if way.compiled:
        head.compile()  # the forward pass: encoder and stack
    clock = Clock()
    fit(head, data, epochs=epochs, callbacks=[clock])
    return clock


def reached(curve: Curve, loss: float) -> float:
    """The seconds at which a loss was reached; infinite where it was not."""
    return next((at for at, valid in curve if valid <= loss), math.inf)


def measure(options: Options) -> dict[str, Any]:
    """All trainings, and what is told of them."""
    seeds, seconds = (1, 6.0) if options.quick else (options.seeds, options.seconds)
    corpora = options.songs or (None,)
    given = [
        Training(corpus, name, seed, seconds * (1 if name == REFERENCE else options.within))
        for corpus in corpora
        for seed in range(1, seeds + 1)
        for name in (REFERENCE, *WAYS)
    ]
    os.environ["OMP_NUM_THREADS"] = "1"  # read by the processes when they import torch
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(options.workers, context, max_tasks_per_child=1) as pool:
        curves = dict(zip(given, pool.map(train, given), strict=True))
    figures: dict[str, Any] = {"seconds_of_the_reference": seconds, "seeds": seeds, "workers": options.workers}
    for corpus in corpora:
        of = {(one.name, one.seed): curve for one, curve in curves.items() if one.corpus == corpus}
        name = corpus.name if corpus else "bundled songs"
        figures[f"{name}: split by"] = songs_of(corpus)[1]
        figures |= {f"{name}: {key}": value for key, value in told(of, seeds).items()}
    return figures


def told(of: Mapping[tuple[str, int], Curve], seeds: int) -> dict[str, Any]:
    numbers = range(1, seeds + 1)
    found: dict[str, Any] = {
        f"valid of {name}, nats": [of[name, seed][-1][1] for seed in numbers] for name in (REFERENCE, *WAYS)
    }
    best = {seed: of[REFERENCE, seed][-1][1] for seed in numbers}
    seconds = {name: [reached(of[name, seed], best[seed]) for seed in numbers] for name in (REFERENCE, *WAYS)}
    for name, each in seconds.items():
        found[f"seconds of {name} to that loss"] = median(each)
    for way in WAYS:
        shares = [own / reference for own, reference in zip(seconds[way], seconds[REFERENCE], strict=True)]
        found[f"time of {way} to that loss / {REFERENCE}"] = median(shares)
        found[f"time of {way} to that loss / {REFERENCE}, each seed"] = shares
    return found


def main() -> None:
    """The command."""
    options = tyro.cli(Options)
    title = "Wall time to the best validation loss of one target a window, which has two minutes"
    tell("time_to_loss", title, measure(options), options.json)


if __name__ == "__main__":
    main()
