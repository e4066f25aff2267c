"""Intervals of what benchmarks tell of songs: right where there is little to count, and none where none can be told."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.music.intervals import difference_of_shares, mean_over_songs, share_over_songs
from benchmarks.music.planned_figures import figures
from benchmarks.pages.form import _span


def _ones(traps: int, songs: int) -> tuple[float, float, float]:
    return share_over_songs(np.array([1] * traps + [0] * (songs - traps)), np.ones(songs, int))


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [  # Newcombe 1998, table II, method 10
        ((56, 70), (48, 80), (0.2000, 0.0524, 0.3339)),
        ((9, 10), (3, 10), (0.6000, 0.1705, 0.8090)),
        ((5, 56), (0, 29), (0.0893, -0.0381, 0.1926)),
        ((0, 10), (0, 20), (0.0000, -0.1611, 0.2775)),
        ((10, 10), (0, 10), (1.0000, 0.6075, 1.0000)),
    ],
)
def test_differences_are_those_that_newcombe_told(
    one: tuple[int, int], other: tuple[int, int], expected: tuple[float, ...]
) -> None:
    assert difference_of_shares(_ones(*one), _ones(*other)) == pytest.approx(expected, abs=1e-4)


def test_no_trap_is_no_certainty() -> None:
    none = share_over_songs(np.zeros(60, int), np.full(60, 4))
    assert none[:2] == (0, 0)
    assert none[2] == pytest.approx(0.06, abs=0.001)  # of 60 songs: what their excerpts share is not known
    all_of_them = share_over_songs(np.full(60, 4), np.full(60, 4))
    assert all_of_them == pytest.approx((1, 1 - none[2], 1))


def test_excerpts_of_one_song_tell_less_than_those_of_many() -> None:
    sizes = np.full(40, 4)
    together, apart = np.zeros(40, int), np.zeros(40, int)
    together[:10], apart[:] = 4, 1
    wide, narrow = (share_over_songs(counts, sizes) for counts in (together, apart))
    assert wide[0] == narrow[0] == 0.25
    assert wide[2] - wide[1] > 1.5 * (narrow[2] - narrow[1])
    assert wide == pytest.approx(_ones(10, 40), abs=0.01)  # each song tells one thing


@pytest.mark.parametrize("rate", [0.005, 0.02, 0.1, 0.5])
def test_the_true_share_lies_within_in_nineteen_of_twenty(rate: float) -> None:
    chance = np.random.default_rng(1)
    sizes = chance.integers(1, 6, 60)
    hits = 0
    for _ in range(400):
        of_song = chance.beta(2 * rate, 2 * (1 - rate), 60)
        _, low, high = share_over_songs(chance.binomial(sizes, of_song), sizes)
        hits += low <= rate <= high
    assert hits / 400 > 0.92


def test_means_of_songs_that_are_alike_have_no_interval() -> None:
    assert mean_over_songs([1.0] * 20, 4) == [1, None, None]
    assert mean_over_songs([0.0] * 16 + [1.0] * 4, 4) == [0.2, None, None]
    mean, low, high = mean_over_songs([0.0] * 15 + [1.0] * 5, 4)
    assert low is not None
    assert high is not None
    assert 0 < low < mean == 0.25 < high
    rows = [{"how": "real", "form": "x", "seed": 0, "repeated": 0.5}]
    assert figures(rows) == {"repeated, x, real (1)": [0.5, None, None]}


def test_a_page_says_so() -> None:
    assert _span([1.0, None, None]) == _span([1.0, 1.0, 1.0]) == "1.00 (no interval)"
    assert _span([0.5, 0.25, 0.75]) == "0.50 (0.25 to 0.75)"
