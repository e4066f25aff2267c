"""The rows of docs/performance.md: speed and memory, to be measured on a quiet machine."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.rows.row import Row

__all__ = ["SPEED"]


def _row(module: str, minutes: float, options: str = "", quick: str = "--quick") -> Row:
    command = f"benchmarks.speed.{module} {options} --json {{json}}"
    song = module in ("first_song", "gpu_search")
    return Row("speed", "docs/performance.md", (command,), minutes, needs=("quiet",), quick=quick, song=song)


SPEED = {
    "first_song": _row("first_song", 10),
    "first_epoch": _row("first_epoch", 1),
    "share": _row("share", 36, "--repetitions 2"),  # three take longer than a row may
    "ray_pattern": _row("ray_pattern", 10, "--trials 20"),
    "ray_pattern_light": _row("ray_pattern", 7, "--size light --trials 32"),
    "ray_pattern_short": _row("ray_pattern", 8, "--size short"),
    "lightning_epoch": _row("lightning_epoch", 2),
    "bookkeeping": _row("bookkeeping", 17),
    "sleeping": _row("sleeping", 6),
    "driver_scale": _row("driver_scale", 23),
    "where": _row("where", 2, "--trials 6 --max-epochs 8"),
    "opening": _row("opening", 1, "{corpora}/nottingham"),
    "memory": _row("memory", 2, "{corpora}/nottingham", "--trials 1"),
    "gpu": replace(_row("gpu", 6), needs=("quiet", "gpu")),
    "gpu_search": replace(_row("gpu_search", 6), needs=("quiet", "gpu")),
    "generating": _row("generating", 1),
    "time_to_loss": _row("time_to_loss", 20, "{corpora}/two_songs_freedoom {corpora}/jsb_chorales"),
}
