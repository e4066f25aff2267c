"""How far a new song stands between two others, and by which way; light, so that options can be checked at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from datamodules.errors import UserError, did_you_mean

__all__ = ["AUTOENCODER", "EMBEDDING", "PREDICTIONS", "WAYS", "Mix"]

PREDICTIONS, EMBEDDING, AUTOENCODER = WAYS = ("predictions", "embedding", "autoencoder")


@dataclass(frozen=True)
class Mix:
    """How far a new song stands from the first (0) to the second (1).

    Attributes:
        whole: of all heads that are not named.
        heads: of some.
        way: one of `WAYS`.
    """

    whole: float
    heads: Mapping[str, float] = field(default_factory=dict)
    way: str = PREDICTIONS

    def __post_init__(self) -> None:
        if self.way not in WAYS:
            raise UserError(f"--way {self.way}: choose one of {', '.join(WAYS)}{did_you_mean(self.way, WAYS)}")
        for option, share in {"--mix": self.whole, **{f"--mix-{head}": x for head, x in self.heads.items()}}.items():
            if not 0 <= share <= 1:
                raise UserError(f"{option} {share:g}: must be from 0 (the first song) to 1 (the second)")
        if self.heads and self.way == AUTOENCODER:
            raise UserError(
                f"--mix-{next(iter(self.heads))}: an auto-encoder mixes whole bars; give --mix, or another --way"
            )

    def of(self, head: str) -> float:
        """Of a head."""
        return self.heads.get(head, self.whole)

    def middle(self, heads: Sequence[str]) -> float:
        """The mean of some heads."""
        return sum(map(self.of, heads)) / len(heads)

    def describe(self) -> str:
        """ "0.3, notes 1, by mixed predictions"."""
        own = "".join(f", {head} {share:g}" for head, share in self.heads.items())
        how = {PREDICTIONS: "mixed predictions", EMBEDDING: "a vector a song", AUTOENCODER: "an auto-encoder of bars"}
        return f"{self.whole:g}{own}, by {how[self.way]}"
