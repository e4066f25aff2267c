"""Small heads of every kind over songs that can be learned by heart in seconds, each event telling the next."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from columns_made import COLUMNS, GRID, choices
from events_made import events_of

from datamodules.columns import Column, build_column
from datamodules.midi_windows import MidiWindows
from datamodules.song import Events
from datamodules.splits import VALID, named_split
from datamodules.windows import Windows
from experiments.heads import HEADS
from lightning_modules.config import HeadConfig
from lightning_modules.head import Head
from lightning_modules.outputs.output import Batch

CHORDS = ((60,), (60, 64), (60, 64, 67), (62, 65), (72,))
DURATIONS, OFFSETS, VELOCITIES = (6, 12, 24, 36, 96), (6, 8, 12, 24, 48), (30, 50, 64, 90, 127)
UNSEEN_CHORD, UNSEEN = (1, 100), 17  # in validation only
SMALL: dict[str, Any] = {
    "hidden": 16, "embedding": 8, "window": 4, "dropout_layers": 0, "learning_rate": 0.02, "transpose": "none",
}  # fmt: skip

ENDS = (("own", "last", "mae"), ("context", "half", "grid"))  # the original's choices, and the defaults

Settings = dict[str, Any]
NUMBERS = [name for name, spec in COLUMNS.items() if not spec.chords]


def cases() -> list[Any]:
    """Every head with every choice of what it sees, learns and predicts, by one backbone; and once by each other.

    Offsets and velocity are of one class with durations: all but two choices of each are `long`.
    """
    seen = ("inputs", "loss", "output", "tied", "objective", "grain")
    every = [(name, settings) for name in HEADS for settings in choices(name, *seen)]
    every = [case for case in every if not (case[1].get("tied") == "yes" and case[1]["output"] != "token")]
    alike = [case for case in every if case[0] in ("offsets", "velocity") and tuple(case[1].values()) not in ENDS]
    every += [(name, settings) for name in HEADS for settings in choices(name, "backbone")[1:]]
    return [
        pytest.param(*case, id="-".join([case[0], *case[1].values()]), marks=pytest.mark.long if case in alike else ())
        for case in every
    ]


def kind(config: HeadConfig) -> str:
    """What a head of this config predicts."""
    if getattr(config, "grain", "event") == "note":
        return "note"
    return str(getattr(config, "output", None) or getattr(config, "objective", None))


def cycle(start: int, events: int, unseen: int | None = None) -> Events:
    """A song through five values of every column: each event tells the next. One event can be like no other."""
    at = (start + np.arange(events)) % 5
    chords = [CHORDS[i] for i in at]
    ticks = {name: np.array(values)[at] for name, values in (("duration", DURATIONS), ("offset", OFFSETS))}
    velocity = np.array(VELOCITIES, dtype=np.int32)[at]
    if unseen is not None:
        chords[unseen] = UNSEEN_CHORD
        for column in (*ticks.values(), velocity):
            column[unseen] = UNSEEN
    return replace(events_of(chords, ticks["duration"].tolist(), ticks["offset"].tolist()), velocity=velocity)


@cache
def column_of(name: str, grain: str = "event") -> Column:
    train, valid = [cycle(start, 30) for start in range(5)], [cycle(2, 25, unseen=13)]
    return build_column(HEADS[name].column_for({"grain": grain}), [*train, *valid], named_split(train, valid), GRID)


def config_of(name: str, settings: Settings, **others: Any) -> HeadConfig:
    return HEADS[name].config.from_dict(SMALL | settings | others)


def head_of(name: str, settings: Settings, **others: Any) -> Head:
    torch.manual_seed(0)
    config = config_of(name, settings, **others)
    return HEADS[name].build(config, column_of(name, settings.get("grain", "event")).vocabulary, GRID)


def data_of(name: str, config: HeadConfig, **options: Any) -> MidiWindows:
    column = column_of(name, getattr(config, "grain", "event"))
    return MidiWindows(column, HEADS[name].framing(config), batch_size=48, updates_per_epoch=8, **options)


def batch_of(name: str, head: Head, part: int = VALID) -> Batch:
    """All targets of a part."""
    data = data_of(name, head.config)
    windows = Windows(data.column, part, data.framing)
    return windows.batch(windows.in_order())


def fit(head: Head, name: str, epochs: int, callbacks: list[pl.Callback] | None = None, **options: Any) -> None:
    trainer = pl.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        callbacks=callbacks,
    )
    trainer.fit(head, datamodule=data_of(name, head.config, **options))
