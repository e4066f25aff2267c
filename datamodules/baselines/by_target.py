"""What `baselines` averages, target by target; and the n-gram model that a network may be mixed with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datamodules.baselines.averages import Figures, frequencies
from datamodules.baselines.kneser_ney import HIGHEST_ORDER, kneser_ney
from datamodules.columns import Column
from datamodules.lengths import notes_of, summed, unrolled

__all__ = ["Ngram", "baseline_errors", "baseline_nats", "best_ngram"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Ngram:
    """One of the Kneser-Ney models of a column's training part.

    Attributes:
        order: events that it counts together, the target among them.
        transposed: whether it was fitted on transposed copies too.
    """

    order: int
    transposed: bool

    def describe(self) -> str:
        """Its name in sentences."""
        return f"Kneser-Ney {self.order}" + (", transposed" if self.transposed else "")


def best_ngram(column: Column, chosen: Ints, scored: Ints) -> tuple[Ngram, Floats, Floats]:
    """The Kneser-Ney model with the fewest nats on some targets, of every order, for chords transposed or not.

    Args:
        column: its training part is what the models are fitted on.
        chosen: the events to choose on, (C,), at least one.
        scored: the events to score too, (N,).

    Returns:
        The model, and its ln probabilities of `chosen`, (C,), and of `scored`, (N,), in nats.
    """
    best: tuple[float, Ngram, Floats] | None = None
    for transposed in (False, True) if column.spec.chords else (False,):
        logs = kneser_ney(column, np.concatenate([chosen, scored]), transpose=transposed)  # (orders, C + N)
        for order in range(1, HIGHEST_ORDER + 1):
            mean = float(logs[order - 1, : len(chosen)].mean())
            if best is None or mean > best[0]:
                best = mean, Ngram(order, transposed), logs[order - 1]
    assert best is not None
    return best[1], best[2][: len(chosen)], best[2][len(chosen) :]


def baseline_nats(column: Column, name: str, figures: Figures, events: Ints) -> Floats:
    """The nats of each target, (N,), under a baseline that has nats.

    Args:
        name, figures: as `baselines` gives them; the figures hold what was fitted.
        events: the targets, (N,).
    """
    if column.spec.grain == "note" and name == "unigram":
        notes, row = notes_of(column.context, events)
        return summed(baseline_nats(unrolled(column), name, figures, notes), row)
    if name == "unigram":
        share, mixture = frequencies(column)[events], float(figures["mixture"])
        nats: Floats = -np.log((1 - mixture) * share + mixture * np.exp(column.base[events]))
        return nats
    order = int(figures.get("order", 3))
    logs: Floats = kneser_ney(column, events, highest=order, transpose=name.endswith("_transposed"))[order - 1]
    return -logs


def baseline_errors(column: Column, name: str, figures: Figures, events: Ints) -> Floats:
    """The absolute error of each target in the column's unit, (N,), of a baseline that has a mean absolute error.

    Of grain note, see `lightning_modules.outputs.output.Score`.
    """
    if column.spec.grain == "note":
        notes, row = notes_of(column.context, events)
        errors = baseline_errors(unrolled(column), name, figures, notes)
        return summed(errors, row) * (len(events) / len(notes))
    value = column.value.astype(np.float64) / column.per_unit
    guess = value[events - 1] if name == "repeat" else figures["value"]
    return np.abs(value[events] - guess)
