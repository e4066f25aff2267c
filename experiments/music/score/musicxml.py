"""A song as a score in MusicXML, which notation programs open; written by music21 from the song itself.

Bars, rhythm and voices are settled in `notation` and `note_values`; music21 beams them, brackets triplets, and decides
which accidentals are shown.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datamodules.errors import UserError
from datamodules.keys import Key
from datamodules.song import Song, is_compound
from experiments.files import write_bytes
from experiments.music.arrangement.keys import key_of
from experiments.music.score.notation import QUARTER, Bar, Chord, bars_of, rounded, voices_of
from experiments.music.score.note_values import values
from experiments.music.score.staves import Staff, drum_sign, spelled, staves_of

if TYPE_CHECKING:
    from music21 import stream

__all__ = ["Scored", "check_musicxml", "write_musicxml"]

CHANGE = 0.04  # of the tempo: what is less is played, and not shown
DATE = re.compile(rb"\s*<encoding-date>[^<]*</encoding-date>")
STRUCK = re.compile(rb'(<note [^>]*)id="(P\d+-I\d+)"((?:(?!</note>).)*?)<instrument id="[^"]*" />', re.DOTALL)
NAMED = re.compile(rb'(<note[^>]*?) id="P\d+-I\d+"')


@dataclass(frozen=True)
class Scored:
    """A score that was written.

    Attributes:
        path: its file.
        staves: how many.
        notes: that the song has; `moved`: whose beginning or end is not as in the song; `cut`: that end where a fifth
            voice would begin.
        key: in words, where the song names none and its notes told; else "".
    """

    path: Path
    staves: int
    notes: int
    moved: int
    cut: int
    key: str

    def describe(self) -> str:
        """What was written, and what differs from the song, for people."""
        changed = [f"{self.moved:,} of {self.notes:,} notes rounded to 32nds or triplets"] if self.moved else []
        changed += [f"{self.cut:,} ended early, as a staff has four voices at most"] if self.cut else []
        exact = "; ".join(changed) or "all notes as in the MIDI file"
        key = f"; written in {self.key}, by its notes: nobody has set its key" if self.key else ""
        return f"wrote {self.path}, {self.staves} {'staff' if self.staves == 1 else 'staves'}: {exact}{key}"


def check_musicxml() -> None:
    """Find out whether there can be a score before a song is written.

    Raises:
        UserError: music21 is not installed.
    """
    if importlib.util.find_spec("music21") is None:
        raise UserError("--musicxml needs music21: pip install music21; or leave the option out")


def write_musicxml(song: Song, path: Path, *, title: str = "", made: Sequence[str] = ()) -> Scored:
    """Write a song as a MusicXML file, whole or not at all; the same bytes for the same song.

    Args:
        title: above the score.
        made: what made it, in lines.

    Raises:
        UserError: music21 is not installed, or the file cannot be written (status 1).
    """
    check_musicxml()
    from music21.musicxml.m21ToXml import GeneralObjectExporter

    score, scored = _score(song, path, title)
    exporter = GeneralObjectExporter(score)
    exporter.makeNotation = False  # it would look for ties, voices and rests again, in half of its time
    data = DATE.sub(b"", exporter.parse())  # else another file every day
    data = NAMED.sub(rb"\1", STRUCK.sub(rb'\1id="\2"\3<instrument id="\2" />', data))
    write_bytes(path, _about(data, made))
    return scored


def _about(data: bytes, made: Sequence[str]) -> bytes:
    """What made the score, where MusicXML has a place for it."""
    from xml.sax.saxutils import escape

    lines = "".join(f"<software>{escape(' '.join(line.split()))}</software>" for line in made)
    return data.replace(b"<encoding>", b"<encoding>" + lines.encode("utf-8", "replace"), 1)


def _score(song: Song, path: Path, title: str) -> tuple[stream.Score, Scored]:
    from music21 import layout, metadata, stream

    bars = bars_of(song)
    keys = _keys(song, bars)
    score, moved, cut = stream.Score(), 0, 0
    score.metadata = metadata.Metadata(title=title.encode("utf-8", "replace").decode() or None, composer="tritone")
    found: dict[int, list[stream.Part]] = {}
    for number, staff in enumerate(staves := staves_of(song)):
        notes, changed = rounded(staff.notes, bars)
        voices, shorter = voices_of(notes)
        moved, cut = moved + changed, cut + shorter
        part = _part(staff, voices, bars, keys)
        if not number:
            _tempos(song, bars, part)
        found.setdefault(staff.part, []).append(part)
        score.insert(0, part)
    for parts in found.values():
        if len(parts) > 1:
            score.insert(0, layout.StaffGroup(parts, symbol="brace", barTogether=True))
    guessed = "" if len(song.keys) or all(part.drums for part in song.parts) else key_of(song).name
    return score, Scored(path, len(staves), len(song.notes), moved, cut, guessed)


def _keys(song: Song, bars: Sequence[Bar]) -> list[Key]:
    """The key of each bar; a change counts from the bar line that it is nearest to."""
    scale = QUARTER // song.grid
    rows = song.keys.tolist() or [[0, *key_of(song)]]
    keys, now = [], Key(*rows[0][1:])
    for bar in bars:
        while rows and rows[0][0] * scale <= bar.start + bar.length // 2:
            now = Key(*rows.pop(0)[1:])
        keys.append(now)
    return keys


def _part(staff: Staff, voices: Sequence[Sequence[Chord]], bars: Sequence[Bar], keys: Sequence[Key]) -> stream.Part:
    from music21 import bar as barlines
    from music21 import stream

    kind = stream.PartStaff if staff.of > 1 else stream.Part
    part = kind(id=f"P{staff.part + 1}-{staff.number}")
    part.partName = staff.name
    for instrument in staff.instruments():
        part.insert(0, instrument)
    first = 0 if bars[0].lacks else 1
    before: tuple[Any, ...] = (None, None)
    measure = None
    for number, (line, key) in enumerate(zip(bars, keys, strict=True)):
        measure = stream.Measure(number=first + number)
        before = _signs(measure, line, key, staff, before)
        _fill(measure, staff, voices, line, key)
        part.insert(Fraction(line.start, QUARTER), measure)
    if measure is not None:
        measure.rightBarline = barlines.Barline("final")
    _finish(part)
    return part


def _finish(part: stream.Part) -> None:
    """What a reader needs beside the notes: beams, brackets over triplets, and accidentals where they are new."""
    from music21 import stream

    part.makeAccidentals(inPlace=True)
    part.makeBeams(inPlace=True)
    for measure in part.getElementsByClass(stream.Measure):
        for whole in [*measure.voices] or [measure]:
            stream.makeNotation.makeTupletBrackets(whole, inPlace=True)


def _signs(measure: stream.Measure, bar: Bar, key: Key, staff: Staff, before: tuple[Any, ...]) -> tuple[Any, ...]:
    """Clef, metre and key where they change; returns what now counts."""
    from music21 import key as keys
    from music21 import meter

    metre = (bar.numerator, bar.denominator)
    if before == (None, None):
        measure.clef = staff.clef()
        if bar.lacks:
            measure.paddingLeft, measure.showNumber = Fraction(bar.lacks, QUARTER), "never"
    if metre != before[0]:
        measure.timeSignature = meter.TimeSignature(f"{bar.numerator}/{bar.denominator}")
    if key != before[1] and not staff.drums:
        measure.keySignature = keys.KeySignature(key.sharps).asKey("minor" if key.minor else "major")
    return metre, key


def _fill(measure: stream.Measure, staff: Staff, voices: Sequence[Sequence[Chord]], bar: Bar, key: Key) -> None:
    """The notes of each voice in a bar, and the rests between them."""
    from music21 import note, stream

    inside = [[chord for chord in voice if chord.onset < bar.end and chord.end > bar.start] for voice in voices]
    many = len(inside) > 1 and any(inside[1:])
    for number, chords in enumerate(inside):
        if number and not chords:
            continue
        whole = stream.Voice(id=str(number + 1)) if many else measure
        if not chords:
            rest = note.Rest(quarterLength=Fraction(bar.length, QUARTER))
            rest.fullMeasure = True
            whole.insert(0, rest)
        else:
            _voice(whole, chords, bar, staff, key, hidden=number > 0)
        if many:
            measure.insert(0, whole)


def _voice(
    whole: stream.Stream[Any], chords: Sequence[Chord], bar: Bar, staff: Staff, key: Key, *, hidden: bool
) -> None:
    from music21 import note

    now = bar.start
    for chord in [*chords, None]:
        silent = bar.end if chord is None else max(chord.onset, bar.start)
        for start, length in values(now - bar.start + bar.lacks, silent - bar.start + bar.lacks, bar):
            rest = note.Rest(quarterLength=Fraction(length, QUARTER))
            rest.style.hideObjectOnPrint = hidden
            whole.insert(Fraction(start - bar.lacks, QUARTER), rest)
        if chord is None:
            break
        now = min(chord.end, bar.end)
        pieces = values(silent - bar.start + bar.lacks, now - bar.start + bar.lacks, bar)
        for row, (start, length) in enumerate(pieces):
            back = row > 0 or chord.onset < bar.start
            on = row + 1 < len(pieces) or chord.end > bar.end
            sound = _sound(
                chord,
                length,
                staff,
                key,
                {(False, True): "start", (True, True): "continue", (True, False): "stop"}.get((back, on)),
            )
            whole.insert(Fraction(start - bar.lacks, QUARTER), sound)


def _sound(chord: Chord, length: int, staff: Staff, key: Key, tie: str | None) -> Any:
    """A note or a chord of music21."""
    from music21 import chord as chords
    from music21 import note, percussion
    from music21 import tie as ties

    quarters = Fraction(length, QUARTER)
    notes: list[Any] = []
    for pitch, velocity in zip(chord.pitches, chord.velocities, strict=True):
        if staff.drums:
            place, head = drum_sign(pitch)
            one: Any = note.Unpitched(displayName=place, quarterLength=quarters)
            one.notehead = head
            one.storedInstrument = staff.drum(pitch)
            one.id = one.storedInstrument.instrumentId  # music21 gives all drums of a chord the sound of the first
        else:
            name, octave = spelled(pitch, key)
            one = note.Note(name, octave=octave, quarterLength=quarters)
        one.volume.velocity = velocity
        one.tie = None if tie is None else ties.Tie(tie)
        notes.append(one)
    if len(notes) == 1:
        return notes[0]
    return (percussion.PercussionChord if staff.drums else chords.Chord)(notes, quarterLength=quarters)


def _tempos(song: Song, bars: Sequence[Bar], part: stream.Part) -> None:
    """Metronome marks over the first staff; changes that the ear would hardly notice are played and not shown."""
    from music21 import stream, tempo

    scale = QUARTER // song.grid
    measures = list(part.getElementsByClass(stream.Measure))
    shown = 0.0
    for tick, quarters in song.tempos.tolist():
        at = int(tick) * scale
        number = max((row for row, bar in enumerate(bars) if bar.start <= at), default=0)
        if at >= bars[number].end:
            break
        slow = is_compound(bars[number].numerator, bars[number].denominator) and bars[number].denominator == 8
        if abs(quarters - shown) >= CHANGE * max(shown, 1):
            beat = round(quarters / 1.5 if slow else quarters, 1)
            mark = tempo.MetronomeMark(number=int(beat) if beat == int(beat) else beat, referent=1.5 if slow else 1.0)
            shown = quarters
        else:
            mark = tempo.MetronomeMark(numberSounding=round(quarters, 2))
        measures[number].insert(round((at - bars[number].start) * 4 / QUARTER) / 4, mark)
