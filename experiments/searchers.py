"""The registry of searchers: what draws the next trial of a search.

A new one is a function that makes an Optuna sampler, and an entry here; an installed package can add one too
(docs/extending.md). This file imports no Optuna: a spec names its sampler.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lightning_modules.registry import Registry, named, unnamed

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

__all__ = ["DEFAULT", "SEARCHERS", "SearcherName", "SearcherSpec"]

DEFAULT = "tpe"


@dataclass(frozen=True)
class SearcherSpec:
    """A searcher.

    Attributes:
        name: what --searcher names.
        sampler: "module:function", named and not imported; called with a seed, it gives an
            `optuna.samplers.BaseSampler`. Spaces are define-by-run: some hyperparameters exist only beside others.
        by_number: whether what it draws depends on the trial's number, so that one seed will do for a search that is
            gone on with. Others get another one then: by the same, they would begin with the same trials again.
    """

    name: str
    sampler: str
    by_number: bool = False

    def build(self, seed: int, begun: int = 0) -> BaseSampler:
        """The sampler; imports Optuna.

        Args:
            seed: of the search.
            begun: trials that the study has already.
        """
        own = seed if self.by_number or not begun else _mixed(seed, begun)
        made: BaseSampler = named(self.sampler)(own)
        return made

    def problem(self) -> str:
        """Why it cannot be taken from another package; "" if it can."""
        return unnamed("sampler", self.sampler, "function")


def _mixed(*numbers: int) -> int:
    import numpy as np

    return int(np.random.SeedSequence(numbers).generate_state(1)[0])


# Optuna's others (CMA-ES, Gaussian processes, quasi-Monte Carlo) model only the hyperparameters that every trial has
# had, and draw what exists beside others (attention_heads, dropout, tied) as `random` does; Gaussian processes take two
# seconds a trial after thirty. So they are left out.
SEARCHERS: Registry[SearcherSpec] = Registry(
    "tritone.searchers",
    SearcherSpec,
    (
        SearcherSpec(DEFAULT, "experiments.search.study.sampler:tpe", by_number=True),
        SearcherSpec("random", "experiments.search.study.at_random:at_random", by_number=True),
    ),
)

if TYPE_CHECKING:
    SearcherName = str
else:  # one of these; built here, so that a command line shows and accepts every searcher
    SearcherName = Literal[(*SEARCHERS,)]
