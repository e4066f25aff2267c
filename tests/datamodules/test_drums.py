"""Which parts are drums: by channel 10, a bank of drum kits, a message to a synthesizer, or a name and no program."""

from __future__ import annotations

from pathlib import Path

import pytest
from midi_files import control, meta, midi_file, off, on, program, track

from datamodules.midi.reading import read_midi
from datamodules.midi.roles import names_drums
from datamodules.midi.writing import write_midi
from datamodules.song import Song

Event = tuple[int, bytes]
XG_ON = b"\x43\x10\x4c\x00\x00\x7e\x00"
GS_ON = b"\x41\x10\x42\x12\x40\x00\x7f\x00\x41"


def exclusive(message: bytes) -> Event:
    return 0, bytes((0xF0, len(message) + 1)) + message + b"\xf7"


def gs_rhythm(channel: int, on_or_off: int) -> Event:
    """GS: use for rhythm part; its blocks are 0 for channel 10, then the other channels in order."""
    block = 0 if channel == 9 else channel + 1 if channel < 9 else channel
    address = bytes((0x40, 0x10 | block, 0x15, on_or_off))
    return exclusive(b"\x41\x10\x42\x12" + address + bytes((-sum(address) % 128,)))


def xg_part_mode(channel: int, mode: int) -> Event:
    return exclusive(b"\x43\x10\x4c\x08" + bytes((channel, 0x07, mode)))


def read(tmp_path: Path, *events: Event, channel: int = 4, more: bytes = b"") -> Song:
    """A file whose one track with notes has two eighth notes behind these events, under a pedal."""
    notes = [event for pitch in (36, 38) for event in ((0, on(pitch, 64, channel)), (240, off(pitch, channel)))]
    own = track(*events, (0, control(64, 127, channel)), *notes, end=480)
    path = tmp_path / "song.mid"
    path.write_bytes(midi_file(*([more] if more else []), own))
    return read_midi(path)


def drums(song: Song) -> list[bool]:
    for part in song.parts:
        assert part.drums == (part.role == "drums")
    return [part.drums for part in song.parts]


def named(text: str) -> Event:
    return 0, meta(0x03, text.encode())


@pytest.mark.parametrize(
    ("events", "channel", "found"),
    [
        ([], 9, True),
        ([], 4, False),
        ([(0, program(118, 4))], 4, False),  # a synthesizer's tom plays notes
        ([(0, control(0, 120, 4)), (0, program(8, 4))], 4, True),
        ([(0, control(0, 120, 4))], 4, False),  # a bank counts from the next program change on
        ([(0, control(0, 121, 4)), (0, program(8, 4))], 4, False),
        ([exclusive(XG_ON), (0, control(0, 127, 4)), (0, program(0, 4))], 4, True),
        ([exclusive(XG_ON), (0, control(0, 126, 4)), (0, program(0, 4))], 4, True),
        ([exclusive(XG_ON), (0, control(0, 64, 4)), (0, program(0, 4))], 4, False),
        ([exclusive(GS_ON), (0, control(0, 127, 4)), (0, program(0, 4))], 4, False),  # an MT-32's sounds to GS
        *(([gs_rhythm(channel, 1)], channel, True) for channel in (0, 8, 10, 15)),
        ([gs_rhythm(3, 1)], 4, False),
        ([gs_rhythm(9, 0)], 9, False),
        ([gs_rhythm(4, 2), gs_rhythm(4, 0)], 4, False),
        ([exclusive(XG_ON), xg_part_mode(4, 2)], 4, True),
        ([xg_part_mode(9, 0)], 9, False),
        ([exclusive(b"\x41\x10\x42\x12\x40")], 4, False),
        ([exclusive(b"\x43")], 4, False),
    ],
)
def test_drums_are_what_the_file_says(tmp_path: Path, events: list[Event], channel: int, found: bool) -> None:
    song = read(tmp_path, *events, channel=channel)
    assert drums(song) == [found]
    assert song.notes.length.tolist() == ([12, 12] if found else [48, 36])  # by the pedal
    write_midi(song, tmp_path / "again.mid")
    assert drums(read_midi(tmp_path / "again.mid")) == [found]


def test_a_bank_may_be_selected_in_another_track(tmp_path: Path) -> None:
    conductor = track((0, control(0, 120, 4)), (0, program(25, 4)))
    song = read(tmp_path, more=conductor)
    assert [(part.program, part.drums) for part in song.parts] == [(25, True)]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        *(
            (name, True)
            for name in ("Drums", "DRUM KIT", "perc 2", "Percussion", "Bass Drum", "Kick", "hi-hat (closed)")
        ),
        *((name, False) for name in ("Steel Drums", "Drums & Bass", "drum & bass lead", "Percussive Organ", "Humdrum")),
        *((name, False) for name in ("Synth Drum", "Tuned percussion", "Taiko Drum", "Reverse Cymbal", "Bass", "")),
    ],
)
def test_drums_by_name(tmp_path: Path, name: str, found: bool) -> None:
    assert names_drums(name) == found
    assert drums(read(tmp_path, named(name))) == [found]
    assert drums(read(tmp_path, named(name), (0, program(0, 4)))) == [found]
    assert drums(read(tmp_path, named(name), (0, program(114, 4)))) == [False]  # what is set is what it sounds like
    assert drums(read(tmp_path, named(name), channel=9)) == [True]


def test_the_name_of_a_track_with_several_channels_is_the_songs(tmp_path: Path) -> None:
    both = [event for channel in (1, 2) for event in ((0, on(60, channel=channel)), (480, off(60, channel)))]
    path = tmp_path / "song.mid"
    path.write_bytes(midi_file(track(named("Drums"), *both)))
    assert drums(read_midi(path)) == [False, False]
