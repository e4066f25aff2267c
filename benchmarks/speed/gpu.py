"""What a GPU is worth to a search: updates a second of all trials together, many on one GPU or on as many cores.

    python -m benchmarks.speed.gpu [SONGS ...] [--json FILE]

A search keeps several trials at work, so what counts is what they do together. Processes, each with a network of its
own as a trial has it (`training.fit`, its batches and its validation), train at the same time for some seconds: some of
them on one GPU, then one on each core. Of each network there stand beside one another: one process on a core, one on
the GPU, as many as there are cores on those, and more on the GPU. Processes are fresh, and warm (some updates
were made) before they are timed, all from one moment on.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import pickle
import sys
import tempfile
import time
import warnings
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
import tyro

from benchmarks.measured import tell, write
from benchmarks.speed.spaces import HEAD
from datamodules.columns import Column
from datamodules.midi_windows import MidiWindows
from experiments.data_options import DataOptions
from experiments.dataset import read_dataset
from experiments.heads import HEADS
from experiments.training import fit

TITLE = ("gpu", "Updates a second of all trials together, on one GPU and on cores")
PATIENCE = 300.0  # seconds that a process waits for the others to be warm
WARM = 3  # updates
EPOCHS = 10_000  # more than there is time for
NETWORKS: Mapping[str, Mapping[str, Any]] = {
    "the default": {},
    "2 LSTMs of 256": {"hidden": 256, "lstm_layers": 2},
    "2 LSTMs of 1024, 128 windows": {"hidden": 1024, "lstm_layers": 2, "batch_size": 128},
    "3 transformer blocks of 256": {"backbone": "transformer", "hidden": 256, "lstm_layers": 3},
}
_WORKER: list[Any] = []  # of a worker process: the column, and where they wait for each other


@dataclass(frozen=True)
class Options:
    """Updates a second of many trials on one GPU, and on as many cores."""

    songs: tyro.conf.Positional[tuple[Path, ...]] = ()
    """MIDI files or folders (default: the bundled songs)"""
    seconds: float = 3.0
    """that each is timed for"""
    counts: tuple[int, ...] = (1, 4, 8, 16)
    """trials at once on the GPU"""
    quick: bool = False
    """half a second of one and of two, to see that it runs"""
    json: Path | None = None
    """write the figures here too"""


@dataclass(frozen=True)
class Job:
    """What all processes do at once."""

    settings: Mapping[str, Any]
    gpu: bool
    seconds: float


class Counting(pl.Callback):
    """Counts the updates of some seconds, from when all are warm on, and ends the training."""

    def __init__(self, seconds: float, together: Barrier) -> None:
        self.seconds, self.together, self.updates, self.rate = seconds, together, -WARM, 0.0
        self.began = 0.0

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:
        """An update has been asked for; a GPU may still be at it."""
        self.updates += 1
        if self.updates == 0:
            _wait_for(pl_module.device)
            self.together.wait(PATIENCE)
            self.began = time.perf_counter()
        elif self.updates > 0 and not self.rate and time.perf_counter() - self.began > self.seconds:
            _wait_for(pl_module.device)
            self.rate = self.updates / (time.perf_counter() - self.began)
            trainer.should_stop = True


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def main() -> None:
    """The command."""
    options = tyro.cli(Options)
    if not torch.cuda.is_available():
        sys.exit("there is no GPU here that torch can use")
    seconds, counts = (0.5, (1, 2)) if options.quick else (options.seconds, options.counts)
    cores = len(os.sched_getaffinity(0))
    column = read_dataset(DataOptions(tuple(str(path.absolute()) for path in options.songs))).column(HEADS[HEAD].column)
    figures: dict[str, Any] = {"gpu": torch.cuda.get_device_name(0), "cores": cores}
    for count in sorted({*counts, 1, cores}):
        figures |= together(column, count, on_gpu=count in counts, on_cores=count in (1, cores), seconds=seconds)
        if options.json is not None:
            write(*TITLE, figures, options.json)  # what is known so far, should there be no time for the rest
    tell(*TITLE, figures, options.json)


def together(column: Column, count: int, *, on_gpu: bool, on_cores: bool, seconds: float) -> dict[str, float]:
    """Updates a second that `count` processes make in all, of each network, told as they are known."""
    context = multiprocessing.get_context("spawn")
    os.environ["OMP_NUM_THREADS"] = "1"  # read by the processes when they import torch
    places = [("the GPU", True)] * on_gpu + [("cores", False)] * on_cores
    rates = {}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "column.pickle"  # not through the pipe of each: it fills, and they begin one by one
        file.write_bytes(pickle.dumps(column.prepared()))
        with ProcessPoolExecutor(count, context, _prepare, (file, context.Barrier(count))) as pool:
            for (network, settings), (place, gpu) in itertools.product(NETWORKS.items(), places):
                rate = sum(pool.map(_timed, [Job(settings, gpu, seconds)] * count))
                print(f"{network}, {count} on {place}: {rate:.1f} updates a second", flush=True)
                rates[f"{network}: {count} on {place}"] = rate
    return rates


def _prepare(file: Path, together: Barrier) -> None:
    warnings.filterwarnings("ignore", module="pytorch_lightning")  # its use of torch, nothing to act on
    torch.set_num_threads(1)
    _WORKER[:] = [pickle.loads(file.read_bytes()), together]


def _timed(job: Job) -> float:
    """Updates a second of this process."""
    column, together = _WORKER
    spec = HEADS[HEAD]
    config = spec.config.from_dict(dict(job.settings))
    torch.manual_seed(1)
    head = spec.build(config, column.vocabulary, column.grid)
    data = MidiWindows(column, spec.framing(config), batch_size=config.batch_size)
    counting = Counting(job.seconds, together)
    together.wait(PATIENCE)  # else a process that is ready early could take two jobs
    fit(head, data, epochs=EPOCHS, callbacks=[counting], gpu=job.gpu)
    return counting.rate


if __name__ == "__main__":
    main()
