"""Winners trained further on their split, or fresh weights like theirs on all songs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from datamodules.baselines.floors import floors
from datamodules.batches import in_order
from datamodules.columns import Column
from datamodules.errors import UserError
from datamodules.midi_windows import MidiWindows
from datamodules.splits import TRAIN, make_split
from experiments.best_epoch import Best, Trained, fit_best
from experiments.command_line.cli import console, note, say
from experiments.dataset import Dataset
from experiments.figures import METRICS, comparison, told_in_words, unit_of
from experiments.initial import initial_again
from experiments.progress import bar
from experiments.winner_limits import check_room
from experiments.winners import Winner, load_winner, save_winner
from lightning_modules.head import Head, score

if TYPE_CHECKING:
    from experiments.train import TrainOptions

__all__ = ["further", "on_all_songs"]

# of a winner, what weights over all songs have too
KEPT = ("format", "head", "hyperparameters", "grid", "parts", "metric", "run", "row", "songs", "split", "init")


def further(winner: Winner, dataset: Dataset, options: TrainOptions) -> tuple[dict[str, Any], Trained]:
    """Go on from the winner's weights, and keep the best epoch if it is better.

    Returns:
        The winner's figures, those on the training songs, and their floors; and how the training ended.

    Raises:
        UserError: the winner is of other songs, or was judged by what is no metric.
    """
    column = dataset.column_of(winner)
    figure, unit = _figure(winner), unit_of(column.spec, winner.facts["metric"])
    before = winner.judged("valid", figure)
    torch.manual_seed(options.seed)
    data = _windows(winner, column, options)
    ended = _trained(winner, winner.head(), data, options.epochs, figure=figure, below=before, schedule="cosine")
    best = ended.best
    say(f"{column.spec.title}: best {figure} before {before:.4f} {unit}", end="")
    if best is None:
        say(f", after {ended.epochs} more epochs no better: the winner stays")
    else:
        winner = _replaced(winner, best, best.epoch * data.updates, options)
        say(f", now {winner.facts['best']:.4f} (after {best.epoch} more epochs): {winner.path}")
    shown = winner.facts["figures"], winner.facts["baselines"]
    console.print(comparison(f"{column.spec.title} on {winner.label}", *shown, column=column.spec))
    for line in told_in_words(winner.facts["figures"]):
        say(f"{winner.spec.name}: {line}")
    trained = _training_figures(winner, column)
    least = floors(column, TRAIN, winner.config.window, winner.config.weighting)
    say(_on_training_songs(trained, least, winner) + "\n")
    return {
        "label": winner.label,
        "figures": winner.facts["figures"],
        "baselines": winner.facts["baselines"],
        "on_training_songs": trained,
        "floors": least,
        "hyperparameters": winner.config.to_dict(),
        "updates": winner.facts["updates"],
    }, ended


def _figure(winner: Winner) -> str:
    """The figure whose least the winner is."""
    metric = winner.facts["metric"]
    if metric not in METRICS:
        raise UserError(f"{winner.path} was judged by {metric!r}, which is no metric of this version")
    return METRICS[metric][0]


def _replaced(winner: Winner, best: Best, updates: int, options: TrainOptions) -> Winner:
    """The winner that takes its place, with its better epoch."""
    facts = {
        **{name: value for name, value in winner.facts.items() if name not in ("confirmed", "folds")},
        "kind": "further",
        "figures": best.figures,
        "best": best.figures[_figure(winner)],
        "epoch": winner.facts["epoch"] + best.epoch,
        "updates": winner.facts["updates"] + updates,
        "further": {"seed": options.seed, "weighting": options.weighting or winner.config.weighting},
    }
    save_winner(winner.path, best.tensors, facts)
    return load_winner(winner.path)


def _training_figures(winner: Winner, column: Column) -> dict[str, float]:
    """Figures on the training windows, one pass in evaluation mode: what the original's figures are figures of."""
    batches = in_order(column, TRAIN, winner.framing, winner.config.weighting)
    return score(winner.head(), batches, winner.mixture).figures


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


def on_all_songs(winner: Winner, dataset: Dataset, path: Path, options: TrainOptions) -> Trained:
    """Weights over all songs, from where the winner began, for its number of updates, written to `path`.

    Returns:
        How the training ended. Nothing is written if Ctrl-C cut it short: of weights that no figure judges, none are
        the best so far.
    """
    initial = initial_again(winner)
    split = make_split("none", dataset.events, options.seed)
    also = initial.vocabulary.values if initial else ()
    column = dataset.column(winner.column, also, split=split, form=winner.framing.form)
    check_room(column.vocabulary, winner.facts.get("init"))
    torch.manual_seed(options.seed)
    head = winner.spec.build(winner.config, column.vocabulary, column.grid)
    if initial is not None:
        head.load_state_dict(initial.start(head.state_dict(), column.vocabulary))
    data = _windows(winner, column, options)
    epochs = max(round(winner.facts["updates"] / data.updates), 1)
    ended = _trained(winner, head, data, epochs, figure=None)  # all are training songs: nothing could judge it
    if ended.short:
        return ended
    tensors = head.state_dict()
    for name in ("mixture", "output.scale"):  # fitted on held-out or training errors of the split: kept as they were
        if name in winner.tensors:
            tensors[name] = winner.tensors[name]
    facts = {name: winner.facts[name] for name in KEPT if name in winner.facts}
    facts |= {
        "kind": "all-songs",
        "vocabulary": column.vocabulary.to_json(),
        "figures": {"mixture": winner.mixture},
        "label": "",
        "epoch": epochs,
        "updates": epochs * data.updates,
        "seed": options.seed,
    }
    save_winner(path, tensors, facts)
    told = f"trained on all {len(dataset.songs)} songs for {epochs * data.updates:,} updates: {path}"
    say(f"{winner.spec.name}: {told}")
    return ended


def _windows(winner: Winner, column: Column, options: TrainOptions) -> MidiWindows:
    """The windows of a column as the winner looks at them."""
    weighting, size = options.weighting or winner.config.weighting, winner.config.batch_size
    return MidiWindows(column, winner.framing, batch_size=size, weighting=weighting, seed=options.seed)


def _trained(winner: Winner, head: Head, data: MidiWindows, epochs: int, **best: Any) -> Trained:
    """`fit_best` with its progress shown, on a GPU if there is one; an early end is told."""
    name, gpu = winner.spec.name, torch.cuda.is_available()
    with bar(f"{name}: epochs") as advance:
        trained = fit_best(head, data, epochs=epochs, progress=advance, gpu=gpu, **best)
    if trained.short:
        note(f"{name}: stopped after {trained.epochs} of {epochs} epochs")
    return trained
