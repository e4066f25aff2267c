"""A song as a score counts it: bars, moments that can be written, chords in voices. Knows numbers and no library.

Times here are ticks of 1/480 quarter note, whatever the song's grid. What can be written is a multiple of a 32nd or, in
a beat of triplets, of a sixteenth triplet; a moment between those goes to the nearest one, and is counted.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from datamodules.settling import settle
from datamodules.song import DIVISION, Song, check_grid, is_compound

__all__ = ["QUARTER", "Bar", "Chord", "Note", "bars_of", "rounded", "voices_of"]

QUARTER = DIVISION  # ticks
SHORTEST = QUARTER // 8  # a 32nd
TRIPLET = QUARTER // 6  # a sixteenth triplet
MOST_VOICES = 4  # that a staff of MusicXML's readers holds

Note = tuple[int, int, int, int]  # onset, end, pitch, velocity


@dataclass(frozen=True)
class Bar:
    """A bar: where it begins, how long it is, the metre that it is counted in, and what a pickup lacks before it."""

    start: int
    length: int
    numerator: int
    denominator: int
    lacks: int = 0

    @property
    def end(self) -> int:
        """The tick of the next bar line."""
        return self.start + self.length

    @property
    def whole(self) -> int:
        """Ticks of a bar of its metre; a pickup, and a bar that a metre change cuts short, are shorter."""
        return _whole(self.numerator, self.denominator)

    @property
    def beat(self) -> int:
        """Ticks of what its metre counts in, a quarter at most."""
        return 4 * QUARTER // max(self.denominator, 4)

    @property
    def strong(self) -> int:
        """How far apart the lines are that a syncopated note is tied over: groups of three, and the middle of 4/4."""
        if is_compound(self.numerator, self.denominator):
            return 3 * self.beat
        return self.whole // 2 if (self.numerator, self.denominator) in ((4, 4), (2, 2)) else self.whole


def _whole(numerator: int, denominator: int) -> int:
    return 4 * QUARTER * numerator // denominator


@dataclass
class Chord:
    """Notes that begin and end together, the pitches from low to high with their velocities."""

    onset: int
    end: int
    pitches: list[int]
    velocities: list[int]

    @property
    def height(self) -> float:
        """The mean pitch."""
        return sum(self.pitches) / len(self.pitches)


def bars_of(song: Song) -> list[Bar]:
    """The bars from the song's start to the end of its last note, at least one; a metre change starts a bar.

    A pickup is a short bar in the metre of the one after it.
    """
    scale = QUARTER // check_grid(song.grid)
    last = int((song.notes.onset.astype(np.int64) + song.notes.length).max(initial=1)) * scale
    rows = song.metres.tolist()
    bars: list[Bar] = []
    for number, (_, numerator, denominator) in enumerate(rows):
        pickup = not number and song.has_pickup
        if pickup:
            numerator, denominator = rows[1][1:]
        start, whole = bars[-1].end if bars else 0, _whole(numerator, denominator)
        end = start + -(-max(last - start, 0) // whole) * whole
        if number + 1 < len(rows):  # a bar ends where its notes can
            end = min(end, start + round((rows[number + 1][0] * scale - start) / SHORTEST) * SHORTEST)
        for line in range(start, end, whole):
            length = min(whole, end - line)
            bars.append(Bar(line, length, numerator, denominator, whole - length if pickup else 0))
    return bars


def rounded(notes: Sequence[Note], bars: Sequence[Bar]) -> tuple[list[Note], int]:
    """Notes that can be written, and how many differ from what they were; those that became one are one.

    Each beat is counted in 32nds or in sixteenth triplets, whichever its onsets and ends are nearer to.
    """
    starts = [bar.start for bar in bars]
    beats: dict[tuple[int, int], list[int]] = defaultdict(list)
    for time in (time for note in notes for time in note[:2]):
        beat, place = _beat(time, bars, starts)
        beats[beat].append(place)
    units = {beat: _unit(places, bars[beat[0]].beat) for beat, places in beats.items()}

    def nearest(time: int) -> int:
        beat, place = _beat(time, bars, starts)
        unit = units[beat]
        here = time - place + (2 * place + unit) // (2 * unit) * unit
        return max(min(here, bars[beat[0]].end), bars[beat[0]].start)

    table = []
    for onset, end, pitch, velocity in notes:
        begin, stop = nearest(onset), nearest(end)
        if begin >= bars[-1].end:  # of a last beat that is full
            begin -= SHORTEST
        least = units.get(_beat(begin, bars, starts)[0], SHORTEST)
        table.append((begin, max(stop, begin + least), pitch, velocity))
    kept = _settled(table)
    moved = sum(kept.get(row, ()) != note for row, note in enumerate(notes))
    return sorted(kept.values()), moved


def _beat(time: int, bars: Sequence[Bar], starts: Sequence[int]) -> tuple[tuple[int, int], int]:
    """The bar and beat that a moment stands in, and how far in."""
    number = min(max(bisect_right(starts, time) - 1, 0), len(bars) - 1)
    beat, place = divmod(time - starts[number] + bars[number].lacks, bars[number].beat)
    return (number, beat), place


def _unit(places: Iterable[int], beat: int) -> int:
    """What a beat is counted in: of those that it divides into, the one with the least to round."""
    triplets = [unit for unit in (TRIPLET, TRIPLET // 2) if beat % unit == 0 and beat // unit in (3, 6)]
    units = [min(SHORTEST, beat), *triplets[:1]]
    places = list(places)
    return min(units, key=lambda unit: sum(min(place % unit, -place % unit) for place in places))


def _settled(table: Sequence[Note]) -> dict[int, Note]:
    """The notes that stay, by row: no pitch sounds twice at once."""
    if not table:
        return {}
    onset, end, pitch, velocity = np.array(table, np.int64).T
    rows, ends = settle(np.zeros_like(onset), pitch, onset, end, velocity)
    return {
        row: (int(onset[row]), stop, int(pitch[row]), int(velocity[row]))
        for row, stop in zip(rows.tolist(), ends.tolist(), strict=True)
    }


def voices_of(notes: Sequence[Note]) -> tuple[list[list[Chord]], int]:
    """Notes as chords in up to four voices, none of which has two chords at once; and how many notes were cut for that.

    Between silences the voices are ordered, the highest first.
    """
    found: list[list[Chord]] = [[] for _ in range(MOST_VOICES)]
    cut = 0
    for stretch in _stretches(notes):
        voices, shorter = _voices(stretch)
        cut += shorter
        voices.sort(key=lambda voice: -sum(chord.height for chord in voice) / len(voice))
        for voice, chords in zip(found, voices, strict=False):
            voice += chords
    return [voice for voice in found if voice] or [[]], cut


def _stretches(notes: Sequence[Note]) -> Iterator[list[Note]]:
    """The notes between moments at which none sounds."""
    stretch: list[Note] = []
    end = 0
    for note in sorted(notes):
        if stretch and note[0] >= end:
            yield stretch
            stretch = []
        end = max(end, note[1]) if stretch else note[1]
        stretch.append(note)
    if stretch:
        yield stretch


def _voices(notes: Sequence[Note]) -> tuple[list[list[Chord]], int]:
    """The voices of one stretch."""
    voices: list[list[Chord]] = []
    cut = 0
    by_onset: dict[int, list[Note]] = defaultdict(list)
    for note in notes:
        by_onset[note[0]].append(note)
    for onset, together in by_onset.items():
        chords, shorter = _chords(together)
        cut += shorter
        sounding = sorted((voice for voice in voices if voice[-1].end > onset), key=lambda voice: voice[-1].end)
        for voice in sounding[: max(len(sounding) + len(chords) - MOST_VOICES, 0)]:
            voice[-1].end = onset
            cut += len(voice[-1].pitches)
        for chord in chords:
            free = [voice for voice in voices if voice[-1].end <= onset]
            if free:
                min(free, key=lambda voice: abs(voice[-1].height - chord.height)).append(chord)
            else:
                voices.append([chord])
    return voices, cut


def _chords(together: Sequence[Note]) -> tuple[list[Chord], int]:
    """Notes of one onset as chords by their ends, the highest first; of more ends than voices the last are cut."""
    ends = sorted({end for _, end, _, _ in together})[:MOST_VOICES]
    chords: dict[int, Chord] = {}
    for onset, end, pitch, velocity in sorted(together, key=lambda note: note[2]):
        chord = chords.setdefault(min(end, ends[-1]), Chord(onset, min(end, ends[-1]), [], []))
        chord.pitches.append(pitch)
        chord.velocities.append(velocity)
    cut = sum(end > ends[-1] for _, end, _, _ in together)
    return sorted(chords.values(), key=lambda chord: -chord.height), cut
