"""A Song to a MIDI file: type 1, 480 ticks a quarter note, the same bytes for the same song."""

from __future__ import annotations

import io
from pathlib import Path

import mido
import numpy as np
import pretty_midi

from datamodules.errors import UserError
from datamodules.files import write_whole
from datamodules.midi_repair import DRUM_CHANNEL, settle
from datamodules.song import Song, check_grid

__all__ = ["DIVISION", "midi_bytes", "part_name", "write_midi"]

DIVISION = 480  # ticks a quarter note
_PITCHED_CHANNELS = tuple(channel for channel in range(16) if channel != DRUM_CHANNEL)
_KEY_NAMES = (
    *("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"),  # major keys, as pretty_midi numbers them
    *("Cm", "C#m", "Dm", "Ebm", "Em", "Fm", "F#m", "Gm", "G#m", "Am", "Bbm", "Bm"),
)

_Timed = tuple[int, int, mido.Message | mido.MetaMessage]  # tick, rank within the tick, message


def write_midi(song: Song, path: Path) -> None:
    """Write the song, whole or not at all.

    Raises:
        UserError: the folder cannot be written, or the song's grid does not divide 480.
    """
    try:
        write_whole(path, midi_bytes(song))
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}; choose another path", status=1) from error


def midi_bytes(song: Song) -> bytes:
    """The file's bytes: track 0 holds the maps, then follows a named track a part, each with a channel of its own.

    With more than 15 pitched parts channels are used again. Velocities are clamped to 1..127, lengths are at least one
    grid tick, and no note sounds beyond the next onset of its pitch in its part.
    """
    scale = DIVISION // check_grid(song.grid)
    file = mido.MidiFile(type=1, ticks_per_beat=DIVISION, charset="utf-8")
    file.tracks.append(_track(_maps(song, scale)))
    pitched = 0
    tracks = _notes(song, scale)
    for part, notes in zip(song.parts, tracks, strict=True):
        channel = DRUM_CHANNEL if part.drums else _PITCHED_CHANNELS[pitched % len(_PITCHED_CHANNELS)]
        pitched += not part.drums
        name = part_name(part.name, part.program, part.drums)
        opening: list[_Timed] = [
            (0, 0, mido.MetaMessage("track_name", name=name)),
            (0, 1, mido.Message("program_change", channel=channel, program=part.program)),
        ]
        file.tracks.append(_track(opening + [_note_message(*note, channel=channel) for note in notes]))
    buffer = io.BytesIO()
    file.save(file=buffer)
    return buffer.getvalue()


def part_name(name: str, program: int, drums: bool) -> str:
    """The name that a part is shown by and written under: its own, or that of its General MIDI program."""
    return name or ("Drums" if drums else str(pretty_midi.program_to_instrument_name(program)))


def _maps(song: Song, scale: int) -> list[_Timed]:
    timed: list[_Timed] = []
    for tick, tempo in song.tempos.tolist():
        microseconds = min(max(round(60e6 / tempo), 1), 0xFFFFFF)
        timed.append((int(tick) * scale, 0, mido.MetaMessage("set_tempo", tempo=microseconds)))
    for tick, numerator, denominator in song.metres.tolist():
        metre = mido.MetaMessage("time_signature", numerator=numerator, denominator=denominator)
        timed.append((tick * scale, 1, metre))
    for tick, key in song.keys.tolist():
        timed.append((tick * scale, 2, mido.MetaMessage("key_signature", key=_KEY_NAMES[key])))
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
    rank = 2 + 128 * bool(velocity) + pitch
    return tick, rank, mido.Message(kind, channel=channel, note=pitch, velocity=velocity)


def _track(timed: list[_Timed]) -> mido.MidiTrack:
    """A track from messages with absolute ticks."""
    track = mido.MidiTrack()
    before = 0
    for tick, _, message in sorted(timed, key=lambda item: item[:2]):
        track.append(message.copy(time=tick - before))
        before = tick
    track.append(mido.MetaMessage("end_of_track"))
    return track
