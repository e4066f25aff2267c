"""Where the time of a search goes: the processors' by kind of process, and an update's by its parts.

    python -m benchmarks.speed.where [--json FILE]

First a search of the notes head, as in share.py, whose processes are looked at every half second (Linux: /proc). A
share is of the seconds of all cores from the command's start to its end. Then the updates of the head by default in a
plain loop, one thread, with a clock around each part; Lightning's part is lightning_epoch.py's matter.
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import tyro

from benchmarks.measured import tell
from benchmarks.speed.command import Search, search
from benchmarks.speed.spaces import HEAD
from datamodules.midi_windows import MidiWindows
from experiments.data_options import DataOptions
from experiments.dataset import read_dataset
from experiments.heads import HEADS
from lightning_modules.head import CLIP_NORM, score

EVERY = 0.5  # seconds between two looks
OTHERS = "others"
TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Options:
    """Where the time of a search goes."""

    trials: int = 12
    """of the search"""
    max_epochs: int = 30
    """the most that a trial trains"""
    workers: int = 2
    """trials at once; no more than there are cores"""
    epochs: int = 5
    """of the plain loop"""
    quick: bool = False
    """three trials of two epochs, to see that it runs"""
    json: Path | None = None
    """write the figures here too"""


class Watch(threading.Thread):
    """Processor seconds of each process that began after this one."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.over = threading.Event()
        self.before = {pid for pid, _, _ in processes()}
        self.seconds: dict[int, tuple[str, float]] = {}

    def run(self) -> None:
        while not self.over.wait(EVERY):
            for pid, kind, used in processes():
                if pid not in self.before:
                    known = self.seconds.get(pid, (kind, 0.0))[0]
                    self.seconds[pid] = (known if kind == OTHERS else kind, used)  # the dead have no name

    def by_kind(self) -> Counter[str]:
        """Seconds of each kind of process, until now."""
        self.over.set()
        self.join()
        total: Counter[str] = Counter()
        for kind, used in self.seconds.values():
            total[kind] += used
        return total


def processes() -> Iterator[tuple[int, str, float]]:
    """The machine's processes: id, kind, and the processor seconds that they have used."""
    for folder in Path("/proc").iterdir():
        if not folder.name.isdecimal():
            continue
        try:
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it has just ended
            continue
        yield int(folder.name), kind_of(command), (int(fields[11]) + int(fields[12])) / TICK


def kind_of(command: str) -> str:
    """What a process is, by how it was started."""
    kinds = {"ray::ImplicitFunc": "workers", "experiments.tune": "driver", "ray": "Ray's own", "wandb": "W&B's own"}
    return next((kind for part, kind in kinds.items() if part in command), OTHERS)


def of_search(given: Search) -> dict[str, Any]:
    """Shares of the processors' seconds."""
    with tempfile.TemporaryDirectory() as folder:
        watch = Watch()
        watch.start()
        began = time.monotonic()
        search(given, Path(folder).resolve())
        seconds = given.workers * (time.monotonic() - began)
        used = watch.by_kind()
    shares = {f"share of {kind}": used[kind] / seconds for kind in ("workers", "driver", "Ray's own", "W&B's own")}
    asked = {"trials": given.trials, "max_epochs": given.max_epochs, "command_seconds": seconds / given.workers}
    return {**asked, **shares, "share of nothing": 1 - sum(used.values()) / seconds}


def of_update(epochs: int) -> dict[str, Any]:
    """Milliseconds of an update's parts, and the share of validation in an epoch."""
    torch.set_num_threads(1)
    spec = HEADS[HEAD]
    column, config = read_dataset(DataOptions(())).column(spec.column).prepared(), spec.config()
    data = MidiWindows(column, spec.framing(config), batch_size=config.batch_size)
    torch.manual_seed(1)
    head = spec.build(config, column.vocabulary, column.grid)
    optimizer, spent, updates = head.configure_optimizers(), Counter[str](), 0
    for epoch in range(epochs + 1):
        if epoch == 1:  # what is slow only the first time is over
            spent.clear()
            updates = 0
        data.set_epoch(epoch)
        head.train()
        batches, clock = iter(data.train_dataloader()), Clock(spent)
        while (batch := next(batches, None)) is not None:
            clock.note("batch")
            state = head(batch)
            clock.note("encoder and backbone")
            loss = (head.output.losses(state, batch) * batch["weight"]).mean()
            clock.note("output and loss")
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # torch has no annotation here
            clock.note("backward")
            optimizer.clip_grad_norm(CLIP_NORM)  # type: ignore[attr-defined]  # on the CPU it is a FlatAdamW
            optimizer.step()
            clock.note("clipping and AdamW")
            updates += 1
        score(head, data.val_dataloader())
        clock.note("validation")
    parts = {f"update: {part}, ms": 1e3 * seconds / updates for part, seconds in spent.items() if part != "validation"}
    return {**parts, "share of validation in an epoch": spent["validation"] / sum(spent.values())}


class Clock:
    """Adds the seconds since the last note to a part."""

    def __init__(self, spent: Counter[str]) -> None:
        self.spent, self.last = spent, time.perf_counter()

    def note(self, part: str) -> None:
        """A part has ended here."""
        now = time.perf_counter()
        self.spent[part] += now - self.last  # type: ignore[assignment]  # seconds, where counters count
        self.last = now


def main() -> None:
    """The command."""
    options = tyro.cli(Options)
    trials, epochs = (3, 2) if options.quick else (options.trials, options.max_epochs)
    figures = of_search(Search(trials, epochs, options.workers)) | of_update(options.epochs)
    tell("where", "Where the time of a search goes", figures, options.json)


if __name__ == "__main__":
    main()
