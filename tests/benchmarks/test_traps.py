"""Traps: how long songs say the same, and when that is too long, on songs whose runs are known."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from events_made import BAR, events_of, moved, random_song, random_songs
from winners_made import demo_songs, make_run

from benchmarks.music.likeness import divergence, ngram_nats, rhythm, timing
from benchmarks.music.lockstep import in_lockstep
from benchmarks.music.stuck import Repeats, cut, repeats
from benchmarks.music.traps import WAYS, Corpus, corpus_of, primes_of, written
from datamodules.errors import UserError
from datamodules.song import Events, Song
from datamodules.splits import TRAIN, make_split
from experiments.heads import HEADS
from experiments.music.events.generation import generate
from experiments.music.events.sampling import Sampling
from experiments.music.events.settings import Settings
from experiments.winners import Winner

C, F, G = (60, 64, 67), (65, 69), (67,)


def song(chords: list[tuple[int, ...]], offsets: list[int] | None = None, durations: list[int] | None = None) -> Events:
    return events_of(chords, durations or [12] * len(chords), offsets or [0] + [12] * (len(chords) - 1))


def naive(values: list[object]) -> tuple[int, int]:
    """The longest run of equal values, and the longest of two in turn, by trying every stretch."""
    run = turn = 1
    for begin in range(len(values)):
        for end in range(begin + 1, len(values) + 1):
            part = values[begin:end]
            if len(set(part)) == 1:
                run = max(run, len(part))
            if len(set(part)) == 2 and all(a != b for a, b in pairwise(part)):
                turn = max(turn, len(part))
    return run, turn


@pytest.mark.parametrize("seed", range(6))
def test_runs_are_those_that_a_naive_search_finds(seed: int) -> None:
    random = np.random.default_rng(seed)
    chords = [(C, F, G)[i] for i in random.integers(2 + seed % 2, size=40)]
    timing = random.choice([6, 12], (2, 40), p=[0.2, 0.8]).tolist()
    made = events_of(chords, *timing)
    found = repeats(made)
    equal, cycle = naive(list(zip(chords, *timing, strict=True)))
    assert (found.equal, found.cycle) == (equal, cycle)
    assert found.chords == naive(list(chords))[1]
    assert found.offsets == naive(timing[1][1:])[0]


def test_one_event_for_ever() -> None:
    assert repeats(song([C] * 20, [12] * 20)) == Repeats(equal=20, cycle=1, chords=1, offsets=19, silent=0)


def test_two_events_in_turn() -> None:
    assert repeats(song([G, C, F, C, F, C, C, G])) == Repeats(equal=2, cycle=5, chords=5, offsets=7, silent=0)


def test_chords_in_turn_are_no_cycle_of_events_where_their_timing_differs() -> None:
    found = repeats(song([C, F] * 4, durations=[12, 12, 6, 12, 18, 12, 24, 12]))
    assert (found.cycle, found.chords) == (3, 8)


def test_bars_in_which_nothing_begins_are_silent() -> None:
    offsets = [0, BAR // 2, 4 * BAR, BAR]  # bars 1 (twice), 5 and 6
    assert repeats(song([C, F, G, C], offsets)).silent == pytest.approx(3 / 6)
    assert repeats(song([C])).silent == 0


def test_figures_know_no_key_and_no_loudness() -> None:
    made = random_song(np.random.default_rng(1))
    assert repeats(moved(made, 3)) == repeats(made) == repeats(replace(made, velocity=made.velocity // 2))


def test_what_is_cut_is_the_song_from_its_beginning_in_pieces_of_one_length() -> None:
    songs = random_songs(3)
    for made, pieces in zip(songs, cut(songs, 16), strict=True):
        assert [len(piece) for piece in pieces] == [16] * (len(made) // 16)
        chords = [chord for piece in pieces for chord in piece.chords()]
        assert chords == made.chords()[: len(chords)]


@pytest.fixture
def corpus() -> Corpus:
    return corpus_of(demo_songs())


def test_of_a_tail_split_the_ends_are_held_out(corpus: Corpus) -> None:
    dataset = demo_songs()
    for events, parts, (_, held) in zip(dataset.events, dataset.split.parts, corpus.held, strict=True):
        assert len(held) == np.count_nonzero(parts > TRAIN)
        assert held.chords() == events.chords()[-len(held) :]


def test_one_in_two_hundred_training_excerpts_is_too_long() -> None:
    """In each figure, at most; and none is where all of the excerpts are alike."""
    dataset = demo_songs()
    songs = random_songs(1, songs=60, events=300)
    split = make_split("song", songs, 1)
    made = corpus_of(replace(dataset, events=tuple(songs), songs=dataset.songs[:1] * 60, split=split))
    learnt = [events for events, use in zip(songs, split.songs, strict=True) if use == "train"]
    rates = made.rates(learnt)
    assert made.length == 256
    assert made.excerpts == rates.sizes.sum() == sum(len(events) // 256 for events in learnt)
    for field in Repeats._fields:
        assert rates.counts[field].sum() <= 0.005 * made.excerpts + 1
    assert len(made.held) == 60 - len(learnt)


def test_songs_that_stand_still_are_traps_and_real_ones_are_not(corpus: Corpus) -> None:
    still = song([C] * 256)
    in_turn = song([C, F] * 128, [12, 24] * 128)
    rates = corpus.rates([still] * 5)
    assert rates.share("any")[0] == rates.share("equal")[0] == rates.share("offsets")[0] == 1
    assert corpus.rates([in_turn]).share("cycle")[0] == 1
    real = corpus.rates([events for _, events in corpus.held])
    assert real.share("any")[0] == 0
    assert rates.above(real, "any")[0] == 1


def test_intervals_hold_the_share_and_say_something_where_there_is_none(corpus: Corpus) -> None:
    still, moving = song([C] * 64), corpus.held[0][1].stretch(0, 64)
    rates = corpus.rates([still] * 10 + [moving] * 40)
    share, low, high = rates.share("any")
    assert low < share == 0.2 < high
    assert corpus.rates([moving] * 40).share("any") == [0, 0, pytest.approx(1 - 0.025 ** (1 / 40), abs=1e-3)]
    difference, low, high = rates.above(rates, "any")
    assert low < difference == 0 < high


def test_songs_without_a_trap_tell_no_difference_that_few_songs_cannot_tell(corpus: Corpus) -> None:
    """Neither do three real ones beside them."""
    still, moving = song([C] * 64), corpus.held[0][1].stretch(0, 64)
    none, few = corpus.rates([moving] * 3), corpus.rates([still, *[moving] * 199])
    difference, low, high = few.above(none, "any")
    assert difference == 0.005
    assert low < -0.5
    assert high > 0.02
    difference, low, high = none.above(none, "any")
    assert (difference, low, high) == (0, -high, pytest.approx(0.56, abs=0.01))


def test_songs_of_too_few_events_have_no_excerpts(corpus: Corpus) -> None:
    rates = corpus.rates([song([C] * 63), song([C] * 64), song([C] * 130)])
    assert rates.sizes.tolist() == [1, 2]
    short = random_songs(1, songs=20, events=40)
    split = make_split("song", short, 1)
    with pytest.raises(UserError, match="too short"):
        corpus_of(replace(demo_songs(), events=tuple(short), songs=demo_songs().songs[:1] * 20, split=split))


@pytest.fixture(scope="module")
def winners(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Winner]:
    return make_run(tmp_path_factory.mktemp("runs") / "demo")[1]


def notes_of(made: Song) -> list[list[int]]:
    return [column.tolist() for column in (made.notes.onset, made.notes.pitch, made.notes.length, made.notes.velocity)]


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_song_alone_is_the_one_that_generate_writes(
    winners: dict[str, Winner], corpus: Corpus, temperature: float
) -> None:
    sampling = dict.fromkeys(HEADS, Sampling(temperature, 0.9))
    for prime in primes_of(corpus.held, winners):
        (alone,) = in_lockstep(winners, [prime], sampling, 40, seed=3)
        (made,) = generate(winners, prime, Settings(events=40, seed=3, sampling=sampling))
        assert notes_of(alone) == notes_of(made)


def test_songs_at_once_without_chance_are_each_the_one_that_it_is_alone(
    winners: dict[str, Winner], corpus: Corpus
) -> None:
    primes = primes_of(corpus.held, winners)
    songs = in_lockstep(winners, primes, dict.fromkeys(HEADS, Sampling(temperature=0)), 40, seed=1)
    for together, prime in zip(songs, primes, strict=True):
        (alone,) = in_lockstep(winners, [prime], dict.fromkeys(HEADS, Sampling(temperature=0)), 40, seed=1)
        assert notes_of(together) == notes_of(alone)


def test_primes_of_any_context_stand_in_turn(winners: dict[str, Winner], corpus: Corpus) -> None:
    primes = primes_of(corpus.held, winners)
    primes.append(replace(primes[0], context=3))
    songs = written(winners, WAYS["greedy"], primes, songs=4, seed=1)
    assert all(len(made.events()) == 256 for made in songs)
    assert notes_of(songs[0]) == notes_of(songs[2]) != notes_of(songs[3])  # prime 0 twice, 1, and 2


def test_divergence_is_nothing_for_equal_shares_and_ln_2_for_nothing_in_common() -> None:
    one, double, other = Counter("aab"), Counter("aabaab"), Counter("cd")
    assert divergence(one, double) == pytest.approx(0)
    assert divergence(one, other) == pytest.approx(np.log(2))
    assert 0 < divergence(one, Counter("abb")) == divergence(Counter("abb"), one) < np.log(2)


def test_what_was_learnt_is_likelier_than_what_is_shuffled(winners: dict[str, Winner]) -> None:
    learnt = random_songs(5, songs=12, events=120)
    shuffled = []
    for one in learnt:
        order = np.random.default_rng(1).permutation(len(one)).tolist()
        chords = one.chords()
        shuffled.append(events_of([chords[i] for i in order], one.duration[order].tolist(), one.offset[order].tolist()))
    again, otherwise = ngram_nats(learnt, learnt[:6], winners), ngram_nats(learnt, shuffled[:6], winners)
    assert all(again[head] < otherwise[head] for head in ("notes", "durations", "offsets"))
    assert divergence(timing(learnt), timing(shuffled)) == pytest.approx(0)  # which knows no order
    assert divergence(rhythm(learnt), rhythm(shuffled)) > 0.01
    assert divergence(rhythm(learnt), rhythm(learnt[:1] * 12)) > divergence(rhythm(learnt), rhythm(learnt[:11])) > 0
