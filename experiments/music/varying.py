"""How a section that returns differs from when it came first.

As in real songs, where what returns is other in one stretch of its bars, at nearly the same onsets, in some of the
notes: the bars that change stand in a row, and keep their rhythm and the rest of their events.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Variation"]


@dataclass(frozen=True)
class Variation:
    """What changes when a section returns.

    Attributes:
        share: of its bars, and of the events of each of these, from 0 (none) to 1 (all).
        chance: decides which.
    """

    share: float
    chance: np.random.Generator

    @property
    def free(self) -> bool:
        """Whether it is written anew, in another rhythm too."""
        return self.share == 1

    def bars(self, count: int) -> range:
        """The bars that change, of so many; never the first, by which a section is known."""
        changing = min(round(self.share * count), count - 1)
        first = int(self.chance.integers(1, count - changing + 1)) if changing else 1
        return range(first, first + changing)

    def events(self, count: int) -> frozenset[int]:
        """The events that change, of the so many of a bar; at least one."""
        changing = max(round(self.share * count), 1)
        return frozenset(self.chance.permutation(count)[:changing].tolist())
