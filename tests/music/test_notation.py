"""What a score counts: bars, moments that can be written, voices and note values; laws over random songs."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from midi_files import random_song

from datamodules.song import Song, bar_lines
from experiments.music.score.notation import MOST_VOICES, QUARTER, Bar, Note, bars_of, rounded, voices_of
from experiments.music.score.note_values import values

METRES = [(4, 4), (3, 4), (2, 2), (6, 8), (12, 8), (7, 8), (5, 4), (9, 16), (3, 32)]
FOUR, SIX = Bar(0, 1920, 4, 4), Bar(0, 1440, 6, 8)


def random_notes(seed: int, *, step: int = 1, bars: int = 6, most: int = 1500, count: int = 200) -> list[Note]:
    """Notes of one staff as a song holds them: no pitch sounds twice at once."""
    random = np.random.default_rng(seed)
    notes, free = [], [0] * 128
    for onset in np.sort(random.integers(0, bars * 1920 // step, count) * step).tolist():
        pitch, length = int(random.integers(50, 75)), int(random.integers(1, most // step)) * step
        if onset >= free[pitch] and onset + length <= bars * 1920:
            notes.append((onset, onset + length, pitch, 64))
            free[pitch] = onset + length
    return sorted(notes)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("grid", [1, 24, 480])
def test_bars_follow_one_another_to_the_end_of_the_song(seed: int, grid: int) -> None:
    song = random_song(seed, grid=grid)
    bars = bars_of(song)
    assert bars[0].start == 0
    assert all(a.end == b.start for a, b in pairwise(bars))
    last = int((song.notes.onset + song.notes.length).max()) * QUARTER // grid
    assert bars[-1].start < last <= bars[-1].end
    assert all(0 < bar.length <= bar.whole for bar in bars)


def test_bars_are_where_the_song_has_them() -> None:
    song = random_song(0)
    song = replace(song, metres=np.array([(0, 3, 4), (6 * 72, 6, 8), (12 * 72, 4, 4)], np.int32))
    lines = [line * 20 for line in bar_lines(song)]
    assert [bar.start for bar in bars_of(song)] == lines[:-1]
    assert bars_of(song)[-1].end == lines[-1]


def test_a_pickup_is_the_end_of_a_bar_of_the_metre_after_it() -> None:
    song = replace(random_song(0), metres=np.array([(0, 1, 4), (24, 3, 4)], np.int32))
    first, second = bars_of(song)[:2]
    assert first == Bar(0, 480, 3, 4, lacks=960)
    assert second == Bar(480, 1440, 3, 4)


def empty() -> Song:
    song = random_song(0)
    none = np.zeros(0, np.int32)
    return replace(song, notes=type(song.notes)(none, none, none, none, none))


def test_a_song_without_notes_has_a_bar() -> None:
    assert len(bars_of(empty())) == 1
    assert rounded([], bars_of(empty())) == ([], 0)
    assert voices_of([]) == ([[]], 0)


@pytest.mark.parametrize("step", [60, 80])
def test_what_can_be_written_is_not_rounded(step: int) -> None:
    notes = random_notes(1, step=step)
    assert rounded(notes, [replace(FOUR, start=1920 * number) for number in range(6)]) == (notes, 0)


@pytest.mark.parametrize("seed", range(4))
def test_all_else_goes_to_the_nearest_moment_and_is_counted(seed: int) -> None:
    bars = [replace(SIX, start=1440 * number) for number in range(8)]
    notes = random_notes(seed)
    found, moved = rounded(notes, bars)
    assert 0 < len(found) <= len(notes)
    assert moved >= len(set(notes) - set(found)) > 0
    beats = [{time % 240 for note in found for time in note[:2] if time // 240 == beat} for beat in range(48)]
    assert all(all(t % 60 == 0 for t in beat) or all(t % 80 == 0 for t in beat) for beat in beats)
    for onset, end, pitch, _ in found:
        assert onset < end <= bars[-1].end
        assert min(abs(onset - note[0]) for note in notes if note[2] == pitch) <= 40  # half of a unit
    assert rounded(found, bars) == (found, 0)


@pytest.mark.parametrize("seed", range(4))
def test_voices_hold_all_notes_and_none_has_two_chords_at_once(seed: int) -> None:
    notes = random_notes(seed, step=60, most=700, count=60)
    voices, cut = voices_of(notes)
    assert len(voices) <= MOST_VOICES
    found = {(c.onset, c.end, pitch) for voice in voices for c in voice for pitch in c.pitches}
    asked = {note[:3] for note in notes}
    assert {(onset, pitch) for onset, _, pitch in found} == {(onset, pitch) for onset, _, pitch in asked}
    assert len(asked - found) <= cut
    for voice in voices:
        assert all(a.end <= b.onset for a, b in pairwise(voice))


def test_what_four_voices_can_hold_is_not_cut() -> None:
    notes = [(0, 1920, 40, 64), (0, 960, 50, 64), (240, 480, 60, 64), (240, 720, 70, 64), (480, 960, 61, 64)]
    voices, cut = voices_of(notes)
    assert cut == 0
    assert {(c.onset, c.end, p) for voice in voices for c in voice for p in c.pitches} == {n[:3] for n in notes}
    heights = [np.mean([chord.height for chord in voice]) for voice in voices]
    assert heights == sorted(heights, reverse=True)
    chord = [(0, 480, pitch, 64) for pitch in (60, 64, 67)]
    assert [[c.pitches for c in voice] for voice in voices_of(chord)[0]] == [[[60, 64, 67]]]


@pytest.mark.parametrize("metre", METRES, ids=str)
def test_note_values_fill_a_stretch_and_are_single_notes(metre: tuple[int, int]) -> None:
    numerator, denominator = metre
    bar = Bar(0, 1920 * numerator // denominator, numerator, denominator)
    plain = {15 << power for power in range(9)}
    known = plain | {value * 3 // 2 for value in plain} | {40, 80, 160, 320, 640}
    for unit in {min(60, bar.beat), 80 if bar.beat % 240 == 0 else min(60, bar.beat)}:
        for start in range(0, bar.length, unit):
            for end in range(start + unit, bar.length + 1, unit):
                pieces = values(start, end, bar)
                assert sum(length for _, length in pieces) == end - start
                assert [at for at, _ in pieces] == [start + sum(n for _, n in pieces[:k]) for k in range(len(pieces))]
                assert {length for _, length in pieces} <= known, (start, end, pieces)
                assert len(pieces) <= 4 + (end - start) // bar.beat  # two where it begins, and two where it ends


@pytest.mark.parametrize(
    ("bar", "start", "end", "lengths"),
    [
        (FOUR, 0, 1920, [1920]),
        (FOUR, 480, 1440, [960]),  # a half note over the middle, from beat to beat
        (FOUR, 720, 1200, [240, 240]),  # off the beat, the middle is shown
        (FOUR, 0, 720, [720]),
        (FOUR, 240, 720, [480]),
        (FOUR, 0, 600, [480, 120]),
        (FOUR, 0, 300, [240, 60]),
        (FOUR, 0, 320, [320]),
        (FOUR, 320, 640, [320]),  # the second of three quarter triplets
        (FOUR, 80, 320, [160, 80]),
        (SIX, 0, 1440, [1440]),
        (SIX, 0, 960, [720, 240]),
        (SIX, 480, 960, [240, 240]),
        (SIX, 720, 1440, [720]),
        (Bar(0, 2400, 5, 4), 0, 2400, [1920, 480]),
    ],
)
def test_note_values_show_the_beats(bar: Bar, start: int, end: int, lengths: list[int]) -> None:
    assert [length for _, length in values(start, end, bar)] == lengths
