"""Who plays what in a new song, in which key: as the training songs do, or as the user says."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pretty_midi
import pytest
from winners_made import make_run

from datamodules.errors import UserError
from datamodules.keys import KEYS, usual_key
from datamodules.midi.reading import read_midi
from datamodules.midi.writing import write_midi
from datamodules.settling import settle
from datamodules.song import Notes, Part, Song
from experiments.command_line.cli import main
from experiments.generate import GenerateOptions, generate
from experiments.music.arrangement.arranging import Arrangement, arranged, read_instruments
from experiments.music.arrangement.keys import key_of, read_key, transposed
from experiments.music.own_song.joining import continued
from songs import bundled

pytestmark = pytest.mark.usefixtures("unseen")

SONGS = [read_midi(path) for path in bundled()]


def one_part(song: Song) -> Song:
    """A song as the heads write it: each pitch of an event once, in one part."""
    events = song.events()
    onset, pitch = np.repeat(events.onset, np.diff(events.starts)).astype(np.int64), events.pitches.astype(np.int64)
    loud, none = np.full(len(onset), 64), np.zeros(len(onset), np.int64)
    kept, end = settle(none, pitch, onset, onset + events.lengths, loud)
    order = np.lexsort((pitch[kept], onset[kept]))
    rows = kept[order]
    table = (onset[rows], pitch[rows], end[order] - onset[rows], loud[rows], none[rows])
    part = Part("tritone", 0, False, "chords")
    return Song(
        song.grid, (part,), Notes(*(row.astype(np.int32) for row in table)), song.tempos, song.metres, song.keys
    )


def whose(song: Song) -> dict[tuple[int, int], str]:
    keep = np.flatnonzero(song.chosen())
    columns = (song.notes.onset[keep].tolist(), song.notes.pitch[keep].tolist(), song.notes.part[keep].tolist())
    return {(onset, pitch): song.parts[part].role for onset, pitch, part in zip(*columns, strict=True)}


@pytest.mark.parametrize("song", SONGS, ids=lambda song: Path(song.name).stem)
def test_a_song_gets_its_own_parts_back_for_the_most(song: Song) -> None:
    arrangement = Arrangement.of([song])
    assert arrangement is not None
    again = arranged(one_part(song), arrangement, {}, split=True)
    before, after = whose(song), whose(again)
    assert before.keys() == after.keys()
    same = np.mean([before[key] == after[key] for key in before])
    commonest = max(np.mean([role == one for role in before.values()]) for one in set(before.values()))
    assert same > max(0.75, commonest + 0.1)
    for part in again.parts:
        assert part.name == part.role.capitalize()
        assert part.program in {other.program for other in song.parts if other.role == part.role}


def test_it_reads_back_as_it_was(tmp_path: Path) -> None:
    arrangement = Arrangement.of(SONGS)
    assert arrangement is not None
    song = arranged(one_part(SONGS[0]), arrangement, {"bass": 33}, split=True)
    write_midi(song, tmp_path / "a.mid")
    again = read_midi(tmp_path / "a.mid")
    for column in ("onset", "pitch", "length", "velocity", "part"):
        assert np.array_equal(getattr(song.notes, column), getattr(again.notes, column)), column
    assert again.parts == song.parts


def test_one_track_has_the_instrument_of_most_notes() -> None:
    arrangement = Arrangement.of(SONGS)
    assert arrangement is not None
    plain = one_part(SONGS[0])
    song = arranged(plain, arrangement, dict.fromkeys(arrangement.roles, 40), split=False)
    assert song.notes is plain.notes
    assert [part.program for part in song.parts] == [40]
    ((most, _),) = Counter(whose(arranged(plain, arrangement, {}, split=True)).values()).most_common(1)
    assert [(part.name, part.role) for part in song.parts] == [("tritone", most)]
    assert Arrangement.of([]) is None


@pytest.mark.parametrize("role", ["melody", "chords", "bass"])
@pytest.mark.parametrize("split", [True, False])
def test_a_part_of_one_role_has_that_role(role: str, split: bool) -> None:
    """So that what continues a song plays on in the part that it was learnt from."""
    arrangement = Arrangement.of(SONGS, (role,))
    assert arrangement is not None
    own = next(part for part in SONGS[0].parts if part.role == role)
    song = arranged(one_part(SONGS[0]), arrangement, {}, split=split)
    assert [(part.role, part.program) for part in song.parts] == [(role, arrangement.programs[role])]
    whole = continued(SONGS[0], song, 96 * 400)
    new = whole.notes.part[whole.notes.onset >= 96 * 400]
    assert {whole.parts[number].name for number in new.tolist()} == {own.name}


def test_instruments_are_named_as_musicians_do() -> None:
    assert read_instruments(None) == read_instruments("") == {}
    assert read_instruments("melody=flute, bass=33,chords = Rock Organ") == {"melody": 73, "bass": 32, "chords": 18}
    assert read_instruments("melody=violin")["melody"] == pretty_midi.instrument_name_to_program("Violin")
    assert read_instruments("melody=1,bass=128") == {"melody": 0, "bass": 127}
    assert read_instruments("chords=harp") == {"chords": 46}  # and no harpsichord, which begins with one
    for text, told in (
        ("melody", "write PART=INSTRUMENT"),
        ("drums=1", "parts are melody, chords, bass"),
        ("melody=0", "1 to 128"),
        ("melody=129", "1 to 128"),
        ("melody=flutte", "no instrument is called 'flutte'"),
        ("melody=", "no instrument is called ''"),
    ):
        with pytest.raises(UserError, match=told):
            read_instruments(text)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        *(("C", "C"), ("bb", "Bb"), ("F#m", "F#m"), ("a minor", "Am"), ("Eb major", "Eb"), ("g sharp min", "G#m")),
        *(("B♭", "Bb"), ("H", "B"), ("Gb", "Gb"), ("F#", "F#"), ("cb", "Cb"), ("Abm", "Abm")),
        *(("G#", "Ab"), ("Fb", "E"), ("Dbm", "C#m")),  # no signature can hold these
    ],
)
def test_keys_are_written_as_musicians_do(text: str, key: str) -> None:
    assert read_key(text) == KEYS[key]
    assert read_key(KEYS[key].name) == KEYS[key]


def test_what_is_no_key() -> None:
    for text in ("", "X", "C##", "C dorian", "Ab minor seventh"):
        with pytest.raises(UserError, match="is no key"):
            read_key(text)


def test_the_key_of_a_song_is_what_it_names_or_what_its_notes_tell() -> None:
    scale = [60, 62, 64, 65, 67, 69, 71, 72, 60, 64, 67, 60]
    for tonic in range(12):
        song = melody([pitch + tonic for pitch in scale])
        assert key_of(song).number == tonic
        assert key_of(transposed(song, KEYS["F"])[0]) == KEYS["F"]
    assert key_of(melody([69, 71, 72, 74, 76, 77, 80, 81, 69, 72, 76, 69])) == KEYS["Am"]
    assert key_of(melody([])) == KEYS["C"]


def melody(pitches: list[int]) -> Song:
    count = len(pitches)
    rows = (np.arange(count) * 24, np.array(pitches), np.full(count, 24), np.full(count, 64), np.zeros(count))
    return Song(
        24, (Part("a", 0, False, "melody"),), Notes(*(row.astype(np.int32) for row in rows)),
        np.array([[0.0, 120.0]]), np.array([[0, 4, 4]], np.int32), np.zeros((0, 3), np.int32),
    )  # fmt: skip


def test_a_song_moves_the_shortest_way_and_to_the_relative_key() -> None:
    for song in SONGS:
        before = key_of(song)
        for key in KEYS.values():
            moved, step = transposed(song, key)
            assert -6 <= step <= 6
            keep = song.chosen()
            assert np.array_equal(np.sort(moved.notes.pitch[moved.chosen()]), np.sort(song.notes.pitch[keep] + step))
            assert np.array_equal(moved.notes.pitch[~moved.chosen()], song.notes.pitch[~keep])  # drums stay
            assert key_of(moved).minor == before.minor  # major stays major
            assert key_of(moved).sharps == key.sharps
            assert read_key(key_of(moved).name) == key_of(moved)
    assert transposed(melody([60, 64, 67, 72]), KEYS["C"])[1] == 0
    high = melody([127, 60, 115])
    moved, step = transposed(high, usual_key((key_of(high).number + 3) % 12))
    assert step == 3
    assert moved.notes.pitch.tolist() == [118, 63, 118]


def test_the_command_writes_tracks_in_a_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_run(tmp_path / "runs" / "demo")
    out = str(tmp_path / "a.mid")

    def call(*more: str) -> int:
        return main(
            GenerateOptions, generate, prog="generate", arguments=["demo", "--events", "64", "--out", out, *more]
        )

    assert call("--key", "F# minor", "--instruments", "melody=flute,chords=flute,bass=flute") == 0
    assert re.search(r"key: moved by [+-]\d semitones, from \w+ (major|minor) into ", capsys.readouterr().out)
    midi = pretty_midi.PrettyMIDI(out)
    assert {instrument.name for instrument in midi.instruments} <= {"Melody", "Chords", "Bass"}
    assert {instrument.program for instrument in midi.instruments} == {73}
    assert midi.key_signature_changes[0].key_number in (9, 18)  # A major or F sharp minor
    assert call("--tracks", "one") == 0
    assert len(pretty_midi.PrettyMIDI(out).instruments) == 1
    for words, told in ((("--key", "Q"), "is no key"), (("--instruments", "x=1"), "PART=INSTRUMENT")):
        assert call(*words) == 2
        assert told in capsys.readouterr().err
