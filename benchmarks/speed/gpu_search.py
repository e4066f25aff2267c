"""Seconds from the README's first command to a song on a machine with a GPU, by how much of it a trial takes.

    python -m benchmarks.speed.gpu_search [--json FILE]

The search of benchmarks/speed/first_song.py, three times over: with one trial on each core and none on the GPU, with
four on that at once, as they share it where nothing is said, and with sixteen. A seed is told; which trials are stopped
early depends on which of two is done first nevertheless, so that the searches train for unlike many epochs.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import tyro

from benchmarks.measured import tell
from benchmarks.speed.first_song import SMALL, search

SHARES = {"one on each core": "0", "4 on the GPU": "0.25", "16 on the GPU": "0.0625"}
ALIKE = ("--seed", "1", "--wandb", "off")


@dataclass(frozen=True)
class Options:
    """Seconds to a song on a machine with a GPU, by how much of it a trial takes."""

    quick: bool = False
    """searches of one trial of two epochs: to see that it runs"""
    json: Path | None = None
    """write the figures here too"""


def main() -> None:
    """The command."""
    options = tyro.cli(Options)
    if not torch.cuda.is_available():
        sys.exit("there is no GPU here that torch can use")
    figures: dict[str, Any] = {"gpu": torch.cuda.get_device_name(0)}
    for trials, share in SHARES.items():
        found = search((*ALIKE, "--gpus-per-trial", share, *(SMALL if options.quick else ())))
        figures |= {f"{trials}: seconds": found.seconds, f"{trials}: epochs of all trials": found.epochs}
    tell("gpu_search", "From the README's first command to a song, on a machine with a GPU", figures, options.json)


if __name__ == "__main__":
    main()
