"""A channel of a port is one instrument in all tracks, unless tracks have instruments of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from midi_files import control, meta, midi_file, off, on, program, track

from datamodules.midi.reading import read_midi

DOWN = 127
Event = tuple[int, bytes]
Read = Callable[..., list[tuple[int, list[int]]]]


def port(number: int) -> Event:
    return 0, meta(0x21, bytes((number,)))


def notes(pitch: int = 60, channel: int = 0) -> list[Event]:
    """Four quarter notes, each half as long."""
    return [event for _ in range(4) for event in ((0, on(pitch, 64, channel)), (240, off(pitch, channel)), (240, b""))]


def some(*events: Event) -> bytes:
    """A track of events; one without bytes only takes its time."""
    kept: list[Event] = []
    waited = 0
    for ticks, event in events:
        waited += ticks
        if event:
            kept.append((waited, event))
            waited = 0
    return track(*kept, end=waited)


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """The parts of a file of tracks: program and lengths of each, in order."""

    def parts(*tracks: bytes) -> list[tuple[int, list[int]]]:
        path = tmp_path / "song.mid"
        path.write_bytes(midi_file(*tracks))
        song = read_midi(path)
        lengths = [song.notes.length[song.notes.part == row].tolist() for row in range(len(song.parts))]
        return [(part.program, own) for part, own in zip(song.parts, lengths, strict=True)]

    return parts


SHORT, LONG = [12, 12, 12, 12], [24, 24, 24, 24]


def test_a_track_without_notes_sets_programs_for_those_with(read: Read) -> None:
    conductor = some((0, program(40)), (0, program(12, 1)), (960, program(41)))
    assert read(conductor, some(*notes()), some(*notes(50, 1))) == [(40, SHORT[:2]), (41, SHORT[:2]), (12, SHORT)]
    assert read(some(*notes()), some(*notes(50, 1)), conductor) == [(40, SHORT[:2]), (41, SHORT[:2]), (12, SHORT)]


def test_a_track_keeps_the_program_that_it_names_itself(read: Read) -> None:
    own = some((0, program(73)), *notes())
    conductor = some((0, program(40)), (960, program(41)))
    assert read(conductor, own) == [(73, SHORT[:2]), (41, SHORT[:2])]  # what is set later counts
    assert read(own, some((0, program(40)))) == [(73, SHORT)]
    assert read(own, some((0, program(5)), *notes(50)), some(*notes(40))) == [(73, SHORT), (5, SHORT), (0, SHORT)]


def test_the_left_hand_plays_the_instrument_of_the_right(read: Read) -> None:
    right = some((0, program(6)), *notes()[:6], (0, program(19)), *notes()[6:])
    assert read(right, some(*notes(40))) == [(6, SHORT[:2]), (19, SHORT[:2]), (6, SHORT[:2]), (19, SHORT[:2])]
    assert (
        read(some((0, program(6)), *notes()), some((0, program(6)), *notes(72)), some(*notes(40))) == [(6, SHORT)] * 3
    )


def test_a_pedal_is_for_all_tracks_of_its_channel(read: Read) -> None:
    pedal = (0, control(64, DOWN))
    for tracks in ([some(pedal), some(*notes())], [some(*notes()), some(pedal)]):
        assert read(*tracks, some(*notes(50)), some(*notes(40, 1))) == [(0, LONG), (0, LONG), (0, SHORT)]
    assert read(some((0, program(6)), pedal, *notes()), some(*notes(40))) == [(6, LONG), (6, LONG)]


def test_tracks_of_different_programs_share_a_channel_and_no_pedal(read: Read) -> None:
    piano = some((0, program(1)), (0, control(64, DOWN)), *notes())
    flute = some((0, program(73)), *notes(72))
    assert read(piano, flute) == [(1, LONG), (73, SHORT)]
    pedal = some((0, control(64, DOWN)))
    assert read(pedal, some((0, program(1)), *notes()), flute) == [(1, LONG), (73, LONG)]


def test_a_channel_of_another_port_is_another_instrument(read: Read) -> None:
    first = some(port(0), (0, program(1)), (0, control(64, DOWN)), *notes())
    assert read(first, some(port(1), *notes(50))) == [(1, LONG), (0, SHORT)]
    assert read(some(port(1), (0, program(9))), first, some(port(1), *notes(50))) == [(1, LONG), (9, SHORT)]
    both = some(port(0), (0, program(1)), port(1), (0, program(2)), port(0), *notes()[:6], port(1), *notes()[6:])
    assert read(both) == [(1, SHORT[:2]), (2, SHORT[:2])]


def test_who_names_no_port_speaks_to_those_that_play(read: Read) -> None:
    conductor = some((0, program(9)), (0, control(64, DOWN)))
    assert read(conductor, some(port(3), *notes())) == [(9, LONG)]
    assert read(conductor, some(*notes()), some(port(3), *notes(50))) == [(9, LONG), (0, SHORT)]
