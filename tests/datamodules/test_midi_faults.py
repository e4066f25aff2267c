"""Whatever the bytes, a file is read or rejected with a reason, soon and in little memory."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from midi_files import SHARED, after, meta, midi_file, number, off, on, random_song, scale, track

from datamodules.corpus.finding import find_files
from datamodules.corpus.reading import read_corpus
from datamodules.midi.raw_bytes import Limits, RejectedFile
from datamodules.midi.reading import read_midi
from datamodules.midi.writing import midi_bytes

FAULTS = SHARED / "midi_faults"
NOTE = ((0, on(60)), (480, off(60)))
HEADER = midi_file()


def _reason(tmp_path: Path, data: bytes, limits: Limits = Limits()) -> str:  # noqa: B008 - frozen
    """Why the bytes are rejected; empty if they are read."""
    path = tmp_path / "song.mid"
    path.write_bytes(data)
    try:
        song = read_midi(path, limits=limits)
    except RejectedFile as rejected:
        reason = str(rejected)
        assert reason
        assert "\n" not in reason
        return reason
    assert song.notes.length.min() >= 1
    return ""


def test_every_known_fault_ends_as_read_or_rejected(tmp_path: Path) -> None:
    if not FAULTS.is_dir():
        pytest.skip(f"no {FAULTS} here")
    corpus = read_corpus([FAULTS], cache=tmp_path)
    assert len(corpus.rows) == len(find_files([FAULTS]))
    assert all(row.accepted != bool(row.reason) for row in corpus.rows)
    assert not any("cannot be understood" in row.reason for row in corpus.rows)  # the guard knew them all
    wrong = {row.path: row.reason for row in corpus.rows if _should_read(row.path) and row.reason}
    assert not wrong


def _should_read(path: str) -> bool:
    """Files that are music, whatever is odd about them, and have two events."""
    odd_but_fine = [
        *("header_claims_1_has_3", "header_len_10", "tempo_0.mid", "timesig_0_4", "keysig_len_0", "alien_chunk"),
        *("all_notes_never_closed", "closed_by_all_notes_off", "zero_length_notes", "junk_after", "no_end_of_track"),
        *("division_10080", "tempo_in_second_track", "type0_but_3_tracks", "test-karaoke", "running-status-sysex"),
    ]
    return "music21" in path or any(name in path for name in odd_but_fine)


@pytest.mark.parametrize("seed", range(40))
def test_mutated_bytes_are_read_or_rejected(tmp_path: Path, seed: int) -> None:
    random = np.random.default_rng(seed)
    good = midi_bytes(random_song(seed, notes=60))
    for _ in range(10):
        data = np.frombuffer(good, np.uint8).copy()
        places = random.integers(0 if seed % 4 == 0 else 14, len(data), size=random.integers(1, 8))
        data[places] = random.integers(256, size=len(places))
        reason = _reason(
            tmp_path, data[: random.integers(1, len(data) + 1)].tobytes() if seed % 3 == 0 else bytes(data)
        )
        assert "cannot be understood" not in reason


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "an empty file"),
        (b"hello", "not a MIDI file"),
        (b"\x1f\x8b\x08...", "gzip"),
        (b"\n<!DOCTYPE html>", "a web page"),
        (HEADER[:10], "cut off in its header"),
        (midi_file(track(*NOTE), kind=7), "type 7"),
        (midi_file(track(*NOTE), track(*NOTE), kind=2), "type 2: 2 separate sequences"),
        (midi_file(track(*NOTE), division=0), "zero ticks"),
        (midi_file(track(*NOTE), division=0xE728), "SMPTE"),
        (midi_file(track(*NOTE), claimed=5), "1 tracks of the 5"),
        (midi_file(track(*NOTE))[:-5], "reaches beyond the file's end"),
        (midi_file(track((0, b"\x3c\x40"))), "without a status byte in track 1"),
        (midi_file(track((0, b"\x90\xfd\x40"))), "a value of 253"),
        (midi_file(track((0, b"\xf4"))), "an unknown event (0xF4)"),
        (midi_file(track((0, b"\xff\x03\xff\xff\xff\x7f"))), "longer than its track"),
        (midi_file(track((0, b"\xff\x03\xff\xff\xff\xff\x7f"))), "a number of more than four bytes"),
        (midi_file(b"MTrk" + (3).to_bytes(4) + after(0, on(60))[:3]), "an event cut off"),
        (midi_file(track((0, meta(1, b"text")))), "no notes"),
        (midi_file(), "no notes"),
        (midi_file(track((0, on(60)), (480 * 200_000, off(60)))), "longer than 100,000 quarter notes"),
        (midi_file(track((0, on(60)), (10_000_001, off(60))), division=480), "more than 9,999,998 ticks"),
    ],
)
def test_reasons(tmp_path: Path, data: bytes, reason: str) -> None:
    assert reason in _reason(tmp_path, data)


def test_limits(tmp_path: Path) -> None:
    assert "larger than 40 bytes" in _reason(tmp_path, scale(), Limits(bytes=40))
    assert "more than 7 notes" in _reason(tmp_path, scale(), Limits(notes=7))
    assert not _reason(tmp_path, scale(), Limits(notes=8))


def test_a_run_of_continued_bytes_is_read_once(tmp_path: Path) -> None:
    """Looked at again from each of its bytes, it would take many times as long as a test may."""
    data = midi_file(b"MTrk" + (400_001).to_bytes(4) + b"\x80" * 400_000 + b"\0")
    assert "more than four bytes" in _reason(tmp_path, data)


def test_a_small_file_takes_little_memory(tmp_path: Path) -> None:
    data = midi_file(track((9_999_960, on(60)), (20, off(60))))  # pretty_midi alone would keep arrays of 1e7 ticks
    tracemalloc.start()
    assert not _reason(tmp_path, data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 50_000_000


def test_junk_after_the_end_is_read_only_if_it_is_music(tmp_path: Path) -> None:
    content = b"".join(after(*event) for event in NOTE) + after(0, b"\xff\x2f\0")
    for behind in (b"\xf4\xf4\xf4", number(0) + on(64) + number(480) + off(64)):
        body = content + behind
        assert not _reason(tmp_path, midi_file(b"MTrk" + len(body).to_bytes(4) + body) + b"junk")
