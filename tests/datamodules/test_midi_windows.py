"""Ready-made batches: whole passes, an order of their own, and Lightning's own loop over them."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from columns_made import SPECS, column_of, framings, lively_songs, numbered_column
from events_made import events_of
from torch import Tensor

from datamodules.columns import Column
from datamodules.errors import UserError
from datamodules.framing import Framing
from datamodules.midi_windows import MidiWindows
from datamodules.splits import TRAIN, VALID
from datamodules.weights import Weighting
from datamodules.windows import Batch, Windows

SONGS = lively_songs(8, songs=4, events=60)
FRAMING = Framing(5)


def _column(name: str = "notes", kind: str = "tail") -> Column:
    return column_of(name, SONGS, kind)


def _of_length(targets: int) -> Column:
    song = events_of([(60 + i % 3,) for i in range(targets + 1)], [6] * (targets + 1), [6] * (targets + 1))
    return column_of("notes", [song])


def _rows(batches: list[Batch]) -> Counter[tuple[object, ...]]:
    """The windows of the batches, each as all of its fields, counted."""
    return Counter(
        (tuple(window), *rest)
        for batch in batches
        for window, *rest in zip(*(batch[key].tolist() for key in batch), strict=True)
    )


def _all(windows: Windows) -> Batch:
    return windows.batch(windows.in_order())


def _same(left: list[Batch], right: list[Batch]) -> bool:
    return len(left) == len(right) and all(
        torch.equal(a[key], b[key]) for a, b in zip(left, right, strict=True) for key in a
    )


@pytest.mark.parametrize("weighting", ["none", "balanced", "sqrt"])
@pytest.mark.parametrize("batch_size", [2, 7, 64, 1000])
def test_an_epoch_is_whole_passes(batch_size: int, weighting: Weighting) -> None:
    column = _column()
    data = MidiWindows(
        column, FRAMING, batch_size=batch_size, weighting=weighting, unknown_rate=0, updates_per_epoch=20
    )
    batches = list(data.train_dataloader())
    assert len(batches) == len(data.train_dataloader()) == data.updates >= 20
    assert data.updates - data.updates // data.passes < 20, "a pass less would do"
    once = _rows([_all(Windows(column, TRAIN, FRAMING, weighting))])
    assert _rows(batches) == Counter({row: count * data.passes for row, count in once.items()})


@pytest.mark.parametrize(("window", "tail"), [(5, 1), (5, 2), (16, 8), (16, 16), (100, 50)])
@pytest.mark.parametrize("batch_size", [2, 7, 64])
def test_every_pass_holds_every_target_once_however_it_is_cut(batch_size: int, window: int, tail: int) -> None:
    """The targets are the numbers of their events here, so that none is like another."""
    column = numbered_column(SONGS, "tail")
    data = MidiWindows(column, Framing(window, tail), batch_size=batch_size, weighting="sqrt", updates_per_epoch=20)
    batches = list(data.train_dataloader())
    assert len(batches) == len(data.train_dataloader()) == data.updates >= 20
    each = data.updates // data.passes
    weight = dict(zip(column.targets(TRAIN).tolist(), _all(data._train)["weight"].tolist(), strict=True))
    for number in range(data.passes):
        once = batches[number * each : (number + 1) * each]
        shown = [target for batch in once for target in batch["target"].tolist()]
        assert sorted(shown) == column.targets(TRAIN).tolist()
        assert [weight[i] for i in shown] == [w for batch in once for w in batch["weight"].tolist()]
        sizes = [len(batch["window"]) for batch in once]
        assert max(sizes) - min(sizes) <= 1, "equal batches"
    assert sum(len(batch["window"]) for batch in batches) / len(batches) < 1.5 * batch_size


def test_every_pass_is_cut_and_moved_anew() -> None:
    data = MidiWindows(column_of("notes", SONGS), Framing(8, 4, True, False, "song"), batch_size=64, unknown_rate=0)
    batches = list(data.train_dataloader())
    each = data.updates // data.passes
    passes = [batches[number * each : (number + 1) * each] for number in range(data.passes)]
    assert data.passes >= 10
    chords = [frozenset(tuple(row) for batch in one for row in batch["chord"][:, -1].tolist()) for one in passes]
    cuts = [frozenset(tuple(row) for batch in one for row in batch["numbers"][:, -1].tolist()) for one in passes]
    assert len(set(chords)) == data.passes, "in other keys"
    assert len(set(cuts)) > data.passes * 3 / 4, "in other windows; there are 256 ways, some come twice"


@pytest.mark.parametrize("batch_size", [2, 3, 4])
@pytest.mark.parametrize("targets", range(2, 40))
def test_no_batch_is_a_single_window(targets: int, batch_size: int) -> None:
    """Batch normalisation cannot train on one number."""
    data = MidiWindows(_of_length(targets), FRAMING, batch_size=batch_size, updates_per_epoch=1)
    sizes = [len(batch["target"]) for batch in data.train_dataloader()]
    assert sum(sizes) == targets
    assert min(sizes) > 1
    assert max(sizes) <= batch_size + 1
    assert len(sizes) == data.updates


def test_too_little_to_train_on_is_refused() -> None:
    with pytest.raises(UserError, match="too few"):
        MidiWindows(_of_length(1), FRAMING, batch_size=64)
    for wrong in ({"batch_size": 1}, {"updates_per_epoch": 0}, {"unknown_rate": 1.5}, {"seed": -1}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            MidiWindows(_of_length(9), FRAMING, **{"batch_size": 64, **wrong})  # type: ignore[arg-type]


@pytest.mark.parametrize("framing", [FRAMING, Framing(8, 4, True, False, "window"), Framing(8, 4, True, True, "song")])
def test_an_epochs_batches_depend_on_seed_and_epoch_alone(framing: Framing) -> None:
    column = _column()
    first = [list(_at(MidiWindows(column, framing, batch_size=64, seed=3), epoch)) for epoch in range(3)]
    torch.manual_seed(99)
    np.random.seed(99)  # noqa: NPY002 - the global state is what must not matter
    data = MidiWindows(column, framing, batch_size=64, seed=3)
    for epoch in (2, 0, 1):
        before = torch.random.get_rng_state()
        assert _same(list(_at(data, epoch)), first[epoch])
        assert torch.equal(before, torch.random.get_rng_state())
    assert not _same(first[0], first[1])
    assert not _same(list(_at(MidiWindows(column, framing, batch_size=64, seed=4), 0)), first[0])


def _at(data: MidiWindows, epoch: int) -> list[Batch]:
    data.set_epoch(epoch)
    return list(data.train_dataloader())


def test_some_training_inputs_are_hidden_but_no_start() -> None:
    column = _column()
    start, unknown = column.vocabulary.start, column.vocabulary.unknown
    plain, hidden = (
        torch.cat(
            [
                batch["window"]
                for batch in MidiWindows(column, FRAMING, batch_size=64, unknown_rate=rate).train_dataloader()
            ]
        )
        for rate in (0, 0.02)
    )
    assert (plain == unknown).sum() == 0
    assert 0 < (plain == start).sum() == (hidden == start).sum()
    share = float((hidden == unknown).sum() / (hidden != start).sum())
    assert 0.01 < share < 0.03
    every = torch.cat(
        [batch["window"] for batch in MidiWindows(column, FRAMING, batch_size=64, unknown_rate=1).train_dataloader()]
    )
    assert set(every.flatten().tolist()) == {start, unknown}


@pytest.mark.parametrize("name", SPECS)
def test_only_ids_are_hidden(name: str) -> None:
    for framing in framings(name, 8, 4):
        plain, hidden = (
            next(
                iter(
                    MidiWindows(
                        _column(name), framing, batch_size=64, unknown_rate=rate, updates_per_epoch=1
                    ).train_dataloader()
                )
            )
            for rate in (0, 1)
        )
        assert plain.keys() == hidden.keys()
        assert all(torch.equal(plain[key], hidden[key]) for key in plain.keys() - {"window"})


@pytest.mark.parametrize("kind", ["tail", "none"])
def test_validation_is_in_order_and_as_it_stands(kind: str) -> None:
    column = _column("durations", kind)
    for framing in (FRAMING, Framing(8, 4), Framing(8, 4, True, False, "window")):
        data = MidiWindows(column, framing, batch_size=64, weighting="balanced", unknown_rate=1)
        part = VALID if kind == "tail" else TRAIN
        for _ in range(2):
            assert _same(list(data.val_dataloader()), [_all(Windows(column, part, framing))])
        weighted = list(data.in_order(TRAIN, "balanced"))
        assert _same(weighted, [_all(Windows(column, TRAIN, framing, "balanced"))])


class _Recorder(pl.LightningModule):
    """Notes which targets it is shown in which epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(5, 1)
        self.shown: dict[int, list[list[int]]] = {}
        self.validated = 0

    def training_step(self, batch: Batch, _: int) -> Tensor:
        self.shown.setdefault(self.current_epoch, []).append(batch["target"].tolist())
        loss: Tensor = self.layer(batch["window"].float()).square().mean()
        return loss

    def validation_step(self, batch: Batch, _: int) -> None:
        self.validated += len(batch["target"])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=1e-6)


# Lightning 2.6.6 asks torch 2.13 in a way that torch gives up
@pytest.mark.filterwarnings("ignore:.*isinstance.treespec, LeafSpec:FutureWarning")
def test_lightning_trains_on_the_epochs_of_the_seed() -> None:
    column = _column()
    data, module = MidiWindows(column, FRAMING, batch_size=64, seed=3), _Recorder()
    _trainer(max_epochs=3).fit(module, datamodule=data)
    other = MidiWindows(column, FRAMING, batch_size=64, seed=3)
    expected = {epoch: [batch["target"].tolist() for batch in _at(other, epoch)] for epoch in range(5)}
    assert module.shown == {epoch: expected[epoch] for epoch in range(3)}
    assert module.validated == 3 * len(column.targets(VALID))
    resumed = _Recorder()
    data.set_epoch(3)  # a fresh trainer counts from 0 again
    _trainer(max_epochs=2).fit(resumed, datamodule=data)
    assert resumed.shown == {0: expected[3], 1: expected[4]}


def _trainer(max_epochs: int) -> pl.Trainer:
    return pl.Trainer(
        max_epochs=max_epochs,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
