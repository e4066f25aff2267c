"""Files made to harm their reader, and what only looks like a file: each is read, or rejected with a reason, soon."""

from __future__ import annotations

import gzip
import os
import socket
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from corpus_made import reasons
from midi_files import SHARED, midi_file, off, on, random_song, scale, track
from winners_made import make_run

from benchmarks.faults.files import hostile, mutations
from datamodules import files as files_module
from datamodules.corpus import reading as corpus_module
from datamodules.corpus import workers as song_workers
from datamodules.corpus.cache import SongCache
from datamodules.corpus.finding import find_files
from datamodules.corpus.reading import read_corpus, read_song
from datamodules.errors import UserError
from datamodules.files import read_whole
from datamodules.midi.raw_bytes import Limits, RejectedFile
from datamodules.midi.reading import read_midi
from experiments.command_line import cli
from experiments.command_line.cli import main
from experiments.explore import main as explore
from experiments.generate import GenerateOptions, generate
from experiments.music.pictures import piano_roll

ESCAPES = "\x1b]0;owned\x07\x1b[31m\x9b2J\u202e"  # a title, a colour, a cleared screen, a turned direction


# -- thousands of damaged files


def test_mutated_songs_are_read_or_rejected_within_the_promised_memory() -> None:
    found = mutations(500, seed=7)
    assert found["files"] == 500
    assert found["read"] > 20
    assert found["read"] + sum(found["rejected"].values()) == 500
    assert found["tracebacks"] == found["died"] == found["unforeseen"] == 0
    assert found["growth_mb"] < 500


def test_the_same_seed_mutates_alike() -> None:
    one, two = (mutations(20, seed=3) for _ in range(2))
    assert one["rejected"] == two["rejected"]


def test_known_hostile_files_keep_the_promise() -> None:
    folder = SHARED / "midi_faults"
    if not folder.is_dir():
        pytest.skip(f"no {folder} here")
    found = hostile(folder)
    assert found["read"] + sum(found["rejected"].values()) == found["files"] > 50
    assert found["tracebacks"] == found["died"] == found["unforeseen"] == 0
    assert found["growth_mb"] < 500


# -- what a parser loses in silence


def test_what_would_be_lost_is_repaired_or_told(tmp_path: Path) -> None:
    melody = track((0, on(60)), (480, off(60)), (0, on(62)), (480, off(62)))
    bass = track((0, on(40)), (960, off(40)))
    (tmp_path / "beyond the count.mid").write_bytes(midi_file(melody, bass, claimed=1))
    (tmp_path / "never closed.mid").write_bytes(midi_file(track((0, on(60)), (480, on(64)), end=480)))
    (tmp_path / "sequences.mid").write_bytes(midi_file(melody, bass, kind=2))
    corpus = read_corpus([tmp_path])
    beyond, unclosed = corpus.songs
    assert beyond.notes.pitch.tolist() == [60, 40, 62]
    assert (unclosed.notes.pitch.tolist(), unclosed.notes.length.tolist()) == ([60, 64], [48, 24])
    assert "2 separate sequences" in reasons(corpus.rows)["sequences.mid"]


# -- what is no file


def pipe(path: Path) -> None:
    os.mkfifo(path)


