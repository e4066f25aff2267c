"""Draws from an n-gram model: as often as `kneser_ney` says."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from events_made import events_of, random_songs

from datamodules.baselines.by_target import Ngram
from datamodules.baselines.kneser_ney import HIGHEST_ORDER, kneser_ney
from datamodules.columns import Column, build_column
from datamodules.song import Events
from datamodules.splits import named_split
from datamodules.vocabulary import TRANSPOSITIONS, Speller, Value
from experiments.heads import HEADS
from experiments.music.events.ngram import NgramSampler, _spelled
from experiments.music.events.ngram_share import NgramTurns

COLUMNS = {name: spec.column for name, spec in HEADS.items()}
DRAWS = 3000
SONGS = random_songs(5, songs=3, events=60, chords=5)


def endings(history: Events, name: str, values: list[Value]) -> list[Events]:
    """The same song again and again, each time with another value in one of its columns at its end."""
    chords, durations, offsets = history.chords(), history.duration.tolist(), history.offset.tolist()
    found = []
    for value in values:
        ended = {"notes": [*chords, chords[-1]], "durations": [*durations, 6], "offsets": [*offsets, 6]}
        ended[name][-1] = value
        found.append(events_of(ended["notes"], ended["durations"], ended["offsets"]))  # type: ignore[arg-type]
    return found


def column_of(name: str, history: Events, values: list[Value], grid: int = 24) -> Column:
    held = endings(history, name, values)
    return build_column(COLUMNS[name], [*SONGS, *held], named_split(SONGS, held), grid)


def assert_drawn_as_scored(column: Column, ngram: Ngram, history: list[Value], values: list[Value]) -> None:
    """The shares of `values`, and of all others together, are within five deviations of what they should be."""
    scored = column.starts[-len(values) :] - 1
    logs = kneser_ney(column, scored, highest=ngram.order, transpose=ngram.transposed)[ngram.order - 1]
    sampler, random = NgramSampler(column, ngram), np.random.default_rng(0)
    drawn = Counter(sampler.draw(history, random) for _ in range(DRAWS))
    expected = [*np.exp(logs).tolist(), max(1 - float(np.exp(logs).sum()), 0.0)]
    found = [drawn[value] / DRAWS for value in values]
    for share, probability in zip([*found, 1 - sum(found)], expected, strict=True):
        assert abs(share - probability) < 5 * np.sqrt(probability * (1 - probability) / DRAWS) + 1e-3


@pytest.mark.parametrize("length", [1, 12])
@pytest.mark.parametrize("order", [1, 2, HIGHEST_ORDER])
@pytest.mark.parametrize("transposed", [False, True])
def test_chords_are_drawn_as_often_as_they_are_scored(order: int, length: int, transposed: bool) -> None:
    song = SONGS[1]
    start, history = song.starts[length], song.chords()[:length]
    before = events_of(history, song.duration[:length].tolist(), song.offset[:length].tolist())
    assert start == before.starts[-1]
    known = sorted({chord for one in SONGS for chord in one.chords()})
    values: list[Value] = [*known, tuple(pitch + 1 for pitch in known[0]), (1, 2, 3)]
    assert_drawn_as_scored(column_of("notes", before, values), Ngram(order, transposed), list(history), values)


@pytest.mark.parametrize("name", ["durations", "offsets"])
@pytest.mark.parametrize("order", [1, 3, HIGHEST_ORDER])
def test_ticks_are_drawn_as_often_as_they_are_scored(name: str, order: int) -> None:
    song = SONGS[2]
    field = COLUMNS[name].field
    before = events_of(song.chords()[:7], song.duration[:7].tolist(), song.offset[:7].tolist())
    values: list[Value] = list(range(COLUMNS[name].lowest, 16 * 24 + 1))
    history = getattr(song, field)[:7].tolist()
    assert_drawn_as_scored(column_of(name, before, values), Ngram(order, False), history, values)


def test_a_history_that_was_never_heard_is_none() -> None:
    """What comes after an unknown chord is what comes after nothing, for the order above and for all others."""
    column = column_of("notes", SONGS[0], [(60,)])
    sampler = NgramSampler(column, Ngram(3, False))
    a, b = ([sampler.draw(h, np.random.default_rng(i)) for i in range(50)] for h in ([(1, 5)], [(60,), (3,)]))
    assert a == b


def test_a_weight_of_none_leaves_the_head_its_turn_and_one_of_all_never() -> None:
    sampler = NgramSampler(column_of("offsets", SONGS[0], [6]), Ngram(2, False))
    never, always = (NgramTurns(sampler, weight, np.random.default_rng(0), [12]) for weight in (0.0, 1.0))
    assert all(never.say() is None for _ in range(50))
    assert all(isinstance(always.say(), int) for _ in range(50))
    half = NgramTurns(sampler, 0.5, np.random.default_rng(0), [12])
    assert 350 < sum(half.say() is None for _ in range(800)) < 450


def test_lengths_of_single_notes_are_refused() -> None:
    column = column_of("durations", SONGS[0], [6])
    with pytest.raises(ValueError, match="single notes"):
        NgramSampler(replace(column, spec=replace(column.spec, grain="note")), Ngram(2, False))


def test_the_base_spells_chords_as_it_scores_them() -> None:
    speller, random = Speller.fit([(0, 2), (1,), (0, 1, 3), (2, 3)], pitches=4), np.random.default_rng(0)
    every = [chord for size in range(1, 5) for chord in combinations(range(4), size)]
    drawn = Counter(_spelled(speller, random) for _ in range(DRAWS))
    assert set(drawn) <= set(every)
    for chord, probability in zip(every, np.exp(speller.log_probs(every)).tolist(), strict=True):
        assert abs(drawn[chord] / DRAWS - probability) < 5 * np.sqrt(probability / DRAWS)


@pytest.mark.parametrize("shifts", [(0,), TRANSPOSITIONS])
def test_the_base_is_that_of_the_model(shifts: tuple[int, ...]) -> None:
    column = column_of("notes", SONGS[0], [(60,)])
    found = NgramSampler(column, Ngram(2, len(shifts) > 1))._speller
    assert found is not None
    training = {chord for song in SONGS for chord in song.chords()}
    wanted = Speller.fit({tuple(pitch + shift for pitch in chord) for chord in training for shift in shifts})
    np.testing.assert_allclose(np.exp(found.table), np.exp(wanted.table))
