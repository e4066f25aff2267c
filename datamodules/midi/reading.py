"""A MIDI file to a Song; `writing` is the way back.

`raw_bytes` checks the bytes, `repair` makes a mido object of them from which nothing is lost, pretty_midi reads its
notes and maps, and here their times become ticks of the grid.
"""

from __future__ import annotations

import errno
import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pretty_midi
from numpy.typing import ArrayLike, NDArray

from datamodules.files import read_whole
from datamodules.keys import KEYS, Key
from datamodules.midi.raw_bytes import Limits, RejectedFile, scan
from datamodules.midi.repair import repaired
from datamodules.midi.roles import guess_roles, sketch
from datamodules.midi.writing import part_name
from datamodules.settling import settled
from datamodules.song import DEFAULT_GRID, Notes, Part, Song, bar_length, check_grid
from datamodules.tonality import set_keys

__all__ = ["bytes_of", "read_midi", "ticks_of"]

_TOGETHER = 0.030  # seconds within which onsets are one: fingers of a hand, not a fast run
_EPSILON = 1e-9  # seconds; two sums of the same tempo map may differ in their last bits

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def bytes_of(path: Path, limits: Limits) -> bytes:
    """A MIDI file's bytes.

    Raises:
        RejectedFile: they cannot be read, or are too many.
    """
    try:
        return read_whole(path, limits.bytes)
    except OSError as error:
        if error.errno == errno.EFBIG:
            raise RejectedFile(f"larger than {limits.bytes:,} bytes") from error
        raise RejectedFile(f"cannot be opened: {error.strerror or error}", lasting=False) from error


def read_midi(
    path: Path,
    *,
    grid: int = DEFAULT_GRID,
    limits: Limits = Limits(),  # noqa: B008 - frozen
    together: float = _TOGETHER,
) -> Song:
    """Read one MIDI file.

    Args:
        path: the file, whatever its name ends in.
        grid: ticks a quarter note of the song.
        limits: what the file may cost. Seconds and memory are for `corpus.workers` to enforce.
        together: seconds within which onsets are one; 0 leaves each where it is.

    Raises:
        RejectedFile: it cannot be read as a song; the reason in one line.
        UserError: the grid cannot be written back.
    """
    check_grid(grid)
    try:
        return _song(bytes_of(path, limits), path, grid, limits, together)
    except RejectedFile:
        raise
    except MemoryError as error:
        raise RejectedFile("needs more memory than it may take", lasting=False) from error
    except Exception as error:  # parsers raise anything (ValueError, KeyError, RecursionError, ...) for a bad file
        reason = " ".join(str(error).split())[:120]
        raise RejectedFile(f"cannot be understood ({type(error).__name__}: {reason})") from error


def ticks_of(midi: pretty_midi.PrettyMIDI, seconds: Floats) -> Ints:
    """`midi.time_to_tick` for many times at once, shape (times,): seconds to the file's own ticks, exactly.

    pretty_midi makes each time by adding multiples of a tick's length to the time of the last tempo change; this
    inverts it, and rounding takes away what floating point added.
    """
    starts, tempos = midi.get_tempo_changes()
    lengths = 60.0 / (tempos * midi.resolution)  # of a tick, in seconds, from each change on
    ticks = np.r_[0, np.cumsum(np.rint(np.diff(starts) / lengths[:-1]))]
    row = np.searchsorted(starts, seconds + _EPSILON, side="right") - 1
    return np.asarray(ticks[row] + np.rint((seconds - starts[row]) / lengths[row]), dtype=np.int64)


def _song(data: bytes, path: Path, grid: int, limits: Limits, together: float) -> Song:
    file = repaired(scan(data, limits), limits)
    midi = pretty_midi.PrettyMIDI(mido_object=file)
    rows = [
        (part, note.pitch, note.velocity, note.start, note.end)
        for part, instrument in enumerate(midi.instruments)
        for note in instrument.notes
    ]
    table = np.array(rows, np.float64)
    part, pitch, velocity = (table[:, column].astype(np.int64) for column in range(3))
    start, end = ticks_of(midi, table[:, 3]), ticks_of(midi, table[:, 4])
    onset = _to_grid(_clustered(start, table[:, 3], midi.resolution, grid, together), midi.resolution, grid)
    ends = np.maximum(_to_grid(end, midi.resolution, grid), onset + 1)
    notes = settled(onset, pitch, ends, velocity, part)
    # pretty_midi numbers keys, which makes Gb of F#; its list of them is that of the first track
    signed = [KEYS[message.key] for message in file.tracks[0] if message.type == "key_signature"]
    tempos, metres, keys = _maps(midi, signed, grid)
    song = Song(
        grid=grid,
        parts=_parts(midi.instruments, notes),
        notes=notes,
        tempos=tempos,
        metres=metres,
        keys=keys,
        name=str(path),
        digest=hashlib.sha256(data).hexdigest(),
    )
    return replace(song, keys=set_keys(song))


