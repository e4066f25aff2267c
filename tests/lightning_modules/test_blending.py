"""Two heads as one: their logits are mixed, the ends are the heads, and a head mixed with itself is itself."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from heads_made import GRID, Settings, batch_of, cases, column_of, config_of, data_of, head_of
from torch import Tensor

from datamodules.splits import VALID
from experiments.heads import HEADS
from lightning_modules.blending import blended, blended_output
from lightning_modules.head import Head, score
from lightning_modules.outputs.lengths import LengthsOutput
from lightning_modules.outputs.output import Batch
from lightning_modules.outputs.spelling import FactoredOutput


def other_of(name: str, settings: Settings) -> Head:
    """A head of the same config, with other weights."""
    torch.manual_seed(1)
    column = column_of(name, settings.get("grain", "event"))
    return HEADS[name].build(config_of(name, settings), column.vocabulary, GRID).eval()


def logits(head: Head, states: Tensor, batch: Batch) -> Tensor:
    """What a head's output says of the targets, before any softmax; of a regression, what it predicts."""
    output = head.output
    if isinstance(output, FactoredOutput):
        above, last = torch.zeros(len(states), 128), torch.full((len(states),), 128)
        return output.logits(output.state(states), above, last)[:, :128]
    if isinstance(output, LengthsOutput):
        notes = output.notes(batch["lengths"])
        context = output.context(states, (batch["lengths"] > 0).float())
        return output.logits(context[notes.row], notes.pitch, notes.above)
    return output(states)  # type: ignore[operator, no-any-return]  # a module


@pytest.mark.parametrize(("name", "settings"), cases())
@torch.no_grad()
def test_logits_are_mixed(name: str, settings: dict[str, Any]) -> None:
    first, second = head_of(name, settings).eval(), other_of(name, settings)
    batch = batch_of(name, first)
    both = blended(first, second, 0.3)
    one, two = (logits(head, head(batch), batch) for head in (first, second))
    assert not torch.allclose(one, two)
    assert torch.allclose(logits(both, both(batch), batch), torch.lerp(one, two, 0.3), atol=1e-5)


@pytest.mark.parametrize(("name", "settings"), cases())
def test_a_head_with_itself_is_itself(name: str, settings: dict[str, Any]) -> None:
    head = head_of(name, settings).eval()
    twice = blended(head, head, 0.4)
    windows = data_of(name, head.config).in_order(VALID)
    assert torch.allclose(score(twice, windows, 0.2).nats, score(head, windows, 0.2).nats, atol=1e-5)


@pytest.mark.parametrize(("name", "settings"), cases())
def test_a_head_with_itself_draws_as_itself_event_by_event(name: str, settings: dict[str, Any]) -> None:
    head = head_of(name, settings).eval()
    batch = batch_of(name, head)
    drawn = [
        one.sample(batch, temperature=1.0, generator=torch.Generator().manual_seed(3))
        for one in (head, blended(head, head, 0.7))
    ]
    assert drawn[0] == drawn[1]
    if head.config.backbone == "lstm":  # position by position as at once
        both, memory = blended(head, other_of(name, settings), 0.7), None
        whole, _ = both.follow(batch, None)
        inputs = [key for key in ("window", "chord", "numbers", "known") if key in batch]
        for position in range(head.config.window):
            state, memory = both.follow({key: batch[key][:, position : position + 1] for key in inputs}, memory)
        assert torch.allclose(state, whole, atol=1e-5)


def test_the_ends_are_the_heads_and_both_stay_as_they_are() -> None:
    first, second = head_of("notes", {}).eval(), other_of("notes", {})
    before = [{name: tensor.clone() for name, tensor in head.state_dict().items()} for head in (first, second)]
    assert blended(first, second, 0.0) is first
    assert blended(first, second, 1.0) is second
    blended(first, second, 0.5)
    for head, tensors in zip((first, second), before, strict=True):
        assert all(torch.equal(tensor, tensors[name]) for name, tensor in head.state_dict().items())


def test_two_kinds_of_output_cannot_be_mixed() -> None:
    chords, spelled = head_of("notes", {"output": "token"}), head_of("notes", {"output": "factored"})
    with pytest.raises(ValueError, match="cannot be mixed"):
        blended_output(chords.output, spelled.output, 0.5)
