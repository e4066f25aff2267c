"""A chord spelled pitch by pitch, from high to low, and ended by an end symbol: every chord has a probability.

The chain rule over a chord's pitches, each given the state and the pitches above it, as in Boulanger-Lewandowski et al.
2012 (https://arxiv.org/abs/1206.6392), whose RNN-NADE spells them as 128 yes or no; a list of those that sound is
shorter, and never empty.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from lightning_modules.outputs.figures import by_row, cross_entropies, nats_figures
from lightning_modules.outputs.output import PITCHES, Batch, Score, Value
from lightning_modules.sampling import check_sampling, sample
from lightning_modules.scoring import macro_mean

__all__ = ["END", "START", "FactoredOutput"]

END = START = PITCHES  # the class that ends a chord; the pitch that stands above its highest


class Steps(NamedTuple):
    """The choices that spell the chords of n rows, S in all."""

    row: Tensor  # int64 (S,)
    above: Tensor  # bool (S, 128): the pitches spelled so far
    last: Tensor  # int64 (S,): the lowest of them, or START
    choice: Tensor  # int64 (S,): a pitch below `last`, or END


class FactoredOutput(nn.Module):
    """Chords as pitches. Figures as for tokens, but no top5; top1 is whether the likeliest choices spell the chord."""

    impossible: Tensor

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.state = nn.Linear(hidden, hidden)
        self.above = nn.Linear(PITCHES, hidden, bias=False)
        self.last = nn.Embedding(PITCHES + 1, hidden)
        self.choice = nn.Linear(hidden, PITCHES + 1)
        # What cannot follow, (last, choice): all but a lower pitch and the end, with which no chord begins.
        impossible = torch.ones(PITCHES + 1, PITCHES + 1, dtype=torch.bool).triu()
        impossible[:, END] = False
        impossible[START, END] = True
        self.register_buffer("impossible", impossible, persistent=False)  # not learned, so no winner has it

    def logits(self, state: Tensor, above: Tensor, last: Tensor) -> Tensor:
        """Of each choice, (S, 129): -inf for what cannot follow.

        Args:
            state: what `self.state` made of the backbone's, (S, hidden).
            above: the pitches spelled so far, float (S, 128).
            last: the lowest of them, or START, int64 (S,).
        """
        raw: Tensor = self.choice((state + self.above(above) + self.last(last)).relu())
        return raw.masked_fill(self.impossible[last], -torch.inf)

    def _taught(self, state: Tensor, batch: Batch) -> tuple[Tensor, Steps]:
        """The logits of all choices, each given the true pitches above it."""
        steps = _steps(batch["pitches"])
        return self.logits(self.state(state)[steps.row], steps.above.to(state.dtype), steps.last), steps

    def losses(self, state: Tensor, batch: Batch) -> Tensor:
        logits, steps = self._taught(state, batch)
        return by_row(cross_entropy(logits, steps.choice, reduction="none"), steps.row, len(state))

    def end_epoch(self, loss: Tensor) -> None:
        """Nothing to learn from it."""

    def keep(self, state: Tensor, batch: Batch) -> Batch:
        logits, steps = self._taught(state, batch)
        nats = cross_entropy(logits, steps.choice, reduction="none").double()
        missed = (logits.argmax(dim=1) != steps.choice).double()
        return {
            "model": -by_row(nats, steps.row, len(state)),
            "top1": by_row(missed, steps.row, len(state)) == 0,
            **{name: batch[name] for name in ("target", "weight", "base")},
        }

    def settle(self, kept: Batch, mixture: float) -> Batch:
        return kept

    def score(self, kept: Batch, mixture: float) -> Score:
        figures, nats = nats_figures(kept["model"], kept["base"], kept["target"], mixture)
        figures |= {
            "top1": float(kept["top1"].double().mean()),
            "macro": macro_mean(kept["top1"], kept["target"]),
        }
        return Score(figures | cross_entropies(kept), nats.cpu())

    def draw(
        self, state: Tensor, batch: Batch, temperature: float, top_p: float, generator: torch.Generator | None
    ) -> list[Value]:
        """One chord a row; temperature and top-p hold for each choice."""
        check_sampling(temperature, top_p)
        chords: list[list[int]] = [[] for _ in range(len(state))]
        rows = list(range(len(state)))  # of the chords that have not ended; so are the tensors'
        projected, above = self.state(state), state.new_zeros(len(state), PITCHES + 1)  # END has a column, never read
        last = torch.full((len(state),), START, device=state.device)
        while rows:
            last = sample(self.logits(projected, above[:, :PITCHES], last), temperature, top_p, generator)
            above.scatter_(1, last[:, None], 1.0)
            choices = last.tolist()
            for row, choice in zip(rows, choices, strict=True):
                if choice != END:
                    chords[row].append(choice)
            going_on = [number for number, choice in enumerate(choices) if choice not in (END, 0)]
            if len(going_on) < len(rows):
                rows = [rows[number] for number in going_on]
                projected, above, last = projected[going_on], above[going_on], last[going_on]
        return [tuple(reversed(chord)) for chord in chords]


def _steps(pitches: Tensor) -> Steps:
    """The choices that spell chords, given as bool (n, 128)."""
    rows, falling = pitches.flip(1).nonzero(as_tuple=True)  # row by row, from high to low
    pitch = PITCHES - 1 - falling
    first = torch.ones_like(rows, dtype=torch.bool)
    first[1:] = rows[1:] != rows[:-1]
    last = torch.where(first, START, pitch.roll(1))
    above = pitches[rows] & (torch.arange(PITCHES, device=pitches.device) > pitch[:, None])
    every = torch.arange(len(pitches), device=pitches.device)
    lowest = pitches.to(torch.uint8).argmax(dim=1)  # the first of the largest: the lowest that sounds
    return Steps(
        torch.cat([rows, every]),
        torch.cat([above, pitches]),
        torch.cat([last, lowest]),
        torch.cat([pitch, torch.full_like(every, END)]),
    )
