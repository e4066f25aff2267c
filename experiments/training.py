"""A head trained by Lightning without what small networks cannot afford: no logger, no bars, no checkpoints."""

from __future__ import annotations

import logging
import math
import signal
import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.plugins.environments import LightningEnvironment  # type: ignore[attr-defined]  # no __all__
from pytorch_lightning.strategies import SingleDeviceStrategy
from pytorch_lightning.utilities.exceptions import SIGTERMException

from lightning_modules.config import HeadConfig
from lightning_modules.head import Head

__all__ = ["fit", "load_optimizer", "optimizer_tensors", "quiet_trainer"]


def fit(
    head: Head,
    data: pl.LightningDataModule,
    *,
    epochs: int,
    callbacks: Sequence[pl.Callback],
    first: int = 0,
    schedule: str | None = None,
    gpu: bool = False,
    validate: bool = True,
) -> None:
    """Train `head` in place up to epoch `epochs` from epoch `first` on.

    Args:
        schedule: of the learning rate; None for the head's own.
        validate: after each epoch; a head that is not validated has no figures.
    """
    if epochs <= first:
        return
    rate = _Rate(head.config, schedule or head.config.schedule, first, epochs)
    with quiet_trainer(epochs - first, [rate, *callbacks], gpu=gpu, validate=validate) as trainer:
        trainer.fit(head, datamodule=data)


@contextmanager
def quiet_trainer(
    epochs: int, callbacks: Sequence[pl.Callback] = (), *, gpu: bool = False, validate: bool = True
) -> Iterator[pl.Trainer]:
    """Lightning's trainer on one device: it writes nothing, draws nothing and gives no advice.

    Signals are handled as they are around it.

    Raises:
        KeyboardInterrupt: as it was raised inside, where Lightning would end the process without a word.
    """
    for name in ("pytorch_lightning", "lightning.pytorch"):
        logging.getLogger(name).setLevel(logging.ERROR)
    with warnings.catch_warnings():
        # Lightning advises more DataLoader workers; our batches are ready-made tensors and need none.
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        warnings.filterwarnings("ignore", message=".*GPU available but not used.*")
        trainer = pl.Trainer(
            max_epochs=epochs,
            accelerator="gpu" if gpu else "cpu",
            devices=1,
            strategy="auto" if gpu else _InPlace(),
            plugins=[LightningEnvironment()],  # else it would be a part of the Slurm or MPI job that it is started in
            callbacks=[_Signals(), *callbacks],
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            limit_val_batches=1.0 if validate else 0,
        )
        try:
            yield trainer
        except SystemExit as stop:  # not each is Lightning's: Ray ends the thread of a trial by one
            if isinstance(stop, SIGTERMException) or isinstance(stop.__context__, KeyboardInterrupt):
                raise KeyboardInterrupt from stop
            raise


class _InPlace(SingleDeviceStrategy):
    """The CPU, where batches are already: Lightning looks through every tensor of a batch for what it has to move."""

    def __init__(self) -> None:
        super().__init__("cpu")

    def batch_to_device(self, batch: Any, device: torch.device | None = None, dataloader_idx: int = 0) -> Any:
        return batch


class _Signals(pl.Callback):
    """Gives SIGTERM back to whom it was: Lightning takes it between these two hooks, and ends a training by it."""

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.handler = signal.getsignal(signal.SIGTERM)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        # in other threads Lightning takes none, as Python handles none there; None is a handler that is not Python's
        if threading.current_thread() is threading.main_thread() and self.handler is not None:
            signal.signal(signal.SIGTERM, self.handler)


class _Rate(pl.Callback):
    """Sets the learning rate of each epoch, by a schedule over all epochs, those before a resume too."""

    def __init__(self, config: HeadConfig, schedule: str, first: int, epochs: int) -> None:
        self.highest, self.schedule, self.first, self.epochs = config.learning_rate, schedule, first, epochs

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        share = (self.first + trainer.current_epoch + 0.5) / self.epochs
        falls = (1 + math.cos(math.pi * share)) / 2 if self.schedule == "cosine" else 1.0
        for group in trainer.optimizers[0].param_groups:
            group["lr"] = self.highest * falls


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """The optimizer's state as named tensors ("optimizer.INDEX.NAME"): no pickle needed to keep it."""
    state = optimizer.state_dict()["state"]
    return {
        f"optimizer.{index}.{name}": torch.as_tensor(value).detach().contiguous()
        for index, values in state.items()
        for name, value in values.items()
    }


def load_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, torch.Tensor]) -> None:
    """Load what `optimizer_tensors` gave into a fresh optimizer of the same shape."""
    whole = optimizer.state_dict()
    state: dict[int, dict[str, torch.Tensor]] = {}
    for key, tensor in tensors.items():
        _, index, name = key.split(".", 2)
        state.setdefault(int(index), {})[name] = tensor
    whole["state"] = state
    optimizer.load_state_dict(whole)
