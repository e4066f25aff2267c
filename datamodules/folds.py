"""Folds over songs: each song to train or validate on is held out once, in the fold that it falls into."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from datamodules.errors import UserError
from datamodules.song import Events
from datamodules.splits import FIRST, TEST, TRAIN, VALID, Split, alike

__all__ = ["make_folds"]


def make_folds(split: Split, events: Sequence[Events], folds: int, seed: int) -> tuple[Split, ...]:
    """As many splits as there are folds, over the songs of a split.

    What the split trains or validates on is training in all folds but one, and validation there, a song as a whole;
    songs with equal events (transposition ignored), and versions of one song, go together. Test targets stay what they
    are, and are in no fold.

    Args:
        split: of the run.
        events: its songs.
        folds: how many, at least 2.
        seed: of the order in which songs are dealt out, each to the fold that has the fewest targets yet.

    Raises:
        UserError: there are fewer different songs than folds, or a fold without targets.
    """
    targets = [int(np.isin(marks, (TRAIN, VALID)).sum()) for marks in split.parts]
    groups = [group for group in alike(events, split.kin) if any(targets[song] for song in group)]
    if len(groups) < folds:
        instead = f"give more songs, or --folds {len(groups)}" if len(groups) > 1 else "give more songs"
        raise UserError(
            f"--folds {folds}: there are only {len(groups)} different songs to train and validate on; {instead}"
        )
    dealt: list[list[int]] = [[] for _ in range(folds)]
    for number in np.random.default_rng(seed).permutation(len(groups)):
        least = min(dealt, key=lambda songs: (sum(targets[song] for song in songs), len(songs)))
        least += groups[number]
    return tuple(_fold(split, number, songs, folds) for number, songs in enumerate(dealt, start=1))


def _fold(split: Split, number: int, held: Sequence[int], folds: int) -> Split:
    """The split that validates on the songs of one fold."""
    parts, names = [], []
    for song, marks in enumerate(split.parts):
        part, name = (VALID, "valid") if song in held else (TRAIN, "train")
        own = np.where(np.isin(marks, (FIRST, TEST)), marks, np.int8(part)).astype(np.int8)
        parts.append(own)
        names.append(name if (own == part).any() else split.songs[song])
    return Split("folds", f"fold {number} of {folds}, over songs", tuple(parts), tuple(names))
