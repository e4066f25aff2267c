"""From a file's checked events to a mido object that pretty_midi reads without loss.

pretty_midi looks for tempo, metre and key on track 0 alone, drops notes of no length and notes that nothing closes,
takes a note's program from where the note *ends* and never from another track, and knows no sustain pedal. Here all
maps go to track 0, and every (track, channel, program) becomes one track of closed notes, their pedalled lengths
written out.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import mido
import numpy as np
from numpy.typing import NDArray

from datamodules.keys import MOST_SHARPS, signed_key
from datamodules.midi.channels import DRUM_CHANNEL, Channels, Lane, events_of
from datamodules.midi.raw_bytes import (
    KEY,
    METRE,
    NOTES_OFF,
    TEMPO,
    TRACK_NAME,
    Limits,
    Meta,
    RawFile,
    RawTrack,
    RejectedFile,
)
from datamodules.midi.roles import names_drums
from datamodules.settling import settle

__all__ = ["repaired"]

_FASTEST = 30_000  # microseconds a quarter note: 2,000 beats a minute; what is faster is no tempo
_LARGEST_DENOMINATOR = 6  # as a power of two: 64ths

Ints = NDArray[np.int64]
_Note = tuple[int, int, int, int]  # start, end, pitch, velocity
_Held = tuple[int, int, int, bool]  # start, velocity, program, whether it is a drum


@dataclass
class _PartNotes:
    name: str
    program: int
    drums: bool
    notes: list[_Note] = field(default_factory=list)


def repaired(raw: RawFile, limits: Limits) -> mido.MidiFile:
    """A type-1 mido file: the maps on track 0, then a named track for each (track, channel, program) that has notes.

    Ticks are brought to lowest terms, exactly: pretty_midi takes memory for each tick of a song.

    Raises:
        RejectedFile: there are no notes, or more ticks than pretty_midi can hold.
    """
    channels = Channels.of(raw)
    parts = [part for row, track in enumerate(raw.tracks) for part in _parts_of(track, row, channels)]
    if not parts:
        raise RejectedFile("no notes")
    maps = _map_messages(raw.tracks)
    tables = [np.array(part.notes, np.int64) for part in parts]
    used = np.concatenate([table[:, :2].ravel() for table in tables] + [np.array([tick for tick, _ in maps], np.int64)])
    step = int(np.gcd(np.gcd.reduce(used), raw.division))
    if int(used.max()) // step > limits.ticks:
        raise RejectedFile(f"more than {limits.ticks:,} ticks from start to end; probably damaged")
    file = mido.MidiFile(type=1, ticks_per_beat=raw.division // step)
    file.tracks.append(_track([(tick // step, message) for tick, message in maps]))
    for part, table in zip(parts, tables, strict=True):
        table[:, :2] //= step
        file.tracks.append(_note_track(part, table))
    return file


def _parts_of(track: RawTrack, row: int, channels: Channels) -> list[_PartNotes]:
    """The notes of one track, the file's `row`-th, by lane, program and whether they are drums, as they first appear.

    Like pretty_midi, a note-off ends all notes of its pitch and channel that began before it.
    """
    parts: dict[tuple[Lane, int, bool], list[_Note]] = defaultdict(list)
    own: dict[Lane, tuple[int, int, int]] = {}  # what is set last: tick, program, bank
    sounding: dict[Lane, dict[int, list[_Held]]] = defaultdict(dict)  # by pitch
    name = _track_name(track.metas) if channels.lanes[row] == 1 else ""  # else it is the song's, no instrument's
    named_drums = names_drums(name)

    def close(lane: Lane, pitch: int, tick: int) -> None:
        held = sounding[lane].pop(pitch, [])
        older = [note for note in held if note[0] < tick]
        if older and len(older) < len(held):  # it ends these; the notes of its own tick go on
            sounding[lane][pitch] = [note for note in held if note[0] == tick]
        for start, velocity, program, drums in older or held:
            end = tick if drums else channels.released(lane, row, tick)
            parts[lane, program, drums].append((start, max(end, start + 1), pitch, velocity))

    for tick, kind, lane, first, second in events_of(track):
        if kind == 0xC0:
            own[lane] = tick, first, second
        elif kind == 0x90 and second:
            program, drums = channels.struck(lane, row, tick, own.get(lane))
            drums = drums or (named_drums and not program)  # a program that is set is what it sounds like
            parts[lane, program, drums]  # touched, so that the order of parts is that of their first notes
            sounding[lane].setdefault(first, []).append((tick, second, program, drums))
        elif kind in (0x80, 0x90):
            close(lane, first, tick)
        elif first in NOTES_OFF:
            for pitch in list(sounding[lane]):
                close(lane, pitch, tick)
    for lane, held in sounding.items():
        while held:
            close(lane, next(iter(held)), track.end)
    return [_PartNotes(name, program, drums, notes) for (_, program, drums), notes in parts.items()]


def _track_name(metas: list[Meta]) -> str:
    """The first name that has printable characters; UTF-8 if it can be, else Latin-1."""
    for _, kind, payload in metas:
        if kind == TRACK_NAME:
            try:
                text = payload.decode("utf-8")
            except UnicodeDecodeError:
                text = payload.decode("latin-1")
            if name := " ".join("".join(c if c.isprintable() else " " for c in text).split())[:80]:
                return name
    return ""


def _map_messages(tracks: list[RawTrack]) -> list[tuple[int, mido.MetaMessage]]:
    """All tempo, metre and key changes by tick; where tracks differ at one tick, the first track has the last word."""
    found = [(tick, -row, kind, payload) for row, track in enumerate(tracks) for tick, kind, payload in track.metas]
    found.sort(key=lambda meta: meta[:2])
    messages = [(tick, _map_message(kind, payload)) for tick, _, kind, payload in found]
    return [(tick, message) for tick, message in messages if message is not None]


def _map_message(kind: int, payload: bytes) -> mido.MetaMessage | None:
    """The message, or None for one that is no music (zero tempo, 0/4, nine sharps): the notes are good without it."""
    if kind == TEMPO and len(payload) >= 3:
        tempo = int.from_bytes(payload[:3])
        return mido.MetaMessage("set_tempo", tempo=tempo) if tempo >= _FASTEST else None
    if kind == METRE and len(payload) >= 2 and payload[0] and payload[1] <= _LARGEST_DENOMINATOR:
        return mido.MetaMessage("time_signature", numerator=payload[0], denominator=2 ** payload[1])
    if kind == KEY and len(payload) >= 2:
        sharps = int.from_bytes(payload[:1], signed=True)
        if -MOST_SHARPS <= sharps <= MOST_SHARPS and payload[1] in (0, 1):
            return mido.MetaMessage("key_signature", key=signed_key(sharps, minor=bool(payload[1])).in_midi)
    return None


def _note_track(part: _PartNotes, table: Ints) -> mido.MidiTrack:
    """One part as a track; `table` has rows of start, end, pitch, velocity."""
    channel = DRUM_CHANNEL if part.drums else 0  # to pretty_midi, tracks are apart
    start, end, pitch, velocity = table.T
    rows, ends = settle(np.zeros(len(table), np.int64), pitch, start, end, velocity)
    changes = [(int(t), 0, int(p), 0) for t, p in zip(ends, pitch[rows], strict=True)]
    changes += [(a, 1, b, c) for a, b, c in zip(*(x[rows].tolist() for x in (start, pitch, velocity)), strict=True)]
    changes.sort()  # a note-off before a note-on of its tick
    messages = [
        (0, mido.MetaMessage("track_name", name=part.name)),
        (0, mido.Message("program_change", channel=channel, program=part.program)),
    ]
    for tick, on, number, force in changes:
        kind = "note_on" if on else "note_off"
        message = mido.Message(kind, skip_checks=True, channel=channel, note=number, velocity=force)
        messages.append((tick, message))
    return _track(messages)


def _track(timed: list[tuple[int, mido.Message | mido.MetaMessage]]) -> mido.MidiTrack:
    """A track from messages and their ticks, in order of time."""
    track = mido.MidiTrack()
    before = 0
    for tick, message in timed:
        message.time = tick - before
        before = tick
        track.append(message)
    track.append(mido.MetaMessage("end_of_track"))
    return track
