"""Every file has a row; songs come from the cache as they were read; no file can stop the others."""

from __future__ import annotations

import logging
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from midi_files import SHARED, midi_file, note_rows, off, on, random_song, scale, track

from datamodules.corpus import reading as corpus_module
from datamodules.corpus import workers as song_workers
from datamodules.corpus.cache import SongCache, default_cache
from datamodules.corpus.finding import find_files
from datamodules.corpus.reading import Corpus, read_corpora, read_corpus
from datamodules.errors import UserError
from datamodules.files import write_whole
from datamodules.midi.raw_bytes import Limits, RejectedFile
from datamodules.midi.reading import bytes_of, read_midi
from datamodules.midi.writing import write_midi
from datamodules.song import Song


@pytest.fixture
def songs(tmp_path: Path) -> Path:
    """A folder with three songs."""
    folder = tmp_path / "songs"
    folder.mkdir()
    for seed in range(3):
        write_midi(random_song(seed, notes=50), folder / f"{seed}.mid")
    return folder


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A cache folder that is not there yet."""
    return tmp_path / "cache"


def _same(one: Corpus, other: Corpus) -> None:
    assert one.rows == other.rows
    assert len(one.songs) == len(other.songs)
    for a, b in zip(one.songs, other.songs, strict=True):
        assert (a.parts, a.name, a.digest, a.grid) == (b.parts, b.name, b.digest, b.grid)
        assert note_rows(a) == note_rows(b)
        for name in ("tempos", "metres", "keys"):
            left, right = getattr(a, name), getattr(b, name)
            assert left.dtype == right.dtype
            np.testing.assert_array_equal(left, right)


# -- laws


def test_songs_are_those_that_read_midi_gives(songs: Path, cache: Path) -> None:
    corpus = read_corpus([songs], cache=cache)
    assert [note_rows(song) for song in corpus.songs] == [note_rows(read_midi(song)) for song in find_files([songs])]
    assert [song.name for song in corpus.songs] == [row.path for row in corpus.rows]
    assert [song.digest for song in corpus.songs] == [row.digest for row in corpus.rows]
    assert [row.events for row in corpus.rows] == [len(song.events()) for song in corpus.songs]


def test_the_cache_gives_what_was_read_and_starts_no_worker(
    songs: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each file is read once, for its digest; what thousands take in seconds is the benchmark `opening`."""
    (songs / "bad.mid").write_bytes(b"MThd")
    first = read_corpus([songs], cache=cache)
    looked_at = Counter[Path]()

    def counted(path: Path, limits: Limits) -> bytes:
        looked_at[path] += 1
        return bytes_of(path, limits)

    monkeypatch.setattr(song_workers, "_context", lambda: pytest.fail("a worker was started"))
    monkeypatch.setattr(corpus_module, "bytes_of", counted)
    _same(read_corpus([songs], cache=cache), first)
    assert looked_at == dict.fromkeys(find_files([songs]), 1)


# -- files


def test_files_are_found_in_order_once_and_hidden_ones_are_not(tmp_path: Path) -> None:
    for name in ("b/x.MID", "b/y.MiDi", "a.mid", "note.txt", ".hidden.mid", ".git/x.mid", "b/c/z.mid"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "folder.mid").mkdir()
    (tmp_path / "b" / "loop").symlink_to(tmp_path)
    (tmp_path / "gone.mid").symlink_to(tmp_path / "nowhere")
    found = find_files([tmp_path, tmp_path / "a.mid"])
    assert [str(path.relative_to(tmp_path)) for path in found] == ["a.mid", "b/c/z.mid", "b/x.MID", "b/y.MiDi"]
    assert find_files([tmp_path / "note.txt"]) == [tmp_path / "note.txt"]


def test_no_file_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        find_files([tmp_path / "not there"])
    with pytest.raises(UserError, match="neither a file nor a folder"):
        find_files([Path(os.devnull)])
    with pytest.raises(UserError, match=r"no \.mid or \.midi file"):
        read_corpus([tmp_path])


# -- rows


