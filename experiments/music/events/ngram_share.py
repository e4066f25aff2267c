"""Heads that leave a share of the events to an n-gram model of the songs that they learnt from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from datamodules.baselines.by_target import best_ngram
from datamodules.columns import build_column
from datamodules.errors import UserError
from datamodules.splits import TRAIN, make_split
from datamodules.vocabulary import Value
from experiments.command_line.cli import note
from experiments.music.events.ngram import NgramSampler
from experiments.run_folder import Run
from experiments.winners import load_winner

if TYPE_CHECKING:
    from experiments.dataset import Dataset
    from experiments.winners import Winner

__all__ = ["NgramShare", "NgramTurns", "shares_of"]


@dataclass
class NgramTurns:
    """An n-gram model that speaks in a head's place now and then, over one song.

    Attributes:
        sampler: the model.
        weight: how often it does, from 0 to 1.
        random: of its draws.
        history: the values of the song so far.
    """

    sampler: NgramSampler
    weight: float
    random: np.random.Generator
    history: list[Value] = field(default_factory=list)

    def say(self) -> Value | None:
        """The next value; None where it is the head's turn."""
        return self.sampler.draw(self.history, self.random) if self.random.random() < self.weight else None


@dataclass(frozen=True)
class NgramShare:
    """What a head leaves to an n-gram model, in every song.

    Attributes:
        sampler: the model.
        weight: the share of the events.
        fitted: whether the weight was fitted on validation.
    """

    sampler: NgramSampler
    weight: float
    fitted: bool

    def describe(self) -> str:
        """In words."""
        how = "fitted on validation" if self.fitted else "as asked"
        return f"mixed with {100 * self.weight:.1f} % of {self.sampler.ngram.describe()} ({how})"

    def begin(self, seed: int, candidate: int, head: str) -> NgramTurns:
        """The model before a new song; its draws are its own, so that they move none of the head's."""
        words = np.random.SeedSequence([seed, candidate, *f"{head} n-gram".encode()])
        return NgramTurns(self.sampler, self.weight, np.random.default_rng(words))


def shares_of(winners: Mapping[str, Winner], weight: float | None) -> dict[str, NgramShare]:
    """The best n-gram model beside each head, of its own training songs, and the share that it takes.

    Args:
        winners: by head. One that gives each note a length is left out: an n-gram has no value of an event for it.
        weight: the share, above 0 and at most 1; None fits each head's on its validation events, as `evaluate` does.

    Raises:
        UserError: a bad weight; the songs are not here, or are others than those learnt from; nothing was held out.
    """
    if weight is not None and not 0 < weight <= 1:
        raise UserError(f"--mix-ngram {weight:g}: must be above 0 and at most 1")
    read: dict[Path, Dataset] = {}
    shares = {}
    for head, winner in winners.items():
        if winner.column.grain != "event":
            continue
        run = Run(winner.path.resolve().parent.parent)
        if not (run.path / "run.json").is_file():
            raise UserError(f"--mix-ngram: {winner.path} is in no run, so the songs that it learnt from are not known")
        if run.path not in read:
            try:
                read[run.path] = run.dataset()
            except UserError as error:
                raise UserError(f"--mix-ngram: {error}") from error
        shares[head] = _share(winner, run, read[run.path], weight)
    if not shares:
        note(f"--mix-ngram: changes nothing, as {' and '.join(winners)} give each note a length, which no n-gram does")
    return shares


def _share(winner: Winner, run: Run, dataset: Dataset, weight: float | None) -> NgramShare:
    """The model is chosen, and the weight fitted, with the winner of the split; one of all songs has nothing to ask."""
    from experiments.evaluating.mixing import fit_mix

    whole = winner.facts["kind"] == "all-songs"
    judge = load_winner(run.winner(winner.spec.name)) if whole else winner
    column = dataset.column_of(judge)
    none = np.zeros(0, np.int64)
    if weight is None:
        if column.valid_part == TRAIN:
            raise UserError("--mix-ngram: nothing was held out to fit its share on; give one, as --mix-ngram 0.3")
        mix = fit_mix(judge, column, none)
        ngram, share = mix.ngram, mix.weight
    else:
        ngram, share = best_ngram(column, column.targets(column.valid_part), none)[0], weight
    if whole:
        split = make_split("none", dataset.events, dataset.options.seed)
        column = build_column(winner.column, dataset.events, split, dataset.options.grid)
    return NgramShare(NgramSampler(column, ngram), share, fitted=weight is None)