def socket_at(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


@pytest.mark.parametrize("make", [pipe, socket_at])
def test_pipes_and_sockets_are_no_songs_and_nobody_waits_for_them(
    make: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's path must be short
    make(Path("x.mid"))
    (tmp_path / "song.mid").write_bytes(scale())
    assert find_files([tmp_path]) == [tmp_path / "song.mid"]
    with pytest.raises(UserError, match="neither a file nor a folder"):
        find_files([tmp_path / "x.mid"])
    for read in (read_midi, read_song):
        with pytest.raises(RejectedFile, match="cannot be opened"):
            read(tmp_path / "x.mid")
    make_run(tmp_path / "runs" / "demo", ["offsets"])
    assert main(GenerateOptions, generate, prog="generate", arguments=["demo", "--prime", "x.mid"]) == 2
    assert "cannot be opened" in capsys.readouterr().err


def test_a_file_that_becomes_a_pipe_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "good.mid").write_bytes(scale())
    (tmp_path / "x.mid").write_bytes(scale(1))

    def found_before(*paths: Any) -> list[Path]:
        files = find_files(*paths)
        (tmp_path / "x.mid").unlink()
        os.mkfifo(tmp_path / "x.mid")
        return files

    monkeypatch.setattr(corpus_module, "find_files", found_before)
    corpus = read_corpus([tmp_path])
    assert reasons(corpus.rows) == {"good.mid": "", "x.mid": "cannot be opened: not a regular file"}


def test_only_what_a_file_says_it_holds_is_read(tmp_path: Path) -> None:
    if Path("/proc/self/status").is_file():
        assert read_whole(Path("/proc/self/status"), 1000) == b""  # as the log of the kernel, which would wait
    for path in (Path(os.devnull), tmp_path, tmp_path / "gone", Path("zero\0byte")):
        with pytest.raises(OSError, match=r"regular|directory|No such|null"):
            read_whole(path, 1000)
    with (tmp_path / "sparse.mid").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(OSError, match="larger than 1,000 bytes"):
        read_whole(tmp_path / "sparse.mid", 1000)
    with pytest.raises(RejectedFile, match="larger than 5,000,000 bytes"):
        read_song(tmp_path / "sparse.mid")


def test_a_pipe_in_the_cache_counts_as_not_there(tmp_path: Path) -> None:
    (tmp_path / "song.mid").write_bytes(scale())
    song = read_song(tmp_path / "song.mid", cache=tmp_path / "cache")
    (entry,) = (tmp_path / "cache" / "songs").iterdir()
    entry.unlink()
    os.mkfifo(entry)
    assert SongCache(tmp_path / "cache", 24, Limits()).get(song.digest) is None
    assert read_song(tmp_path / "song.mid", cache=tmp_path / "cache").digest == song.digest


def test_archives_are_told_and_never_unpacked(tmp_path: Path) -> None:
    zeros = bytes(50_000_000)
    with zipfile.ZipFile(tmp_path / "bomb.mid", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("song.mid", zeros)
    (tmp_path / "bomb.midi").write_bytes(gzip.compress(zeros))
    (tmp_path / "song.mid").write_bytes(scale())
    found = reasons(read_corpus([tmp_path]).rows)
    assert "a zip archive; unpack it first" in found["bomb.mid"]
    assert "compressed with gzip; unpack it first" in found["bomb.midi"]


# -- names


def test_names_that_are_no_text_or_would_be_obeyed_are_told_plainly(tmp_path: Path) -> None:
    names = [b"\xff\xfe.mid", ESCAPES.encode() + b".mid", b"two\nlines.mid", b"[red] :skull:.mid"]
    for seed, name in enumerate(names):
        Path(os.fsdecode(os.path.join(os.fsencode(tmp_path), name))).write_bytes(scale(seed))
    corpus = read_corpus([tmp_path])
    told = {Path(row.path).name for row in corpus.rows}
    assert told == {
        "\\udcff\\udcfe.mid",
        "\\x1b]0;owned\\x07\\x1b[31m\\x9b2J\\u202e.mid",
        "two\\nlines.mid",
        "[red] :skull:.mid",
    }
    assert {song.name for song in corpus.songs} == {row.path for row in corpus.rows}


def test_nothing_that_a_terminal_obeys_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for seed, name in enumerate((f"{ESCAPES}song.mid", f"{ESCAPES}[b].mid", "plain.mid")):
        Path(name).write_bytes(scale(seed, notes=20) if seed != 1 else b"MThd")
    assert explore(["."]) == 0
    assert explore([f"{ESCAPES}none.mid"]) == 2
    assert explore([f"{ESCAPES}[b].mid"]) == 2
    said = capsys.readouterr()
    assert "song" in said.out
    assert "none.mid" in said.err
    assert not set(said.out + said.err) & set("\x1b\x07\x9b\u202e")
    assert len(said.err.splitlines()) == 2


def test_what_commands_say_is_printed_as_it_stands(capsys: pytest.CaptureFixture[str]) -> None:
    cli.say(f"[bold]{ESCAPES}a[/] :skull:\tb")
    cli.note(f"{ESCAPES}one\r\ntwo\u2028three[/]")
    cli.note("x" * 100_000)
    said = capsys.readouterr()
    assert said.out.startswith("[bold]]0;owned[31m2Ja[/] :skull:")
    assert said.err.splitlines()[0] == "note: ]0;owned[31m2Jone two three[/]"
    assert len(said.err) < 3000


@pytest.mark.parametrize("name", ["a$\\frac$b", "\udcff\udcfe", "[red]"])
def test_any_name_may_stand_above_a_picture(name: str, tmp_path: Path) -> None:
    piano_roll(random_song(1, notes=40), tmp_path / "a.png", name)
    assert (tmp_path / "a.png").stat().st_size > 1000


# -- files that change, and files that we may not read


def test_a_file_that_changes_while_it_is_read_is_told_and_not_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    growing, cut = tmp_path / "growing.mid", tmp_path / "cut.mid"
    (tmp_path / "still.mid").write_bytes(scale(0))
    whole = scale(1) + scale(1)[14:], scale(2)
    growing.write_bytes(whole[0][: len(scale(1))])
    cut.write_bytes(whole[1])

    def meanwhile(*given: Any) -> Any:
        growing.write_bytes(whole[0])
        cut.write_bytes(whole[1][:-9])
        return song_workers.read_files(*given)

    monkeypatch.setattr(corpus_module, "read_files", meanwhile)
    found = reasons(read_corpus([tmp_path]).rows)
    assert found == dict.fromkeys(("cut.mid", "growing.mid"), "changed while it was read; try again") | {
        "still.mid": ""
    }
    monkeypatch.undo()
    growing.write_bytes(whole[0][: len(scale(1))])
    cut.write_bytes(whole[1])
    assert set(reasons(read_corpus([tmp_path], cache=tmp_path / "cache").rows).values()) == {""}


def test_an_unreadable_file_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed, name in enumerate(("mine", "secret")):
        (tmp_path / f"{name}.mid").write_bytes(scale(seed))
    (tmp_path / "secret.mid").chmod(0)
    opened = files_module._without_waiting

    def as_another_user(path: str, flags: int) -> int:
        if "secret" in str(path):
            raise PermissionError(13, "Permission denied", path)
        return opened(path, flags)

    monkeypatch.setattr(files_module, "_without_waiting", as_another_user)  # root may read everything
    found = reasons(read_corpus([tmp_path]).rows)
    assert found == {"mine.mid": "", "secret.mid": "cannot be opened: Permission denied"}
