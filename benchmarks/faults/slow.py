"""`tune` with epochs of at least half a second and no early stopping: a search whose every epoch can be counted.

Training, reports, checkpoints, study and tables are as ever; an epoch only ends later.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from typing import Any
from unittest import mock

__all__ = ["EPOCH", "PROGRAM", "tune"]

EPOCH = 0.5  # seconds
PROGRAM = ("-c", "import sys; from benchmarks.faults.slow import tune; sys.exit(tune())")  # what Python runs


def train_slowly(config: dict[str, Any], settings: Any) -> None:
    """In place of `train_trial_on`, in a worker."""
    from experiments.search.running import train_trial_on
    from experiments.search.trial import trainable

    end_epoch, ended = trainable._Trial.end_epoch, time.monotonic()

    def end_slowly(trial: Any, figures: Mapping[str, float], updates: int) -> bool:
        nonlocal ended
        time.sleep(max(ended + EPOCH - time.monotonic(), 0))
        ended = time.monotonic()
        return end_epoch(trial, figures, updates)

    with mock.patch.object(trainable._Trial, "end_epoch", end_slowly):
        train_trial_on(config, settings)


def tune(train: Callable[..., None] = train_slowly) -> int:
    """The command, in this process, with the arguments that it got."""
    from ray import cloudpickle

    import experiments.search.running
    import experiments.search.search
    from experiments.command_line.cli import main
    from experiments.tune import TuneOptions
    from experiments.tune import tune as command

    cloudpickle.register_pickle_by_value(sys.modules[__name__])  # the machines of a cluster have no benchmarks
    with (
        mock.patch.object(experiments.search.running, "train_trial_on", train),
        mock.patch.object(experiments.search.search, "_asha", return_value=None),
    ):
        return main(TuneOptions, command, prog="tune")
