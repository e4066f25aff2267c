"""Ray Tune as this project uses it: trials from a searcher, trained by workers that are used again."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ray import tune
from ray.tune.search import ConcurrencyLimiter, Searcher

from datamodules.errors import UserError
from experiments.command_line.cli import say
from experiments.search.machines.deaths import deaths_are_alike
from experiments.search.plan import SearchPlan, TrialSettings
from experiments.search.stored import Stored
from experiments.search.watching.observer import Halt, Observer, last_line

__all__ = ["Listed", "run_trials", "train_trial_on"]


class Listed(Searcher):  # type: ignore[misc]  # Ray ships no types
    """Gives the configurations of a list, each once, in order."""

    def __init__(self, configurations: Sequence[dict[str, Any]]) -> None:
        super().__init__()
        self.left = list(configurations)

    def suggest(self, trial_id: str) -> dict[str, Any] | str:
        """The next one."""
        return self.left.pop(0) if self.left else str(Searcher.FINISHED)

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Nothing is learned."""

    # Ray pickles its searcher to restore from; we never restore.
    def save(self, checkpoint_path: str) -> None:
        """Write an empty state."""
        Path(checkpoint_path).write_bytes(b"")


class Limited(ConcurrencyLimiter):  # type: ignore[misc]
    """A searcher that gives no more trials than there is room for, which can change, and tells each of its columns."""

    def __init__(self, searcher: Searcher, room: Callable[[], int], stored: Stored) -> None:
        self.room, self.stored = room, stored
        super().__init__(searcher, room())

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """The next one; None for later."""
        found: dict[str, Any] | str | None = super().suggest(trial_id)
        return {**found, "columns": self.stored} if isinstance(found, dict) else found

    @property
    def max_concurrent(self) -> int:
        """What the base class asks for at every suggestion."""
        return self.room()

    @max_concurrent.setter
    def max_concurrent(self, value: int) -> None:
        """It is not set."""

    def get_state(self) -> dict[str, Any]:
        """Nothing: Ray pickles it to restore from, and we never restore."""
        return {}

    def __getstate__(self) -> dict[str, Any]:
        return {}


def run_trials(
    plan: SearchPlan,
    stored: Stored,
    searcher: Any,
    count: int,
    observer: Observer,
    halt: Halt,
    scheduler: Any = None,
) -> str:
    """Train `count` trials that `searcher` gives, and put what they report into the observer's tables.

    Args:
        stored: what they train on.
        scheduler: what stops trials early; None for nothing.

    Returns:
        "" where all ended by themselves, else why `halt` ended them.

    Raises:
        EndedError: what ended the whole.
    """
    tuner = _tuner(plan, Limited(searcher, plan.at_once, stored), count, observer, halt, scheduler)
    with _quiet_tune(), deaths_are_alike():
        try:
            tuner.fit()
        except Exception as error:  # Ray's own, a disk that is full, a --space that fails in some draws
            _close(observer, plan)
            raise plan.ended(f"the search ended: {last_line(error)}") from error
    _close(observer, plan)
    return halt.reason


def _close(observer: Observer, plan: SearchPlan) -> None:
    """Write what is still to be written.

    Raises:
        EndedError: what could not be written, then or before.
    """
    try:
        observer.finish()
    except UserError as error:
        raise plan.ended(str(error)) from error


def _tuner(
    plan: SearchPlan, searcher: Limited, count: int, observer: Observer, halt: Halt, scheduler: Any
) -> tune.Tuner:
    gpus = plan.gpus(count)
    if gpus:
        say(f"each trial takes {gpus:g} of a GPU" if gpus < 1 else f"each trial takes {gpus:g} GPU{'s' * (gpus > 1)}")
    return tune.Tuner(
        tune.with_resources(
            tune.with_parameters(train_trial_on, settings=plan.settings(gpu=gpus > 0)),
            {"cpu": plan.cpus, "gpu": gpus},
        ),
        tune_config=tune.TuneConfig(
            search_alg=searcher,
            scheduler=scheduler,
            num_samples=count,
            reuse_actors=True,  # a fresh worker imports torch and Lightning again: 4 to 5 s
            trial_dirname_creator=lambda trial: f"{trial.config['row']:05d}",
        ),
        run_config=tune.RunConfig(
            name="tune",
            storage_path=str(plan.folder),
            stop=halt,
            callbacks=[observer],
            verbose=0,
            failure_config=tune.FailureConfig(max_failures=plan.max_failures),
        ),
    )


def train_trial_on(config: dict[str, Any], settings: TrialSettings) -> None:
    """`train_trial` with the columns that the configuration tells of."""
    from experiments.search.trial.trainable import train_trial  # here: the driver does not wait for torch and Lightning

    columns, initial = config["columns"].fetch()
    train_trial(config, columns, settings, initial)


TUNE_SETTINGS = {
    "TUNE_MAX_PENDING_TRIALS_PG": str(10**6),  # `Limited` says how many: else one would start at a time
    "TUNE_FORCE_TRIAL_CLEANUP_S": "5",  # at the end; what has trained is kept already
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # ours knows what to keep
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # our tables say it once, and cheaper
    "TUNE_GLOBAL_CHECKPOINT_S": str(10**9),  # pickles that nobody opens
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",  # the reason stands in trials.csv
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
    "RAY_AIR_NEW_OUTPUT": "0",  # the new one prints where its folder is, whatever the verbosity
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
}


@contextmanager
def _quiet_tune() -> Iterator[None]:
    before = {name: os.environ.get(name) for name in TUNE_SETTINGS}
    os.environ.update(TUNE_SETTINGS)
    logger = logging.getLogger("ray.tune")
    level = logger.level
    logger.setLevel(logging.CRITICAL)  # what it tells of failed trials stands in trials.csv, and we tell it at the end
    try:
        yield
    finally:
        logger.setLevel(level)
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.__setitem__(name, value)
