"""A music21 score as a Song: what is written, with its repeats, on the 1/480 grid that MIDI files of ours have.

music21 writes MIDI too: the same notes, but a pickup counts as a whole bar, and with 10,080 ticks a quarter note only
992 of these fit into what is read here (`Limits.ticks`). Left out are grace notes, which have no time of their own, and
percussion without pitches. Chord symbols sound as a part of their own, each until the next.

music21 is an extra: nothing here imports it before it is asked to.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datamodules.keys import MOST_SHARPS, signed_key
from datamodules.song import DIVISION, FASTEST, SLOWEST, Notes, Part, Song, bar_length

__all__ = ["NoScore", "metre_map", "score_song", "scores_of"]

_UNMARKED = 80  # the velocity of music without dynamics

_Row = tuple[int, int, int, int, int]  # onset, pitch, end, velocity, part
_Metre = tuple[int, int]


class NoScore(Exception):  # noqa: N818 - an outcome, not an error
    """A score that makes no song; ``str()`` is the reason in one line."""


def scores_of(source: Path) -> list[tuple[str, Any]]:
    """The scores of a file, each with its number in a collection, "" where the file is one score."""
    from music21 import converter, stream

    # music21 would take a pickle of an earlier parse out of a temporary folder that anybody may write
    parsed = converter.parse(source, forceSource=True, storePickle=False)
    if not isinstance(parsed, stream.Opus):
        return [("", parsed)]
    found: dict[str, Any] = {}
    for place, score in enumerate(parsed.scores, start=1):
        number = str(score.metadata.number or "") if score.metadata else ""
        free = number.isalnum() and number.isascii() and number not in found
        found[number if free else f"at-{place}"] = score
    return list(found.items())


def score_song(score: Any) -> Song:
    """The song of one score.

    Raises:
        NoScore: it has no notes.
        Exception: whatever music21 raises for a score that it cannot play.
    """
    score = _played(score)
    written = list(getattr(score, "parts", ())) or [score]
    staves = [staff.flatten() for staff in written]
    parts: list[Part] = []
    rows: list[_Row] = []
    for staff, flat in zip(written, staves, strict=True):
        notes = list(_notes(flat, len(parts)))
        if notes:
            name, program = _instrument(staff, flat)
            parts.append(Part(name, program, False, "chords"))  # a guess is made when the file is read
            rows += notes
    symbols = list(_symbols(staves, len(parts)))
    if symbols:
        parts.append(Part("Chords", 0, False, "chords"))
        rows += symbols
    if not rows:
        raise NoScore("no notes with a pitch")
    onset, pitch, end, velocity, part = np.array(sorted(rows, key=lambda row: (row[0], row[4], row[1]))).T
    columns = (onset, pitch, np.maximum(end - onset, 1), velocity, part)
    return Song(
        grid=DIVISION,
        parts=tuple(parts),
        notes=Notes(*(column.astype(np.int32) for column in columns)),
        tempos=_tempos(staves),
        metres=metre_map(list(_measures(written[0]))),
        keys=_keys(staves),
    )


def metre_map(measures: Sequence[tuple[int, _Metre]]) -> NDArray[np.int32]:
    """Metres so that each measure begins on a bar line, or within the bar that it ends.

    A short first measure is a pickup: a section of its own, see `Song.metre_rows`. So is any measure later on that
    would move the bar lines behind it, but not the halves of a bar that a repeat sign parts.

    Args:
        measures: where each begins, in ticks, and its metre, in order; none are one of 4/4.

    Returns:
        Shape (changes, 3): tick, numerator, denominator; the first row is at tick 0.
    """
    there = measures or [(0, (4, 4))]
    begin, metre = 0, there[0][1]  # of the last row
    rows: dict[int, _Metre] = {0: metre}
    ends = [*(line for line, _ in there[1:]), there[-1][0]]  # nothing comes behind the last: its length is no matter
    for number, ((line, own), after) in enumerate(zip(there, ends, strict=True)):
        length, bar = after - line, bar_length(DIVISION, *own)
        phase = (line - begin) % bar
        pickup = number == 0 and 0 < length < bar
        if own == metre and phase + length <= bar and not pickup:
            continue
        if own == metre and (odd := _metre_of(phase)):  # what came since the last bar line is a bar of its own
            rows[line - phase] = odd
        begin, metre = line, (_metre_of(length) if pickup or length > bar else None) or own
        rows[line] = metre
    return np.array([(line, *rows[line]) for line in sorted(rows)], np.int32)


def _metre_of(ticks: int) -> _Metre | None:
    """A metre whose bar has so many ticks, if there is one that a MIDI file can hold."""
    for denominator in (4, 8, 16, 32):
        numerator = Fraction(ticks * denominator, 4 * DIVISION)
        if numerator.denominator == 1 and 1 <= numerator <= 255:
            return int(numerator), denominator
    return None


def _played(score: Any) -> Any:
    """The score with its repeats written out, at sounding pitch."""
    from music21.exceptions21 import Music21Exception

    with contextlib.suppress(Music21Exception):  # badly formed ones, or no measures: played once, as music21 does too
        score = score.expandRepeats()
    score.toSoundingPitch(inPlace=True)
    return score


def _notes(flat: Any, part: int) -> Iterator[_Row]:
    """The notes of a staff, ties joined, with the dynamics that stand in it."""
    from music21.chord import Chord
    from music21.harmony import Harmony
    from music21.note import Note

    loudness = _loudness(flat)
    rows: list[list[int]] = []
    tied: dict[int, int] = {}  # by pitch, the row that goes on
    velocity = _UNMARKED
    for element in flat.notes:
        if not isinstance(element, Note | Chord) or isinstance(element, Harmony) or not element.quarterLength:
            continue
        onset, end = _ticks(element.offset), _ticks(element.offset + element.quarterLength)
        while loudness and loudness[0][0] <= onset:
            velocity = loudness.pop(0)[1]
        for note in element.notes if isinstance(element, Chord) else (element,):
            pitch, tie = note.pitch.midi, (note.tie or element.tie)
            kind = tie.type if tie else ""
            before = tied.pop(pitch, None)
            if kind in ("stop", "continue") and before is not None and rows[before][2] == onset:
                rows[before][2] = end
            else:
                before = len(rows)
                rows.append([onset, pitch, end, velocity, part])
            if kind in ("start", "continue"):
                tied[pitch] = before
    yield from ((row[0], row[1], row[2], row[3], row[4]) for row in rows)


def _loudness(flat: Any) -> list[tuple[int, int]]:
    """Where a staff's dynamics stand, and their velocities."""
    marks = [(_ticks(mark.offset), mark.volumeScalar) for mark in flat.getElementsByClass("Dynamic")]
    return sorted((tick, min(max(round(127 * scalar), 1), 127)) for tick, scalar in marks if scalar is not None)


