"""Baselines against plain implementations of their definitions, and against the laws of probability."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from events_made import events_of, random_song, random_songs

from datamodules.baselines.averages import baselines, median_error, repeat_error, unigram
from datamodules.baselines.kneser_ney import HIGHEST_ORDER, kneser_ney
from datamodules.baselines.mixture import HIGHEST_MIXTURE, LOWEST_MIXTURE, fit_mixture
from datamodules.columns import Column, build_column
from datamodules.corpus.reading import read_corpus
from datamodules.song import Events
from datamodules.splits import TEST, TRAIN, VALID, Split, make_split, named_split
from datamodules.vocabulary import TRANSPOSITIONS, Speller
from experiments.heads import HEADS

COLUMNS = {name: spec.column for name, spec in HEADS.items()}

SONGS = random_songs(11, songs=5, events=40, chords=7)
START = "start"
CHORALES = Path(__file__).parents[3] / "shared" / "corpora" / "jsb_chorales"


class _Plain:
    """Interpolated Kneser-Ney by the book: dictionaries, one n-gram after another."""

    def __init__(self, grams: Sequence[tuple[object, ...]], order: int, base: Callable[[object], float]) -> None:
        """`grams` are of the highest order; `base` is the order 0."""
        self.base = base
        self.counts: dict[int, Counter[tuple[object, ...]]] = {order: Counter(grams)}
        for lower in range(order - 1, 0, -1):
            types = {gram[order - lower - 1 :] for gram in grams}  # of one order more
            self.counts[lower] = Counter(gram[1:] for gram in types)
        self.discount: dict[int, float] = {}
        self.followers: dict[int, dict[tuple[object, ...], list[int]]] = {}
        for n, counts in self.counts.items():
            n1, n2 = (sum(count == k for count in counts.values()) for k in (1, 2))
            self.discount[n] = n1 / (n1 + 2 * n2) if n1 and n2 else 0.5
            self.followers[n] = defaultdict(list)
            for gram, count in counts.items():
                self.followers[n][gram[:-1]].append(count)

    def probability(self, gram: tuple[object, ...]) -> float:
        n = len(gram)
        lower = self.probability(gram[1:]) if n > 1 else self.base(gram[0])
        counts = self.followers[n].get(gram[:-1])
        if counts is None:
            return lower
        kept = max(self.counts[n][gram] - self.discount[n], 0)
        return (kept + self.discount[n] * len(counts) * lower) / sum(counts)


def _grams(sequence: Sequence[object], marks: Sequence[int], part: int, order: int) -> list[tuple[object, ...]]:
    padded = [START] * order + list(sequence)
    return [tuple(padded[i + 1 : i + order + 1]) for i in range(len(sequence)) if marks[i] == part]


def _sequence(name: str, song: Events) -> list[Any]:
    spec = COLUMNS[name]
    return song.chords() if spec.chords else np.clip(getattr(song, spec.field), spec.lowest, 384).tolist()


def _by_the_book(name: str, split: Split, part: int, order: int, column: Column) -> list[float]:
    base = dict(zip([column.lexicon[i] for i in column.ids], np.exp(column.base).tolist(), strict=True))
    sequences = [_sequence(name, song) for song in SONGS]
    training = [g for s, m in zip(sequences, split.parts, strict=True) for g in _grams(s, m.tolist(), TRAIN, order)]
    scored = [g for s, m in zip(sequences, split.parts, strict=True) for g in _grams(s, m.tolist(), part, order)]
    model = _Plain(training, order, lambda symbol: base[cast("Any", symbol)])
    return [model.probability(gram) for gram in scored]


@pytest.mark.parametrize("part", [TRAIN, VALID, TEST])
@pytest.mark.parametrize("kind", ["tail", "song"])
@pytest.mark.parametrize("name", COLUMNS)
def test_kneser_ney_is_that_of_the_book(name: str, kind: str, part: int) -> None:
    split = make_split(kind, SONGS, 0)
    column = build_column(COLUMNS[name], SONGS, split, 24)
    found = np.exp(kneser_ney(column, column.targets(part)))
    assert found.shape == (HIGHEST_ORDER, len(column.targets(part)))
    for order in range(1, HIGHEST_ORDER + 1):
        expected = _by_the_book(name, split, part, order, column)
        np.testing.assert_allclose(found[order - 1], expected, rtol=0, atol=1e-10)


def test_transposed_kneser_ney_is_that_of_the_book_on_twelve_copies() -> None:
    low = [tuple(pitch - 47 for pitch in chord) for chord in SONGS[1].chords()]  # near 0: some copies would leave it
    songs = [SONGS[0], events_of(low, SONGS[1].duration.tolist(), SONGS[1].offset.tolist()), *SONGS[2:]]
    split = make_split("tail", songs, 0)
    column = build_column(COLUMNS["notes"], songs, split, 24)
    copies: list[tuple[list[tuple[int, ...]], list[int]]] = []
    for song, marks in zip(songs, split.parts, strict=True):
        inside = [0, *np.flatnonzero(marks == TRAIN).tolist()]
        for semitones in TRANSPOSITIONS:
            moved = [tuple(pitch + semitones for pitch in song.chords()[i]) for i in inside]
            if all(0 <= pitch < 128 for chord in moved for pitch in chord):
                copies.append((moved, marks[inside].tolist()))
    assert len(SONGS) < len(copies) < 12 * len(SONGS)
    speller = Speller.fit(chord for sequence, _ in copies for chord in sequence)
    found = np.exp(kneser_ney(column, column.targets(VALID), transpose=True))
    for order in (1, 3, 6):
        training = [gram for sequence, marks in copies for gram in _grams(sequence, marks, TRAIN, order)]
        model = _Plain(training, order, lambda chord: float(np.exp(speller.log_probs([cast("Any", chord)])[0])))
        scored = [
            g for s, m in zip(songs, split.parts, strict=True) for g in _grams(s.chords(), m.tolist(), VALID, order)
        ]
        expected = [model.probability(gram) for gram in scored]
        np.testing.assert_allclose(found[order - 1], expected, rtol=0, atol=1e-10)


def test_the_probabilities_of_all_chords_of_two_pitches_sum_to_one() -> None:
    """After the same history; the base is one over these three chords alone, in place of Q, which knows all others."""
    every = [(60,), (61,), (60, 61)]
    walk = [every[i] for i in np.random.default_rng(0).integers(3, size=60)]
    song = events_of(walk, [6] * 60, [6] * 60)
    endings = [events_of([*walk[5:9], chord], [6] * 5, [6] * 5) for chord in every]
    column = build_column(COLUMNS["notes"], [song, *endings], named_split([song], endings), 24)
    toy = replace(column, base=np.log(np.array([0.2, 0.3, 0.5]))[column.ids])
    np.testing.assert_allclose(np.exp(kneser_ney(toy, toy.starts[2:] - 1)).sum(axis=1), 1, atol=1e-12)


@pytest.mark.parametrize("name", ["durations", "offsets"])
def test_the_probabilities_of_all_ticks_sum_to_one(name: str) -> None:
    grid, spec = 1, COLUMNS[name]
    song = random_song(np.random.default_rng(1), 60)
    ticks = range(spec.lowest, 16 * grid + 1)
    endings = [events_of([(60,)] * 4, [6, 12, 6, tick], [6, 12, 6, tick]) for tick in ticks]
    column = build_column(spec, [song, *endings], named_split([song], endings), grid)
    last = column.starts[2:] - 1
    assert np.exp(column.base[last]).sum() == pytest.approx(1)
    np.testing.assert_allclose(np.exp(kneser_ney(column, last)).sum(axis=1), 1, atol=1e-12)


def test_a_mixture_is_the_best_of_its_range() -> None:
    random = np.random.default_rng(0)
    every = np.linspace(LOWEST_MIXTURE, HIGHEST_MIXTURE, 9981)
    for _ in range(5):
        model, base = random.random(200) * (random.random(200) < 0.8), random.random(200) * 0.3
        totals = [np.log((1 - mixture) * model + mixture * base).sum() for mixture in every]
        assert fit_mixture(model, base) == pytest.approx(every[int(np.argmax(totals))], abs=1e-4)


def test_a_mixture_stays_in_its_range() -> None:
    high, low = np.full(9, 0.9), np.full(9, 0.1)
    assert fit_mixture(high, low) == LOWEST_MIXTURE
    assert fit_mixture(low, high) == HIGHEST_MIXTURE
    assert fit_mixture(np.zeros(9), np.full(9, 1e-300)) == HIGHEST_MIXTURE
    with pytest.raises(ValueError, match="targets"):
        fit_mixture(high[:0], low[:0])


def test_the_unigram_is_fitted_where_it_is_chosen_and_scored_elsewhere() -> None:
    column = build_column(COLUMNS["notes"], SONGS, make_split("song", SONGS, 0), 24)
    valid, test = column.targets(VALID), column.targets(TEST)
    counts = np.bincount(column.ids[column.targets(TRAIN)], minlength=len(column.lexicon))
    frequency, base = (counts / counts.sum())[column.ids], np.exp(column.base)

    def nats(mixture: float, events: Any) -> float:
        return float(-np.log((1 - mixture) * frequency[events] + mixture * base[events]).mean())

    found, mixture = unigram(column, test, valid)
    assert found == pytest.approx(nats(mixture, test))
    assert nats(mixture, valid) <= min(nats(other, valid) for other in np.linspace(0.001, 0.999, 999)) + 1e-9


def test_constant_baselines_count_true_values_in_quarters() -> None:
    long = 24 * 40  # beyond the range that is told apart
    song = events_of([(60,)] * 10, [24, 24, 12, 24, long, 24, 24, 48, 12, long], [5] + [24] * 9)
    column = build_column(COLUMNS["durations"], [song], make_split("tail", [song], 0), 24)
    error, median = median_error(column, column.targets(TEST))
    assert (error, median) == (39.0, 1.0)
    assert repeat_error(column, column.targets(TEST)) == pytest.approx(39.5)
    offsets = build_column(COLUMNS["offsets"], [song], make_split("none", [song], 0), 24)
    assert repeat_error(offsets, offsets.targets(TRAIN)[:1]) == pytest.approx(19 / 24)  # the bar position before


@pytest.mark.parametrize("kind", ["song", "tail", "none"])
@pytest.mark.parametrize("name", COLUMNS)
def test_all_baselines_of_a_column(name: str, kind: str) -> None:
    column = build_column(COLUMNS[name], SONGS, make_split(kind, SONGS, 0), 24)
    found = baselines(column, column.test_part)
    families = {"unigram", "kneser_ney_3", "kneser_ney_best"}
    more = {"kneser_ney_3_transposed", "kneser_ney_best_transposed"} if name == "notes" else {"median", "repeat"}
    assert set(found) == families | more
    assert all(type(value) in (int, float) and np.isfinite(value) for row in found.values() for value in row.values())
    valid = column.valid_part
    chosen = -kneser_ney(column, column.targets(valid)).mean(axis=1)
    assert found["kneser_ney_best"]["order"] == int(np.argmin(chosen)) + 1
    same = baselines(column, valid, valid)
    assert same["kneser_ney_best"]["nats"] == pytest.approx(chosen.min())
    assert same["kneser_ney_3"]["nats"] == pytest.approx(chosen[2])


def test_a_part_without_targets_is_refused() -> None:
    column = build_column(COLUMNS["notes"], SONGS, make_split("none", SONGS, 0), 24)
    with pytest.raises(ValueError, match="targets"):
        baselines(column, TEST)


@pytest.mark.skipif(not CHORALES.is_dir(), reason="the chorales are not part of the repository")
def test_figures_on_the_chorales_are_those_of_an_older_implementation(tmp_path: Path) -> None:
    """Nats on the validation songs that were measured before, by other code, on the same files."""
    train, valid = (
        [song.events() for song in read_corpus([CHORALES / part], cache=tmp_path).songs] for part in ("train", "valid")
    )
    songs, split = [*train, *valid], named_split(train, valid)
    found = baselines(build_column(COLUMNS["notes"], songs, split, 24), VALID)
    assert found["kneser_ney_3"]["nats"] == pytest.approx(6.09, abs=0.02)
    assert found["kneser_ney_3_transposed"]["nats"] == pytest.approx(5.30, abs=0.02)
    assert found["kneser_ney_best_transposed"]["nats"] <= found["kneser_ney_3_transposed"]["nats"]
