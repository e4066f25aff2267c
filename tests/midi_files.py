"""MIDI files for the tests: from raw bytes, where every byte counts, and from random songs."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from datamodules.keys import KEYS
from datamodules.song import Notes, Part, Song

SHARED = Path(__file__).resolve().parents[2] / "shared"  # real and broken MIDI, on machines that have it
END = b"\xff\x2f\x00"


def number(value: int) -> bytes:
    """A variable-length number."""
    digits = [value & 0x7F]
    while value := value >> 7:
        digits.append(value & 0x7F | 0x80)
    return bytes(reversed(digits))


def after(ticks: int, event: bytes) -> bytes:
    """An event so many ticks after the one before."""
    return number(ticks) + event


def on(pitch: int, velocity: int = 64, channel: int = 0) -> bytes:
    """A note-on."""
    return bytes((0x90 | channel, pitch, velocity))


def off(pitch: int, channel: int = 0) -> bytes:
    """A note-off."""
    return bytes((0x80 | channel, pitch, 0))


def control(number_: int, value: int, channel: int = 0) -> bytes:
    """A control change."""
    return bytes((0xB0 | channel, number_, value))


def program(number_: int, channel: int = 0) -> bytes:
    """A program change."""
    return bytes((0xC0 | channel, number_))


def meta(kind: int, payload: bytes) -> bytes:
    """A meta event."""
    return bytes((0xFF, kind)) + number(len(payload)) + payload


def track(*events: tuple[int, bytes], end: int = 0) -> bytes:
    """A track chunk of (ticks since the event before, event), its end-of-track `end` ticks after the last."""
    content = b"".join(after(ticks, event) for ticks, event in events) + after(end, END)
    return b"MTrk" + len(content).to_bytes(4) + content


def midi_file(*tracks: bytes, kind: int = 1, division: int = 480, claimed: int | None = None) -> bytes:
    """A file of track chunks."""
    count = len(tracks) if claimed is None else claimed
    return b"MThd" + (6).to_bytes(4) + b"".join(x.to_bytes(2) for x in (kind, count, division)) + b"".join(tracks)


def scale(seed: int = 0, notes: int = 8) -> bytes:
    """A whole file of quarter notes one after another; another seed, other bytes."""
    pitches = np.random.default_rng(seed).integers(48, 84, notes).tolist()
    return midi_file(track(*(event for pitch in pitches for event in ((0, on(pitch)), (480, off(pitch))))))


def random_song(seed: int, *, grid: int = 24, notes: int = 400, quarters: int = 60) -> Song:
    """A song that obeys what DESIGN says of notes: dense, many parts with drums, tempo and metre changes."""
    random = np.random.default_rng(seed)
    parts = tuple(
        Part(f"part {i}" if i else "größe ♪", int(random.integers(128)), bool(i % 4 == 3), "chords") for i in range(7)
    )
    part = np.r_[np.arange(len(parts)), random.integers(len(parts), size=notes - len(parts))]
    onset = random.integers(quarters * grid, size=notes)
    pitch = random.integers(40, 80, size=notes)
    _, rows = np.unique(np.stack([part, pitch, onset]), axis=1, return_index=True)
    rows = rows[np.lexsort((onset[rows], pitch[rows], part[rows]))]
    part, pitch, onset = part[rows], pitch[rows], onset[rows]
    length = random.integers(1, 4 * grid, size=len(rows))
    same = (part[1:] == part[:-1]) & (pitch[1:] == pitch[:-1])
    length[:-1] = np.where(same, np.minimum(length[:-1], onset[1:] - onset[:-1]), length[:-1])
    order = np.lexsort((pitch, part, onset))
    velocity = random.integers(1, 128, size=len(rows))
    ticks = np.r_[0, np.sort(random.choice(np.arange(1, quarters * grid), 5, replace=False))]
    numerators, denominators = random.permutation(np.arange(2, 10))[:6], 2 ** random.integers(1, 5, size=6)
    return Song(
        grid=grid,
        parts=parts,
        notes=Notes(*(column[order].astype(np.int32) for column in (onset, pitch, length, velocity, part))),
        tempos=np.array([(tick, random.uniform(20, 400)) for tick in ticks]),
        metres=np.column_stack([ticks, numerators, denominators]).astype(np.int32),
        keys=np.column_stack([ticks, random.permutation(list(KEYS.values()))[:6]]).astype(np.int32),
    )


def note_rows(song: Song) -> list[tuple[int, int, int, int, str, int, bool]]:
    """All notes, each with its part written out: what a round trip must keep."""
    notes = song.notes
    columns = (notes.onset, notes.pitch, notes.length, notes.velocity, notes.part)
    return [
        (onset, pitch, length, velocity, song.parts[part].name, song.parts[part].program, song.parts[part].drums)
        for onset, pitch, length, velocity, part in zip(*(c.tolist() for c in columns), strict=True)
    ]
