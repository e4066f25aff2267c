"""A Song to a MIDI file that sequencers and notation programs open as it is meant; the same bytes for the same song.

Type 1, 480 ticks a quarter note. Track 0 conducts: the song's name, what made it, tempos, metres and keys. The parts
follow, a track each, and all tracks end at the bar line that ends the last note's bar.
Source: Standard MIDI Files 1.0 (RP-001); General MIDI 1 for channel 10, programs and volume.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from itertools import count
from pathlib import Path

import mido
import numpy as np
import pretty_midi

from datamodules.errors import UserError
from datamodules.files import write_whole
from datamodules.keys import Key
from datamodules.midi.channels import DRUM_CHANNEL
from datamodules.settling import settle
from datamodules.song import DIVISION, Part, Song, bar_lines, check_grid, is_compound

__all__ = ["channels_of", "midi_bytes", "part_name", "write_midi"]

VOLUME = 7  # the controller
LOUD = 100  # General MIDI's own value, said so that nothing is left of the file played before
CLOCKS = 96  # MIDI clocks in a whole note: what a metronome's click is told in
_PITCHED_CHANNELS = tuple(channel for channel in range(16) if channel != DRUM_CHANNEL)

_Timed = tuple[int, int, mido.Message | mido.MetaMessage]  # tick, rank within the tick, message


def write_midi(song: Song, path: Path, *, title: str = "", made: Sequence[str] = ()) -> None:
    """Write the song, whole or not at all; the arguments are those of `midi_bytes`.

    Raises:
        UserError: the folder cannot be written, or the song's grid does not divide 480.
    """
    try:
        write_whole(path, midi_bytes(song, title=title, made=made))
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}; choose another path", status=1) from error


def midi_bytes(song: Song, *, title: str = "", made: Sequence[str] = ()) -> bytes:
    """The file's bytes: track 0 holds the maps, then follows a named track a part, each with a channel of its own.

    The 16th pitched part and those after it stand on a second MIDI port, and so on; drums share channel 10. Velocities
    are clamped to 1..127, lengths are at least one grid tick, and no note sounds beyond the next onset of its pitch in
    its part.

    Args:
        title: the sequence's name.
        made: what made the song, a text event a line.
    """
    scale = DIVISION // check_grid(song.grid)
    file = mido.MidiFile(type=1, ticks_per_beat=DIVISION, charset="utf-8")
    maps = _maps(song, scale)
    tracks = [_about(title, made) + maps]
    for part, notes, (port, channel) in zip(song.parts, _notes(song, scale), channels_of(song), strict=True):
        tracks.append(_opening(part, port, channel) + [_note_message(*note, channel=channel) for note in notes])
    end = max([bar_lines(song)[-1] * scale, *(tick for track in tracks for tick, _, _ in track)])
    file.tracks += [_track(timed, end) for timed in tracks]
    buffer = io.BytesIO()
    file.save(file=buffer)
    return buffer.getvalue()


def channels_of(song: Song) -> list[tuple[int, int]]:
    """The port and the channel of each part, from 0: pitched parts have one of their own, drums share the tenth."""
    places = ((port, channel) for port in count() for channel in _PITCHED_CHANNELS)
    return [(0, DRUM_CHANNEL) if part.drums else next(places) for part in song.parts]


def part_name(name: str, program: int, drums: bool) -> str:
    """The name that a part is shown by and written under: its own, or that of its General MIDI program."""
    return name or ("Drums" if drums else str(pretty_midi.program_to_instrument_name(program)))


def _about(title: str, made: Sequence[str]) -> list[_Timed]:
    """What track 0 says before it conducts: MIDI has no other place for it."""
    named = [("track_name", {"name": _text(title)})] if title else []
    messages = [mido.MetaMessage(kind, **told) for kind, told in named + [("text", {"text": _text(x)}) for x in made]]
    return [(0, rank - len(messages), message) for rank, message in enumerate(messages)]


def _text(text: str) -> str:
    """One line that UTF-8 can hold; a file's name need not be text."""
    return " ".join(text.encode("utf-8", "replace").decode().split())


def _opening(part: Part, port: int, channel: int) -> list[_Timed]:
    """How a part's track begins. No bank is selected: General MIDI has one, and others choose drums by a bank."""
    name = part_name(part.name, part.program, part.drums)
    messages = [
        mido.MetaMessage("track_name", name=name),
        *([mido.MetaMessage("midi_port", port=port)] if port else []),
        mido.Message("program_change", channel=channel, program=part.program),
        mido.Message("control_change", channel=channel, control=VOLUME, value=LOUD),
    ]
    return [(0, rank - len(messages), message) for rank, message in enumerate(messages)]


def _maps(song: Song, scale: int) -> list[_Timed]:
    timed: list[_Timed] = []
    for tick, tempo in song.tempos.tolist():
        microseconds = min(max(round(60e6 / tempo), 1), 0xFFFFFF)
        timed.append((int(tick) * scale, 0, mido.MetaMessage("set_tempo", tempo=microseconds)))
    for tick, numerator, denominator in song.metres.tolist():
        click = min(max(CLOCKS * (3 if is_compound(numerator, denominator) else 1) // denominator, 1), 255)
        metre = {"numerator": numerator, "denominator": denominator, "clocks_per_click": click}
        timed.append((tick * scale, 1, mido.MetaMessage("time_signature", **metre)))
    for tick, *key in song.keys.tolist():
        timed.append((tick * scale, 2, mido.MetaMessage("key_signature", key=Key(*key).in_midi)))
    return timed


def _notes(song: Song, scale: int) -> list[list[tuple[int, int, int]]]:
    """For each part its note-ons and note-offs as (tick, pitch, velocity), velocity 0 for a note-off."""
    notes = song.notes
    part, pitch, onset, length = (x.astype(np.int64) for x in (notes.part, notes.pitch, notes.onset, notes.length))
    velocity = np.clip(notes.velocity.astype(np.int64), 1, 127)
    kept, ends = settle(part, pitch, onset, onset + np.maximum(length, 1), velocity)
    tracks: list[list[tuple[int, int, int]]] = [[] for _ in song.parts]
    for row, end in zip(kept.tolist(), ends.tolist(), strict=True):
        track = tracks[part[row]]
        track.append((int(onset[row]) * scale, int(pitch[row]), int(velocity[row])))
        track.append((end * scale, int(pitch[row]), 0))
    return tracks


def _note_message(tick: int, pitch: int, velocity: int, *, channel: int) -> _Timed:
    """Ranked so that at one tick a note-off comes before a note-on, and low pitches before high ones."""
    kind = "note_on" if velocity else "note_off"
    rank = 128 * bool(velocity) + pitch
    return tick, rank, mido.Message(kind, channel=channel, note=pitch, velocity=velocity)


def _track(timed: list[_Timed], end: int) -> mido.MidiTrack:
    """A track from messages with absolute ticks, that ends at one."""
    track = mido.MidiTrack()
    before = 0
    for tick, _, message in sorted(timed, key=lambda item: item[:2]):
        track.append(message.copy(time=tick - before))
        before = tick
    track.append(mido.MetaMessage("end_of_track", time=end - before))
    return track
