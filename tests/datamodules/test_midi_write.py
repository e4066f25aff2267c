"""What a written file promises a sequencer or a notation program, over random songs and the bundled ones."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import mido
import numpy as np
import pretty_midi
import pytest
from midi_files import note_rows, random_song

from datamodules.midi.channels import DRUM_CHANNEL
from datamodules.midi.reading import read_midi
from datamodules.midi.writing import write_midi
from datamodules.song import DIVISION, Song, bar_lines
from songs import bundled

MADE = ("made by tritone 1", "prime: größe ♪.mid")
SONGS = [*range(3), *bundled()]


def song_of(source: int | Path) -> Song:
    return random_song(source) if isinstance(source, int) else read_midi(source)


@pytest.fixture(scope="module", params=SONGS, ids=lambda source: getattr(source, "stem", source))
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Song, mido.MidiFile]:
    """A song, and its file as mido reads it."""
    song = song_of(request.param)
    path = tmp_path_factory.mktemp("written") / "song.mid"
    write_midi(song, path, title="größe ♪\nnew", made=MADE)
    return song, mido.MidiFile(path, charset="utf-8")


def timed(track: mido.MidiTrack) -> list[tuple[int, mido.Message | mido.MetaMessage]]:
    """Its messages with their ticks."""
    ticks = np.cumsum([message.time for message in track]).tolist()
    return list(zip(ticks, track, strict=True))


def test_track_0_conducts(written: tuple[Song, mido.MidiFile]) -> None:
    song, file = written
    assert (file.type, file.ticks_per_beat, len(file.tracks)) == (1, 480, 1 + len(song.parts))
    conductor = timed(file.tracks[0])
    kinds = [message.type for tick, message in conductor if tick == 0]
    maps = ["set_tempo", "time_signature"] + ["key_signature"] * (len(song.keys) > 0)
    assert kinds[: 3 + len(maps)] == ["track_name", "text", "text", *maps]
    assert all(message.is_meta for _, message in conductor)
    assert conductor[0][1].name == "größe ♪ new"
    assert [message.text for _, message in conductor if message.type == "text"] == list(MADE)
    for other in file.tracks[1:]:
        assert not {"set_tempo", "time_signature", "key_signature", "text"} & {message.type for message in other}


def test_a_track_opens_with_its_name_then_its_instrument_on_its_own_channel(
    written: tuple[Song, mido.MidiFile],
) -> None:
    song, file = written
    channels = []
    for part, track in zip(song.parts, file.tracks[1:], strict=True):
        messages = timed(track)
        assert [message.type for _, message in messages[:3]] == ["track_name", "program_change", "control_change"]
        assert {tick for tick, _ in messages[:3]} == {0}
        (_, name), (_, program), (_, volume) = messages[:3]
        assert (name.name, program.program, volume.control, volume.value) == (part.name, part.program, 7, 100)
        (channel,) = {message.channel for message in track if not message.is_meta}
        assert (channel == DRUM_CHANNEL) == part.drums
        channels += [] if part.drums else [channel]
    assert len(set(channels)) == len(channels)


def test_notes_end_before_others_begin_and_none_sounds_twice(written: tuple[Song, mido.MidiFile]) -> None:
    for track in written[1].tracks[1:]:
        sounding: set[int] = set()
        begun: dict[int, bool] = defaultdict(bool)
        for tick, message in timed(track):
            if message.type == "note_on":
                assert message.velocity > 0
                assert message.note not in sounding
                sounding.add(message.note)
                begun[tick] = True
            elif message.type == "note_off":
                assert not begun[tick]  # a note-on of this tick would have come before it
                sounding.remove(message.note)
        assert not sounding


def test_all_tracks_end_together_at_a_bar_line_behind_the_last_note(written: tuple[Song, mido.MidiFile]) -> None:
    song, file = written
    assert all(track[-1].type == "end_of_track" for track in file.tracks)
    (end,) = {sum(message.time for message in track) for track in file.tracks}
    line = bar_lines(song)[-1] * DIVISION // song.grid
    last = max(int(table[-1, 0]) for table in (song.tempos, song.metres, song.keys) if len(table))
    assert end == max(line, last * DIVISION // song.grid)
    assert end >= int((song.notes.onset + song.notes.length).max()) * DIVISION // song.grid


def test_other_readers_find_the_same_notes(written: tuple[Song, mido.MidiFile]) -> None:
    song, file = written
    scale = DIVISION // song.grid
    expected = sorted((row[0] * scale, row[1], (row[0] + row[2]) * scale, row[3]) for row in note_rows(song))
    midi = pretty_midi.PrettyMIDI(mido_object=file)
    found = [
        (midi.time_to_tick(note.start), note.pitch, midi.time_to_tick(note.end), note.velocity)
        for part in midi.instruments
        for note in part.notes
    ]
    assert sorted(found) == expected
    assert [part.name for part in midi.instruments] == [part.name for part in song.parts]


@pytest.mark.filterwarnings("ignore::Warning:music21")
def test_music21_finds_the_same_notes(tmp_path: Path) -> None:
    pytest.importorskip("music21")
    from music21 import midi

    song = read_midi(bundled()[0])
    write_midi(song, tmp_path / "song.mid", made=MADE)
    file = midi.MidiFile()
    file.open(str(tmp_path / "song.mid"))
    file.read()
    file.close()
    notes = []
    for track in file.tracks:
        tick = 0
        for event in track.events:
            tick += event.time if isinstance(event, midi.DeltaTime) else 0
            if event.isNoteOn():
                notes.append((tick, event.channel == 10, event.pitch, event.velocity))
    assert sorted(notes) == sorted((row[0] * 20, row[6], row[1], row[3]) for row in note_rows(song))


def test_parts_beyond_15_have_ports_of_their_own(tmp_path: Path) -> None:
    song = random_song(1, notes=400)
    parts = tuple(replace(song.parts[0], name=f"p{i}", drums=i in (3, 30)) for i in range(40))
    number = np.arange(len(song.notes)) % 40
    order = np.lexsort((song.notes.pitch, number, song.notes.onset))
    columns = (song.notes.onset, song.notes.pitch, np.ones(len(number)), song.notes.velocity, number)
    many = replace(song, parts=parts, notes=type(song.notes)(*(column[order].astype(np.int32) for column in columns)))
    write_midi(many, tmp_path / "many.mid")
    places = []
    for part, track in zip(parts, mido.MidiFile(tmp_path / "many.mid").tracks[1:], strict=True):
        port = next((message.port for message in track if message.type == "midi_port"), 0)
        (channel,) = {message.channel for message in track if not message.is_meta}
        assert (channel == DRUM_CHANNEL) == part.drums
        places += [] if part.drums else [(port, channel)]
    assert len(set(places)) == 38
    assert [port for port, _ in places] == [0] * 15 + [1] * 15 + [2] * 8
    assert note_rows(read_midi(tmp_path / "many.mid")) == note_rows(many)


@pytest.mark.parametrize(("metre", "clocks"), [((4, 4), 24), ((6, 8), 36), ((3, 8), 12), ((9, 16), 18), ((2, 2), 48)])
def test_the_click_is_on_the_beat(tmp_path: Path, metre: tuple[int, int], clocks: int) -> None:
    song = random_song(0)
    write_midi(replace(song, metres=np.array([(0, *metre)], np.int32)), tmp_path / "a.mid")
    (sign,) = [m for m in mido.MidiFile(tmp_path / "a.mid").tracks[0] if m.type == "time_signature"]
    assert (sign.numerator, sign.denominator, sign.clocks_per_click) == (*metre, clocks)


def test_a_title_that_is_no_text_is_written(tmp_path: Path) -> None:
    write_midi(random_song(0), tmp_path / "a.mid", title="a\udce9b")
    assert mido.MidiFile(tmp_path / "a.mid").tracks[0][0].name == "a?b"
