"""What a head predicts, and how that is trained, scored and drawn: what all outputs have in common.

An output is an `nn.Module` over the stack's state that fits the `Output` protocol. It owns the output layer; the loop
around it is `head.py`'s. Batches are dicts of tensors, see `datamodules.windows.Windows.batch`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor

__all__ = ["PITCHES", "Batch", "Output", "Score", "Value", "charged"]

PITCHES = 128  # MIDI numbers

Batch = dict[str, Tensor]
Value = tuple[int, ...] | int  # a chord's pitches low to high, or ticks


@dataclass(frozen=True)
class Score:
    """A pass over targets.

    Attributes:
        figures: what the outputs below say they give; plain floats.
        nats: of each target under the mixture, (targets,) float64 on the CPU, in the order of the batches.
        errors: of each target, whose mean is the mae, alike; None where there is none. Of grain note an event's is the
            sum over its notes, divided by the mean number of notes.
        told: of each target, the nats in `nats` that tell its song's form, alike; None where no form is told.
    """

    figures: dict[str, float]
    nats: Tensor
    errors: Tensor | None = None
    told: Tensor | None = None


class Output(Protocol):
    """What `head.Head` needs of an output module."""

    def losses(self, state: Tensor, batch: Batch) -> Tensor:
        """The unweighted training loss of each target, (n,), from the states that predict them, (n, hidden)."""
        ...

    def end_epoch(self, loss: Tensor) -> None:
        """Told the unweighted mean loss of the training epoch that ends."""
        ...

    def keep(self, state: Tensor, batch: Batch) -> Batch:
        """What is needed of a batch until `l` is known.

        Its `model` and `base` are what `l` is fitted on: natural log probabilities, float64, of each target or, where
        it is more than one number, of each of these.
        """
        ...

    def settle(self, kept: Batch, mixture: float) -> Batch:
        """What `score` needs of it now that `l` is known: a few numbers a target, whatever stood beside them."""
        ...

    def score(self, kept: Batch, mixture: float) -> Score:
        """Figures of all targets, of what was settled by `mixture`."""
        ...

    def draw(
        self, state: Tensor, batch: Batch, temperature: float, top_p: float, generator: torch.Generator | None
    ) -> list[Value]:
        """One value a row; the states are those of the last positions of `batch`, which needs no targets."""
        ...


def charged(score: Score, told: Tensor) -> Score:
    """A score of a head that is told its songs' forms, with what that costs counted in, so that it is like any other.

    Its figures gain told, nats an event: what is in valid and macro_nats of it.

    Args:
        told: nats of each target, float64 (n,).
    """
    mean = float(told.mean())
    counted = {name: score.figures[name] + mean for name in ("valid", "macro_nats")}
    return replace(score, figures=score.figures | counted | {"told": mean}, nats=score.nats + told, told=told)
