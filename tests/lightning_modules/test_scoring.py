"""The mixture, the Laplace on the grid, medians, modes, macro means: against brute force and closed forms."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from datamodules.baselines.mixture import HIGHEST_MIXTURE, LOWEST_MIXTURE
from lightning_modules.scoring import (
    MIXTURE_RANGE,
    fit_mixture,
    laplace_masses,
    macro_mean,
    median_tick,
    mixture_nats,
    mode_tick,
)


def log_probs(n: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(n, generator=generator, dtype=torch.float64).log() * 3


@pytest.mark.parametrize("seed", range(5))
def test_the_fitted_share_is_the_best_on_a_fine_grid(seed: int) -> None:
    model, base = log_probs(200, seed), log_probs(200, seed + 100) - 1
    model[::7] = -torch.inf  # unseen targets
    best = float(mixture_nats(model, base, fit_mixture(model, base)).sum())
    for share in torch.linspace(*MIXTURE_RANGE, 2000).tolist():
        assert best <= float(mixture_nats(model, base, share).sum()) + 1e-9


def test_the_share_stays_in_its_range() -> None:
    high, low = torch.tensor([-1.0]), torch.tensor([-2.0])
    assert fit_mixture(high, low) == MIXTURE_RANGE[0]
    assert fit_mixture(low, high) == MIXTURE_RANGE[1]
    assert fit_mixture(torch.tensor([-torch.inf]), low) == MIXTURE_RANGE[1]
    assert fit_mixture(high, high) == MIXTURE_RANGE[0]  # nothing to choose: the model
    assert MIXTURE_RANGE == (LOWEST_MIXTURE, HIGHEST_MIXTURE)  # a winner's is checked by these


def test_probabilities_too_small_for_a_float_still_mix() -> None:
    tiny = torch.tensor([-2000.0, -1.0], dtype=torch.float64)
    other = torch.tensor([-1999.0, -9.0], dtype=torch.float64)
    share = fit_mixture(tiny, other)
    assert MIXTURE_RANGE[0] < share < MIXTURE_RANGE[1]
    assert mixture_nats(tiny, other, share).isfinite().all()


def test_targets_are_needed() -> None:
    with pytest.raises(ValueError, match="at least one"):
        fit_mixture(torch.zeros(0), torch.zeros(0))
    with pytest.raises(ValueError, match="as many"):
        fit_mixture(torch.zeros(2), torch.zeros(3))


@pytest.mark.parametrize("scale", [0.25, 1.0, 7.3, 500.0])
@pytest.mark.parametrize("centre", [-40.0, 0.0, 0.5, 3.2, 3.5, 24.0, 1e9])
def test_laplace_masses_are_those_of_the_distribution(centre: float, scale: float) -> None:
    lowest, highest = 1, 24
    masses = laplace_masses(torch.tensor([centre]), scale, lowest, highest)[0]
    laplace = torch.distributions.Laplace(
        torch.tensor(min(max(centre, lowest), highest), dtype=torch.float64), torch.tensor(scale, dtype=torch.float64)
    )
    ticks = torch.arange(lowest, highest + 1, dtype=torch.float64)
    expected = laplace.cdf(ticks + 0.5) - laplace.cdf(ticks - 0.5)  # type: ignore[no-untyped-call]
    torch.testing.assert_close(masses, expected / expected.sum(), atol=1e-12, rtol=1e-6)
    assert float(masses.sum()) == pytest.approx(1, abs=1e-12)


def test_median_and_mode() -> None:
    rows = torch.tensor([[0.5, 0.5, 0.0], [0.2, 0.2, 0.6], [0.1] * 2 + [0.8], [0.4, 0.3, 0.3]], dtype=torch.float64)
    assert median_tick(rows, 1).tolist() == [1, 3, 3, 2]
    assert mode_tick(rows, 1).tolist() == [1, 3, 3, 1]
    tenths = torch.full((1, 10), 0.1, dtype=torch.float64)  # whose fifth cumulative sum is rounded
    assert median_tick(tenths, 0).tolist() == [4]


def test_macro_mean_counts_classes_alike() -> None:
    values = torch.tensor([1.0, 1.0, 1.0, 0.0])
    assert macro_mean(values, torch.tensor([5, 5, 5, 9])) == 0.5
    assert macro_mean(values > 0, torch.tensor([0, 0, 1, 1])) == 0.75


def test_mixture_nats_is_the_formula() -> None:
    nats = mixture_nats(torch.tensor([0.5]).log(), torch.tensor([0.1]).log(), 0.25)
    assert float(nats) == pytest.approx(-math.log(0.75 * 0.5 + 0.25 * 0.1))
