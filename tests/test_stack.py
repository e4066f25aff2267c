"""The stack holds exactly the modules that its counts ask for, in the places that they mean."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn

from lightning_modules.config import HeadConfig, NotesConfig
from lightning_modules.stack import ChannelNorm, Slot, Stack

SHAPES = list(itertools.product((1, 2, 3), (0, 1, 2, 3)))


def small(**counts: int) -> HeadConfig:
    return NotesConfig.from_dict({"hidden": 4, "embedding": 3, "dropout_layers": 0, **counts})


def count(stack: nn.Module, kind: type[nn.Module]) -> int:
    return sum(isinstance(module, kind) for module in stack.modules())


@pytest.mark.parametrize(("lstm", "dense"), SHAPES)
def test_modules_equal_the_counts(lstm: int, dense: int) -> None:
    for norms, dropouts in itertools.product(range(lstm + dense + 1), repeat=2):
        config = small(lstm_layers=lstm, dense_layers=dense, batchnorm_layers=norms, dropout_layers=dropouts)
        stack = Stack(config)
        found = [count(stack, kind) for kind in (nn.LSTM, nn.Linear, nn.BatchNorm1d, nn.Dropout)]
        assert found == [lstm, dense, norms, dropouts]
        assert stack(torch.zeros(2, 5, 3)).shape == (2, 4)


@pytest.mark.parametrize(("lstm", "dense"), SHAPES)
@pytest.mark.parametrize("name", ["batchnorm_layers", "dropout_layers"])
def test_a_count_beyond_the_slots_is_refused_by_name(lstm: int, dense: int, name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be"):
        small(lstm_layers=lstm, dense_layers=dense, **{name: lstm + dense + 1})


def test_slots_fill_from_the_output_backwards() -> None:
    stack = Stack(small(lstm_layers=2, dense_layers=2, batchnorm_layers=1, dropout_layers=3))
    kinds = [[type(module) for module in slot] for slot in stack.slots if isinstance(slot, Slot)]
    assert kinds == [[], [nn.Dropout], [nn.Dropout], [ChannelNorm, nn.Dropout]]


def test_all_positions_end_in_the_last_one() -> None:
    counts = {"lstm_layers": 2, "dense_layers": 1, "batchnorm_layers": 3, "dropout_layers": 3}
    stack = Stack(small(**counts)).eval()
    windows = torch.randn(3, 7, 3)
    every = stack(windows, every=True)
    assert every.shape == (3, 7, 4)
    torch.testing.assert_close(every[:, -1], stack(windows))


def test_no_position_sees_a_later_one() -> None:
    stack = Stack(small(lstm_layers=3, batchnorm_layers=3)).eval()
    windows = torch.randn(1, 6, 3)
    changed = windows.clone()
    changed[:, 4:] = 9.0
    torch.testing.assert_close(stack(windows, every=True)[:, :4], stack(changed, every=True)[:, :4])


def test_normalisation_is_over_channels_of_all_windows_and_positions() -> None:
    x = torch.randn(5, 6, 4) * 3 + 1
    normal = ChannelNorm(4).train()(x).detach()
    torch.testing.assert_close(normal.mean(dim=(0, 1)), torch.zeros(4), atol=1e-5, rtol=0)
    torch.testing.assert_close(normal.var(dim=(0, 1), unbiased=False), torch.ones(4), atol=1e-3, rtol=0)
    reference = nn.BatchNorm1d(4).train()(x.transpose(1, 2)).transpose(1, 2)
    torch.testing.assert_close(normal, reference)
