"""Starting from the winner of another run: its architecture is kept, its weights are where every trial begins.

A head that spells chords takes the weights as they are. One with a vocabulary keeps the winner's values and gains the
new songs': rows of known values are copied, those of new ones begin as fresh ones do.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datamodules.errors import UserError
from datamodules.vocabulary import Vocabulary
from experiments.command_line.cli import note
from experiments.heard import Heard, heard, overlap
from experiments.music.training_songs import parts_of
from experiments.run_folder import open_run
from experiments.winners import WINNER, load_winner

if TYPE_CHECKING:
    import torch

    from experiments.dataset import Dataset
    from experiments.heads import HeadSpec
    from experiments.winners import Winner
    from lightning_modules.config import Plain

__all__ = ["FREE", "Initial", "grown", "initial_again", "initial_of", "initial_of_head", "initial_place", "say_heard"]

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
        path: where the winner is.
        digest: SHA-256 of its file.
        heard: the songs that it learnt from or was chosen on.
        parts: the parts that it learnt; None for all pitched ones.
    """

    vocabulary: Vocabulary
    tensors: Mapping[str, torch.Tensor]
    fixed: Mapping[str, Plain]
    path: str
    digest: str
    heard: Heard
    parts: Sequence[str] | None

    def to_json(self, parts: Sequence[str] | None) -> dict[str, Any]:
        """What the metadata of a new winner, over `parts`, tell of it."""
        return {"from": self.path, "sha256": self.digest, **self.heard_over(parts).to_json()}

    def heard_over(self, parts: Sequence[str] | None) -> Heard:
        """`heard`, as a run over `parts` must count it; None for all pitched ones."""
        own, theirs = (None if chosen is None else sorted(chosen) for chosen in (self.parts, parts))
        return self.heard if own == theirs else self.heard.over_other_parts()

    def start(self, fresh: Mapping[str, torch.Tensor], vocabulary: Vocabulary) -> dict[str, torch.Tensor]:
        """The weights that a trial begins with, over a vocabulary that holds the winner's.

        Args:
            fresh: the state of a network over `vocabulary`, as it was initialised.
        """
        return grown(self.tensors, fresh, self.vocabulary, vocabulary)


def initial_place(init: str, runs: Path | None) -> Path:
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


def initial_again(winner: Winner) -> Initial | None:
    """What a winner began from, to begin from it again; None for fresh weights.

    Raises:
        UserError: that winner is gone, or is another one now.
    """
    init = winner.facts.get("init")
    if init is None:
        return None
    if not isinstance(init, dict) or not isinstance(init.get("from"), str):
        raise UserError(f"{winner.path}: what it began from (--init) cannot be read")
    initial = initial_of(load_winner(Path(init["from"])), winner.grid)
    if initial.digest != init.get("sha256"):
        raise UserError(f"{initial.path} has changed since {winner.path} began from it: tune again")
    return initial


def say_heard(initial: Initial, dataset: Dataset) -> None:
    """Say if the winner of --init knows songs that are held out here, or may know some."""
    known = initial.heard_over(dataset.options.parts)
    if not known.complete:
        why = "a songs.json is missing, its own or one of what it began from"
        note(f"--init {initial.path}: {why}, so it may have learnt from songs that are held out here")
    held = {digest: use for digest, use in dataset.uses.items() if use not in ("train", "none")}
    trained, chosen = overlap(known.songs, held)
    for did, count in (("learnt from", trained), ("was chosen on", chosen)):
        if count:
            note(f"--init {initial.path} {did} {count} of the songs that are held out here: their figures say little")


def initial_of(winner: Winner, grid: int) -> Initial:
    """What a search over songs on `grid` begins with.

    Raises:
        UserError: the winner is of another grid.
    """
    if winner.grid != grid:
        raise UserError(f"--init {winner.path}: it was made on --grid {winner.grid}, these songs are on {grid}")
    fixed = {name: value for name, value in winner.config.to_dict().items() if name not in FREE}
    with winner.path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    known, parts = heard(winner), parts_of(winner)
    return Initial(winner.vocabulary, winner.tensors, fixed, str(winner.path), digest, known, parts)


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
