"""Training as it is done, with all its shortcuts, against the plainest loop of PyTorch: the same losses."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import pytest
import pytorch_lightning as pl
import torch
from heads_made import Settings, cases, data_of, head_of
from torch import nn

from datamodules.windows import Batch, Segments, Windows
from experiments.training import fit
from lightning_modules.flat import FlatAdamW
from lightning_modules.head import CLIP_NORM, Head, score

CASES = pytest.mark.parametrize(("name", "settings"), cases())
EQUAL = 1e-8  # the most that losses may differ by, in nats
EPOCHS = 3
OTHERS = {"dense_layers": 1, "batchnorm_layers": 1, "dropout_layers": 1, "learning_rate": 1e-3, "transpose": "window"}


@pytest.fixture
def exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of float64: in float32 AdamW's first steps make a difference in a last bit a thousand times larger."""
    batch = Windows.batch

    def doubled(windows: Windows, segments: Segments) -> Batch:
        found = batch(windows, segments)
        return {name: tensor.double() if tensor.is_floating_point() else tensor for name, tensor in found.items()}

    monkeypatch.setattr(Windows, "batch", doubled)


class Losses(pl.Callback):
    """Both losses after each epoch."""

    def __init__(self) -> None:
        self.found: list[tuple[float, float]] = []

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert isinstance(pl_module, Head)
        self.found.append((pl_module.figures["train_loss"], pl_module.figures["valid"]))


def plain(head: Head, name: str) -> Iterator[tuple[float, float]]:
    """Torch's own optimizer and clipping in a loop."""
    config, data, parameters = head.config, data_of(name, head.config), list(head.parameters())
    optimizer = torch.optim.AdamW(parameters, lr=config.learning_rate, weight_decay=config.weight_decay)
    for epoch in range(EPOCHS):
        data.set_epoch(epoch)
        head.train()
        weighted, unweighted, count = 0.0, 0.0, 0
        for batch in data.train_dataloader():
            if len(batch["target"]) < 2:
                continue
            losses = head.output.losses(head(batch), batch)
            loss = losses * batch["weight"]
            weighted += float(loss.detach().double().sum())
            unweighted += float(losses.detach().double().sum())
            count += len(losses)
            optimizer.zero_grad()
            loss.mean().backward()  # type: ignore[no-untyped-call]  # torch has no annotation here
            nn.utils.clip_grad_norm_(parameters, CLIP_NORM)
            optimizer.step()
        head.output.end_epoch(torch.tensor(unweighted / count, dtype=torch.float64))
        yield weighted / count, score(head, data.val_dataloader()).figures["valid"]


@pytest.mark.usefixtures("exact")
@CASES
def test_training_has_the_losses_of_a_plain_loop(name: str, settings: Settings) -> None:
    head, seen = head_of(name, settings, **OTHERS, schedule="constant").double(), Losses()
    torch.manual_seed(7)
    fit(head, data_of(name, head.config), epochs=EPOCHS, callbacks=[seen])
    other = head_of(name, settings, **OTHERS, schedule="constant").double()
    torch.manual_seed(7)  # dropout draws alike
    for ours, theirs in zip(seen.found, plain(other, name), strict=True):
        assert ours == pytest.approx(theirs, abs=EQUAL)


def network() -> nn.Module:
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(5, 7), nn.ReLU(), nn.BatchNorm1d(7), nn.Linear(7, 3, bias=False))


def step(module: nn.Module, optimizer: torch.optim.Optimizer, number: int) -> None:
    x = torch.randn(6, 5, generator=torch.Generator().manual_seed(number))
    optimizer.zero_grad()
    module(x).square().mean().backward()
    if isinstance(optimizer, FlatAdamW):
        optimizer.clip_grad_norm(0.1)
    else:
        nn.utils.clip_grad_norm_(module.parameters(), 0.1)
    optimizer.step()


def flat(module: nn.Module) -> torch.optim.Optimizer:
    return FlatAdamW(module.parameters(), lr=0.01, weight_decay=0.1)


def own(module: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.AdamW(module.parameters(), lr=0.01, weight_decay=0.1)


@pytest.mark.parametrize(("first", "second"), list(product((flat, own), repeat=2)))
def test_an_optimizer_goes_on_with_the_state_of_another(first: type, second: type) -> None:
    """Also of the other kind: a trial that began on a GPU can go on without one."""
    ours, theirs = network(), network()
    begun, whole = first(ours), own(theirs)
    for number in range(5):
        step(ours, begun, number)
        step(theirs, whole, number)
    again = network()
    again.load_state_dict({name: tensor.clone() for name, tensor in ours.state_dict().items()})
    going_on = second(again)
    going_on.load_state_dict(begun.state_dict())
    for number in range(5, 10):
        step(again, going_on, number)
        step(theirs, whole, number)
    for one, other in zip(again.state_dict().values(), theirs.state_dict().values(), strict=True):
        assert torch.allclose(one, other, atol=1e-6)


def test_a_gradient_that_was_taken_off_comes_back() -> None:
    ours, theirs = network(), network()
    one, other = flat(ours), own(theirs)
    for number in range(4):
        ours.zero_grad()  # as Lightning does before it trains
        step(ours, one, number)
        step(theirs, other, number)
    for mine, yours in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.allclose(mine, yours, atol=1e-6)
