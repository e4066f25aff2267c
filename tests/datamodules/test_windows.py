"""Windows equal a naive loop, and hold every target once."""

from __future__ import annotations

import tracemalloc
import warnings
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
from columns_made import COLUMNS, GRID, SPECS, WINDOWS, before, column_of, framings, lively_songs, numbered_column
from events_made import events_of

from datamodules.batches import in_order
from datamodules.columns import Column, build_column
from datamodules.framing import Framing
from datamodules.splits import TEST, TRAIN, VALID, make_split
from datamodules.windows import Batch, Segments, Windows

SONGS = lively_songs(4, songs=4, events=30, chords=20)
KINDS = ["song", "tail", "none"]
PARTS = [TRAIN, VALID, TEST]


def _column(name: str, kind: str) -> Column:
    return column_of(name, SONGS, kind)


def _all(windows: Windows) -> Batch:
    return windows.batch(windows.in_order())


def _counted(batch: Batch, segments: Segments, tail: int) -> torch.Tensor:
    return batch.get("counted", torch.ones(len(segments), tail, dtype=torch.bool))


@pytest.mark.parametrize(("window", "tail"), WINDOWS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_target_stands_in_one_window_and_sees_what_is_before_it(kind: str, window: int, tail: int) -> None:
    """Inputs and targets are the numbers of their events here."""
    column, random = numbered_column(SONGS, kind), np.random.default_rng(window)
    start = column.vocabulary.start
    for part in PARTS:
        windows = Windows(column, part, Framing(window, tail))
        for segments in (windows.in_order(), *(windows.passed(random) for _ in range(5))):
            batch = windows.batch(segments)
            counted = _counted(batch, segments, tail)
            assert batch["target"].tolist() == column.targets(part).tolist()
            assert len(windows) == len(batch["target"]) == int(counted.sum())
            assert counted.any(dim=1).all()
            rows, places = counted.nonzero(as_tuple=True)
            for row, place, target in zip(rows.tolist(), places.tolist(), batch["target"].tolist(), strict=True):
                seen = batch["window"][row, : window - tail + place + 1].tolist()
                naive = before(column, target, len(seen))
                assert seen == [start if event == len(column) else event for event in naive]


@pytest.mark.parametrize("kind", KINDS)
def test_a_window_may_be_told_its_song(kind: str) -> None:
    column, random = _column("notes", kind), np.random.default_rng(1)
    songs = column.songs()
    for part in PARTS:
        windows = Windows(column, part, Framing(6, 3, songs=True))
        segments = windows.passed(random)
        batch = windows.batch(segments)
        assert batch["song"].tolist() == songs[segments.last].tolist()
        assert "song" not in Windows(column, part, Framing(6, 3)).batch(segments)


@pytest.mark.parametrize(("window", "tail"), WINDOWS)
def test_counted_is_there_only_if_some_positions_are_no_targets(window: int, tail: int) -> None:
    column = numbered_column(SONGS, "tail")
    windows = Windows(column, TRAIN, Framing(window, tail))
    segments = windows.in_order()
    full = segments.last - segments.first + 1 == tail
    assert "counted" not in windows.batch(segments[np.flatnonzero(full)])
    for row in np.flatnonzero(~full):
        counted = windows.batch(segments[[row]])["counted"]
        assert counted.sum() == segments.last[row] - segments.first[row] + 1 < tail
        assert counted[0, -1], "the last position is always a target"


@pytest.mark.parametrize("tail", [1, 3, 8])
def test_in_order_shows_each_target_as_little_too_much_as_can_be(tail: int) -> None:
    """As few windows as hold the targets: all are full, but the last of each run of targets."""
    column = numbered_column(SONGS, "tail")
    for part in PARTS:
        segments = Windows(column, part, Framing(8, tail)).in_order()
        runs = [int((column.part[a:b] == part).sum()) for a, b in zip(column.starts, column.starts[1:], strict=False)]
        assert len(segments) == sum(-(-run // tail) for run in runs)


@pytest.mark.parametrize(("window", "tail"), [(8, 1), (8, 4), (8, 8), (64, 32)])
def test_a_pass_is_cut_anew_and_has_the_expected_number_of_windows(window: int, tail: int) -> None:
    windows, random = Windows(numbered_column(SONGS, "tail"), TRAIN, Framing(window, tail)), np.random.default_rng(0)
    passes = [windows.passed(random) for _ in range(400)]
    assert len({tuple(segments.last.tolist()) for segments in passes}) > 1 or tail == 1
    assert np.mean([len(segments) for segments in passes]) == pytest.approx(windows.expected, rel=0.02)
    assert not any(segments.shift.any() for segments in passes), "none are moved unless asked"


@pytest.mark.parametrize("window", [1, 2, 5, 17, 100])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", COLUMNS)
def test_ids_are_those_of_a_naive_loop(name: str, kind: str, window: int) -> None:
    column = _column(name, kind)
    shown = np.append(column.inputs, column.vocabulary.start)
    for part in PARTS:
        windows = Windows(column, part, Framing(window))
        batch = _all(windows)
        naive = [shown[before(column, event, window)].tolist() for event in column.targets(part).tolist()]
        assert batch["window"].tolist() == naive
        assert len(windows) == len(batch["target"]) == int((column.part == part).sum())


@pytest.mark.parametrize("tail", [1, 4, 8])
@pytest.mark.parametrize("name", SPECS)
def test_other_inputs_are_those_of_a_naive_loop(name: str, tail: int) -> None:
    """Position by position: the event before with all its columns, and what is known of the event that follows."""
    column = _column(name, "song")
    context, spec = column.context, column.spec
    flags = np.concatenate([np.unpackbits(context.bits, axis=1), np.zeros((1, 128), np.uint8)])
    past = np.concatenate([context.past, np.zeros_like(context.past[:1])])
    known = np.concatenate([context.known(spec.after), np.zeros_like(context.known(spec.after)[:1])])
    for framing in framings(name, window=8, tail=tail):
        windows = Windows(column, VALID, framing)
        segments, spelled = windows.passed(np.random.default_rng(3)), spec.chords and framing.spelled
        batch = windows.batch(segments)
        last = segments.last.tolist()
        earlier = np.array([before(column, event, 8) for event in last])
        later = np.array([[*before(column, event, 7), event] for event in last])
        start = (earlier == len(column))[:, :, None]
        assert start.any()
        expected = {"window": np.append(column.inputs, column.vocabulary.start)[earlier]} if not spelled else {}
        if spelled or framing.context:
            expected["chord"] = np.concatenate([flags[earlier], start], axis=2)
        if framing.context:
            expected["numbers"] = np.concatenate([past[earlier], known[later]], axis=2)
            expected |= {"known": flags[later]} if "notes" in spec.after else {}
        if spelled:
            expected["pitches"] = flags[column.targets(VALID)]
        if spec.grain == "note":
            expected["lengths"] = np.zeros((len(batch["target"]), 128), np.int64)
            for row, event in zip(expected["lengths"], column.targets(VALID).tolist(), strict=True):
                row[flags[event] > 0] = context.lengths[context.starts[event] : context.starts[event + 1]]
        others = {"counted", "target", "weight", "base", "value", "true"}
        assert set(batch) - others == set(expected)
        for key, value in expected.items():
            assert np.array_equal(batch[key].numpy(), value), key


def test_a_tails_windows_reach_back_into_training() -> None:
    column = _column("notes", "tail")
    cut = int(column.targets(VALID)[0])
    assert column.part[cut - 1] == TRAIN
    windows = Windows(column, VALID, Framing(5))
    assert windows.batch(windows.in_order()[:1])["window"].tolist() == [column.inputs[cut - 5 : cut].tolist()]


@pytest.mark.parametrize("kind", ["song", "tail"])
@pytest.mark.parametrize("name", SPECS)
def test_nothing_of_a_held_out_event_is_an_input_of_training(name: str, kind: str) -> None:
    """Other held-out events, the same batches of training, bit by bit."""
    split = make_split(kind, SONGS, seed=1)
    other = lively_songs(77, songs=4, events=60)
    events = []
    for index, (song, strange) in enumerate(zip(SONGS, other, strict=True)):
        kept = int((split.parts[index] == TRAIN).sum()) + split.trains(index)
        chords = song.chords()[:kept] + strange.chords()[kept : len(song)]
        columns = {
            field: np.concatenate([getattr(song, field)[:kept], getattr(strange, field)[kept : len(song)]])
            for field in ("duration", "offset", "velocity", "place", "bar")
        }
        events.append(replace(events_of(chords, columns["duration"].tolist(), columns["offset"].tolist()), **columns))
    columns_ = [build_column(SPECS[name], songs, split, GRID) for songs in (SONGS, events)]
    assert not np.array_equal(columns_[0].context.bits, columns_[1].context.bits)
    for framing in framings(name, 8, 4, "window"):
        one, two = (
            windows.batch(windows.passed(np.random.default_rng(5)))
            for windows in (Windows(column, TRAIN, framing, "balanced") for column in columns_)
        )
        assert one.keys() == two.keys()
        assert all(torch.equal(one[key], two[key]) for key in one)


@pytest.mark.parametrize("name", COLUMNS)
def test_a_batch_holds_what_is_said_of_its_targets(name: str) -> None:
    column = _column(name, "song")
    windows = Windows(column, VALID, Framing(3))
    chosen = np.array([4, 0, 7])
    events = column.targets(VALID)[chosen]
    batch = windows.batch(windows.in_order()[chosen])
    assert {key: (tensor.dtype, tuple(tensor.shape)) for key, tensor in batch.items()} == {
        "window": (torch.int64, (3, 3)),
        "target": (torch.int64, (3,)),
        "weight": (torch.float32, (3,)),
        "base": (torch.float64, (3,)),
        "value": (torch.int64, (3,)),
        "true": (torch.int64, (3,)),
    }
    assert batch["target"].tolist() == column.inputs[events].tolist()
    assert batch["weight"].tolist() == [1, 1, 1]
    assert batch["base"].tolist() == column.base[events].tolist()
    assert batch["true"].tolist() == column.value[events].tolist()
    lexicon = [column.lexicon[i] for i in column.ids[events]]
    assert batch["value"].tolist() == ([0, 0, 0] if column.spec.chords else lexicon)


@pytest.mark.parametrize("name", SPECS)
def test_the_types_of_all_that_a_batch_can_hold(name: str) -> None:
    types = {"window": torch.int64, "pitches": torch.bool, "counted": torch.bool}
    types |= dict.fromkeys(("chord", "numbers", "known", "weight"), torch.float32)
    types |= dict.fromkeys(("target", "value", "true", "lengths"), torch.int64) | {"base": torch.float64}
    for framing in framings(name, 5, 2):
        batch = _all(Windows(_column(name, "song"), VALID, framing))
        assert {key: tensor.dtype for key, tensor in batch.items()} == {key: types[key] for key in batch}


def test_training_targets_are_always_classes() -> None:
    for name in COLUMNS:
        for kind in KINDS:
            column = _column(name, kind)
            target = _all(Windows(column, TRAIN, Framing(2)))["target"]
            assert int(target.max()) < len(column.vocabulary)
    held_out = _all(Windows(_column("notes", "song"), VALID, Framing(2)))["target"]
    assert int(held_out.max()) == len(_column("notes", "song").vocabulary), "the test needs an unseen chord"


def _frozen(value: Any) -> Any:
    """A copy of which all arrays are read-only."""
    if isinstance(value, np.ndarray):
        value = value.copy()
        value.flags.writeable = False
    elif is_dataclass(value) and any(isinstance(getattr(value, field.name), np.ndarray) for field in fields(value)):
        return type(value)(**{field.name: _frozen(getattr(value, field.name)) for field in fields(value) if field.init})
    return value


@pytest.mark.parametrize("name", SPECS)
def test_read_only_arrays_do(name: str) -> None:
    """As they come out of an object store that processes share; torch warns about those that it would wrap."""
    column = _column(name, "tail")
    for framing in framings(name, 4, 2):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            windows = Windows(_frozen(column), TRAIN, framing, "balanced")
            batches = [windows.batch(windows.in_order()[chosen]) for chosen in (slice(3, 9), np.arange(3, 9))]
        twin = Windows(column, TRAIN, framing, "balanced")
        expected = twin.batch(twin.in_order()[3:9])
        for batch in batches:
            assert all(torch.equal(batch[key], expected[key]) for key in expected)
        for tensor in batches[0].values():
            tensor.zero_()  # a batch is a copy
        again = windows.batch(windows.in_order()[3:9])
        assert all(torch.equal(again[key], expected[key]) for key in expected)


def test_the_windows_are_a_view() -> None:
    column = column_of("notes", lively_songs(0, songs=2, events=2000))
    tracemalloc.start()
    windows = Windows(column, TRAIN, Framing(1000))
    windows.batch(windows.in_order()[:1])
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < len(column) * 1000  # bytes; the rows of the view would be eight times as many


def test_in_order_gives_every_target_once() -> None:
    column = _column("durations", "tail")
    batches = in_order(column, TRAIN, Framing(5))
    for _ in range(2):
        found = torch.cat([batch["target"] for batch in batches])
        assert found.tolist() == column.ids[column.targets(TRAIN)].tolist()
    assert len(batches) == len(list(batches)) == 1


@pytest.mark.parametrize(("window", "tail"), [(1, 1), (16, 8), (2048, 2000)])
def test_in_order_is_cut_into_batches_of_about_as_many_targets(window: int, tail: int) -> None:
    column = column_of("durations", lively_songs(1, songs=3, events=1500))
    batches = in_order(column, TRAIN, Framing(window, tail), "balanced")
    found = list(batches)
    assert len(found) == len(batches) > 1
    assert all(len(batch["target"]) <= max(1024, tail) for batch in found)
    whole = _all(Windows(column, TRAIN, Framing(window, tail), "balanced"))
    for key in ("target", "weight", "true"):
        assert torch.equal(torch.cat([batch[key] for batch in found]), whole[key])


def test_bad_arguments_are_refused() -> None:
    for window, tail in ((0, 1), (4, 0), (4, 5)):
        with pytest.raises(ValueError, match=f"window {window}, tail {tail}"):
            Framing(window, tail)