def test_every_file_has_a_row_and_rejects_a_reason(songs: Path, cache: Path) -> None:
    (songs / "copy of 0.mid").write_bytes((songs / "0.mid").read_bytes())
    (songs / "drums.mid").write_bytes(midi_file(track((0, on(36, channel=9)), (9, off(36, 9)), (9, on(36, channel=9)))))
    (songs / "empty.mid").write_bytes(b"")
    (songs / "one.mid").write_bytes(midi_file(track((0, on(60)), (0, on(64)), (9, off(60)), (0, off(64)))))
    corpus = read_corpus([songs], cache=cache)
    reasons = {Path(row.path).name: row.reason for row in corpus.rows}
    assert reasons == {
        "0.mid": "",
        "1.mid": "",
        "2.mid": "",
        "copy of 0.mid": f"the same as {songs / '0.mid'}",
        "drums.mid": "fewer than two events in its pitched parts",
        "empty.mid": "an empty file",
        "one.mid": "fewer than two events in its pitched parts",
    }
    assert [row.accepted for row in corpus.rows] == [not reason for reason in reasons.values()]
    assert len(corpus.songs) == 3


def test_a_row_counts_events_bars_and_quarters(tmp_path: Path, cache: Path) -> None:
    (tmp_path / "a.mid").write_bytes(scale(notes=7))
    (row,) = read_corpus([tmp_path / "a.mid"], cache=cache).rows
    assert (row.events, row.notes, row.bars, row.quarters) == (7, 7, 2, 7.0)
    assert row.parts == ("Acoustic Grand Piano:melody",)


def test_parts_choose_what_is_counted(tmp_path: Path, cache: Path) -> None:
    high = track((0, on(80)), (480, off(80)), (0, on(81)), (480, off(81)))
    low = track((0, on(40)), (480, off(40)))
    (tmp_path / "two.mid").write_bytes(midi_file(high, low))
    (tmp_path / "one.mid").write_bytes(midi_file(high))
    corpus = read_corpus([tmp_path], parts=["Melody"], cache=cache)
    assert [row.events for row in corpus.rows] == [2, 2]
    with pytest.raises(UserError, match=r"fewer than two events in the chosen parts \(bass\) \(2\)"):
        read_corpus([tmp_path], parts=["bass"], cache=cache)
    with pytest.raises(UserError, match=r"no song has a part flute; there are .*melody \(2\)"):
        read_corpus([tmp_path], parts=["melody", "flute"], cache=cache)
    with pytest.raises(UserError, match="drums are kept, not learned"):
        read_corpus([tmp_path], parts=["drums"], cache=cache)


def test_of_corpora_read_together_one_may_lack_a_part_that_another_has(tmp_path: Path, cache: Path) -> None:
    high, low = (track((0, on(pitch)), (480, off(pitch)), (0, on(pitch))) for pitch in (80, 40))
    for name, tracks in (("both", [high, low]), ("melody", [high])):
        (tmp_path / f"{name}.mid").write_bytes(midi_file(*tracks))
    groups = [[tmp_path / "melody.mid"], [tmp_path / "both.mid"]]
    for order in (groups, groups[::-1]):
        read = read_corpora(order, parts=["melody", "bass"], cache=cache)
        assert [len(corpus.songs) for corpus in read] == [1, 1]
        with pytest.raises(UserError, match=r"no song has a part flute; there are .*bass"):
            read_corpora(order, parts=["bass", "flute"], cache=cache)
        with pytest.raises(UserError, match=r"none of 1 files .* fewer than two events in the chosen parts \(bass\)"):
            read_corpora(order, parts=["bass"], cache=cache)
    (known,) = read_corpora(groups[:1], parts=["melody", "bass"], known_parts=True, cache=cache)
    assert len(known.songs) == 1


def test_no_song_left_says_why(tmp_path: Path, cache: Path) -> None:
    (tmp_path / "a.mid").write_bytes(b"")
    (tmp_path / "b.mid").write_bytes(b"x")
    with pytest.raises(
        UserError, match=r"none of 2 files is a song to learn from: an empty file \(1\); not a MIDI"
    ) as e:
        read_corpus([tmp_path], cache=cache)
    assert e.value.status == 2


def test_progress_ends_at_all(songs: Path, cache: Path) -> None:
    seen: list[tuple[int, int]] = []
    for _ in range(2):  # read, then from the cache
        read_corpus([songs], cache=cache, progress=lambda done, of: seen.append((done, of)))
        assert seen == sorted(seen)
        assert seen[-1] == (3, 3)
        seen.clear()


# -- cache


def test_the_cache_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    monkeypatch.delenv("TRITONE_CACHE", raising=False)
    assert default_cache() == Path("/x/tritone")
    monkeypatch.setenv("TRITONE_CACHE", "/t")
    assert default_cache() == Path("/t")


