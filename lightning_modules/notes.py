"""The notes head: which pitches sound next."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lightning_modules.config import NotesConfig
from lightning_modules.head import Head
from lightning_modules.outputs import TokenOutput

__all__ = ["NotesHead"]


class NotesHead(Head):
    """A softmax over the vocabulary's chords.

    Args:
        config: the hyperparameters.
        values: the vocabulary's V chords, by id. Inputs are ids 0 to V - 1, V = <unknown>, V + 1 = <start>.
        grid, lowest, histogram: the timing heads'; taken so that all heads are built alike, and not used.

    Raises:
        ValueError: an empty vocabulary.
    """

    config: NotesConfig

    def __init__(
        self,
        config: NotesConfig,
        values: Sequence[tuple[int, ...]],
        *,
        grid: int = 24,
        lowest: int = 0,
        histogram: NDArray[np.float64] | None = None,
    ) -> None:
        if not values:
            raise ValueError("the vocabulary holds no chord")
        super().__init__(config, len(values) + 2, TokenOutput(config.hidden, values))
