"""What a plain PyTorch loop needs: the training steps of a trial and its validation passes, and nothing else.

    python -m benchmarks.speed.bare_loop [SONGS ...] [--set NAME=VALUE] [--epochs N] [--json FILE]

The loop has a trial's network, weights, batches (`MidiWindows` with the trial's seed), optimizer (AdamW, fused),
clipping, learning rates and validation, scored as a trial's; no Lightning, no Ray, no reports, no files. It runs in one
thread, in as many processes at once as a search has workers, each fresh, warmed up, and given one trial after another.
Building network and windows is not counted: only the loop is. The figure is the median of three repetitions.

As a command it times one network, in each process, on the songs' notes. share.py times a whole search's trials.
"""

from __future__ import annotations

import dataclasses
import math
import multiprocessing
import os
import statistics
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Annotated, Any

import torch
import tyro

from benchmarks.measured import tell
from benchmarks.speed.spaces import HEAD
from datamodules.columns import Column
from datamodules.framing import UPDATES_PER_EPOCH
from datamodules.midi_windows import MidiWindows
from experiments.data_options import DataOptions
from experiments.dataset import read_dataset
from experiments.heads import HEADS
from lightning_modules.head import CLIP_NORM, Head, score

__all__ = ["Bare", "Job", "Loop", "bare_loop", "time_jobs"]

REPETITIONS = 3
PATIENCE = 300.0  # seconds that a process waits for the others to be warm
_COLUMN: list[Column] = []  # of a worker process


@dataclass(frozen=True)
class Job:
    """The training of a trial.

    Attributes:
        row: of trials.csv; with `seed`, the run's, it makes the trial's own seeds.
        epochs: that it ran, of `max_epochs`, which the learning rate falls over.
    """

    hyperparameters: Mapping[str, Any]
    row: int
    epochs: int
    max_epochs: int
    seed: int = 1
    updates_per_epoch: int = UPDATES_PER_EPOCH


@dataclass(frozen=True)
class Loop:
    """A training that was timed: its updates, and after each epoch the seconds since it began, and `valid`."""

    updates: int
    at: tuple[float, ...]
    valid: tuple[float, ...]

    @property
    def seconds(self) -> float:
        """Of the whole loop."""
        return self.at[-1]


@dataclass(frozen=True)
class Bare:
    """Trainings that were timed: the last repetition's in the order of the jobs, and the seconds of each repetition."""

    loops: tuple[Loop, ...]
    sums: tuple[float, ...]

    @property
    def seconds(self) -> float:
        """The median of the sums."""
        return statistics.median(self.sums)


def bare_loop(column: Column, job: Job) -> Loop:
    """Train in this process, with the weights and batches of the trial."""
    spec = HEADS[column.spec.name]
    config = spec.config.from_dict(dict(job.hyperparameters))
    torch.manual_seed(job.seed + 1_000_003 * job.row)  # as `experiments.search.trial.trainable` seeds a trial
    data = MidiWindows(
        column,
        spec.framing(config),
        batch_size=config.batch_size,
        weighting=config.weighting,
        seed=job.seed + job.row,
        updates_per_epoch=job.updates_per_epoch,
    )
    head = spec.build(config, column.vocabulary, column.grid)
    rate, decay = config.learning_rate, config.weight_decay
    optimizer = torch.optim.AdamW(head.parameters(), lr=rate, weight_decay=decay, fused=True)
    held_out = data.val_dataloader()
    at, found = [], []
    began = time.perf_counter()
    for epoch in range(job.epochs):
        share = (epoch + 0.5) / job.max_epochs
        falls = (1 + math.cos(math.pi * share)) / 2 if config.schedule == "cosine" else 1.0
        optimizer.param_groups[0]["lr"] = config.learning_rate * falls
        data.set_epoch(epoch)
        _epoch(head, optimizer, data)
        found.append(score(head, held_out).figures["valid"])
        at.append(time.perf_counter() - began)
    return Loop(job.epochs * data.updates, tuple(at), tuple(found))


def _epoch(head: Head, optimizer: torch.optim.Optimizer, data: MidiWindows) -> None:
    parameters, targets, total = list(head.parameters()), 0, torch.zeros((), dtype=torch.float64)
    head.train()
    for batch in data.train_dataloader():
        if len(batch["target"]) < 2:  # batch normalisation cannot train on one
            continue
        losses = head.output.losses(head(batch), batch)
        total += losses.detach().sum()
        targets += len(losses)
        optimizer.zero_grad()
        (losses * batch["weight"]).mean().backward()  # type: ignore[no-untyped-call]  # torch has no annotation here
        torch.nn.utils.clip_grad_norm_(parameters, CLIP_NORM)
        optimizer.step()
    head.output.end_epoch(total / targets)


def time_jobs(column: Column, jobs: Sequence[Job], workers: int, repetitions: int = REPETITIONS) -> Bare:
    """Train all jobs, `workers` at once, in their order: give the long ones first, so that none is left alone."""
    context, threads = multiprocessing.get_context("spawn"), os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"  # read by the processes when they import torch
    try:
        together = context.Barrier(min(workers, len(jobs)))
        given = (column.prepared(), jobs[-1], together)
        with ProcessPoolExecutor(together.parties, context, _prepare, given) as pool:
            rounds = [list(pool.map(_timed, jobs)) for _ in range(repetitions)]
    finally:
        os.environ.pop("OMP_NUM_THREADS") if threads is None else os.environ.update(OMP_NUM_THREADS=threads)
    return Bare(tuple(rounds[-1]), tuple(sum(loop.seconds for loop in loops) for loops in rounds))


def _prepare(column: Column, job: Job, together: Barrier) -> None:
    """Warm up with an epoch, and wait for the others: nobody is timed beside one that still imports."""
    torch.set_num_threads(1)
    _COLUMN[:] = [column]
    bare_loop(column, dataclasses.replace(job, epochs=1))
    together.wait(PATIENCE)


def _timed(job: Job) -> Loop:
    return bare_loop(_COLUMN[0], job)


@dataclass(frozen=True)
class Options:
    """What a plain PyTorch loop needs."""

    songs: tyro.conf.Positional[tuple[Path, ...]] = ()
    """MIDI files or folders (default: the bundled songs)"""
    set: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    """a hyperparameter of the notes head, as hidden=64 (repeatable)"""
    epochs: int = 10
    """epochs of each training"""
    workers: int = 2
    """trainings at once"""
    quick: bool = False
    """two epochs, to see that it runs"""
    json: Path | None = None
    """write the figures here too"""


def main() -> None:
    """The command."""
    options = tyro.cli(Options)
    epochs = 2 if options.quick else options.epochs
    config = HEADS[HEAD].config.from_dict(HEADS[HEAD].config.parse(options.set))
    column = read_dataset(DataOptions(tuple(str(path.absolute()) for path in options.songs))).column(HEADS[HEAD].column)
    jobs = [Job(config.to_dict(), 0, epochs, epochs) for _ in range(options.workers)]
    bare = time_jobs(column, jobs, options.workers)
    epoch = bare.seconds / (options.workers * epochs)
    figures = {
        "epoch_seconds": epoch,
        "update_milliseconds": 1e3 * epoch * epochs / bare.loops[0].updates,
        "updates_an_epoch": bare.loops[0].updates // epochs,
        "repetitions_seconds": list(bare.sums),
        "valid": bare.loops[0].valid[-1],
    }
    tell("bare_loop", "A plain PyTorch loop, with its validation passes", figures, options.json)


if __name__ == "__main__":
    main()
