"""Passages that come again: what counts, and what does not, by the definition; and against one that is plainly slow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from datamodules.form.repeats import ALIKE, bars_alike, notes_of_bars, repeated
from datamodules.midi.reading import read_midi
from datamodules.song import Notes, Part, Song, bar_lines
from songs import bundled

BAR = 96  # ticks of 4/4
Bar = list[tuple[int, int]]  # onset in the bar, pitch


def made(bars: Sequence[Bar]) -> Song:
    rows = sorted((number * BAR + onset, pitch) for number, bar in enumerate(bars) for onset, pitch in bar)
    onset, pitch = (np.array(column, np.int32) for column in zip(*rows, strict=True))
    some = np.ones_like(onset)
    notes = Notes(onset, pitch, 6 * some, 64 * some, 0 * some)
    start = np.array([[0, 4, 4]], np.int32)
    part = Part("piano", 0, drums=False, role="chords")
    return Song(24, (part,), notes, np.array([[0.0, 120.0]]), start, np.zeros((0, 3), np.int32))


def tune(count: int, seed: int) -> list[Bar]:
    """Bars by chance, of ten notes each."""
    chance = np.random.default_rng(seed)
    return [
        sorted(zip((chance.permutation(16)[:10] * 6).tolist(), chance.integers(48, 72, 10).tolist(), strict=True))
        for _ in range(count)
    ]


def moved(bars: Sequence[Bar], step: int) -> list[Bar]:
    return [[(onset, pitch + step) for onset, pitch in bar] for bar in bars]


def other_notes(bar: Bar, count: int) -> Bar:
    return [(onset, pitch + 30) for onset, pitch in bar[:count]] + bar[count:]


A, B, C = tune(4, 1), tune(4, 2), tune(4, 3)


@pytest.mark.parametrize("step", [0, 1, 7, -12, 30, -48])
def test_a_passage_that_comes_again_counts_in_any_key(step: int) -> None:
    assert repeated(made(A + B + moved(A, step) + C)) == 8 / 16
    assert repeated(made(A + B + moved(A + B, step))) == 1


def test_each_bar_is_moved_alike() -> None:
    steps = (0, 2, 5, 7)
    apart = [moved([bar], step)[0] for bar, step in zip(A, steps, strict=True)]
    assert repeated(made(A + B + apart)) == 0


def test_a_song_without_repeats_has_none() -> None:
    assert repeated(made(tune(40, 5))) == 0
    assert repeated(made([[(0, 60)]])) == 0


def test_three_bars_are_no_passage() -> None:
    assert repeated(made(A[:3] + B + A[:3] + C)) == 0
    assert repeated(made([*A[:3], B[0], C[0], *A[:3], C[1]])) == 0


def test_less_than_three_different_bars_are_no_passage() -> None:
    one, two, three, _ = A
    assert repeated(made([one] * 16)) == 0
    assert repeated(made([one, two] * 8)) == 0
    assert repeated(made([one, two, one, two, *B, one, two, one, two])) == 0
    assert repeated(made([one, two, three, two, *B, one, two, three, two])) == 8 / 12
    assert repeated(made([one, two, [], [], *B, one, two, [], [], *C])) == 0  # empty bars are not different ones
    assert repeated(made([one, two, [], three, *B, one, two, [], three])) == 8 / 12


def test_passages_that_overlap_do_not_count() -> None:
    """Three bars again and again: what is the same again without overlapping is six bars further on."""
    one, two, three, _ = A
    assert repeated(made([one, two, three] * 2)) == 0
    assert repeated(made([one, two, three] * 2 + [one])) == 0  # four bars, three further on
    assert repeated(made([one, two, three] * 3 + [one, two])) == 10 / 11  # five bars, six further on


def test_a_bar_is_the_same_up_to_a_fifth_of_its_notes() -> None:
    for count, share in ((1, 1.0), (2, 1.0), (3, 0.0)):
        again = [A[0], A[1], other_notes(A[2], count), A[3]]
        assert repeated(made(A + again)) == share


def test_bars_alike_is_f1() -> None:
    held = notes_of_bars(made([A[0], other_notes(A[0], 3), A[0][:5], [], A[1][:1]]))
    alike = bars_alike(held, held)
    assert np.array_equal(alike, alike.T)
    assert np.array_equal(alike.diagonal(), np.ones(5))
    assert alike[0, :4] == pytest.approx([1, 0.7, 2 * 5 / 15, 0])


def test_what_stands_around_does_not_count() -> None:
    """Neither empty bars before and behind, nor lengths, loudness and drums."""
    assert repeated(made([[], [], *A, *A])) == 1
    song = made(A + A)
    drums = Part("drums", 0, drums=True, role="drums")
    only = Song(24, (drums,), song.notes, song.tempos, song.metres, song.keys)
    assert repeated(only) == 0


def test_a_finer_grid_makes_no_more_places() -> None:
    """Of 480 ticks a quarter note, at which bars that come again were played a little differently."""
    rough = made(A + B + moved(A, 5) + C)
    chance = np.random.default_rng(1)
    late = chance.integers(0, 10, len(rough.notes)).astype(np.int32)
    fine = replace(rough, grid=480, notes=replace(rough.notes, onset=20 * rough.notes.onset + late))
    assert np.array_equal(notes_of_bars(fine), notes_of_bars(rough))
    assert repeated(fine) == repeated(rough) > 0


def slowly(song: Song) -> float:
    """By the definition, all pairs of passages of all lengths and all steps."""
    held = notes_of_bars(song)
    held = held[held.any(axis=(1, 2)).argmax() :]
    bars = [{(int(place), int(pitch)) for place, pitch in np.argwhere(bar)} for bar in held]
    count, covered = len(bars), set()

    def same(one: set[tuple[int, int]], other: set[tuple[int, int]], step: int) -> bool:
        both = len({(place, pitch + step) for place, pitch in one} & other)
        return 2 * both >= ALIKE * (len(one) + len(other)) - 1e-9

    for step in range(-40, 41):
        alike = [[same(one, other, step) for other in bars] for one in bars]
        for first, other in product(range(count), repeat=2):
            for size in range(4, min(other - first, count - other) + 1):
                if not alike[first + size - 1][other + size - 1]:
                    break
                rows = [range(begin, begin + size) for begin in (first, other)]
                enough = all(len({frozenset(bars[bar]) for bar in row if bars[bar]}) >= 3 for row in rows)
                if enough and all(alike[a][b] for a, b in zip(*rows, strict=True)):
                    covered |= {*rows[0], *rows[1]}
    return len(covered) / count


@pytest.mark.parametrize("seed", range(6))
def test_it_is_what_the_definition_says(seed: int) -> None:
    """Of songs put together by chance of few bars, some of them moved, changed or empty."""
    chance = np.random.default_rng(seed)
    few, bars = [*tune(3, seed), []], []
    for _ in range(22):
        bar = few[int(chance.integers(4))]
        changed = other_notes(bar, int(chance.integers(4))) if chance.random() < 0.2 else bar
        bars.append(moved([changed], int(chance.choice([0, 0, 0, 5])))[0])
    song = made([A[0], *bars])
    assert repeated(song) == pytest.approx(slowly(song))


def test_the_bundled_songs_repeat_as_the_definition_says() -> None:
    """Their first forty bars."""
    for path in bundled():
        song = read_midi(path)
        early = song.notes.onset < bar_lines(song)[40]
        columns = (song.notes.onset, song.notes.pitch, song.notes.length, song.notes.velocity, song.notes.part)
        song = replace(song, notes=Notes(*(column[early] for column in columns)))
        assert 0 < repeated(song) == pytest.approx(slowly(song))
