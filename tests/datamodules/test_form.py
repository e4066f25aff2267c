"""The form of a song: laws, and what is found in songs whose form is known, judged by mir_eval."""

from __future__ import annotations

import tracemalloc
from dataclasses import fields, replace
from statistics import mean

import numpy as np
import pytest

from benchmarks.music.assembled import FORMS, Told, assemble, pieces_of
from benchmarks.music.form import Agreement, agreement, one_label, random_labels
from datamodules.form.bars import Bars, bars_of, self_similarity
from datamodules.form.finding import Section, find_form, novelty, sections_of
from datamodules.midi.reading import read_midi
from datamodules.song import Notes, Part, Song, bar_lines
from songs import bundled
from songs.compose import form


@pytest.fixture(scope="module")
def songs() -> dict[str, Song]:
    return {path.stem: read_midi(path) for path in bundled()}


@pytest.fixture(scope="module")
def known(songs: dict[str, Song]) -> list[Told]:
    """The sections of each bundled song in orders that they do not have there, as they are and varied."""
    told = []
    for name, song in songs.items():
        labels = [label for label, _, bars in form(name) if bars >= 8]
        pieces = pieces_of(song, form(name))
        for number, order in enumerate(FORMS):
            names = dict(zip(sorted(set(order)), dict.fromkeys(labels), strict=False))
            if len(names) == len(set(order)):
                told.append(
                    assemble(pieces, [names[letter] for letter in order], varied=0.1 * (number % 3), seed=number)
                )
    return told


def found(told: Told) -> Agreement:
    return agreement(told.sections, find_form(told.song).sections)


def test_sections_are_without_gaps_and_lettered_by_first_appearance(known: list[Told]) -> None:
    for told in known:
        whole = find_form(told.song)
        ends = [0, *(section.first + section.bars for section in whole.sections)]
        assert [section.first for section in whole.sections] == ends[:-1]
        assert ends[-1] == len(whole.similarity) == len(bar_lines(told.song)) - 1
        letters = list(dict.fromkeys(section.label for section in whole.sections))
        assert letters == [chr(ord("A") + number) for number in range(len(letters))]


def test_a_known_form_is_found(known: list[Told]) -> None:
    """Far above one label for all and random labels, on the same songs."""
    scores = [found(told) for told in known]
    trivial = [agreement(told.sections, one_label(len(bars_of(told.song)))) for told in known]
    chance = [agreement(told.sections, random_labels(len(bars_of(told.song)), seed)) for seed, told in enumerate(known)]
    assert mean(score.boundaries for score in scores) >= 0.85
    assert mean(score.pairs for score in scores) >= 0.9
    assert mean(score.rand for score in scores) >= 0.8
    for others in (trivial, chance):  # boundaries every eight bars meet many that are told
        assert mean(score.rand for score in others) <= 0.2
        assert mean(score.boundaries for score in others) <= 0.7
        assert mean(score.pairs for score in others) <= 0.7


def test_the_bundled_songs(songs: dict[str, Song]) -> None:
    for name, song in songs.items():
        told = Told(song, tuple(Section(*row) for row in form(name)))
        score = found(told)
        assert score.boundaries >= 0.75
        assert score.pairs >= 0.7
        assert score.rand >= 0.6


def test_it_is_the_same_in_every_key_and_loudness_and_tempo(songs: dict[str, Song]) -> None:
    for song in songs.values():
        notes = song.notes
        pitched = song.chosen()
        moved = replace(notes, pitch=np.where(pitched, notes.pitch + 3, notes.pitch))
        softer = replace(notes, velocity=np.maximum(notes.velocity - 20, 1))
        fast = replace(song, tempos=song.tempos * [1, 2])
        own = find_form(song).sections
        for other in (replace(song, notes=moved), replace(song, notes=softer), fast):
            assert find_form(other).sections == own


def test_similarity_is_symmetric_and_one_with_itself(songs: dict[str, Song]) -> None:
    for song in songs.values():
        similarity = self_similarity(bars_of(song))
        assert np.allclose(similarity, similarity.T)
        assert np.allclose(np.diagonal(similarity), 1)
        assert similarity.min() >= 0
        assert similarity.max() <= 1 + 1e-9
        change = novelty(similarity)
        assert len(change) == len(similarity) + 1
        assert change[0] == change[-1] == 0
        assert change.min() >= 0


def test_similarity_takes_memory_for_bars_not_for_parts() -> None:
    bars, parts = 400, 100
    chance = np.random.default_rng(0)
    each = {field.name: chance.random((bars, 3)) for field in fields(Bars)}
    flat = {name: chance.random(bars) for name in ("onsets", "register", "loudness")}
    tracemalloc.start()
    try:
        self_similarity(Bars(**{**each, **flat, "texture": chance.random((bars, parts))}))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 16 * 8 * bars**2, "a few arrays of (bars, bars)"


def test_the_same_bar_for_ever_is_one_label() -> None:
    assert {section.label for section in sections_of(np.ones((40, 40)))} == {"A"}


@pytest.mark.parametrize("bars", [1, 2, 3, 5, 9])
@pytest.mark.parametrize("drums", [False, True])
def test_short_songs_have_a_form_too(bars: int, drums: bool) -> None:
    onset = np.arange(bars, dtype=np.int32) * 96
    one = np.ones(bars, np.int32)
    song = Song(
        grid=24,
        parts=(Part("x", 0, drums, "drums" if drums else "melody"),),
        notes=Notes(onset, 60 * one, 24 * one, 64 * one, 0 * one),
        tempos=np.array([[0.0, 120.0]]),
        metres=np.array([[0, 4, 4]], np.int32),
        keys=np.zeros((0, 3), np.int32),
    )
    sections = find_form(song).sections
    assert sum(section.bars for section in sections) == bars


def test_a_form_is_told_in_a_line(songs: dict[str, Song]) -> None:
    text = str(find_form(songs["tin_roof_morning"]))
    assert sum(int("".join(filter(str.isdigit, word[1:]))) for word in text.split()) == 85