def _symbols(staves: list[Any], part: int) -> Iterator[_Row]:
    """Chord symbols, each until the next one or the end of the music."""
    found: dict[int, tuple[int, ...]] = {}
    for flat in staves:
        for symbol in flat.getElementsByClass("Harmony"):
            found.setdefault(_ticks(symbol.offset), tuple(sorted({pitch.midi for pitch in symbol.pitches})))
    end = max((_ticks(flat.highestTime) for flat in staves), default=0)
    for start, after in pairwise([*sorted(found), end]):
        if after > start:
            yield from ((start, pitch, after, _UNMARKED, part) for pitch in found[start])


def _instrument(staff: Any, flat: Any) -> tuple[str, int]:
    """Name and General MIDI program of a staff and its first instrument; no name where a converter made one up."""
    instrument = flat.getElementsByClass("Instrument").first()
    name = str(staff.partName or (instrument and (instrument.partName or instrument.instrumentName)) or "")
    program = instrument and instrument.midiProgram
    return ("" if name == "MusicXML Part" else name), (program if program in range(128) else 0)


def _measures(staff: Any) -> Iterator[tuple[int, _Metre]]:
    """Where the measures of a staff begin, and their metres."""
    metre = (4, 4)
    for measure in staff.getElementsByClass("Measure"):
        sign = measure.timeSignature
        if sign is not None and 1 <= sign.numerator <= 255 and sign.denominator in (1, 2, 4, 8, 16, 32, 64):
            metre = sign.numerator, sign.denominator
        yield _ticks(measure.offset), metre


def _tempos(staves: list[Any]) -> NDArray[np.float64]:
    """The tempo map, shape (changes, 2); 120 where nothing is said."""
    found = {0: 120.0}
    for flat in reversed(staves):  # the first staff has the last word
        for mark in flat.getElementsByClass("MetronomeMark"):
            tempo = mark.getQuarterBPM()
            if tempo is not None:
                found[_ticks(mark.offset)] = min(max(float(tempo), SLOWEST), FASTEST)
    return np.array(sorted(found.items()), np.float64)


def _keys(staves: list[Any]) -> NDArray[np.int32]:
    """The keys of the first staff that has any, shape (changes, 3), as in `Song.keys`."""
    from music21.key import Key

    for flat in staves:
        found = {}
        for sign in flat.getElementsByClass("KeySignature"):
            minor = isinstance(sign, Key) and sign.mode == "minor"
            if abs(sign.sharps) <= MOST_SHARPS:
                found[_ticks(sign.offset)] = signed_key(sign.sharps, minor)
        if found:
            return np.array([(tick, *found[tick]) for tick in sorted(found)], np.int32)
    return np.zeros((0, 3), np.int32)


def _ticks(quarters: float | Fraction) -> int:
    """Quarter notes to ticks, rounded half up: music21 has thirds as fractions, and all else exactly in binary."""
    return int((2 * Fraction(quarters) * DIVISION + 1) // 2)
