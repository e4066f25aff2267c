"""What a search is asked to do, and how it ended: plain values, no Ray."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from datamodules.errors import UserError
from datamodules.framing import UPDATES_PER_EPOCH
from experiments.initial import Initial
from experiments.searchers import DEFAULT
from experiments.stopping import Interrupt
from experiments.tables import TrialTable
from search_spaces import Space

__all__ = ["REDUCTION", "TROUBLE", "EndedError", "Outcome", "SearchPlan", "TrialSettings", "Warm"]

REDUCTION = 3  # ASHA keeps a third at each rung: the usual choice between haste and patience (Li et al. 2020)

TROUBLE = "trouble"  # in a trial's message: the storage cannot be written, in words


class EndedError(UserError):
    """What ends a search, and would the next head's too: machines, a storage or a disk that fail."""


@dataclass(frozen=True)
class TrialSettings:
    """What all trials of a search share."""

    run_id: str
    storage: str
    max_epochs: int
    patience: int  # epochs without a better `best` after which a trial stops by itself
    seed: int
    metric: str  # the figure that `best` is the minimum of
    updates_per_epoch: int
    gpu: bool
    rungs: frozenset[int]  # epochs after which the scheduler may stop a trial
    sign: str  # what the storage is marked with, for a node that has another disk there


@dataclass(frozen=True)
class Warm:
    """An earlier study of the same head.

    Attributes:
        journal: where it is kept.
        comparable: whether its figures are of the same songs and of the same kind.
    """

    journal: Path
    comparable: bool


@dataclass(frozen=True)
class SearchPlan:
    """All that a search needs to know beside its data.

    Attributes:
        folder: HEAD's folder in the run.
        storage: path or URI of the trials' weights.
        trials: how many rows of the search trials.csv shall have in the end.
        confirm: with how many other seeds the best few configurations are trained again.
        max_epochs: the most that a trial trains.
        patience: epochs without a better best after which a trial stops by itself.
        grace: epochs that no trial is stopped before, at least 1.
        searcher: what draws, of `experiments.searchers`.
        space: trial -> all hyperparameters.
        initial: the winner of another run that every trial goes on from; None for fresh weights.
        warm: finds the study of another run that this one begins with, if it has none yet; None for nothing.
        start: what the first trial draws, so that it has the defaults; None for nothing told.
        began, deadline: of `time.monotonic`; no deadline is None.
        cpus: what one trial takes.
        gpus: what one of so many trials takes.
        at_once: how many trials can train at the same time, by now.
        resume: the command that goes on with the run.
        interrupt: whether the user has asked for an end.
        max_failures: how often a trial goes on after a failure.
        sign: what this driver marks the storage with.
    """

    run_id: str
    folder: Path
    storage: str
    trials: int
    confirm: int
    max_epochs: int
    patience: int
    grace: int
    seed: int
    metric: str
    space: Space
    initial: Initial | None
    start: Mapping[str, Any] | None
    warm: Callable[[], Warm | None]
    began: float
    deadline: float | None
    cpus: float
    gpus: Callable[[int], float]
    at_once: Callable[[], int]
    resume: str
    interrupt: Interrupt
    max_failures: int
    searcher: str = DEFAULT
    updates_per_epoch: int = UPDATES_PER_EPOCH
    sign: str = field(default_factory=lambda: uuid.uuid4().hex)

    def settings(self, *, gpu: bool) -> TrialSettings:
        """What all trials share, which train on a GPU or do not."""
        return TrialSettings(
            run_id=self.run_id,
            storage=self.storage,
            max_epochs=self.max_epochs,
            patience=self.patience,
            seed=self.seed,
            metric=self.metric,
            updates_per_epoch=self.updates_per_epoch,
            gpu=gpu,
            rungs=frozenset(self._rungs()),
            sign=self.sign,
        )

    def ended(self, reason: str) -> EndedError:
        """What to raise where the search ends for a reason that can be mended."""
        told = f"{reason}; what was found is kept. When that is mended, go on with: {self.resume}"
        return EndedError(told, status=1)

    def _rungs(self) -> Iterator[int]:
        rung = self.grace
        while rung <= self.max_epochs:
            yield rung
            rung *= REDUCTION


@dataclass(frozen=True)
class Outcome:
    """How a search ended.

    Attributes:
        reason: "" (all trials done), "interrupted" or "time".
        next_row: the first row that neither the table nor the study has.
    """

    table: TrialTable
    reason: str
    next_row: int
