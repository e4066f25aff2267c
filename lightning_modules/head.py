"""A head: embedding, stack and output, trained and validated by Lightning, scored and sampled without it.

The loop is the hot path of a search. It logs nothing a step: sums stay on the device, and an epoch's figures are in
`Head.figures` from the end of validation on. And it steps its optimizer itself: Lightning's own stepping costs a tenth
of a small network's step more. Nothing here knows what is predicted: that is the output's.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any, cast

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from lightning_modules.config import HeadConfig
from lightning_modules.encoder import Encoder
from lightning_modules.flat import FlatAdamW
from lightning_modules.outputs.output import Batch, Output, Score, Value, charged
from lightning_modules.scoring import MIXTURE_RANGE, fit_mixture
from lightning_modules.stack import Memory, Stack

__all__ = ["CLIP_NORM", "Head", "evaluating", "score"]

TABLES = 32 << 20  # bytes of tables, a row a target, that validation keeps; what is beyond is computed again
CLIP_NORM = 1.0  # gradients of LSTMs over long windows can explode


class _Sums:
    """Losses of a training epoch, on the device and not in the module: setting a module's attribute is slow."""

    def __init__(self, device: torch.device) -> None:
        self.weighted = torch.zeros((), dtype=torch.float64, device=device)
        self.losses = torch.zeros((), dtype=torch.float64, device=device)
        self.windows = 0

    def add(self, weighted: Tensor, losses: Tensor) -> None:
        """Both (n,), detached."""
        self.weighted += weighted.sum()
        self.losses += losses.sum()
        self.windows += len(losses)


