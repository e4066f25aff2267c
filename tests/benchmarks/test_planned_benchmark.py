"""What benchmarks/music/planned.py measures: laws of its baseline and of its figures."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.music.form import agreement
from benchmarks.music.pasted import pasted
from benchmarks.music.planned import heard_otherwise, returning
from benchmarks.music.planned_figures import figures
from datamodules.form.finding import Section, find_form
from datamodules.form.repeats import notes_of_bars
from datamodules.midi.reading import read_midi
from datamodules.song import Song, bar_lines
from experiments.music.form.planning import read_plan
from songs import bundled


@pytest.mark.parametrize("turn", [0, 1, 5])
@pytest.mark.parametrize("form", ["AABA", "A4B12A4", "ABCDEFGHIJKL"])
def test_pasted_bars_are_the_songs_own(form: str, turn: int) -> None:
    song = read_midi(bundled()[0])
    plan = read_plan(form, song.grid)
    new = pasted(song, plan.sections, turn)
    assert len(bar_lines(new)) - 1 <= plan.bars
    assert set(new.notes.velocity.tolist()) <= set(song.notes.velocity.tolist())
    first = {section.label: section for section in reversed(find_form(song).sections)}
    sources = [first[label] for label in sorted(first)]
    old = read_bars(song)
    for section, bars in zip(plan.sections, sections_of_bars(read_bars(new), plan.sections), strict=True):
        source = sources[(ord(section.label) - ord("A") + turn) % len(sources)]
        for number, bar in enumerate(bars):
            assert bar == old[source.first + number % source.bars]


def read_bars(song: Song) -> list[set[tuple[int, int]]]:
    lines: np.ndarray = np.array(bar_lines(song))
    keep = song.chosen()
    onset, pitch = song.notes.onset[keep], song.notes.pitch[keep]
    bar = np.searchsorted(lines, onset, side="right") - 1
    rows = zip(bar.tolist(), (onset - lines[bar]).tolist(), pitch.tolist(), strict=True)
    found: list[set[tuple[int, int]]] = [set() for _ in range(len(lines) - 1)]
    for number, place, tone in rows:
        found[number].add((place, tone))
    return found


def sections_of_bars(
    bars: list[set[tuple[int, int]]], sections: tuple[Section, ...]
) -> list[list[set[tuple[int, int]]]]:
    return [bars[section.first : section.first + section.bars] for section in sections]


def test_what_is_pasted_twice_returns_whole() -> None:
    song = read_midi(bundled()[0])
    plan = read_plan("AABA", song.grid)
    assert returning(pasted(song, plan.sections), plan) == 1
    assert returning(song, plan) < 0.9  # type: ignore[operator]
    assert returning(song, read_plan("ABC", song.grid)) is None


def test_the_other_features_hear_sections_and_not_loudness() -> None:
    song = read_midi(bundled()[0])
    plan = read_plan("AABA", song.grid)
    new = pasted(song, plan.sections)
    heard = heard_otherwise(new)
    assert agreement(plan.sections, heard).pairs > 0.9
    new.notes.velocity[: len(notes_of_bars(new))] = 1
    assert heard_otherwise(new) == heard


def test_a_figure_is_a_mean_in_its_interval() -> None:
    nothing = dict.fromkeys(("other", "one", "random"), (0, 0, 0))
    rows = [
        {"how": "variation 0.5", "form": form, "seed": seed, "own": [0.5, seed, 1], "repeated": seed / 4, **nothing}
        | {"returning": seed / 4 if form == "AABA" else None}
        | {"copied": {"chords": [seed, None, 0.1, 0.2]}, "of prime": {}}
        for form in ("AABA", "like x")
        for seed in range(7)
    ]
    found = figures([*rows, {"how": "real", "form": "like x", "seed": 0, "repeated": 0.5}])
    assert found["found again, forms, variation 0.5, own features: boundaries"] == [0.5, None, None]
    mean, low, high = found["found again, like, variation 0.5, own features: pairs"]
    assert mean == 3
    assert 0 < low < mean < high < 6
    assert found["returning, variation 0.5: share of songs from 0.5 to 0.95"] == 2 / 7
    assert found["repeated, like x, real (1)"] == [0.5, None, None]
    assert found["copied, forms, variation 0.5, chords: longest"][0] == 3
    assert found["copied, forms, variation 0.5, chords: 4-grams"] == []
