"""Train winners further, or fresh ones on all songs.

Example: python -m experiments.train all --run my_run --epochs 200
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from datamodules.errors import UserError
from experiments.command_line.cli import console, main, note, say
from experiments.command_line.config_file import ConfigFile, RunsFolder
from experiments.heads import ALL, HEADS, HeadName, named_heads

if TYPE_CHECKING:
    from datamodules.columns import Column
    from experiments.dataset import Dataset
    from experiments.run_folder import Run
    from experiments.winners import Winner

__all__ = ["TrainOptions", "train"]


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
    weighting: Annotated[
        Literal["none", "sqrt", "balanced"] | None,
        tyro.conf.arg(metavar="{none,sqrt,balanced}", help_behavior_hint=""),
    ] = None
    """other weights of the windows than the winner's own, for these epochs"""
    all_songs: Annotated[bool, tyro.conf.FlagCreatePairsOff, tyro.conf.arg(help_behavior_hint="")] = False
    """train anew on all songs, held-out ones too, for as many updates as the winner took"""
    seed: Annotated[int, tyro.conf.arg(metavar="N")] = 1
    """decides the order of the windows, and fresh weights"""
    json: Annotated[Path | None, tyro.conf.arg(metavar="FILE", help_behavior_hint="")] = None
    """write the figures on the training songs, and their floors, here too"""
    runs: RunsFolder = None
    config: ConfigFile = None


def train(options: TrainOptions, arguments: Sequence[str]) -> None:
    """The command: each head in turn."""
    from experiments.files import locked, write_json
    from experiments.plugins import note_unknown_heads
    from experiments.provenance import made_by
    from experiments.run_folder import default_runs, open_run
    from experiments.winners import load_winner

    if options.epochs < 1:
        raise UserError(f"--epochs {options.epochs}: must be at least 1")
    run = open_run(options.run, options.runs or default_runs())
    note_unknown_heads(run)
    names = [spec.name for spec in named_heads(options.head)]
    there = [name for name in HEADS if run.winner(name).exists()]
    if missing := [name for name in names if name not in there]:
        if options.head != ALL or not there:
            raise UserError(f"{run.path} has no winner of {', '.join(missing)}: run `python -m experiments.tune` first")
        note(f"no winner of {', '.join(missing)} in this run: left out")
    dataset = run.dataset()
    found: dict[str, Any] = {}
    for name in names:
        if name in there:
            with locked(run.head(name) / "lock", f"{run.head(name)}: a search of this head is running; wait for it"):
                winner = load_winner(run.winner(name))
                if options.all_songs:
                    _all_songs(run, dataset, winner, options)
                else:
                    found[name] = _further(dataset, winner, options)
    if options.json is not None:
        write_json(options.json, {"run": run.name, "made_by": made_by(), "heads": found})


def _further(dataset: Dataset, winner: Winner, options: TrainOptions) -> dict[str, Any]:
    """Go on from the winner's weights, and keep the best epoch if it is better.

    Returns:
        The winner's figures, those on the training songs, and their floors.
    """
    import torch

    from datamodules.baselines.floors import floors
    from datamodules.splits import TRAIN
    from experiments.evaluate import training_figures
    from experiments.figures import METRICS, comparison, told_in_words, unit_of
    from experiments.winners import load_winner, save_winner

    column = dataset.column_of(winner)
    metric = winner.facts["metric"]
    if metric not in METRICS:
        raise UserError(f"{winner.path} was judged by {metric!r}, which is no metric of this version")
    figure, unit = METRICS[metric][0], unit_of(column.spec, metric)
    before = winner.judged("valid", figure)
    torch.manual_seed(options.seed)
    best = _run_epochs(winner, column, options, winner.head(), options.epochs, figure, before, "cosine")
    say(f"{column.spec.title}: best {figure} before {before:.4f} {unit}", end="")
    if best is None:
        say(f", after {options.epochs} more epochs no better: the winner stays")
    else:
        facts = {
            **{name: value for name, value in winner.facts.items() if name not in ("confirmed", "folds")},
            "kind": "further",
            "figures": best.figures,
            "best": best.figures[figure],
            "epoch": winner.facts["epoch"] + best.epoch,
            "updates": winner.facts["updates"] + best.updates,
            "further": {"seed": options.seed, "weighting": options.weighting or winner.config.weighting},
        }
        save_winner(winner.path, best.tensors, facts)
        winner = load_winner(winner.path)
        say(f", now {facts['best']:.4f} (after {best.epoch} more epochs): {winner.path}")
    shown = winner.facts["figures"], winner.facts["baselines"]
    console.print(comparison(f"{column.spec.title} on {winner.label}", *shown, column=column.spec))
    for line in told_in_words(winner.facts["figures"]):
        say(f"{winner.spec.name}: {line}")
    trained, least = (
        training_figures(winner, column),
        floors(column, TRAIN, winner.config.window, winner.config.weighting),
    )
    say(_on_training_songs(trained, least, winner) + "\n")
    return {
        "label": winner.label,
        "figures": winner.facts["figures"],
        "baselines": winner.facts["baselines"],
        "on_training_songs": trained,
        "floors": least,
        "hyperparameters": winner.config.to_dict(),
        "updates": winner.facts["updates"],
    }


