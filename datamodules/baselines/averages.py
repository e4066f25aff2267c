"""All baselines of a column, each by its mean over the targets; `by_target` has them target by target.

Unigram and Kneser-Ney for every head; for numbers also the two constants of the trade, the training median and the
last value again, by their mean absolute error.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from datamodules.baselines.kneser_ney import HIGHEST_ORDER, kneser_ney
from datamodules.baselines.mixture import fit_mixture
from datamodules.columns import Column
from datamodules.lengths import notes_of, unrolled
from datamodules.splits import TRAIN

__all__ = ["Figures", "baselines", "frequencies", "median_error", "repeat_error", "unigram"]

Figures = dict[str, float | int]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def baselines(column: Column, on: int, choose_on: int | None = None) -> dict[str, Figures]:
    """All baselines of a column, in nats per event (`nats`) or the column's unit, as quarter notes (`mae`).

    Args:
        column: its training part is what they are fitted on.
        on: the part that they are scored on.
        choose_on: the part that the unigram's mixture and the best order are chosen on; by default the column's
            `valid_part`.

    Returns:
        `unigram` (nats, mixture), `kneser_ney_3` (nats), `kneser_ney_best` (nats, order); for notes these two again
        with `_transposed`; for numbers `median` (mae, value: the constant itself) and `repeat` (mae). Of grain note
        an event's nats are the sum over its notes, from high to low, and `mae` is the mean over notes.
    """
    chosen, scored = column.targets(column.valid_part if choose_on is None else choose_on), column.targets(on)
    if not len(chosen) or not len(scored):
        raise ValueError("a baseline needs targets to be chosen and scored on")
    single, values, chosen_values = column, scored, chosen
    if column.spec.grain == "note":
        single, values, chosen_values = unrolled(column), *(notes_of(column.context, x)[0] for x in (scored, chosen))
    nats, mixture = unigram(single, values, chosen_values)
    found: dict[str, Figures] = {"unigram": {"nats": nats * len(values) / len(scored), "mixture": mixture}}
    for transpose in (False, True) if column.spec.chords else (False,):
        found.update(_kneser_ney(column, scored, chosen, transpose=transpose))
    if not column.spec.chords:
        error, median = median_error(single, values)
        found["median"] = {"mae": error, "value": median}
        found["repeat"] = {"mae": repeat_error(single, values)}
    return found


def unigram(column: Column, scored: Ints, chosen: Ints) -> tuple[float, float]:
    """Nats of the relative frequency mixed with the base distribution, and the mixture, fitted on `chosen`.

    Args:
        column: see `frequencies`.
        scored, chosen: events, shape (targets,).
    """
    frequency = frequencies(column)
    base = np.exp(column.base)
    mixture = fit_mixture(frequency[chosen], base[chosen])
    mixed = (1 - mixture) * frequency[scored] + mixture * base[scored]
    return float(-np.log(mixed).mean()), mixture


def frequencies(column: Column) -> Floats:
    """How often each event's value is a training target, as a share of these, float64 (E,)."""
    counts = np.zeros(len(column.lexicon))
    counts[: len(column.vocabulary)] = column.vocabulary.counts
    shares: Floats = (counts / counts.sum())[column.ids]
    return shares


def median_error(column: Column, scored: Ints) -> tuple[float, float]:
    """Mean absolute error of the training targets' median, and that median, both in the column's unit."""
    median = float(np.median(column.value[column.targets(TRAIN)]))
    return float(np.abs(column.value[scored] - median).mean()) / column.per_unit, median / column.per_unit


def repeat_error(column: Column, scored: Ints) -> float:
    """Mean absolute error of the value before, in the column's unit."""
    value = column.value.astype(np.int64)
    return float(np.abs(value[scored] - value[scored - 1]).mean()) / column.per_unit


def _kneser_ney(column: Column, scored: Ints, chosen: Ints, *, transpose: bool) -> dict[str, Figures]:
    """Order 3, and the order with the fewest nats on `chosen`."""
    same = np.array_equal(scored, chosen)
    events = scored if same else np.concatenate([chosen, scored])
    nats = -kneser_ney(column, events, transpose=transpose)  # (orders, targets)
    by_choice = nats[:, : len(chosen)].mean(axis=1)
    by_score = nats[:, -len(scored) :].mean(axis=1)
    best = min(range(HIGHEST_ORDER), key=lambda i: float(by_choice[i]))
    suffix = "_transposed" if transpose else ""
    return {
        f"kneser_ney_3{suffix}": {"nats": float(by_score[2])},
        f"kneser_ney_best{suffix}": {"nats": float(by_score[best]), "order": best + 1},
    }
