"""Windows with the past of another song: what comes, and what is known of it, stay the song's own."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from columns_made import COLUMNS, GRID
from heads_made import config_of, cycle

from datamodules.columns import Column, build_column
from datamodules.context import past_size
from datamodules.midi_windows import MidiWindows
from datamodules.splits import make_split
from datamodules.windows import Batch
from experiments.heads import HEADS
from experiments.music.between.crossing import CrossedWindows
from experiments.music.between.learning import Learning

OWN = {"inputs": "own"}
CONTEXT = {"inputs": "context"}


def columns(name: str) -> tuple[Column, Column]:
    """Of a song that begins elsewhere in the circle than the other, and lasts longer."""
    songs = [cycle(0, 40)], [cycle(3, 30)]
    values = build_column(COLUMNS[name], [*songs[0], *songs[1]], make_split("none", [*songs[0], *songs[1]], 0), GRID)
    one, two = (
        build_column(COLUMNS[name], song, make_split("none", song, 0), GRID, values.vocabulary.values) for song in songs
    )
    return one, two


def batches(name: str, settings: dict[str, str], share: float | None) -> list[Batch]:
    config = config_of(name, settings)
    framing = HEADS[name].framing(config)
    one, two = columns(name)
    options = {"batch_size": 8, "seed": 3, "updates_per_epoch": 4, "unknown_rate": 0.0}
    if share is None:
        return list(MidiWindows(one, framing, **options).train_dataloader())  # type: ignore[arg-type]
    return list(CrossedWindows(one, framing, two, share, **options).train_dataloader())


@pytest.mark.parametrize("name", HEADS)
@pytest.mark.parametrize("settings", [OWN, CONTEXT], ids=["own", "context"])
def test_what_comes_stays_the_songs_own(name: str, settings: dict[str, str]) -> None:
    plain, crossed = batches(name, settings, None), batches(name, settings, 0.5)
    assert len(plain) == len(crossed)
    differs = 0
    for own, other in zip(plain, crossed, strict=True):
        assert own.keys() == other.keys()
        for key, tensor in own.items():
            seen = other[key]
            if key == "numbers":
                differs += int((tensor[..., : past_size()] != seen[..., : past_size()]).any())
                tensor, seen = tensor[..., past_size() :], seen[..., past_size() :]
            if key in ("window", "chord"):
                differs += int((tensor != seen).any())
            else:
                assert torch.equal(tensor, seen), key
    assert differs


@pytest.mark.parametrize("name", HEADS)
def test_a_past_is_crossed_from_the_beginning_up_to_a_place(name: str) -> None:
    """Whole positions, one stretch a window, in the share of the windows that was asked for."""
    plain, crossed = batches(name, CONTEXT, None), batches(name, CONTEXT, 1.0)
    inputs = [key for key in ("window", "chord", "numbers") if key in plain[0]]
    for own, other in zip(plain, crossed, strict=True):
        same = torch.stack([(own[key] == other[key]).flatten(2).all(2) if own[key].ndim > 2 else own[key] == other[key]
                            for key in inputs]).all(0)  # fmt: skip
        last = np.where(same.numpy(), -1, np.arange(same.shape[1])).max(1)
        for row, until in enumerate(last.tolist()):
            assert same[row, until + 1 :].all()
    untouched = batches(name, CONTEXT, 0.0)
    for own, other in zip(plain, untouched, strict=True):
        assert all(torch.equal(own[key], other[key]) for key in own)


def test_the_same_seed_crosses_alike() -> None:
    one, two = batches("notes", CONTEXT, 0.5), batches("notes", CONTEXT, 0.5)
    assert all(torch.equal(a[key], b[key]) for a, b in zip(one, two, strict=True) for key in a)


def test_heads_learn_so_by_default() -> None:
    assert 0 < Learning().crossed < 1
