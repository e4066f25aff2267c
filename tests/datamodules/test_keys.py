"""Keys as files name them: each signature of MIDI stays what it is, in tables, in files and in words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import mido
import numpy as np
import pretty_midi
import pytest
from midi_files import meta, midi_file, off, on, track

from datamodules.keys import KEYS, Key, usual_key
from datamodules.midi.reading import read_midi
from datamodules.midi.writing import write_midi
from datamodules.song import Song
from experiments.music.arrangement.keys import key_of

SIGNATURES = [(sharps, minor) for sharps in range(-7, 8) for minor in (0, 1)]


def read(path: Path, *events: tuple[int, bytes]) -> Song:
    path.write_bytes(midi_file(track(*events)))
    return read_midi(path)


def signature(sharps: int, minor: int) -> bytes:
    return meta(0x59, sharps.to_bytes(1, signed=True) + bytes((minor,)))


@pytest.mark.parametrize(("sharps", "minor"), SIGNATURES)
def test_a_signature_is_written_back_as_the_file_has_it(tmp_path: Path, sharps: int, minor: int) -> None:
    tonic = 60 + (7 * sharps + 9 * minor) % 12
    scale = [tonic + step for step in ((0, 2, 3, 5, 7, 8, 10, 12) if minor else (0, 2, 4, 5, 7, 9, 11, 12))]
    notes = [event for pitch in (*scale, tonic) for event in ((0, on(pitch)), (480, off(pitch)))]
    song = read(tmp_path / "song.mid", (0, signature(sharps, minor)), *notes)
    assert song.keys[:, [0, 2]].tolist() == [[0, sharps]]
    assert song.keys[0, 1] == tonic % 12 + 12 * minor
    write_midi(song, tmp_path / "again.mid")
    (track_0, _) = mido.MidiFile(tmp_path / "again.mid").tracks
    assert signature(sharps, minor) in [bytes(message.bin()) for message in track_0 if message.is_meta]
    assert read_midi(tmp_path / "again.mid").keys.tolist() == song.keys.tolist()


def test_another_name_of_the_same_notes_is_another_key(tmp_path: Path) -> None:
    song = read(tmp_path / "song.mid", (0, signature(6, 0)), (480, signature(-6, 0)), (0, on(66)), (480, off(66)))
    assert song.keys.tolist() == [[0, 6, 6], [24, 6, -6]]


def test_a_c_major_that_the_notes_contradict_was_set_by_nobody(tmp_path: Path) -> None:
    """Most programs write it at the start of any file whose key was not set."""
    minor, major = (0, 2, 3, 5, 7, 8, 11, 12, 7, 3, 0), (0, 2, 4, 5, 7, 9, 11, 12, 7, 4, 0)
    c_major = (0, signature(0, 0))

    def tune(tonic: int, steps: tuple[int, ...]) -> list[tuple[int, bytes]]:
        return [event for step in steps for event in ((0, on(tonic + step)), (480, off(tonic + step)))]

    for tonic in range(60, 72):
        song = read(tmp_path / "song.mid", c_major, *tune(tonic, minor))
        assert song.keys.shape == (0, 3), tonic
        assert key_of(song).number == tonic % 12 + 12  # of A minor too
        song = read(tmp_path / "song.mid", c_major, *tune(tonic, major))
        assert len(song.keys) == (tonic == 60)
        assert key_of(song).number == tonic % 12
        other = read(tmp_path / "song.mid", (0, signature(-3, 0)), *tune(tonic, major))
        assert other.keys.tolist() == [[0, *KEYS["Eb"]]]  # no program writes that unasked
        later = read(tmp_path / "song.mid", c_major, *tune(tonic, major), (0, signature(1, 0)), (0, on(60)))
        assert later.keys[:, 2].tolist() == [0, 1]  # somebody sets keys in here


def test_a_c_major_is_believed_where_its_scale_holds_the_notes(tmp_path: Path) -> None:
    """Profiles alone would take some such pieces for the dominant's."""
    tune = (67, 71, 74, 67, 65, 67, 71, 67, 72, 74, 67, 60)
    song = read(tmp_path / "song.mid", (0, signature(0, 0)), *(e for p in tune for e in ((0, on(p)), (480, off(p)))))
    assert key_of(replace(song, keys=song.keys[:0])) == KEYS["G"]
    assert song.keys.tolist() == [[0, *KEYS["C"]]]


def test_notes_that_tell_no_key_leave_it_at_what_is_said(tmp_path: Path) -> None:
    chromatic = [e for pitch in range(60, 72) for e in ((0, on(pitch)), (480, off(pitch)))]
    drums = ((0, on(36, channel=9)), (480, off(36, channel=9)))
    for notes in (chromatic, drums):
        assert read(tmp_path / "song.mid", (0, signature(0, 0)), *notes).keys.tolist() == [[0, *KEYS["C"]]]


def test_each_key_has_a_name_and_the_number_that_pretty_midi_gives_it() -> None:
    assert len(KEYS) == 30
    for name, key in KEYS.items():
        assert key.in_midi == name
        assert key.number == pretty_midi.key_name_to_key_number(key.name)
        assert key.relative_major == Key(7 * key.sharps % 12, key.sharps).number
    assert [KEYS[name].name for name in ("Gb", "F#", "Abm", "C")] == ["Gb major", "F# major", "Ab minor", "C major"]


def test_of_two_names_the_usual_one_has_fewer_signs() -> None:
    for number in range(24):
        key = usual_key(number)
        assert key in KEYS.values()
        assert key.number == number
        assert abs(key.sharps) == min(abs(other.sharps) for other in KEYS.values() if other.number == number)


def test_keys_that_are_said_again_are_one_row(tmp_path: Path) -> None:
    song = read(tmp_path / "song.mid", (0, signature(-6, 0)), (0, on(66)), (480, signature(-6, 0)), (480, off(66)))
    assert song.keys.tolist() == [[0, 6, -6]]
    assert replace(song, keys=song.keys[:0]).keys.dtype == np.int32
