"""Validation keeps a few numbers a target, and of what is as wide as the vocabulary no more than there is room for."""

from __future__ import annotations

from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from heads_made import Settings, cases, data_of, head_of

from datamodules import batches
from experiments.training import fit
from lightning_modules import head as head_module
from lightning_modules.head import Head
from lightning_modules.outputs.figures import chunks


class Kept(pl.Callback):
    """Bytes of tables that were kept of validation, at most."""

    most = 0

    def on_validation_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any, **__: Any) -> None:
        assert isinstance(pl_module, Head)
        every = [tensor for kept in pl_module._kept for tensor in kept.values()]
        self.most = max(self.most, sum(tensor.nbytes for tensor in every if tensor.dim() > 1))


def validated(name: str, settings: Settings, monkeypatch: pytest.MonkeyPatch, room: int) -> tuple[Head, int]:
    """A head of two epochs whose validation has several batches, and the bytes of tables that it kept."""
    monkeypatch.setattr(batches, "SCORED_AT_ONCE", 8)
    monkeypatch.setattr(head_module, "TABLES", room)
    head, kept = head_of(name, settings), Kept()
    torch.manual_seed(3)
    fit(head, data_of(name, head.config), epochs=2, callbacks=[kept])
    return head, kept.most


@pytest.mark.parametrize(("name", "settings"), cases())
def test_what_there_is_no_room_for_is_computed_again_alike(
    name: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, most = validated(name, settings, monkeypatch, 1 << 30)
    for room in (0, most // 2):
        found, kept = validated(name, settings, monkeypatch, room)
        assert kept <= room
        assert found.figures == whole.figures
        assert found.mixture == whole.mixture
        assert not found._kept


@pytest.mark.parametrize("columns", [1, 128, 385, 10_000])
def test_a_dense_table_is_small_whatever_the_rows(columns: int) -> None:
    """Large tables between small results are not given back: they left holes of hundreds of MB."""
    found = chunks(150_000, columns)
    assert [(part.start, min(part.stop, 150_000)) for part in found] == [
        (start, min(start + found[0].stop, 150_000)) for start in range(0, 150_000, found[0].stop)
    ]
    assert found[0].stop * columns * 8 <= 1 << 19
