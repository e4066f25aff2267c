"""What trials train on lies in Ray's object store once, whatever the folds and phases, until the head is done."""

from __future__ import annotations

import json
import pickle
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from columns_made import COLUMNS, GRID, SPECS, lively_songs
from forms_made import sections_from, together
from ray.exceptions import OutOfDiskError
from trials_made import plan_of

from datamodules.columns import Column, build_column
from datamodules.folds import make_folds
from datamodules.splits import make_split
from experiments.data_options import DataOptions
from experiments.dataset import Dataset
from experiments.search import stored as stored_module
from experiments.search.plan import EndedError
from experiments.search.running import Limited, Listed
from experiments.search.stored import Stored, stored
from experiments.search.trial.columns import Columns, columns_of

SONGS = lively_songs(3, songs=12, events=300, chords=60)


def dataset() -> Dataset:
    found = Dataset(DataOptions((), grid=GRID), (), (), tuple(SONGS), make_split("song", SONGS, 1))
    found.__dict__["standing"] = together(SONGS, sections_from("ABAB", [2] * 4))
    return found


def size(value: object) -> int:
    """Bytes that it takes in an object store: arrays go beside the pickle, each once."""
    beside: list[pickle.PickleBuffer] = []
    inside = pickle.dumps(value, protocol=5, buffer_callback=beside.append)
    return len(inside) + sum(buffer.raw().nbytes for buffer in beside)


@pytest.mark.parametrize("form", [False, True])
@pytest.mark.parametrize("name", SPECS)
def test_many_folds_are_little_larger_than_one_column(name: str, form: bool) -> None:
    found = columns_of(dataset(), SPECS[name], 5, 1, form=form).prepared()
    assert len(found.folds) == 5
    assert size(found) < 1.4 * size(found.own)
    again: Columns = pickle.loads(pickle.dumps(found))
    for column in again.folds:  # and so it is in the workers
        assert column.past is again.own.past
        assert column.known is again.own.known
        assert not form or column.form is again.own.form


def everything(column: Column) -> dict[str, Any]:
    column.prepared()
    return {**column.__dict__, **column.context.__dict__}


@pytest.mark.parametrize("name", SPECS)
def test_a_fold_is_the_column_of_its_split(name: str) -> None:
    splits = make_folds(dataset().split, SONGS, 3, 1)
    for found, split in zip(columns_of(dataset(), SPECS[name], 3, 1).folds, splits, strict=True):
        alone = everything(build_column(SPECS[name], SONGS, split, GRID))
        for field, value in everything(found).items():
            same = np.array_equal(value, alone[field]) if isinstance(value, np.ndarray) else None
            assert same is not False, field
        assert (found.vocabulary, found.lexicon) == (alone["vocabulary"], alone["lexicon"])


# its life


class Object:
    """In place of Ray's reference."""


@pytest.fixture
def columns() -> Columns:
    return columns_of(dataset(), COLUMNS["offsets"], 2, 1)


def test_the_columns_go_when_the_head_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, columns: Columns
) -> None:
    monkeypatch.setattr(stored_module.ray, "put", lambda value: Object())
    with stored(columns, plan_of(tmp_path)) as found:
        trial: list[Any] = [{"columns": found.on_own_split()}, found]
        trial.append(trial)  # as Tune's are
        object_ = weakref.ref(found.reference)
        del trial
        assert object_() is not None
    assert object_() is None


def test_what_tune_writes_down_holds_no_columns() -> None:
    """An object that a pickle refers to stays until the driver ends."""

    class Unpicklable:
        def __reduce__(self) -> Any:
            raise AssertionError("pickled")

    searcher = Limited(Listed([{"row": 0}]), lambda: 1, Stored(Unpicklable()))
    configuration: Any = searcher.suggest("a")
    assert configuration["row"] == 0
    assert configuration["columns"].reference is searcher.stored.reference
    json.dumps(configuration)
    pickle.dumps(searcher)
    pickle.dumps(searcher.get_state())
    assert searcher.suggest("b") is None  # no room
    searcher.on_trial_complete("a")
    assert searcher.suggest("b") == Listed.FINISHED


def test_a_trial_finds_what_it_trains_on(monkeypatch: pytest.MonkeyPatch, columns: Columns) -> None:
    monkeypatch.setattr(stored_module.ray, "get", lambda reference: (columns, reference))
    found = pickle.loads(pickle.dumps(Stored("there")))
    assert found.fetch() == (columns.folds, "there")
    assert pickle.loads(pickle.dumps(found.on_own_split())).fetch() == ((columns.own,), "there")


def test_no_room_for_the_columns_ends_the_search_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, columns: Columns
) -> None:
    def full(value: object) -> None:
        raise OutOfDiskError("no space left\non this disk")

    monkeypatch.setattr(stored_module.ray, "put", full)
    with (
        pytest.raises(EndedError, match=r"^the songs cannot be put .* no space left; .* go on with: again$") as told,
        stored(columns, plan_of(tmp_path, resume="again")),
    ):
        pass
    assert "\n" not in str(told.value)
    assert told.value.status == 1
