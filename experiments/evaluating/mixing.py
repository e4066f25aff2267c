"""A winner mixed with an n-gram model of its training songs: what it would give, and with which weight.

A network forgets the very phrase that an n-gram has by heart, and an n-gram knows nothing of what it has not counted:
the two err in different places. Nothing of a winner changes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from datamodules.baselines.by_target import Ngram, best_ngram

if TYPE_CHECKING:
    from datamodules.columns import Column
    from experiments.winners import Winner

__all__ = ["NgramMix", "fit_mix"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class NgramMix:
    """``(1 - weight) * winner + weight * ngram``.

    Attributes:
        ngram: the model.
        weight: its share, from 0.001 to 0.999.
        logs: its ln probability of each target that is scored, (N,), in nats.
    """

    ngram: Ngram
    weight: float
    logs: Floats

    def nats(self, winner: Floats, told: Floats | None = None) -> Floats:
        """Of each target, (N,), from the winner's, and what of those tells a form: it is told to the mixture too."""
        apart = 0.0 if told is None else told
        own, other = math.log1p(-self.weight) - (winner - apart), math.log(self.weight) + self.logs
        nats: Floats = apart - np.logaddexp(own, other)
        return nats


def fit_mix(winner: Winner, column: Column, scored: Ints) -> NgramMix:
    """The best n-gram model and its best weight, both on the column's `valid_part`.

    Args:
        column: by the winner's vocabulary; its training part is what the n-grams are of.
        scored: the events to score afterwards, (N,).
    """
    import torch

    from datamodules.batches import in_order
    from lightning_modules.head import score
    from lightning_modules.scoring import fit_mixture

    valid = column.valid_part
    ngram, logs, scored_logs = best_ngram(column, column.targets(valid), scored)
    scores = score(winner.head(), in_order(column, valid, winner.framing), winner.mixture)
    own = scores.nats if scores.told is None else scores.nats - scores.told
    return NgramMix(ngram, fit_mixture(-own, torch.from_numpy(logs)), scored_logs)
