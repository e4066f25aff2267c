"""The stack holds exactly the modules that its counts ask for, in the places that they mean."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn

from lightning_modules.backbones import BACKBONES
from lightning_modules.config import HeadConfig, NotesConfig
from lightning_modules.stack import ChannelNorm, Slot, Stack
from lightning_modules.transformer import SWIFT, Attention

SHAPES = list(itertools.product((1, 2, 3), (0, 1, 2, 3)))


def small(**settings: int | str) -> HeadConfig:
    return NotesConfig.from_dict(
        {"hidden": 4, "embedding": 3, "window": 8, "attention_heads": 2, "dropout_layers": 0, **settings}
    )


def learned(stack: Stack) -> Stack:
    """Not as it begins, where a block passes on what enters it."""
    for parameter in stack.parameters():
        nn.init.normal_(parameter)
    return stack.eval()


def count(stack: nn.Module, kind: type[nn.Module]) -> int:
    return sum(isinstance(module, kind) for module in stack.modules())


@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize(("layers", "dense"), SHAPES)
def test_modules_equal_the_counts(backbone: str, layers: int, dense: int) -> None:
    for norms, dropouts in itertools.product(range(layers + dense + 1), repeat=2):
        counts = {"dense_layers": dense, "batchnorm_layers": norms, "dropout_layers": dropouts}
        stack = Stack(small(backbone=backbone, lstm_layers=layers, **counts))
        found = [len(stack.backbone), *(count(stack, kind) for kind in (nn.BatchNorm1d, nn.Dropout))]
        assert found == [layers, norms, dropouts]
        assert [type(layer) for layer in stack.dense] == [nn.Linear] * dense
        assert stack(torch.zeros(2, 5, 3)).shape == (2, 1, 4)


@pytest.mark.parametrize(("lstm", "dense"), SHAPES)
@pytest.mark.parametrize("name", ["batchnorm_layers", "dropout_layers"])
def test_a_count_beyond_the_slots_is_refused_by_name(lstm: int, dense: int, name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be"):
        small(lstm_layers=lstm, dense_layers=dense, **{name: lstm + dense + 1})


def test_slots_fill_from_the_output_backwards() -> None:
    stack = Stack(small(lstm_layers=2, dense_layers=2, batchnorm_layers=1, dropout_layers=3))
    kinds = [[type(module) for module in slot] for slot in stack.slots if isinstance(slot, Slot)]
    assert kinds == [[], [nn.Dropout], [nn.Dropout], [ChannelNorm, nn.Dropout]]


@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("tail", [1, 3, 7])
def test_the_last_positions_are_those_of_all(backbone: str, tail: int) -> None:
    counts = {"lstm_layers": 2, "dense_layers": 1, "batchnorm_layers": 3, "dropout_layers": 3}
    stack = learned(Stack(small(backbone=backbone, **counts)))
    windows = torch.randn(3, 7, 3)
    assert stack(windows, tail).shape == (3, tail, 4)
    torch.testing.assert_close(stack(windows, 7)[:, -tail:], stack(windows, tail))


@pytest.mark.parametrize("backbone", BACKBONES)
def test_no_position_sees_a_later_one(backbone: str) -> None:
    # wide: of four nodes, all are dead now and then, and nothing that comes in changes anything
    stack = learned(Stack(small(backbone=backbone, hidden=32, lstm_layers=3, batchnorm_layers=3)))
    windows = torch.randn(1, 6, 3)
    changed = windows.clone()
    changed[:, 4:] = 9.0
    torch.testing.assert_close(stack(windows, 6)[:, :4], stack(changed, 6)[:, :4])
    assert not torch.equal(stack(windows, 6)[:, 4:], stack(changed, 6)[:, 4:])


@pytest.mark.parametrize("pieces", [[7], [1] * 7, [3, 1, 2, 1]])
def test_what_follows_goes_on_from_what_is_remembered(pieces: list[int]) -> None:
    counts = {"lstm_layers": 3, "dense_layers": 1, "batchnorm_layers": 4, "dropout_layers": 4}
    stack = learned(Stack(small(**counts)))
    windows, memory, states = torch.randn(2, 7, 3), None, []
    for piece in windows.split(pieces, dim=1):
        found, memory = stack.follow(piece, memory, tail=piece.shape[1])
        states.append(found)
    torch.testing.assert_close(torch.cat(states, dim=1), stack(windows, 7))


@pytest.mark.parametrize("tail", [1, 3, 6])
def test_attention_is_biased_by_distance_and_by_nothing_else(tail: int) -> None:
    attention = Attention(small(backbone="transformer"))
    nn.init.normal_(attention.bias)
    mask = attention.mask(6, tail)
    assert mask.shape == (2, tail, 6)
    for head, query, key in itertools.product(range(2), range(tail), range(6)):
        distance = (6 - tail + query) - key
        expected = SWIFT * attention.bias[head, distance].item() if distance >= 0 else -torch.inf
        assert mask[head, query, key].item() == expected


def test_attention_is_that_of_a_naive_loop() -> None:
    attention, x = Attention(small(backbone="transformer")), torch.randn(1, 5, 4)
    query, (key, value) = attention.query(x)[0], attention.key_value(x)[0].chunk(2, -1)
    rows = []
    for at in range(5):
        heads = []
        for head in range(2):
            own = slice(2 * head, 2 * head + 2)
            logits = [
                query[at, own] @ key[before, own] / 2**0.5 + SWIFT * attention.bias[head, at - before]
                for before in range(at + 1)
            ]
            shares = torch.stack(logits).softmax(0)
            heads.append((shares[:, None] * value[: at + 1, own]).sum(0))
        rows.append(attention.out(torch.cat(heads)))
    torch.testing.assert_close(attention(x, 5)[0], torch.stack(rows))


def test_attention_heads_must_divide_the_nodes() -> None:
    with pytest.raises(ValueError, match="attention_heads=3 must divide hidden=64"):
        NotesConfig(backbone="transformer", hidden=64, attention_heads=3)
    NotesConfig(backbone="lstm", hidden=64, attention_heads=3)  # where there are none, they divide nothing


def test_normalisation_is_over_channels_of_all_windows_and_positions() -> None:
    x = torch.randn(5, 6, 4) * 3 + 1
    normal = ChannelNorm(4).train()(x).detach()
    torch.testing.assert_close(normal.mean(dim=(0, 1)), torch.zeros(4), atol=1e-5, rtol=0)
    torch.testing.assert_close(normal.var(dim=(0, 1), unbiased=False), torch.ones(4), atol=1e-3, rtol=0)
    reference = nn.BatchNorm1d(4).train()(x.transpose(1, 2)).transpose(1, 2)
    torch.testing.assert_close(normal, reference)
