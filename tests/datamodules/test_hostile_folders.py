"""Folders made to harm their reader: loops, depths, closed doors and a hundred thousand files."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest
from corpus_made import reasons
from midi_files import scale

from datamodules.corpus.finding import find_files
from datamodules.corpus.reading import read_corpus
from datamodules.errors import UserError
from experiments.data_options import DataOptions
from experiments.dataset import read_dataset


def test_loops_of_links_end(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "song.mid").write_bytes(scale())
    (tmp_path / "a" / "b" / "up").symlink_to(tmp_path)
    (tmp_path / "a" / "one").symlink_to("two")
    (tmp_path / "a" / "two").symlink_to("one")
    (tmp_path / "a" / "itself.mid").symlink_to("itself.mid")
    assert find_files([tmp_path]) == [tmp_path / "a" / "song.mid"]


def test_a_folder_that_is_closed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open" / "song.mid").write_bytes(scale())
    (tmp_path / "secret").mkdir()
    scandir = os.scandir

    def refuse(folder: str) -> Any:  # a root may look into all of them
        if folder.endswith("secret"):
            raise PermissionError(errno.EACCES, "Permission denied", folder)
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    assert reasons(read_corpus([tmp_path]).rows) == {
        "song.mid": "",
        "secret": "the folder cannot be read (Permission denied)",
    }
    with pytest.raises(UserError, match=r"secret: the folder cannot be read .* no MIDI file was found elsewhere"):
        read_corpus([tmp_path / "secret"])


def test_a_folder_may_be_deeper_than_python_can_recurse(tmp_path: Path) -> None:
    made = [tmp_path / "d"]
    for _ in range(1500):
        made.append(Path(f"{made[-1]}/d"))
    for folder in made:
        os.mkdir(folder)
    song = made[-1] / "s.mid"
    song.write_bytes(scale())
    try:
        assert find_files([tmp_path]) == [song]
    finally:
        song.unlink()
        for folder in reversed(made):
            os.rmdir(folder)


@pytest.mark.slow
def test_a_hundred_thousand_files_are_read_once_where_equal_and_told_in_a_line(tmp_path: Path) -> None:
    """Half of them empty, half of them one song."""
    songs = tmp_path / "songs"
    songs.mkdir()
    for content, name in ((b"", "empty"), (scale(), "song")):
        for part in range(10):  # a file has only so many links
            first = tmp_path / f"{name}{part}"
            first.write_bytes(content)
            for number in range(5000):
                os.link(first, songs / f"{name} {part} {number}.mid")
    seen: list[tuple[int, int]] = []
    dataset = read_dataset(DataOptions((str(songs),)), lambda done, of: seen.append((done, of)))
    assert len(dataset.rows) == 100_000
    assert len(dataset.songs) == 1
    assert seen == sorted(seen)
    assert seen[-1] == (100_000, 100_000)
    assert len(seen) > 1000  # from the first file on, not only once all are looked at
    (songs / "song 0 0.mid").rename(tmp_path / "kept.mid")
    for path in songs.glob("song*"):
        path.unlink()
    with pytest.raises(UserError, match=r"^none of 50000 files is a song to learn from: an empty file \(50000\)$"):
        read_corpus([songs])


def test_of_equal_files_the_first_is_taken_and_a_rejected_one_keeps_its_reason(tmp_path: Path) -> None:
    for name, content in (("a", b""), ("b", b""), ("c", scale()), ("d", scale())):
        (tmp_path / f"{name}.mid").write_bytes(content)
    rows = read_corpus([tmp_path]).rows
    assert [row.reason for row in rows] == ["an empty file", "an empty file", "", f"the same as {tmp_path / 'c.mid'}"]
    assert rows[3].events == rows[2].events == 8
