"""MIDI -> Song -> MIDI keeps every note; and each rule of what a note, an onset and a part is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import mido
import numpy as np
import pretty_midi
import pytest
from midi_files import SHARED, control, meta, midi_file, note_rows, off, on, program, random_song, track

from datamodules.errors import UserError
from datamodules.midi.raw_bytes import Limits, RejectedFile, scan
from datamodules.midi.reading import read_midi, ticks_of
from datamodules.midi.repair import repaired
from datamodules.midi.roles import guess_roles, sketch
from datamodules.midi.writing import midi_bytes, write_midi
from datamodules.song import Song

CORPORA = SHARED / "corpora"
REAL = ("two_songs_freedoom", "jsb_chorales/valid", "mutopia_pd", "nottingham", "freedoom")


def _read(tmp_path: Path, data: bytes, grid: int = 24) -> Song:
    path = tmp_path / "song.mid"
    path.write_bytes(data)
    return read_midi(path, grid=grid)


def _notes(song: Song) -> list[tuple[int, int, int]]:
    """Onset, pitch, length of every note."""
    return [row[:3] for row in note_rows(song)]


# -- laws


@pytest.mark.parametrize("grid", [1, 12, 24, 48, 480])
@pytest.mark.parametrize("seed", range(4))
def test_a_written_song_reads_back_the_same(tmp_path: Path, seed: int, grid: int) -> None:
    song = random_song(seed, grid=grid)
    path = tmp_path / "song.mid"
    write_midi(song, path)
    again = read_midi(path, grid=grid)
    assert note_rows(again) == note_rows(song)
    assert [(p.name, p.program, p.drums) for p in again.parts] == [(p.name, p.program, p.drums) for p in song.parts]
    np.testing.assert_array_equal(again.metres, song.metres)
    np.testing.assert_array_equal(again.keys, song.keys)
    np.testing.assert_array_equal(again.tempos[:, 0], song.tempos[:, 0])
    np.testing.assert_allclose(again.tempos[:, 1], song.tempos[:, 1], rtol=1e-4)  # MIDI: whole microseconds
    write_midi(again, tmp_path / "again.mid")
    assert (tmp_path / "again.mid").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("folder", REAL)
def test_a_real_song_reads_back_the_same(tmp_path: Path, folder: str) -> None:
    files = sorted((CORPORA / folder).glob("*.mid"))[:3]
    if not files:
        pytest.skip(f"no {CORPORA / folder} here")
    for file in files:
        song = read_midi(file)
        write_midi(song, tmp_path / "song.mid")
        again = read_midi(tmp_path / "song.mid")
        assert note_rows(again) == note_rows(song), file
        assert again.parts == song.parts, file
        np.testing.assert_array_equal(again.metres, song.metres)
        np.testing.assert_array_equal(again.keys, song.keys)


@pytest.mark.parametrize("folder", REAL)
def test_no_note_of_a_real_song_is_lost(folder: str) -> None:
    """Through our mido object pretty_midi has notes at every (onset, pitch) that the file strikes, and at no others."""
    files = sorted((CORPORA / folder).glob("*.mid"))[-3:]
    if not files:
        pytest.skip(f"no {CORPORA / folder} here")
    for file in files:
        ours = pretty_midi.PrettyMIDI(mido_object=repaired(scan(file.read_bytes(), Limits()), Limits()))
        plain = mido.MidiFile(file)
        quarters = set()
        for raw in plain.tracks:
            tick = 0
            for message in raw:
                tick += message.time
                if message.type == "note_on" and message.velocity:
                    quarters.add((round(tick / plain.ticks_per_beat, 6), message.note))
        pairs = [(note.start, note.pitch) for part in ours.instruments for note in part.notes]
        ticks = ticks_of(ours, np.array([start for start, _ in pairs])).tolist()
        found = {(round(t / ours.resolution, 6), pitch) for t, (_, pitch) in zip(ticks, pairs, strict=True)}
        assert found == quarters, file


@pytest.mark.parametrize("seed", range(3))
def test_all_times_become_the_ticks_that_pretty_midi_gives(seed: int) -> None:
    data = midi_bytes(random_song(seed, grid=480, notes=200))
    midi = pretty_midi.PrettyMIDI(mido_object=repaired(scan(data, Limits()), Limits()))
    times = np.array([time for part in midi.instruments for note in part.notes for time in (note.start, note.end)])
    assert ticks_of(midi, times).tolist() == [midi.time_to_tick(time) for time in times]


# -- onsets and lengths


def test_ticks_round_to_the_grid_half_up_and_a_note_lasts_a_tick(tmp_path: Path) -> None:
    # division 480, grid 24: 20 file ticks a grid tick; far apart in time
    data = midi_file(track((490, on(60)), (1, off(60)), (999, on(62)), (490, off(62)), (9, on(64)), (490, off(64))))
    assert _notes(_read(tmp_path, data)) == [(25, 60, 1), (75, 62, 24), (99, 64, 25)]


def test_a_cluster_takes_the_onset_of_its_first(tmp_path: Path) -> None:
    # 120 bpm: 29 file ticks are 30.2 ms, 28 are 29.2 ms. 465 rounds to 23, its followers by themselves to 24 or 25
    data = midi_file(
        track((465, on(60)), (480, off(60))), track((479, on(64)), (480, off(64))), track((493, on(67)), (480, off(67)))
    )
    assert _notes(_read(tmp_path, data)) == [(23, 60, 24), (23, 64, 25), (23, 67, 26)]


def test_30_ms_are_counted_from_the_first_of_the_cluster(tmp_path: Path) -> None:
    data = midi_file(track((465, on(60)), (25, on(62)), (25, on(64)), (480, off(60)), (0, off(62)), (0, off(64))))
    assert [onset for onset, _, _ in _notes(_read(tmp_path, data))] == [23, 23, 26]


def test_onsets_exactly_on_different_grid_ticks_stay_apart(tmp_path: Path) -> None:
    data = midi_file(track((480, on(60)), (20, on(62)), (20, on(64)), (480, off(60)), (0, off(62)), (0, off(64))))
    assert [onset for onset, _, _ in _notes(_read(tmp_path, data))] == [24, 25, 26]


def test_tempo_does_not_bend_the_grid(tmp_path: Path) -> None:
    notes = track(*(event for pitch in (60, 62, 64, 65) for event in ((0, on(pitch)), (480, off(pitch)))))
    slow = track((0, meta(0x51, (1_000_000).to_bytes(3))), (700, meta(0x51, (123_457).to_bytes(3))))
    fast = track((0, meta(0x51, (400_000).to_bytes(3))))
    assert _notes(_read(tmp_path, midi_file(slow, notes))) == _notes(_read(tmp_path, midi_file(fast, notes)))


def test_a_note_ends_at_the_next_onset_of_its_pitch_in_its_part(tmp_path: Path) -> None:
    both = ((0, on(60)), (480, on(60)), (480, off(60)))
    assert _notes(_read(tmp_path, midi_file(track(*both)))) == [(0, 60, 24), (24, 60, 24)]
    other = track((0, on(60)), (960, off(60)))  # another part's pitch does not end it
    assert (0, 60, 48) in _notes(_read(tmp_path, midi_file(other, track((480, on(60)), (480, off(60))))))


def test_of_two_notes_at_one_onset_and_pitch_the_longer_stays(tmp_path: Path) -> None:
    data = midi_file(track((9, on(60, 100)), (10, off(60)), (1, on(60, 50)), (480, off(60))))
    song = _read(tmp_path, data)
    assert [row[:4] for row in note_rows(song)] == [(0, 60, 25, 50)]


def test_the_pedal_holds_notes_to_its_release_across_the_tracks_of_a_channel(tmp_path: Path) -> None:
    hand = track((0, on(60)), (240, off(60)), (960, on(62)), (240, off(62)))
    foot = track((120, control(64, 64)), (600, control(64, 63)))
    assert _notes(_read(tmp_path, midi_file(hand, foot))) == [(0, 60, 36), (60, 62, 12)]


def test_a_pedal_never_released_holds_to_the_songs_end(tmp_path: Path) -> None:
    data = midi_file(track((0, control(64, 127)), (1, on(60)), (99, off(60))), track(end=960))
    assert _notes(_read(tmp_path, data)) == [(0, 60, 48)]


def test_a_pedalled_note_ends_when_it_is_struck_again(tmp_path: Path) -> None:
    strikes = ((1, on(60)), (239, off(60)), (240, on(60)), (360, off(60)))
    data = midi_file(track((0, control(64, 127)), *strikes[:3], (120, control(64, 0)), (240, off(60))))
    assert _notes(_read(tmp_path, data)) == [(0, 60, 24), (24, 60, 18)]


def test_the_pedal_is_not_for_drums(tmp_path: Path) -> None:
    data = midi_file(track((0, control(64, 127, 9)), (0, on(36, channel=9)), (240, off(36, 9)), end=960))
    assert _notes(_read(tmp_path, data)) == [(0, 36, 12)]


# -- what pretty_midi and mido lose


def test_notes_without_length_or_end_are_kept(tmp_path: Path) -> None:
    data = midi_file(track((0, on(60)), (0, off(60)), (480, on(62)), (480, on(64)), end=480))
    assert _notes(_read(tmp_path, data)) == [(0, 60, 1), (24, 62, 48), (48, 64, 24)]


def test_all_notes_off_ends_notes(tmp_path: Path) -> None:
    data = midi_file(track((0, on(60)), (0, on(64)), (480, control(123, 0)), end=960))
    assert _notes(_read(tmp_path, data)) == [(0, 60, 24), (0, 64, 24)]


def test_unknown_meta_events_keep_their_time(tmp_path: Path) -> None:
    data = midi_file(track((480, meta(0x60, b"xyz")), (480, on(60)), (480, off(60))))
    assert _notes(_read(tmp_path, data)) == [(48, 60, 24)]


def test_tracks_beyond_the_headers_count_and_foreign_chunks_are_no_loss(tmp_path: Path) -> None:
    one, two = track((0, on(60)), (480, off(60))), track((0, on(64)), (480, off(64)))
    data = midi_file(one, b"XFIH\x00\x00\x00\x02ab", two, claimed=1)
    assert _notes(_read(tmp_path, data)) == [(0, 60, 24), (0, 64, 24)]


def test_maps_of_any_track_count(tmp_path: Path) -> None:
    maps = track(
        (0, meta(0x51, (600_000).to_bytes(3))), (0, meta(0x58, b"\x03\x02\x18\x08")), (480, meta(0x59, b"\xfd\x01"))
    )
    song = _read(tmp_path, midi_file(track(), track((0, on(60)), (480, off(60))), maps))
    assert song.tempos.tolist() == [[0.0, 100.0]]
    assert song.metres.tolist() == [[0, 3, 4]]
    assert song.keys.tolist() == [[24, pretty_midi.key_name_to_key_number("C minor"), -3]]


def test_maps_have_midis_defaults_and_no_key(tmp_path: Path) -> None:
    song = _read(tmp_path, midi_file(track((0, on(60)), (480, off(60)), (0, meta(0x58, b"\x03\x02\x18\x08")))))
    assert song.tempos.tolist() == [[0.0, 120.0]]
    assert song.metres.tolist() == [[0, 4, 4], [24, 3, 4]]
    assert song.keys.shape == (0, 3)


@pytest.mark.parametrize(
    "first",
    [
        [(0, meta(0x58, b"\x01\x02\x18\x08"))],  # a bar of 1/4 before the first of 3/4
        [],  # the metre is named where the first whole bar begins
    ],
)
def test_a_pickup_counts_back_from_the_first_bar_line(tmp_path: Path, first: list[tuple[int, bytes]]) -> None:
    quarters = [item for _ in range(4) for item in ((0, on(60)), (480, off(60)))]
    line = (0, meta(0x58, b"\x03\x02\x18\x08"))
    song = _read(tmp_path, midi_file(track(*first, *quarters[:2], line, *quarters[2:])))
    events = song.events()
    assert events.place.tolist() == [48, 0, 24, 48]
    assert events.bar.tolist() == [72] * 4
    assert events.offset[0] == 48


@pytest.mark.parametrize(
    "bad",
    [
        meta(0x51, b"\0\0\0"),
        meta(0x51, b"\0\0\1"),
        meta(0x51, b"\1"),
        meta(0x58, b"\0\2"),
        meta(0x58, b"\4\xff"),
        meta(0x58, b""),
        meta(0x59, b"\x08\0"),
        meta(0x59, b"\0\xff"),
        meta(0x59, b"\0"),
        meta(0x54, b"\xff"),
    ],
)
def test_a_map_that_is_no_music_is_left_out_and_the_notes_stay(tmp_path: Path, bad: bytes) -> None:
    song = _read(tmp_path, midi_file(track((0, bad), (0, on(60)), (480, off(60)))))
    assert _notes(song) == [(0, 60, 24)]
    assert (song.tempos.tolist(), song.metres.tolist(), len(song.keys)) == ([[0.0, 120.0]], [[0, 4, 4]], 0)


def test_a_fine_division_is_brought_to_lowest_terms(tmp_path: Path) -> None:
    data = midi_file(track((0, on(60)), (10080 * 1100, off(60))), division=10080)  # pretty_midi alone refuses it
    assert _notes(_read(tmp_path, data)) == [(0, 60, 24 * 1100)]


# -- parts


def test_a_part_is_a_track_channel_and_program_and_empty_ones_are_dropped(tmp_path: Path) -> None:
    title = (0, meta(3, b" My\x07Song "))
    mixed = track(
        title, (0, program(33, 1)), (0, on(40, channel=1)), (0, on(36, channel=9)), (480, off(40, 1)), (0, off(36, 9))
    )
    named = track((0, meta(3, "Flöte".encode())), (0, program(73, 2)), (0, on(80, channel=2)), (480, off(80, 2)))
    latin = track((0, meta(3, "Flöte".encode("latin-1"))), (480, on(60)), (0, program(5)), (480, off(60)), (0, on(62)))
    song = _read(tmp_path, midi_file(mixed, named, track((0, program(3, 3))), latin))
    assert [(part.name, part.program, part.drums) for part in song.parts] == [
        ("Electric Bass (finger)", 33, False),
        ("Drums", 0, True),
        ("Flöte", 73, False),
        ("Flöte", 0, False),  # the program where the note begins
        ("Flöte", 5, False),  # one channel: the name is the player's, whatever the sound
    ]
    assert all(type(part.program) is int and type(part.drums) is bool for part in song.parts)


@pytest.mark.parametrize(
    ("expected", "parts"),
    [
        (["melody"], [("", 0, 48, 1)]),
        (["chords"], [("", 0, 70, 3)]),
        (["melody", "chords"], [("", 0, 72, 1), ("", 0, 44, 3)]),
        (["melody", "bass"], [("up:", 6, 73, 1.9), ("down:", 6, 53, 1.1)]),
        (["melody", "chords", "chords", "bass"], [("", 0, 70, 1), ("", 0, 65, 1), ("", 0, 58, 1), ("", 0, 50, 1)]),
        (["melody", "chords", "chords", "bass"], [(n, 52, 60, 1) for n in ("Soprano", "Alto", "Tenor", "Bass")]),
        (["bass", "bass", "melody"], [("", 34, 60, 1), ("", 81, 30, 1), ("", 80, 70, 1)]),
        (["melody", "melody"], [("Melody", 42, 40, 1), ("Voice", 0, 70, 1)]),
        (["bass", "melody"], [("Voice 2", 0, 40, 1), ("Voice 1", 0, 70, 1)]),
        (["melody", "chords"], [("Bassoon", 70, 60, 1), ("Warm Pad", 0, 80, 1)]),
        (["melody", "chords"], [("Lead Guitar", 30, 60, 2), ("rhythm_guitar", 30, 61, 1)]),
    ],
)
def test_roles(expected: list[str], parts: list[tuple[str, int, float, float]]) -> None:
    sketches = []
    for name, number, pitch, density in parts:
        onset = np.arange(100)
        onset = np.concatenate([onset, np.tile(onset, 3)[: round(100 * (density - 1))]])
        sketches.append(sketch(name, number, False, onset, np.full(len(onset), pitch)))
    assert guess_roles(sketches) == expected


# -- writing


def test_more_parts_than_channels_wrap_and_none_takes_the_drums(tmp_path: Path) -> None:
    song = random_song(1)
    parts = tuple(replace(song.parts[0], name=f"p{i}", drums=i == 3) for i in range(20))
    number = np.arange(len(song.notes)) % 20
    order = np.lexsort((song.notes.pitch, number, song.notes.onset))
    columns = (song.notes.onset, song.notes.pitch, np.ones(len(number)), song.notes.velocity, number)
    notes = type(song.notes)(*(column[order].astype(np.int32) for column in columns))
    write_midi(replace(song, parts=parts, notes=notes), tmp_path / "a.mid")
    channels = [{m.channel for m in t if m.type == "note_on"} for t in mido.MidiFile(tmp_path / "a.mid").tracks[1:]]
    assert channels[3] == {9}
    assert all(channel != {9} and len(channel) == 1 for i, channel in enumerate(channels) if i != 3)
    assert len(set().union(*channels)) == 16
    assert note_rows(read_midi(tmp_path / "a.mid")) == note_rows(replace(song, parts=parts, notes=notes))


def test_what_midi_cannot_hold_is_clamped(tmp_path: Path) -> None:
    song = random_song(2)
    wild = replace(song.notes, velocity=song.notes.velocity * 5 - 100, length=song.notes.length - 50)
    write_midi(replace(song, notes=wild), tmp_path / "a.mid")
    notes = read_midi(tmp_path / "a.mid").notes
    assert len(notes) == len(song.notes)
    assert notes.length.min() >= 1
    assert (notes.velocity.min(), notes.velocity.max()) == (1, 127)


def test_a_failed_write_is_one_clear_line_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot write .*choose another path") as error:
        write_midi(random_song(1), tmp_path / "not there" / "song.mid")
    assert "\n" not in str(error.value)
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match="cannot write"):
        write_midi(random_song(1), tmp_path / "folder")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_a_file_that_cannot_be_opened_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(RejectedFile, match="cannot be opened"):
        read_midi(tmp_path / "not there.mid")
