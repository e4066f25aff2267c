"""The songs of a run: options to and from JSON, the split that was named, and the digest that two heads must share."""

from pathlib import Path

import pytest
from midi_files import scale

from datamodules.errors import UserError
from datamodules.splits import TEST, TRAIN, VALID
from experiments.data_options import DataOptions
from experiments.dataset import read_dataset
from experiments.run_folder import create_run, open_run


@pytest.fixture
def songs(tmp_path: Path) -> Path:
    folder = tmp_path / "songs"
    folder.mkdir()
    for number in range(5):
        (folder / f"song{number}.mid").write_bytes(scale(number, 40))
    (folder / "broken.mid").write_bytes(b"MThd and no more")
    return folder


def options_of(folder: Path, **changes: object) -> DataOptions:
    return DataOptions(songs=(str(folder),), **changes)  # type: ignore[arg-type]


def test_options_survive_json(songs: Path) -> None:
    options = options_of(songs, parts=("melody",), valid=("a",), grid=12, seed=4)
    assert DataOptions.from_json(options.to_json()) == options


def test_every_file_has_a_row_and_its_use(songs: Path) -> None:
    dataset = read_dataset(options_of(songs))
    rows = {Path(row.path).name: (row.accepted, use) for row, use in dataset.rows}
    assert rows.pop("broken.mid") == (False, "")
    assert set(rows.values()) == {(True, "tail")}
    assert len(dataset.songs) == len(dataset.events) == len(dataset.split.parts) == 5


def test_named_songs_are_held_out_wherever_else_they_stand(songs: Path) -> None:
    dataset = read_dataset(options_of(songs, valid=(str(songs / "song1.mid"),), test=(str(songs / "song2.mid"),)))
    assert dataset.split.songs == ("train", "train", "train", "valid", "test")
    assert [Path(song.name).name for song in dataset.songs] == [
        "song0.mid",
        "song3.mid",
        "song4.mid",
        "song1.mid",
        "song2.mid",
    ]
    assert all(dataset.split.targets(part) for part in (TRAIN, VALID, TEST))
    assert any(row.reason == "already named for --valid" for row, _ in dataset.rows)


def test_valid_replaces_split(songs: Path) -> None:
    with pytest.raises(UserError, match="--split tail"):
        read_dataset(options_of(songs, split="tail", valid=(str(songs / "song1.mid"),)))
    with pytest.raises(UserError, match="also named"):
        read_dataset(DataOptions(songs=(str(songs / "song1.mid"),), valid=(str(songs),)))


def test_options_that_do_not_go_together_are_refused_before_a_song_is_read(tmp_path: Path) -> None:
    nowhere = tmp_path / "not there"
    with pytest.raises(UserError, match="--test without --valid"):
        read_dataset(options_of(nowhere, test=(str(nowhere),)))
    with pytest.raises(UserError, match="--split tail"):
        read_dataset(options_of(nowhere, split="tail", valid=(str(nowhere),)))


def test_the_digest_tells_songs_parts_split_and_grid_apart(songs: Path) -> None:
    seen = {
        read_dataset(options).digest
        for options in (
            options_of(songs),
            options_of(songs, grid=12),
            options_of(songs, split="none"),
            options_of(songs, parts=("melody",)),
            options_of(songs / "song0.mid"),
        )
    }
    assert len(seen) == 5
    assert read_dataset(options_of(songs)).digest in seen


def test_a_run_is_joined_only_over_the_same_songs(songs: Path, tmp_path: Path) -> None:
    dataset = read_dataset(options_of(songs))
    run = create_run(tmp_path / "runs" / "a", dataset)
    run.note_head("notes", {"trials": 3})
    joined = create_run(run.path, read_dataset(options_of(songs)))
    assert joined.facts["id"] == run.facts["id"]
    assert joined.searched() == ["notes"]
    with pytest.raises(UserError, match="other songs, parts, split or grid"):
        create_run(run.path, read_dataset(options_of(songs, grid=12)))
    (tmp_path / "runs" / "b").mkdir()
    (tmp_path / "runs" / "b" / "thesis.txt").write_text("mine")
    with pytest.raises(UserError, match="no run"):
        create_run(tmp_path / "runs" / "b", dataset)


def test_changed_songs_are_told(songs: Path, tmp_path: Path) -> None:
    run = create_run(tmp_path / "my runs" / "a", read_dataset(options_of(songs)))
    assert open_run("a", tmp_path / "my runs").dataset().digest == run.facts["songs"]
    (songs / "song0.mid").write_bytes(scale(77, 40))
    with pytest.raises(UserError, match=r"changed: song0\.mid.*--warm-start '.*/my runs/a' "):
        open_run("a", tmp_path / "my runs").dataset()


def test_an_unknown_run_names_those_that_are_there(songs: Path, tmp_path: Path) -> None:
    create_run(tmp_path / "runs" / "first", read_dataset(options_of(songs)))
    with pytest.raises(UserError, match="there are first"):
        open_run("second", tmp_path / "runs")
