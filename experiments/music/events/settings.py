"""How much is written, how it is drawn, and by which seed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from datamodules.errors import UserError
from datamodules.song import FASTEST, SLOWEST
from experiments.music.events.sampling import Sampling

__all__ = ["EVENTS", "FASTEST", "MOST_EVENTS", "SLOWEST", "Settings"]

EVENTS = 256  # of a song of which neither length nor plan is known: a minute or two
MOST_EVENTS = 100_000  # an hour of fast music; more is a slip of the finger
MOST_BARS = 10_000


@dataclass(frozen=True)
class Settings:
    """What to generate.

    Attributes:
        events: how many; None for as many as `bars` hold, else as the plan of the song has, else `EVENTS`.
        bars: how many bars to fill.
        sampling: of each head; the default one for a head that is not named.
        tempo: quarter notes a minute; None for the prime's.
        seed: of all draws.
    """

    events: int | None = None
    bars: int | None = None
    sampling: Mapping[str, Sampling] = field(default_factory=dict)
    tempo: float | None = None
    seed: int = 1

    def __post_init__(self) -> None:
        if self.events is not None and not 1 <= self.events <= MOST_EVENTS:
            raise UserError(f"--events {self.events}: must be from 1 to {MOST_EVENTS:,}")
        if self.bars is not None and not 1 <= self.bars <= MOST_BARS:
            raise UserError(f"--bars {self.bars}: must be from 1 to {MOST_BARS:,}")
        if self.tempo is not None and not SLOWEST <= self.tempo <= FASTEST:
            raise UserError(f"--tempo {self.tempo:g}: must be from {SLOWEST:g} to {FASTEST:g} quarter notes a minute")
        if self.seed < 0:
            raise UserError(f"--seed {self.seed}: must be at least 0")
        for head, sampling in self.sampling.items():
            if not (math.isfinite(sampling.temperature) and sampling.temperature >= 0):
                raise UserError(f"--temperature {sampling.temperature:g} ({head}): must be at least 0")
            if not 0 < sampling.top_p <= 1:
                raise UserError(f"--top-p {sampling.top_p:g} ({head}): must be above 0 and at most 1")

    @property
    def limit(self) -> int:
        """Events that a song may have, whatever its plan and its bars hold."""
        return self.events or MOST_EVENTS

    @property
    def most(self) -> int:
        """The same, of a song without a plan."""
        return EVENTS if self.events is None and self.bars is None else self.limit

    def drawn(self, head: str) -> Sampling:
        """How a head's values are drawn."""
        return self.sampling.get(head) or Sampling.of(head)
