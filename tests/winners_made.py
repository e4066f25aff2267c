"""Winners of tiny heads with fresh random weights, so that generating needs no training."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import torch

from experiments.data_options import DataOptions
from experiments.dataset import Dataset, read_dataset
from experiments.heads import HEADS
from experiments.run_folder import Run, create_run
from experiments.winners import WINNER, Winner, load_winner, save_winner
from songs import bundled


@cache
def demo_songs(grid: int = 24, split: str = "auto", parts: tuple[str, ...] | None = None) -> Dataset:
    """The bundled songs as a run reads them."""
    return read_dataset(DataOptions(tuple(map(str, bundled())), grid=grid, split=split, parts=parts))


def make_winner(path: Path, head: str, dataset: Dataset, *, seed: int = 0, **hyperparameters: Any) -> Winner:
    """Write and load the winner of a head over the songs."""
    spec = HEADS[head]
    config = spec.config.from_dict({"window": 8, "embedding": 8, "hidden": 16} | hyperparameters)
    vocabulary = dataset.column(spec.column_for(config.to_dict())).vocabulary
    grid = dataset.options.grid
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = spec.build(config, vocabulary, grid)
    facts = {
        "head": head,
        "hyperparameters": config.to_dict(),
        "vocabulary": vocabulary.to_json(),
        "grid": grid,
        "parts": list(dataset.options.parts) if dataset.options.parts is not None else None,
        "figures": {"mixture": 0.1},
        "label": dataset.split.valid_label,
        "kind": "search",
        "metric": "nats",
        "epoch": 1,
        "updates": 50,
    }
    save_winner(path, network.state_dict(), facts)
    return load_winner(path)


def make_run(
    path: Path, heads: Sequence[str] = tuple(HEADS), *, name: str = WINNER, grid: int = 24, split: str = "auto",
    parts: tuple[str, ...] | None = None, **hyperparameters: Any,
) -> tuple[Run, dict[str, Winner]]:  # fmt: skip
    """A run over the bundled songs, with winners of some heads."""
    dataset = demo_songs(grid, split, parts)
    run = create_run(path, dataset)
    return run, {head: make_winner(run.winner(head, name), head, dataset, **hyperparameters) for head in heads}