def _on_training_songs(trained: dict[str, float], least: dict[str, float], winner: Winner) -> str:
    """What the winner has learned by heart, and what a table of its windows would have, in one line."""
    window, unit = winner.config.window, winner.spec.column.unit
    titles = {
        "cross_entropy": "cross-entropy {:.3f} nats",
        "weighted_cross_entropy": "weighted {:.3f} nats",
        "mae": f"MAE {{:.3f}} {unit}",
    }
    shown = [title.format(trained[name]) for name, title in titles.items() if name in trained]
    under = f" (weighted {least['weighted']:.3f}, at {least['at_weighted']:.3f} unweighted)"
    lowest = [f"{least['nats']:.3f} nats" + (under if least["at_weighted"] != least["nats"] else "")]
    lowest += [f"{least['mae']:.3f} {unit}"] if "mae" in least else []
    return (
        f"on the training songs, one pass in evaluation mode: {', '.join(shown)}; the floor, given {window} values:"
        f" {', '.join(lowest)}"
    )


def _all_songs(run: Run, dataset: Dataset, winner: Winner, options: TrainOptions) -> None:
    """Weights over all songs, from where the winner began, for its number of updates."""
    import torch

    from datamodules.midi_windows import MidiWindows
    from datamodules.splits import make_split
    from experiments.initial import initial_again
    from experiments.winners import ALL_SONGS, save_winner

    initial = initial_again(winner)
    split = make_split("none", dataset.events, options.seed)
    also = initial.vocabulary.values if initial else ()
    column = dataset.column(winner.column, also, split=split, form=winner.framing.form)
    torch.manual_seed(options.seed)
    head = winner.spec.build(winner.config, column.vocabulary, column.grid)
    if initial is not None:
        head.load_state_dict(initial.start(head.state_dict(), column.vocabulary))
    updates = MidiWindows(column, winner.framing, batch_size=winner.config.batch_size).updates
    epochs = max(round(winner.facts["updates"] / updates), 1)
    _run_epochs(winner, column, options, head, epochs, "", -math.inf)
    tensors = head.state_dict()
    for name in ("mixture", "output.scale"):  # fitted on held-out or training errors of the split: kept as they were
        if name in winner.tensors:
            tensors[name] = winner.tensors[name]
    kept = ("format", "head", "hyperparameters", "grid", "parts", "metric", "run", "row", "songs", "split", "init")
    facts = {name: winner.facts[name] for name in kept if name in winner.facts}
    facts |= {
        "kind": "all-songs",
        "vocabulary": column.vocabulary.to_json(),
        "figures": {"mixture": winner.mixture},
        "label": "",
        "epoch": epochs,
        "updates": epochs * updates,
        "seed": options.seed,
    }
    path = run.winner(winner.spec.name, ALL_SONGS)
    save_winner(path, tensors, facts)
    say(f"{winner.spec.name}: trained on all {len(dataset.songs)} songs for {epochs * updates:,} updates: {path}")


@dataclass(frozen=True)
class _Best:
    """The best epoch so far."""

    epoch: int
    updates: int
    figures: dict[str, float]
    tensors: dict[str, Any]


def _run_epochs(
    winner: Winner,
    column: Column,
    options: TrainOptions,
    head: Any,
    epochs: int,
    figure: str,
    before: float,
    schedule: str | None = None,
) -> _Best | None:
    """Train `head` in place; the best epoch by `figure` if it is below `before`."""
    import pytorch_lightning as pl
    import torch

    from datamodules.midi_windows import MidiWindows
    from experiments.progress import bar
    from experiments.stopping import stopping
    from experiments.training import fit

    config, name = winner.config, winner.spec.name
    data = MidiWindows(
        column,
        winner.framing,
        batch_size=config.batch_size,
        weighting=options.weighting or config.weighting,
        seed=options.seed,
    )
    best: _Best | None = None

    class Keeper(pl.Callback):
        epochs = 0

        def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
            nonlocal best
            advance(trainer.current_epoch + 1, epochs)
            self.epochs, trainer.should_stop = trainer.current_epoch + 1, interrupt.asked
            value = head.figures.get(figure, math.inf)
            if value < (before if best is None else best.figures[figure]):
                tensors = {key: tensor.detach().cpu().clone() for key, tensor in head.state_dict().items()}
                best = _Best(
                    trainer.current_epoch + 1, (trainer.current_epoch + 1) * data.updates, dict(head.figures), tensors
                )

    keeper = Keeper()
    with bar(f"{name}: epochs") as advance, stopping() as interrupt:
        fit(head, data, epochs=epochs, callbacks=[keeper], schedule=schedule, gpu=torch.cuda.is_available())
    if interrupt.asked:
        note(f"{name}: stopped after {keeper.epochs} of {epochs} epochs; the best of them counts")
    return best


if __name__ == "__main__":
    sys.exit(main(TrainOptions, train, prog="train"))