def _clustered(tick: Ints, seconds: Floats, division: int, grid: int, together: float) -> Ints:
    """Give all onsets of a cluster the tick of its first, shape (notes,), in file ticks.

    An onset joins the cluster that is open if it lies within `together` seconds of the cluster's first, whatever its
    part. Two that lie exactly on different grid ticks were meant to be apart, however fast the tempo.
    """
    ticks, first_seen, back = np.unique(tick, return_index=True, return_inverse=True)
    times = seconds[first_seen].tolist()
    exact = (ticks * grid % division == 0).tolist()
    leader = 0
    leaders = []
    for row, time in enumerate(times):
        apart = exact[row] and exact[leader]
        if row and (apart or time - times[leader] > together + _EPSILON):
            leader = row
        leaders.append(leader)
    return np.asarray(ticks[np.array(leaders)][back], dtype=np.int64)


def _to_grid(tick: Ints, division: int, grid: int) -> Ints:
    """File ticks to grid ticks, rounded half up, in whole numbers."""
    return (2 * tick * grid + division) // (2 * division)


def _parts(instruments: list[pretty_midi.Instrument], notes: Notes) -> tuple[Part, ...]:
    """The parts with their roles. Each has notes: `repaired` makes no track without, `settled` keeps one of any two."""
    order = np.argsort(notes.part, kind="stable")
    ends = np.searchsorted(notes.part[order], np.arange(1, len(instruments)))
    onsets, pitches = (np.split(column[order].astype(np.int64), ends) for column in (notes.onset, notes.pitch))
    sketches = [
        sketch(
            part_name(instrument.name, int(instrument.program), bool(instrument.is_drum)),
            int(instrument.program),  # numpy's own, as pretty_midi has it, is nothing that JSON can write
            bool(instrument.is_drum),
            own_onsets,
            own_pitches,
        )
        for instrument, own_onsets, own_pitches in zip(instruments, onsets, pitches, strict=True)
    ]
    roles = guess_roles(sketches)
    return tuple(Part(s.name, s.program, s.drums, role) for s, role in zip(sketches, roles, strict=True))


def _maps(
    midi: pretty_midi.PrettyMIDI, keys: list[Key], grid: int
) -> tuple[Floats, NDArray[np.int32], NDArray[np.int32]]:
    """Tempos, metres and keys in grid ticks; tempo and metre begin at tick 0, with MIDI's defaults if need be."""
    times, tempos = midi.get_tempo_changes()
    tempo = _changes(_on_grid(midi, grid, times, np.round(tempos, 6)))
    signs = midi.time_signature_changes
    metre = _on_grid(midi, grid, [s.time for s in signs], [s.numerator for s in signs], [s.denominator for s in signs])
    if not len(metre) or metre[0, 0] > 0:
        metre = np.vstack([[0, 4, 4], metre])
    rows = _counting(metre.astype(int).tolist(), grid)
    numbers, sharps = [key.number for key in keys], [key.sharps for key in keys]
    key = _changes(_on_grid(midi, grid, [sign.time for sign in midi.key_signature_changes], numbers, sharps))
    return tempo, np.array(rows, np.int32), key.astype(np.int32)


def _on_grid(midi: pretty_midi.PrettyMIDI, grid: int, seconds: ArrayLike, *values: ArrayLike) -> Floats:
    """A map's rows of tick and values, shape (rows, 1 + values); of a tick the last one alone."""
    ticks = _to_grid(ticks_of(midi, np.asarray(seconds, np.float64)), midi.resolution, grid)
    table = np.column_stack([ticks, *values]).astype(np.float64)
    return table[np.r_[table[1:, 0] != table[:-1, 0], True]] if len(table) else table


def _changes(table: Floats) -> Floats:
    """A map's rows without those that say again what holds."""
    return table[np.r_[True, (table[1:, 1:] != table[:-1, 1:]).any(axis=1)]] if len(table) else table


def _counting(metres: list[list[int]], grid: int) -> list[list[int]]:
    """A metre map's rows without those that say a metre again on a bar line of it.

    Elsewhere it begins a bar: the first whole one after a pickup, or one behind a bar that is cut short.
    """
    kept = metres[:1]
    for row in metres[1:]:
        if row[1:] != kept[-1][1:] or (row[0] - kept[-1][0]) % bar_length(grid, *row[1:]):
            kept.append(row)
    return kept
