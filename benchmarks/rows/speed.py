"""The rows of docs/performance.md: speed and memory, to be measured on a quiet machine."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.rows.row import Row

__all__ = ["SPEED"]

TRAINED = ("datamodules", "lightning_modules", "experiments/search", "experiments/training.py")
WRITTEN = ("lightning_modules", "experiments/music/events", "experiments/music/prime.py")
BARE = ("benchmarks/speed/bare_loop.py", "benchmarks/speed/command.py", "benchmarks/speed/spaces.py")
PATTERN = (*BARE, "benchmarks/speed/ray_pattern.py", "benchmarks/speed/plain_lightning.py")


def _row(module: str, minutes: float, depends: tuple[str, ...], options: str = "", quick: str = "--quick") -> Row:
    command = f"benchmarks.speed.{module} {options} --json {{json}}"
    depends = tuple(dict.fromkeys((*depends, f"benchmarks/speed/{module}.py")))
    return Row("speed", "docs/performance.md", (command,), minutes, depends, needs=("quiet",), quick=quick)


SPEED = {
    "first_song": _row("first_song", 10, (*TRAINED, "search_spaces", "experiments/music")),
    "first_epoch": _row("first_epoch", 1, (*TRAINED, "experiments/tune.py")),
    "share": _row("share", 36, (*TRAINED, *BARE), "--repetitions 2"),  # three take longer than a row may
    "ray_pattern": _row("ray_pattern", 10, (*TRAINED, *PATTERN), "--trials 20"),
    "ray_pattern_light": _row("ray_pattern", 7, (*TRAINED, *PATTERN), "--size light --trials 32"),
    "ray_pattern_short": _row("ray_pattern", 8, (*TRAINED, *PATTERN), "--size short"),
    "lightning_epoch": _row("lightning_epoch", 2, TRAINED),
    "bookkeeping": _row("bookkeeping", 17, (*TRAINED, "experiments/tracking", *BARE)),
    "sleeping": _row("sleeping", 6, ("experiments/search", "experiments/tracking")),
    "driver_scale": _row("driver_scale", 23, ("experiments/search", "experiments/tables.py")),
    "where": _row("where", 2, (*TRAINED, *BARE), "--trials 6 --max-epochs 8"),
    "opening": _row("opening", 1, ("datamodules", "experiments/dataset.py"), "{corpora}/nottingham"),
    "memory": _row("memory", 2, TRAINED, "{corpora}/nottingham", "--trials 1"),
    "gpu": replace(_row("gpu", 6, TRAINED), needs=("quiet", "gpu")),
    "gpu_search": replace(
        _row("gpu_search", 6, (*TRAINED, "search_spaces", "experiments/music")), needs=("quiet", "gpu")
    ),
    "generating": _row("generating", 1, WRITTEN),
    "time_to_loss": _row("time_to_loss", 20, TRAINED, "{corpora}/two_songs_freedoom {corpora}/jsb_chorales"),
}
