"""A song of the user's own is read before anything is drawn, exactly and as the heads hear it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from shutil import copyfile

import pytest
from winners_made import make_run

from datamodules.corpus import reading
from datamodules.corpus.music21_songs import Written
from datamodules.errors import UserError
from datamodules.midi.raw_bytes import Limits
from datamodules.midi.reading import read_midi
from datamodules.song import NOTE_COLUMNS, Song
from experiments.command_line.cli import main
from experiments.generate import GenerateOptions, generate
from experiments.music import training_songs
from experiments.music.own_song import exact as exact_module
from experiments.music.own_song.exact import read_exact
from songs import bundled

pytestmark = pytest.mark.usefixtures("unseen")


@pytest.fixture
def query(monkeypatch: pytest.MonkeyPatch) -> Path:
    """A query that finds the first bundled song."""
    monkeypatch.setattr(reading, "written_scores", lambda *_: [Written(bundled()[0], "")])
    return Path("music21:mine")


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    make_run(tmp_path / "runs" / "demo", ["offsets"])
    monkeypatch.chdir(tmp_path)
    return lambda *words: main(GenerateOptions, generate, prog="generate", arguments=["demo", *words])


def columns(song: Song) -> list[list[int]]:
    return [getattr(song.notes, name).tolist() for name in NOTE_COLUMNS]


def test_a_query_is_read_as_its_file_is(query: Path) -> None:
    found, own = (read_exact("--continue", path, grid=24, limits=Limits()) for path in (query, bundled()[0]))
    for one, other, grid in zip(found, own, (24, 480), strict=True):
        assert columns(one) == columns(other)
        assert one.grid == other.grid == grid
        assert one.parts == other.parts
    assert columns(found[1]) == columns(read_midi(bundled()[0], grid=480, together=0.0))


def test_a_query_stands_wherever_an_own_song_does(
    query: Path, call: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    for words, told in (
        (("--continue", f"{query}", "--events", "3"), f"continues: {bundled()[0]}, all of whose"),
        (
            ("--keep", f"melody:{query}", "--bars", "2"),
            f"of melody (Melody) of {bundled()[0]}, as they sound there, to 1/480 quarter note",
        ),
    ):
        assert call(*words) == 0
        assert told in capsys.readouterr().out


def test_what_changes_meanwhile_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, read = tmp_path / "mine.mid", exact_module.named_song
    for told, change in (
        ("changed while it was read; try again", lambda: copyfile(bundled()[1], path)),
        ("cannot be opened", path.unlink),
    ):
        copyfile(bundled()[0], path)
        monkeypatch.setattr(exact_module, "named_song", lambda *a, c=change, **k: (read(*a, **k), c())[0])
        with pytest.raises(UserError, match=f"^--keep {path}: {told}"):
            read_exact("--keep", path, grid=24, limits=Limits())


def test_a_run_says_what_any_file_beside_it_may_cost(
    call: Callable[..., int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(training_songs, "reading_limits", lambda _: Limits(bytes=10))
    for words in (("--keep", f"melody:{bundled()[0]}"), ("--form", f"like:{bundled()[0]}")):
        assert call(*words) == 2
        assert f"{words[1].partition(':')[2]}: larger than 10 bytes" in capsys.readouterr().err
