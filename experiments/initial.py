"""Starting from the winner of another run: its architecture is kept, its weights are where every trial begins.

A head that spells chords takes the weights as they are. One with a vocabulary keeps the winner's values and gains the
new songs': rows of known values are copied, those of new ones begin as fresh ones do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from datamodules.errors import UserError
from datamodules.vocabulary import Vocabulary
from experiments.cli import note
from experiments.run_folder import TRAINS, Run, open_run
from experiments.winners import WINNER, load_winner

if TYPE_CHECKING:
    import torch

    from experiments.dataset import Dataset
    from experiments.heads import HeadSpec
    from experiments.winners import Winner
    from lightning_modules.config import Plain

__all__ = ["FREE", "Initial", "grown", "initial_of", "initial_of_head", "initial_place", "say_heard"]

# what shapes no weight, and may be searched anew; the rest of the hyperparameters is the winner's
FREE = (
    "transpose",
    "batch_size",
    "weighting",
    "learning_rate",
    "schedule",
    "weight_decay",
    "dropout_layers",
    "dropout",
)


@dataclass(frozen=True)
class Initial:
    """Where the trials of a search begin.

    Attributes:
        vocabulary: the winner's.
        tensors: its weights.
        fixed: the hyperparameters that its weights are made for.
        told: which winner it is: for people, and for the new winner's metadata.
    """

    vocabulary: Vocabulary
    tensors: Mapping[str, torch.Tensor]
    fixed: Mapping[str, Plain]
    told: str

    def start(self, fresh: Mapping[str, torch.Tensor], vocabulary: Vocabulary) -> dict[str, torch.Tensor]:
        """The weights that a trial begins with, over a vocabulary that holds the winner's.

        Args:
            fresh: the state of a network over `vocabulary`, as it was initialised.
        """
        return grown(self.tensors, fresh, self.vocabulary, vocabulary)


def initial_place(init: str, runs: Path) -> Path:
    """The run, or the winner's file, that --init names.

    Raises:
        UserError: there is neither.
    """
    path = Path(init)
    return path.absolute() if path.is_file() else open_run(init, runs).path


def initial_of_head(spec: HeadSpec, place: str | None, grid: int) -> Initial | None:
    """What a search of a head begins with; None for fresh weights.

    Raises:
        UserError: the run has no winner of the head, or one of another grid.
    """
    if place is None:
        return None
    path = Path(place) if Path(place).is_file() else Path(place) / spec.name / WINNER
    if not path.is_file():
        raise UserError(f"--init {place}: there is no winner of the {spec.name} head; tune it there, or leave it out")
    winner = load_winner(path)
    if winner.spec.name != spec.name:
        raise UserError(f"--init {place} is a winner of the {winner.spec.name} head")
    return initial_of(winner, grid)


def say_heard(place: str, dataset: Dataset) -> None:
    """Say if the winners of --init learnt from songs that are held out here."""
    path = Path(place)
    folder = path.parent.parent if path.is_file() else path
    if not (folder / "songs.json").is_file():
        note(f"--init {place}: no songs.json there, so it may have learnt from songs that are held out here")
        return
    heard = {row["sha256"] for row in Run(folder).songs() if row.get("split") in TRAINS}
    held = [song for song, use in zip(dataset.songs, dataset.split.songs, strict=True) if use != "train"]
    known = [song.name for song in held if song.digest in heard]
    if known:
        note(f"--init {place} learnt from {len(known)} of the songs that are held out here: their figures say little")


def initial_of(winner: Winner, grid: int) -> Initial:
    """What a search over songs on `grid` begins with.

    Raises:
        UserError: the winner is of another grid.
    """
    if winner.grid != grid:
        raise UserError(f"--init {winner.path}: it was made on --grid {winner.grid}, these songs are on {grid}")
    fixed = {name: value for name, value in winner.config.to_dict().items() if name not in FREE}
    return Initial(winner.vocabulary, winner.tensors, fixed, str(winner.path))


def grown(
    tensors: Mapping[str, torch.Tensor],
    fresh: Mapping[str, torch.Tensor],
    before: Vocabulary,
    vocabulary: Vocabulary,
) -> dict[str, torch.Tensor]:
    """The weights of a network over `before`, for one over a vocabulary that holds all of its values.

    Args:
        tensors: by name, as the network over `before` has them.
        fresh: as the network over `vocabulary` has them before training; gives the rows of the new values.

    Raises:
        UserError: the two are not of one architecture.
    """
    import torch

    if before.kind != vocabulary.kind or not set(before.values) <= set(vocabulary.values):
        raise UserError("--init: its vocabulary is not part of the new one")
    if set(tensors) != set(fresh):
        raise UserError(f"--init: another architecture (first: {min(set(tensors) ^ set(fresh))})")
    classes = [vocabulary.index[value] for value in before.values]
    rows = {len(before): classes, before.inputs: [*classes, vocabulary.unknown, vocabulary.start]}
    sizes = {len(before): len(vocabulary), before.inputs: vocabulary.inputs}
    found = {}
    for name, new in fresh.items():
        old = tensors[name]
        if old.shape == new.shape:  # with a larger vocabulary, what is sized by it differs
            found[name] = old.clone()
        elif old.ndim and old.shape[1:] == new.shape[1:] and new.shape[0] == sizes.get(old.shape[0]):
            found[name] = new.clone()
            found[name][torch.tensor(rows[old.shape[0]])] = old
        else:
            raise UserError(f"--init: {name} is {tuple(old.shape)} there and {tuple(new.shape)} here")
    return found
