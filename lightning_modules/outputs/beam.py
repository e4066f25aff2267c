"""The likeliest chords of a head that spells them, by a beam: what a top-5 accuracy needs.

A chord only loses probability while it is spelled on, so once all chords of the beam have ended, they are the result.
One whose first pitches are unlikely can be missed: nearly always, not surely, these are the likeliest.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from lightning_modules.head import Head, evaluating
from lightning_modules.outputs.output import PITCHES, Batch
from lightning_modules.outputs.spelling import END, START, FactoredOutput

__all__ = ["among_likeliest", "likeliest"]


@torch.inference_mode()
def among_likeliest(head: Head, batches: Iterable[Batch], beam: int = 5) -> float:
    """The share of the targets that are among the `beam` likeliest chords; of a head that spells them."""
    assert isinstance(head.output, FactoredOutput)
    hits, targets = 0, 0
    with evaluating(head):
        for batch in batches:
            moved = {name: tensor.to(head.device) for name, tensor in batch.items()}
            chords, _ = likeliest(head.output, head(moved), beam)
            hits += int((chords == moved["pitches"][:, None]).all(dim=2).any(dim=1).sum())
            targets += len(chords)
    return hits / targets


def likeliest(output: FactoredOutput, state: Tensor, beam: int) -> tuple[Tensor, Tensor]:
    """The likeliest chords of each row, the likeliest first.

    Args:
        state: what the backbone says, (n, hidden).
        beam: how many chords are kept at a time, at most 128.

    Returns:
        Their pitches, bool (n, beam, 128), and their log probability, (n, beam).
    """
    rows = torch.arange(len(state), device=state.device)[:, None]
    projected = output.state(state).repeat_interleave(beam, dim=0)  # (n * beam, hidden)
    scores = state.new_full((len(state), beam), -torch.inf)
    scores[:, 0] = 0.0  # all begin alike: one of them is enough
    above = state.new_zeros(len(state), beam, PITCHES)
    last = torch.full((len(state), beam), START, device=state.device)
    ended = torch.zeros_like(last, dtype=torch.bool)
    while not ended.all():
        choices = output.logits(projected, above.flatten(0, 1), last.flatten()).log_softmax(dim=1)
        choices = choices.view(*ended.shape, PITCHES + 1)
        choices[ended] = -torch.inf  # a chord that has ended stays as it is
        choices[..., END].masked_fill_(ended, 0.0)
        scores, best = (scores[:, :, None] + choices).flatten(1).topk(beam, dim=1)
        parent, choice = best // (PITCHES + 1), best % (PITCHES + 1)
        above, ended, last = above[rows, parent], ended[rows, parent] | (choice == END), last[rows, parent]
        row, kept = (~ended).nonzero(as_tuple=True)
        above[row, kept, choice[row, kept]] = 1.0
        last[row, kept] = choice[row, kept]
    return above > 0, scores
