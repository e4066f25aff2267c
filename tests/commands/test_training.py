"""Lightning's trainer as it is used here: whatever starts the process, and whatever ends a training."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from datamodules.batches import Batches
from experiments.best_epoch import Trained, fit_best
from experiments.stopping import stopping
from experiments.training import quiet_trainer

STEPS = 4  # an epoch
SIGNALS = [signal.SIGINT, signal.SIGTERM]


class Toy(pl.LightningModule):
    """Learns nothing, and is better in every epoch; `at` is called in every step with its number, from 0."""

    def __init__(self, at: Callable[[int], Any] = lambda step: None) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.layer, self.at, self.steps = nn.Linear(1, 1), at, 0
        self.figures: dict[str, float] = {}
        self.config = SimpleNamespace(learning_rate=0.1, schedule="constant")

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)

    def training_step(self, batch: Tensor, batch_idx: int) -> None:
        self.at(self.steps)
        self.steps += 1

    def validation_step(self, batch: Tensor, batch_idx: int) -> None:
        self.figures = {"valid": 1 / self.steps}


class Nothing(pl.LightningDataModule):
    def train_dataloader(self) -> Batches:
        return Batches(lambda: iter([torch.zeros(1)] * STEPS), STEPS)

    def val_dataloader(self) -> Batches:
        return Batches(lambda: iter([torch.zeros(1)]), 1)


def trained(at: Callable[[int], Any]) -> Trained:
    network: Any = Toy(at)
    return fit_best(network, Nothing(), epochs=6, progress=lambda done, of: None)


@pytest.mark.parametrize(
    "job",
    [
        {"SLURM_JOB_ID": "1", "SLURM_JOB_NAME": "search", "SLURM_NTASKS": "4", "SLURM_PROCID": "1"},
        {"RANK": "1", "LOCAL_RANK": "1", "WORLD_SIZE": "2", "TORCHELASTIC_RUN_ID": "1", "MASTER_ADDR": "elsewhere"},
    ],
)
def test_a_training_is_on_its_own_in_whatever_job_it_is(job: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in job.items():
        monkeypatch.setenv(name, value)
    with quiet_trainer(1) as trainer:
        trainer.fit(Toy(), datamodule=Nothing())
    assert (trainer.world_size, trainer.current_epoch) == (1, 1)


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("step", [0, STEPS - 1, STEPS, 2 * STEPS + 1])
def test_a_signal_ends_a_training_with_its_epoch(number: signal.Signals, step: int) -> None:
    before = signal.getsignal(number)
    ended = trained(lambda at: signal.raise_signal(number) if at == step else None)
    assert (ended.epochs, ended.interrupted) == (step // STEPS + 1, True)
    assert ended.best is not None
    assert ended.best.epoch == ended.epochs
    assert signal.getsignal(number) is before


@pytest.mark.parametrize("number", SIGNALS)
def test_a_second_signal_ends_a_training_at_once(number: signal.Signals) -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    steps: list[int] = []

    def twice(step: int) -> None:
        steps.append(step)
        if step in (1, 2):
            signal.raise_signal(number)

    with pytest.raises(KeyboardInterrupt):
        trained(twice)
    assert steps == [0, 1, 2]
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_an_exit_that_is_not_lightnings_stays_one() -> None:
    """Ray ends the thread of a trial that it stops by `sys.exit(0)`, in the report of an epoch."""
    with pytest.raises(SystemExit) as raised, stopping():
        trained(lambda step: sys.exit(0))
    assert raised.value.code == 0