def test_a_damaged_cache_is_rebuilt(songs: Path, cache: Path) -> None:
    first = read_corpus([songs], cache=cache)
    entries = sorted((cache / "songs").iterdir())
    whole = [entry.read_bytes() for entry in entries]
    store, random = SongCache(cache, 24, Limits()), np.random.default_rng(0)
    for round_ in range(4):
        for entry, data in zip(entries, whole, strict=True):
            flipped = bytearray(data)
            flipped[int(random.integers(len(data)))] ^= 0x10
            others = whole[(entries.index(entry) + 1) % len(whole)]
            entry.write_bytes((data[: len(data) // 2], bytes(flipped), b"", others)[round_])
        _same(read_corpus([songs], cache=cache), first)
        assert all(isinstance(store.get(song.digest), Song) for song in first.songs)


def test_any_single_damage_counts_as_not_there(songs: Path, cache: Path) -> None:
    (song, *_) = read_corpus([songs], cache=cache).songs
    (entry,) = (cache / "songs").glob(f"{song.digest}-24-*")
    store, whole = SongCache(cache, 24, Limits()), entry.read_bytes()
    random = np.random.default_rng(1)
    for _ in range(200):
        data = bytearray(whole)
        data[int(random.integers(len(data)))] ^= 1 << int(random.integers(8))
        entry.write_bytes(data)
        kept = store.get(song.digest)
        assert kept is None or (isinstance(kept, Song) and note_rows(kept) == note_rows(song))
    entry.write_bytes(whole)
    assert isinstance(store.get(song.digest), Song)


def test_other_limits_and_grids_do_not_share_entries(songs: Path, cache: Path) -> None:
    with pytest.raises(UserError, match="more than 5 notes"):
        read_corpus([songs], cache=cache, limits=Limits(notes=5))
    assert len(read_corpus([songs], cache=cache).songs) == 3
    assert {song.grid for song in read_corpus([songs], cache=cache, grid=12).songs} == {12}


def test_without_a_cache_it_works_and_warns_once(songs: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_bytes(b"")
    with caplog.at_level(logging.WARNING):
        assert len(read_corpus([songs], cache=tmp_path / "file").songs) == 3
    assert sum("not cached" in message for message in caplog.messages) == 1


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_whole(tmp_path / "a", b"old")

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        write_whole(tmp_path / "a", b"new")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]


# -- workers


def _misbehave(path: Path, *, grid: int, limits: Limits) -> Song:
    """Stands in for `read_midi` in a worker: some file names hang, bloat or kill."""
    while "hang" in path.name:
        pass
    if "bloat" in path.name:
        try:
            bytearray(1 << 34)
        except MemoryError:
            raise RejectedFile("needs more memory than it may take", lasting=False) from None
    if "kill" in path.name:
        os._exit(9)
    return read_midi(path, grid=grid, limits=limits)


def test_a_file_that_hangs_bloats_or_kills_its_worker_is_rejected_alone(
    songs: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed, name in enumerate(("hang", "bloat", "kill", "kill too")):
        (songs / f"1 {name}.mid").write_bytes(scale(seed))
    monkeypatch.setattr(song_workers, "_read_chunk", _read_misbehaving)
    corpus = read_corpus([songs], cache=cache, limits=Limits(seconds=1, memory=1 << 31))
    reasons = {Path(row.path).name: row.reason for row in corpus.rows if row.reason}
    assert reasons == {
        "1 hang.mid": "takes longer than 1 seconds to read",
        "1 bloat.mid": "needs more memory than it may take",
        "1 kill.mid": "ends the process that reads it (out of memory?)",
        "1 kill too.mid": "ends the process that reads it (out of memory?)",
    }
    assert len(corpus.songs) == 3
    assert len(list((cache / "songs").iterdir())) == 3  # those were this machine's reasons, not the files'


def _read_misbehaving(
    files: list[tuple[int, Path]], grid: int, limits: Limits
) -> list[tuple[int, Song | RejectedFile]]:
    """Runs in a worker, which imports this module for it."""
    vars(song_workers)["read_midi"] = _misbehave
    return [(row, song_workers._read(path, grid, limits)) for row, path in files]


def test_a_real_corpus_is_read_whole(cache: Path) -> None:
    folder = SHARED / "corpora" / "jsb_chorales" / "valid"
    if not folder.is_dir():
        pytest.skip(f"no {folder} here")
    corpus = read_corpus([folder], cache=cache)
    assert len(corpus.songs) == 76
    assert {row.parts for row in corpus.rows} == {("Soprano:melody", "Alto:chords", "Tenor:chords", "Bass:bass")}
