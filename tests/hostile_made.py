"""What a stranger may put into a run, and the commands that meet it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from experiments.command_line.cli import main
from experiments.evaluate import EvaluateOptions, evaluate
from experiments.generate import GenerateOptions, generate
from experiments.runs import RunsOptions, list_runs
from experiments.train import TrainOptions, train
from experiments.tune import TuneOptions, tune

DEEP = "[" * 100_000
HUGE = "1" + "0" * 4000  # a whole number that JSON may hold and no float can
ESCAPES = "\x1b]0;owned\x07[/b]\x1b[2J\u202e"  # a title, a mark of rich, a cleared screen, a turned direction
COMMANDS: dict[str, tuple[Any, Any]] = {
    "tune": (TuneOptions, tune),
    "runs": (RunsOptions, list_runs),
    "evaluate": (EvaluateOptions, evaluate),
    "train": (TrainOptions, train),
    "generate": (GenerateOptions, generate),
}


def call(name: str, *arguments: str) -> int:
    options, command = COMMANDS[name]
    return main(options, command, prog=name, arguments=arguments)


class Malice:
    """Executes when it is unpickled: makes a file."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.marker,))


def container(path: Path, metadata: str, tensors: dict[str, Any] | None = None, size: int = 0) -> Path:
    """A safetensors file with this header, and zeros behind it that take no room on the disk."""
    header = json.dumps({"__metadata__": {"tritone": metadata}, **(tensors or {})}).encode()
    with path.open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        file.truncate(8 + len(header) + size)
    return path
