"""Score winners beside the baselines, on the test part or on songs of your choice.

Example: python -m experiments.evaluate my_run --json figures.json
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tyro

from datamodules.errors import UserError
from experiments.cli import console, main, note, say

if TYPE_CHECKING:
    from datamodules.columns import Column
    from experiments.run_folder import Run
    from experiments.winners import Winner

__all__ = ["EvaluateOptions", "evaluate", "training_figures"]


@dataclass(frozen=True)
class EvaluateOptions:
    """Score winners beside the baselines, on the test part or on songs of your choice.

    Example: python -m experiments.evaluate my_run --json figures.json
    """

    run: tyro.conf.Positional[str]
    """a run's path or name"""
    songs: tyro.conf.Positional[tuple[Path, ...]] = ()
    """MIDI files or folders to score instead of the run's test part"""
    json: Path | None = None
    """write the figures here too"""
    runs: Path | None = None
    """where runs are kept (default: $TRITONE_RUNS or runs)"""


def evaluate(options: EvaluateOptions, arguments: Sequence[str]) -> None:
    """The command: a table a head, and the JSON."""
    from experiments.figures import comparison
    from experiments.files import write_json
    from experiments.heads import HEADS
    from experiments.provenance import made_by
    from experiments.run_folder import default_runs, open_run
    from experiments.winners import load_winner

    run = open_run(options.run, options.runs or default_runs())
    winners = [load_winner(run.winner(name)) for name in HEADS if run.winner(name).exists()]
    if not winners:
        raise UserError(f"{run.path} has no winner yet: run `python -m experiments.tune` first")
    part = _Part(run, options.songs)
    result: dict[str, Any] = {"run": run.name, "on": part.label, "songs": part.songs, "made_by": made_by(), "heads": {}}
    say(f"run {run.name}, on {part.describe()}")
    for winner in winners:
        found = part.score(winner)
        result["heads"][winner.spec.name] = found
        title = f"{winner.spec.name} on {part.label}: {found['targets']:,} targets"
        say()
        console.print(comparison(title, found["figures"], found["baselines"]))
        if (leak := found["leakage"]) is not None:
            say(f"leakage: {100 * leak:.0f} % of the 6-grams of this part occur in training too")
    if options.json is not None:
        write_json(options.json, result)
        say(f"\nfigures written to {options.json}")


class _Part:
    """What is scored: a part of the run's songs, or other songs."""

    def __init__(self, run: Run, songs: Sequence[Path]) -> None:
        from dataclasses import replace

        from datamodules.splits import TEST, with_test_songs
        from experiments.dataset import read_dataset
        from experiments.progress import reading

        self.dataset = run.dataset()
        self.part, self.label = self.dataset.split.test_part, self.dataset.split.test_label
        marks = zip(self.dataset.songs, self.dataset.split.parts, strict=True)
        self.songs = [song.name for song, parts in marks if (parts == self.part).any()]
        if songs:
            paths = tuple(str(path.absolute()) for path in songs)
            wanted = replace(self.dataset.options, songs=paths, valid=(), test=(), split="none")
            with reading() as progress:
                other = read_dataset(wanted, progress)
            seen = {song.digest for song in self.dataset.songs} & {song.digest for song in other.songs}
            if seen:
                note(f"{len(seen)} of these songs are songs of the run itself: the figures are not held out")
            self.dataset = replace(
                self.dataset,
                events=self.dataset.events + other.events,
                split=with_test_songs(self.dataset.split, other.events),
            )
            self.part, self.label = TEST, "songs of your choice"
            self.songs = [song.name for song in other.songs]

    def describe(self) -> str:
        """The part in words."""
        count = f"{len(self.songs)} song{'s' if len(self.songs) != 1 else ''}"
        return f"{self.label} ({count}); {self.dataset.split.describe()}"

    def score(self, winner: Winner) -> dict[str, Any]:
        """A head's figures, its baselines', and the leakage."""
        from datamodules.baselines import baselines
        from datamodules.windows import in_order
        from lightning_modules.head import score

        column = self.dataset.column(winner.spec.column)
        if column.vocabulary != winner.vocabulary:
            raise UserError(f"{winner.path} was trained on other songs than its run holds: tune again")
        head = winner.head()
        figures = score(head, in_order(column, self.part, winner.config.window), winner.mixture).figures
        return {
            "figures": figures,
            "baselines": baselines(column, self.part, column.valid_part),
            "targets": len(column.targets(self.part)),
            "leakage": self.dataset.leakage(self.part).get(winner.spec.name),
            "winner": {name: winner.facts[name] for name in ("hyperparameters", "epoch", "updates", "seed", "kind")},
        }


def training_figures(winner: Winner, column: Column) -> dict[str, float]:
    """Figures on the training windows, one pass in evaluation mode: what the original's figures are figures of."""
    from datamodules.splits import TRAIN
    from datamodules.windows import in_order
    from lightning_modules.head import score

    batches = in_order(column, TRAIN, winner.config.window, winner.config.weighting)
    return score(winner.head(), batches, winner.mixture).figures


if __name__ == "__main__":
    sys.exit(main(EvaluateOptions, evaluate, prog="evaluate"))
