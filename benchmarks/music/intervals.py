"""Intervals of 95 %: of shares and their differences, where traps may be few or none, and of means over songs.

A bootstrap draws only what was seen: of songs without a trap it says that there is none, and how sure that is it does
not say. So shares have an interval of a formula. Means have none where hardly any two songs differ.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from experiments.evaluating.bootstrap import FEWEST, interval, units_of

__all__ = ["difference_of_shares", "mean_over_songs", "share_over_songs"]

Z = 1.959964  # of the normal distribution, at 97.5 %
FEW = FEWEST  # songs; of fewer that differ no spread can be told

Counts = NDArray[np.int64]


def share_over_songs(counts: Counts, sizes: Counts) -> tuple[float, float, float]:
    """The share of the excerpts of songs that are counted, and its interval.

    That of Wilson, (p + z²/2n ± z √(p(1 - p)/n + z²/4n²)) / (1 + z²/n), with the number of excerpts that would tell as
    much if each were of a song of its own in place of n: by the variance of p between songs (Wilson 1927;
    for clusters Franco, Little, Louis and Slud, Journal of Survey Statistics and Methodology 7, 2019). No more
    than there are excerpts; and than there are songs, where fewer than five songs have one that counts, or that does
    not, so that their variance cannot be told.

    Args:
        counts, sizes: of each song, the excerpts that are counted and all of them, int (songs,).
    """
    share = float(counts.sum() / sizes.sum())
    n = _told_by(counts, sizes, share)
    middle, half = share + Z**2 / (2 * n), Z * sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
    low, high = ((middle + side) / (1 + Z**2 / n) for side in (-half, half))
    return share, min(max(low, 0.0), share), max(min(high, 1.0), share)


def _told_by(counts: Counts, sizes: Counts, share: float) -> float:
    songs, excerpts = len(sizes), float(sizes.sum())
    apart = min(np.count_nonzero(counts), np.count_nonzero(sizes - counts))
    if songs < 2 or apart == 0:
        return float(songs)
    variance = songs / (songs - 1) * float(((counts - share * sizes) ** 2).sum()) / excerpts**2
    told = excerpts / (excerpts - 1) * share * (1 - share) / variance if variance else excerpts
    return max(min(told, excerpts if apart >= FEW else songs), 1.0)


def difference_of_shares(
    one: tuple[float, float, float], other: tuple[float, float, float]
) -> tuple[float, float, float]:
    """How much larger one share is than another, and the interval, of the intervals (low, high) of both.

    Newcombe's tenth: d - √((p₁ - l₁)² + (u₂ - p₂)²) to d + √((u₁ - p₁)² + (p₂ - l₂)²) (Statistics in Medicine 17,
    1998, pages 873 to 890).
    """
    (share, low, high), (base, least, most) = one, other
    difference = share - base
    below, above = sqrt((share - low) ** 2 + (most - base) ** 2), sqrt((high - share) ** 2 + (base - least) ** 2)
    return difference, difference - below, difference + above


def mean_over_songs(values: Sequence[float], digits: int) -> list[float | None]:
    """The mean, and its interval as `evaluate` tells it: the expanded percentile bootstrap (Hesterberg 2015).

    None in place of both ends where fewer than five songs differ from the value that most of them have.

    Args:
        digits: that are kept.
    """
    known = np.array(values, float)
    mean = round(float(known.mean()), digits)
    ((_, alike),) = Counter(known.tolist()).most_common(1)
    if len(known) - alike < FEW:
        return [mean, None, None]
    ends = interval(units_of(np.arange(len(known))), known)
    return [mean, *(round(end, digits) for end in ends or ())]
