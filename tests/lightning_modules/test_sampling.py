"""Drawing ids: temperature, nucleus, seeds, and what is refused."""

from __future__ import annotations

import math

import pytest
import torch

from lightning_modules.sampling import sample

LOGITS = torch.tensor([[0.5, 0.3, 0.15, 0.05]]).log()
NEVER = (-math.inf, -math.inf)


def drawn(seed: int = 0, rows: int = 20_000, **options: float) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return sample(LOGITS.expand(rows, -1), **options, generator=generator)


def test_frequencies_are_the_probabilities() -> None:
    shares = drawn().bincount(minlength=4) / 20_000
    torch.testing.assert_close(shares, LOGITS.exp()[0], atol=0.015, rtol=0)


def test_temperature_sharpens_as_defined() -> None:
    shares = drawn(temperature=0.5).bincount(minlength=4) / 20_000
    torch.testing.assert_close(shares, (LOGITS[0] * 2).softmax(0), atol=0.015, rtol=0)


def test_temperature_0_is_the_likeliest() -> None:
    assert set(drawn(temperature=0).tolist()) == {0}
    assert set(drawn(temperature=1e-300).tolist()) == {0}


@pytest.mark.parametrize(
    ("top_p", "left"), [(0.01, {0}), (0.5, {0}), (0.7, {0, 1}), (0.85, {0, 1, 2}), (1.0, {0, 1, 2, 3})]
)
def test_the_nucleus_is_the_fewest_that_hold_top_p(top_p: float, left: set[int]) -> None:
    assert set(drawn(top_p=top_p).tolist()) == left


def test_same_seed_same_ids() -> None:
    assert torch.equal(drawn(seed=3, top_p=0.9), drawn(seed=3, top_p=0.9))
    assert not torch.equal(drawn(seed=3), drawn(seed=4))


def test_huge_logits_do_not_overflow() -> None:
    assert sample(torch.tensor([[1e30, -1e30]]), temperature=1e-3).tolist() == [0]


@pytest.mark.parametrize("top_p", [0.5, 0.95, 1.0])
def test_each_row_is_drawn_from_its_own_nucleus(top_p: float) -> None:
    """Whatever the order of the classes; what is impossible is never drawn."""
    rows = torch.randn(5, 30, generator=torch.Generator().manual_seed(1))
    rows[:, ::4] = -math.inf
    many = sample(rows.repeat(20_000, 1), top_p=top_p, generator=torch.Generator().manual_seed(0)).view(-1, 5)
    for row, ids in zip(rows.softmax(dim=1), many.T, strict=True):
        falling = row.sort(descending=True).values
        least = falling[int((falling.cumsum(0) < top_p - 1e-6).sum())]
        kept = row.where(row >= least, 0.0)
        assert kept.count_nonzero() <= 22
        torch.testing.assert_close(ids.bincount(minlength=30) / 20_000, kept / kept.sum(), atol=0.015, rtol=0)


@pytest.mark.parametrize("temperature", [-0.1, math.nan, math.inf])
def test_temperatures_without_meaning_are_refused(temperature: float) -> None:
    with pytest.raises(ValueError, match="temperature"):
        sample(LOGITS, temperature=temperature)


@pytest.mark.parametrize("top_p", [0.0, -1.0, 1.01, math.nan])
def test_nuclei_without_meaning_are_refused(top_p: float) -> None:
    with pytest.raises(ValueError, match="top_p"):
        sample(LOGITS, top_p=top_p)


@pytest.mark.parametrize("temperature", [0.0, 1.0])
@pytest.mark.parametrize(
    "logits",
    [torch.zeros(3), torch.zeros(2, 0), *([[0.0, 0.0], [x, y]] for x, y in [(math.nan, 0), (math.inf, 0), NEVER])],
    ids=str,
)
def test_logits_without_meaning_are_refused(logits: torch.Tensor | list[list[float]], temperature: float) -> None:
    with pytest.raises(ValueError, match="logits"):
        sample(torch.as_tensor(logits), temperature=temperature)