class Head(pl.LightningModule):
    """Base of the heads, which only choose the output.

    A batch is a dict of tensors, those that `encoder.Inputs` names at every position of a window, and of every target,
    n in all: target int64 (n,) ids (V = outside the vocabulary, in validation only), weight float32 (n,), base float64
    (n,) natural log of the base probability, value and true int64 (n,) ticks clipped to the range and as they are
    (chords: 0), pitches bool (n, 128) for a chord that is spelled, lengths int64 (n, 128), ticks where a note sounds,
    for lengths of single notes, told float64 (n,), nats, where the form is told. `counted`, bool (batch, tail), tells
    which of the last positions are targets; absent if all are. As the head steps its own optimizer, train by
    `max_epochs`: the Trainer's `global_step` stays 0.

    Args:
        config: the hyperparameters.
        encoder: makes a vector of what stands at a position.
        output: an `nn.Module` that is an `Output`.

    Attributes:
        figures: after a validation pass, what its `Output.score` gives and, after training, train_loss (weighted mean
            over the epoch's windows). Complete in a callback's `on_validation_end`, not yet in its
            `on_validation_epoch_end`, which Lightning calls before the module's own.
        mixture: the `l` that the last validation fitted, float64 scalar buffer, so that a winner has it.
    """

    output: Output
    mixture: Tensor

    def __init__(self, config: HeadConfig, encoder: Encoder, output: Output) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.config = config
        self.encoder = encoder
        self.stack = Stack(config)
        self.output = output
        self.register_buffer("mixture", torch.tensor(0.5, dtype=torch.float64))
        self.figures: dict[str, float] = {}
        self._sums: _Sums | None = None  # outside of a training epoch
        self._kept: list[Batch] = []
        self._whole, self._room = 0, TABLES  # of what is kept: how many with their tables, and bytes left for these

    def forward(self, batch: Batch) -> Tensor:
        """The states that predict the targets, (n, hidden)."""
        states: Tensor = self.stack(self.encoder(batch), self.config.tail, batch.get("counted"))
        return states.flatten(0, -2)

    def __setattr__(self, name: str, value: Any) -> None:
        # Lightning notes here, some twenty times a step, which hook it is in. Where a module looks first whether a
        # value is a parameter, a module or a buffer, this is as slow as some of its layers.
        if name == "_current_fx_name":
            object.__setattr__(self, name, value)
        else:
            super().__setattr__(name, value)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        rate, decay = self.config.learning_rate, self.config.weight_decay
        if self.device.type == "cpu":
            return FlatAdamW(self.parameters(), lr=rate, weight_decay=decay)
        # fused: one call for all parameters, three times faster than the default on small networks
        return torch.optim.AdamW(self.parameters(), lr=rate, weight_decay=decay, fused=True)

    def on_train_epoch_start(self) -> None:
        self._sums = _Sums(self.device)

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        optimizer = cast(torch.optim.Optimizer, self.optimizers(use_pl_optimizer=False))
        # Chords that are unknown in the keys that they were moved to are no targets: it may have lost all of them, or
        # all but one, on which batch normalisation cannot train.
        if len(batch["target"]) < 2:
            return
        losses = self.output.losses(self(batch), batch)  # (n,)
        weighted = losses * batch["weight"]
        assert self._sums is not None
        self._sums.add(weighted.detach(), losses.detach())
        optimizer.zero_grad()
        weighted.mean().backward()  # type: ignore[no-untyped-call]  # torch has no annotation here
        if isinstance(optimizer, FlatAdamW):
            optimizer.clip_grad_norm(CLIP_NORM)
        else:
            nn.utils.clip_grad_norm_(optimizer.param_groups[0]["params"], CLIP_NORM)
        optimizer.step()

    # Lightning asks for it at every step, and Python finds it anew each time unless it stands here.
    training_step.__signature__ = inspect.signature(training_step)  # type: ignore[attr-defined]

    def on_validation_epoch_start(self) -> None:
        self._kept, self._whole, self._room = [], 0, TABLES
        self.figures = {}
        self._end_training_epoch()

    def on_train_epoch_end(self) -> None:
        self._end_training_epoch()  # where nothing is validated; else it has ended before

    def _end_training_epoch(self) -> None:
        if self._sums is None:
            return
        windows = self._sums.windows
        if windows:
            self.output.end_epoch(self._sums.losses / windows)
        # an epoch without a target has no loss: told as such, and no figure
        self.figures["train_loss"] = float(self._sums.weighted) / windows if windows else math.nan
        self._sums = None

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        kept = self.keep(batch)
        tables = sum(tensor.nbytes for tensor in kept.values() if tensor.dim() > 1)
        self._room -= tables
        if tables and self._room < 0:
            kept = {name: kept[name] for name in ("model", "base")}
        else:
            self._whole += 1
        self._kept.append(kept)

    def on_validation_epoch_end(self) -> None:
        kept, self._kept = self._kept, []
        mixture = None
        if self._whole < len(kept):
            mixture = _fit(kept)
            settled = [self.output.settle(each, mixture) for each in kept[: self._whole]]
            kept = settled + [self.keep(batch, mixture) for batch in self._again(self._whole)]
        self.figures |= self.tally(kept, mixture).figures
        self.mixture.fill_(self.figures["mixture"])

    def _again(self, first: int) -> Iterator[Batch]:
        """The batches that are validated, from one on."""
        for batch in islice(cast("Iterable[Batch]", self.trainer.val_dataloaders), first, None):
            yield {name: tensor.to(self.device) for name, tensor in batch.items()}

    def keep(self, batch: Batch, mixture: float | None = None) -> Batch:
        """What `tally` needs of a batch: little, if the mixture is known."""
        told = {"told": batch["told"]} if "told" in batch else {}
        kept = self.output.keep(self(batch), batch) | told
        return kept if mixture is None else self.output.settle(kept, mixture)

    def tally(self, kept: list[Batch], mixture: float | None) -> Score:
        """Figures over batches that `keep` returned, given the same mixture; None fits it on them.

        Raises:
            ValueError: no batches, or a mixture outside `MIXTURE_RANGE`.
        """
        if not kept:
            raise ValueError("there are no targets to score")
        if mixture is not None and not MIXTURE_RANGE[0] <= mixture <= MIXTURE_RANGE[1]:
            raise ValueError(f"mixture must be from {MIXTURE_RANGE[0]} to {MIXTURE_RANGE[1]}, not {mixture!r}")
        whole = {name: torch.cat([k[name] for k in kept]) for name in kept[0]}
        told = whole.pop("told", None)
        if mixture is None:
            mixture = _fit(kept)
            whole = self.output.settle(whole, mixture)  # at once: small results between large tables leave holes
        score = self.output.score(whole, mixture)
        return score if told is None else charged(score, told.cpu())

    @torch.inference_mode()
    def sample(
        self,
        batch: Batch,
        *,
        temperature: float = 1.0,
        top_p: float = 1.0,
        generator: torch.Generator | None = None,
    ) -> list[Value]:
        """The next value of each window: a chord's pitches, ticks, or the ticks of each pitch of a chord.

        Args:
            batch: the inputs of windows, on the head's device; whatever their targets, the last position's is drawn.
            temperature, top_p, generator: see `sampling.sample`; they change nothing for an L1 regression.

        Raises:
            ValueError: a temperature or top_p without meaning.
        """
        state, _ = self.follow(batch, None)
        return self.draw(state, batch, temperature=temperature, top_p=top_p, generator=generator)

    @torch.inference_mode()
    def follow(self, batch: Batch, memory: Memory | None) -> tuple[Tensor, Memory]:
        """The states at the last of some positions, (batch, hidden), and what is remembered after them.

        Args:
            batch: the inputs of positions, on the head's device.
            memory: what this returned of the positions before them; None if they begin a window.
        """
        with evaluating(self):
            states, after = self.stack.follow(self.encoder(batch), memory)
            return states[:, -1], after

    @torch.inference_mode()
    def draw(
        self,
        state: Tensor,
        batch: Batch,
        *,
        temperature: float = 1.0,
        top_p: float = 1.0,
        generator: torch.Generator | None = None,
    ) -> list[Value]:
        """The values that follow, as `sample` draws them, from what `follow` said of the batch."""
        with evaluating(self):
            return self.output.draw(state, batch, temperature, top_p, generator)


def _fit(kept: list[Batch]) -> float:
    """The mixture that is likeliest over batches that were kept."""
    return fit_mixture(*(torch.cat([each[name] for each in kept]) for name in ("model", "base")))


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Evaluation mode inside, the mode before it after."""
    training = module.training
    if training:
        module.eval()
    try:
        yield
    finally:
        if training:
            module.train()


@torch.inference_mode()
def score(head: Head, batches: Iterable[Batch], mixture: float | None = None) -> Score:
    """Figures over all targets of the batches, as validation gives them.

    Args:
        head: in whatever mode; evaluated in evaluation mode.
        batches: see `Head`; moved to the head's device.
        mixture: the share of the base distribution. None fits it on these targets; what was fitted before is
            ``float(head.mixture)``.

    Raises:
        ValueError: no batches.
    """
    device = head.device
    with evaluating(head):
        kept = [head.keep({name: tensor.to(device) for name, tensor in batch.items()}, mixture) for batch in batches]
        return head.tally(kept, mixture)
