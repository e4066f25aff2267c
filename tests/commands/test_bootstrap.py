"""Bootstrap intervals: what they are of, that they cover, and that they are narrow where two models are paired."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest

from experiments.evaluating.bootstrap import BLOCK, FEWEST, Interval, Units, _outside, interval, units_of, verdict


def songs_of(sizes: list[int]) -> Units:
    return units_of(np.repeat(np.arange(len(sizes)), sizes))


def test_songs_are_units_where_there_are_enough() -> None:
    units = songs_of([3, 1, 4, 1, 5])
    assert (len(units), units.songs, units.blocks) == (5, 5, False)
    assert units.sizes.tolist() == [3, 1, 4, 1, 5]
    assert units.sums(np.arange(14.0)).tolist() == [3, 3, 22, 8, 55]
    assert [len(range(*part.indices(14))) for part in units.slices()] == [3, 1, 4, 1, 5]
    assert "5 songs" in units.describe()
    with pytest.raises(ValueError, match="13 values"):
        units.sums(np.zeros(13))


def test_blocks_of_few_songs_never_cross_a_song() -> None:
    sizes = [7, 4 * BLOCK + 3, 2 * BLOCK - 1, 1]
    units = songs_of(sizes)
    assert units.blocks
    assert units.songs == 4
    assert set(np.cumsum(sizes).tolist()) <= set(units.ends.tolist())
    assert units.sizes.sum() == sum(sizes)
    assert units.sizes[1:5].tolist() == [BLOCK + 1] * 3 + [BLOCK]
    assert units.sizes.max() < 1.5 * BLOCK
    assert "4 songs are too few" in units.describe()
    assert "blocks" in units.to_json()["method"]


def test_too_few_events_have_no_interval() -> None:
    units = songs_of([BLOCK, BLOCK])
    assert len(units) < FEWEST
    assert interval(units, np.zeros(2)) is None
    assert verdict(None) == "too few events to tell"
    assert "too few" in units.describe()
    assert units.to_json()["method"].startswith("none")
    with pytest.raises(ValueError, match="no targets"):
        units_of(np.zeros(0, np.int64))


def test_the_mean_is_over_all_targets_of_the_songs_that_are_drawn() -> None:
    """By hand: each draw's songs, all their targets, one mean."""
    random = np.random.default_rng(3)
    sizes = [int(size) for size in random.integers(1, 40, 6)]
    values = [random.normal(size, 1, size) for size in sizes]
    units = songs_of(sizes)
    found = interval(units, units.sums(np.concatenate(values)), draws=300, seed=7)
    outside = NormalDist().cdf(-math.sqrt(6 / 5) * 2.5706)  # Student's t of 5 degrees of freedom
    again = np.random.default_rng(7)
    means = []
    for _ in range(300):
        times = again.multinomial(6, [1 / 6] * 6)
        means.append(np.concatenate([np.tile(song, n) for song, n in zip(values, times.tolist(), strict=True)]).mean())
    assert found == pytest.approx(tuple(np.quantile(means, [outside, 1 - outside])), abs=1e-2)


def test_the_same_seed_gives_the_same_interval_however_many_are_drawn_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    units = songs_of([5] * 40)
    sums = np.random.default_rng(0).normal(size=40)
    whole = interval(units, sums)
    assert whole == interval(units, sums)
    assert whole != interval(units, sums, seed=2)
    monkeypatch.setattr("experiments.evaluating.bootstrap._AT_ONCE", 400)
    assert interval(units, sums) == pytest.approx(whole, rel=1e-12)


@pytest.mark.parametrize("songs", [6, 40])
def test_nineteen_intervals_in_twenty_hold_the_truth_where_songs_differ(songs: int) -> None:
    """Songs have means of their own, as real ones have; an interval over single targets would hold it far less."""
    random = np.random.default_rng(1)
    held = narrow = 0
    for _ in range(300):
        sizes = random.integers(20, 60, songs)
        values = np.repeat(random.normal(0, 1, songs), sizes) + random.normal(0, 1, int(sizes.sum()))
        units = units_of(np.repeat(np.arange(songs), sizes))
        found = interval(units, units.sums(values), draws=1000)
        assert found is not None
        held += found.low <= 0 <= found.high
        narrow += abs(values.mean()) <= 1.96 * values.std() / np.sqrt(len(values))
    assert held >= 0.92 * 300
    assert narrow < 0.6 * 300


def test_many_units_have_the_percentiles_themselves() -> None:
    assert _outside(10**6) == pytest.approx(0.025, rel=1e-4)
    for units, student in ((5, 2.7764), (8, 2.3646), (30, 2.0452)):
        assert _outside(units) == pytest.approx(NormalDist().cdf(-math.sqrt(units / (units - 1)) * student), rel=0.03)


def test_a_paired_difference_is_narrower_than_either_model_and_has_a_verdict() -> None:
    random = np.random.default_rng(2)
    hard = np.repeat(random.normal(3, 1, 30), 50)
    a, b = hard + random.normal(0, 0.1, 1500), hard + 0.2 + random.normal(0, 0.1, 1500)
    units = songs_of([50] * 30)
    of_a, of_difference = interval(units, units.sums(a)), interval(units, units.sums(a - b))
    assert of_a is not None
    assert of_difference is not None
    assert of_difference.high - of_difference.low < 0.1 * (of_a.high - of_a.low)
    assert verdict(of_difference) == "better"
    assert verdict(interval(units, units.sums(b - a))) == "worse"
    assert verdict(interval(units, units.sums(random.normal(0, 1, 1500)))) == "not told apart"
    assert verdict(Interval(0.0, 0.1)) == "not told apart"
