"""How a section that returns differs from when it came first.

As in real songs, where what returns is other in one stretch of its bars, at nearly the same onsets, in some of the
notes: the bars that change stand in a row, and keep their rhythm and the rest of their events.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["VARIATION", "Variation"]

VARIATION = 0.2  # by default: what returns is known again, and is not a copy


@dataclass(frozen=True)
class Variation:
    """What changes when a section returns.

    Attributes:
        share: of its bars, and at most of the events of each of these, from 0 (none) to 1 (all).
        chance: decides which.
    """

    share: float
    chance: np.random.Generator

    @property
    def free(self) -> bool:
        """Whether it is written anew, in another rhythm too."""
        return self.share == 1

    def changes(self, sizes: Sequence[int]) -> list[frozenset[int]]:
        """Of each bar of a section, the events that change.

        A bar keeps at least the share that is not to change, so that one of few notes stays itself too. Where all that
        change would keep all, one event does, in the fullest bar.

        Args:
            sizes: how many events each bar has.
        """
        changing = self.bars(len(sizes))
        found = [self._some(size) if bar in changing else frozenset() for bar, size in enumerate(sizes)]
        if self.share and not any(found) and max(sizes[1:], default=0):
            fullest = 1 + int(np.argmax(sizes[1:]))
            found[fullest] = frozenset({int(self.chance.integers(sizes[fullest]))})
        return found

    def bars(self, count: int) -> range:
        """The bars that change, of so many; never the first, by which a section is known."""
        changing = min(round(self.share * count), count - 1)
        first = int(self.chance.integers(1, count - changing + 1)) if changing else 1
        return range(first, first + changing)

    def _some(self, count: int) -> frozenset[int]:
        """Some of so many events, no more than the share."""
        return frozenset(self.chance.permutation(count)[: int(self.share * count + 1e-9)].tolist())
