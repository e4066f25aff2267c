"""Floors: what a table of the windows reaches on its own training songs."""

import math
import sys
from collections import defaultdict
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest
from columns_made import COLUMNS, column_of, lively_songs
from events_made import random_songs
from numpy.typing import NDArray

from datamodules.baselines.floors import _median_error, floors
from datamodules.columns import build_column
from datamodules.corpus.reading import read_corpus
from datamodules.framing import Framing
from datamodules.splits import TRAIN, make_split
from datamodules.windows import Windows

Ints = NDArray[np.integer]
CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpora" / "two_songs_freedoom"


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("window", [1, 3])
def test_floors_equal_a_table_of_the_windows(name: str, window: int) -> None:
    column = column_of(name, lively_songs(3, songs=4, events=60, chords=5))
    table: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for first, end in zip(column.starts, column.starts[1:], strict=False):
        padded = [-1] * window + column.ids[first:end].tolist()
        for i in range(1, end - first):
            table[tuple(padded[i : i + window])].append(first + i)
    nats, errors = [], []
    for events in table.values():
        ids, values = column.ids[events], column.value[events]
        nats += [-math.log((ids == id_).mean()) for id_ in ids]
        errors += np.abs(values - np.median(values)).tolist()
    found = floors(column, TRAIN, window)
    assert found["weighted"] == found["at_weighted"] == found["nats"]
    assert found["nats"] == pytest.approx(np.mean(nats))
    assert found.get("mae") == (None if column.spec.chords else pytest.approx(np.mean(errors) / column.per_unit))


def test_the_median_error_takes_no_step_for_each_window() -> None:
    """Most windows of a large corpus are seen once."""
    context, value = np.repeat(np.arange(200_000), 2), np.tile(np.array([3, 8], np.int32), 200_000)
    lines = 0

    def count(_frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal lines
        lines += event == "line"
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        assert _median_error(context, value) == 2.5
    finally:
        sys.settrace(before)
    assert 1 < lines < 1000


def test_weights_move_the_minimum() -> None:
    column = column_of("notes", random_songs(4, songs=3, events=80, chords=6))
    plain, balanced = floors(column, TRAIN, 2), floors(column, TRAIN, 2, "balanced")
    assert balanced["nats"] == plain["nats"]
    assert balanced["at_weighted"] > plain["nats"]  # the entropy is the least there is, unweighted
    windows = Windows(column, TRAIN, Framing(2), "balanced")
    batch = windows.batch(windows.in_order())
    _, context = np.unique(batch["window"].numpy(), axis=0, return_inverse=True)
    entropy = _weighted_nats(context.reshape(-1), batch["target"].numpy(), np.ones(len(windows)))
    weighted = float((batch["weight"].numpy() * entropy).mean())
    assert balanced["weighted"] < weighted  # the plain table is no minimum of it


def _weighted_nats(context: Ints, target: Ints, weight: NDArray[np.float64]) -> NDArray[np.float64]:
    shares = [
        weight[(context == c) & (target == t)].sum() / weight[context == c].sum()
        for c, t in zip(context, target, strict=True)
    ]
    return -np.log(shares)


@pytest.mark.skipif(not CORPUS.exists(), reason="the corpora are not here")
def test_the_floors_that_were_measured_on_two_rock_songs() -> None:
    songs = [song.events() for song in read_corpus([CORPUS]).songs]
    split = make_split("none", songs, 0)
    found = {name: floors(build_column(COLUMNS[name], songs, split, 24), TRAIN, 5) for name in COLUMNS}
    assert found["notes"]["nats"] == pytest.approx(0.213, abs=0.01)
    assert found["durations"]["mae"] == pytest.approx(0.286, abs=0.01)
    assert found["offsets"]["mae"] < 0.02  # half of it from the two songs' second events, which look alike from there
