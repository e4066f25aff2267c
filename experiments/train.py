"""Train winners further, or fresh ones on all songs.

Example: python -m experiments.train all --run my_run --epochs 200
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from datamodules.errors import UserError
from experiments.command_line.cli import main, note
from experiments.command_line.common_options import ConfigFile, RunsFolder
from experiments.command_line.option_fields import Switch, worded
from experiments.heads import ALL, HEADS, HeadName, named_heads
from lightning_modules.config import HeadConfig

__all__ = ["TrainOptions", "train"]


WEIGHTINGS = HeadConfig.choices("weighting")

if TYPE_CHECKING:
    WeightingName = str
else:  # one of these
    WeightingName = Literal[WEIGHTINGS]

HEAD = tyro.conf.arg(metavar="HEAD", help=f"the head to train: {', '.join(HEADS)}; or {ALL} that the run has")


@dataclass(frozen=True)
class TrainOptions:
    """Train winners further, or fresh ones on all songs.

    A winner is the best network that `tune` found for a head. On its split, it is
    replaced only if its best figure falls. The learning rate falls to zero along a
    cosine.

    Example: python -m experiments.train all --run my_run --epochs 200
    """

    head: Annotated[tyro.conf.Positional[HeadName], HEAD]
    run: Annotated[str, tyro.conf.arg(metavar="RUN")]
    """the run's path or name"""
    epochs: Annotated[int, tyro.conf.arg(metavar="N")] = 100
    """further epochs, of at least 50 updates each"""
    weighting: Annotated[WeightingName | None, worded(f"{{{','.join(WEIGHTINGS)}}}")] = None
    """other weights of the windows than the winner's own, for these epochs"""
    all_songs: Switch = False
    """train anew on all songs, held-out ones too, for as many updates as the winner took"""
    seed: Annotated[int, tyro.conf.arg(metavar="N")] = 1
    """decides the order of the windows, and fresh weights"""
    json: Annotated[Path | None, worded("FILE")] = None
    """write the figures on the training songs, and their floors, here too"""
    runs: RunsFolder = None
    config: ConfigFile = None

    def __post_init__(self) -> None:
        for name, low in (("epochs", 1), ("seed", 0)):
            if getattr(self, name) < low:
                raise UserError(f"--{name} {getattr(self, name)}: must be at least {low}")
        if self.seed >= 2**32:
            raise UserError(f"--seed {self.seed}: must be below 2 to the power of 32")
        if self.json is not None and self.all_songs:
            raise UserError("--json: weights over --all-songs have no figures to write; give one or the other")


def train(options: TrainOptions, arguments: Sequence[str]) -> None:
    """The command: each head in turn."""
    from experiments.files import locked, write_json
    from experiments.plugins import note_unknown_heads
    from experiments.provenance import made_by
    from experiments.retraining import further, on_all_songs
    from experiments.run_folder import open_run
    from experiments.winners import ALL_SONGS, load_winner

    run = open_run(options.run, options.runs)
    note_unknown_heads(run)
    names = [spec.name for spec in named_heads(options.head)]
    there = [name for name in HEADS if run.winner(name).exists()]
    if missing := [name for name in names if name not in there]:
        if options.head != ALL or not there:
            raise UserError(f"{run.path} has no winner of {', '.join(missing)}: run `python -m experiments.tune` first")
        note(f"no winner of {', '.join(missing)} in this run: left out")
    dataset = run.dataset()
    found: dict[str, Any] = {}
    kept: list[str] = []
    stopped = False
    names = [name for name in names if name in there]
    for name in names:
        with locked(run.head(name) / "lock", f"{run.head(name)}: a search of this head is running; wait for it"):
            winner = load_winner(run.winner(name))
            if options.all_songs:
                ended = on_all_songs(winner, dataset, run.winner(name, ALL_SONGS), options)
            else:
                found[name], ended = further(winner, dataset, options)
        kept += [] if ended.short and options.all_songs else [name]
        if ended.interrupted:
            stopped = ended.short or name != names[-1]
            break
    if options.json is not None:
        write_json(options.json, {"run": run.name, "made_by": made_by(), "heads": found})
    if stopped and not kept:
        raise KeyboardInterrupt
    if stopped:
        raise UserError(f"stopped before the end; what was trained of {', '.join(kept)} is kept", status=1)


if __name__ == "__main__":
    sys.exit(main(TrainOptions, train, prog="train"))
