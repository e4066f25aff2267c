"""How much of a song stands in others, against the plainest count there is."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from events_made import events_of, moved, random_songs, song_of
from winners_made import demo_songs

from datamodules.song import Events, Song
from experiments.music.copying.figures import GRAMS, Comparison, Shared
from experiments.music.training_songs import HeldOut, TrainingSongs


def trained(*songs: Events) -> TrainingSongs:
    made = [song_of(events, f"folder/{number}.mid") for number, events in enumerate(songs)]
    return TrainingSongs(tuple((song, song.events()) for song in made), len(made))


def songs_in_common(seed: int) -> tuple[Events, list[Events]]:
    """A new song and old ones that have chords in common, in other keys, and chords that are said again and again."""
    random = np.random.default_rng(seed)
    whole = random_songs(seed, songs=1, events=160, chords=4)[0]
    chords = whole.chords()
    for begin in range(10, len(chords) - 20, 40):
        chords[begin : begin + 12] = [chords[begin]] * 12
    lengths, offsets = random.choice([6, 12], len(chords), p=[0.8, 0.2]), random.choice([12, 24], len(chords))
    whole = events_of(chords, lengths.tolist(), offsets.tolist())
    begins = random.integers(0, len(chords) - 60, 4).tolist()
    new, *old = (whole.stretch(begin, begin + int(random.integers(2, 60))) for begin in begins)
    return new, [moved(song, int(random.integers(-12, 13))) for song in old]


Token = tuple[object, ...]


def naive_tokens(events: Events, view: str) -> list[Token]:
    chords, found = events.chords(), []
    for before, at in pairwise(range(len(chords))):
        chord: Token = (tuple(p - chords[at][0] for p in chords[at]), chords[at][0] - chords[before][0])
        rhythm = (int(events.offset[at]), int(events.duration[at]))
        found.append(
            {"chords": chord, "rhythm": (*chord, *rhythm), "melody": (chords[at][-1] - chords[before][-1],)}[view]
        )
    return found


def naive(new: Events, old: list[Events], view: str) -> Shared:
    own, others = naive_tokens(new, view), [naive_tokens(song, view) for song in old]
    found: dict[int, float | None] = {}
    apart: dict[int, float | None] = {}
    for n in GRAMS:
        known = {tuple(row[i : i + n]) for row in others for i in range(len(row) - n + 1)}
        grams = [tuple(own[i : i + n]) for i in range(len(own) - n + 1)]
        counted = [gram for gram in grams if len(set(gram)) >= 3]
        found[n] = sum(gram in known for gram in counted) / len(counted) if counted else None
        apart[n] = 1 - len(counted) / len(grams) if grams else None
    longest = 0
    for row in others:
        for i in range(len(own)):
            for j in range(len(row)):
                length = 0
                while i + length < len(own) and j + length < len(row) and own[i + length] == row[j + length]:
                    length += 1
                if len(set(own[i : i + length])) >= 3:
                    longest = max(longest, length)
    return Shared(found, apart, longest)


def figures(shared: Shared) -> list[object]:
    """The figures of a view, without the place."""
    shares = [*shared.found.values(), *shared.apart.values()]
    return [None if share is None else pytest.approx(share) for share in shares] + [pytest.approx(shared.longest)]


@pytest.mark.parametrize("seed", range(25))
def test_all_figures_equal_a_naive_count(seed: int) -> None:
    new, old = songs_in_common(seed)
    found = Comparison(trained(*old)).of(song_of(new))
    heard = song_of(new).events()
    for view, shared in found.views.items():
        assert figures(shared) == figures(naive(heard, old, view)), view
        if shared.longest:  # and it does stand there
            assert naive(heard, [old[int(Path(shared.where).stem)]], view).longest == shared.longest


@pytest.mark.parametrize("seed", range(5))
def test_transposing_any_song_changes_nothing(seed: int) -> None:
    new, old = songs_in_common(seed)
    random = np.random.default_rng(seed)
    expected = Comparison(trained(*old)).of(song_of(new))
    assert Comparison(trained(*old)).of(song_of(moved(new, int(random.integers(-20, 20))))) == expected
    elsewhere = [moved(song, int(random.integers(-20, 20))) for song in old]
    assert Comparison(trained(*elsewhere)).of(song_of(new)) == expected


def test_held_out_songs_are_compared_alike_and_told_as_means() -> None:
    made = [songs_in_common(seed) for seed in (3, 4, 5)]
    training, held = trained(*made[0][1]), tuple(new for new, _ in made)
    compare = Comparison(training, lambda: HeldOut(held, "held-out: 3 test songs"))
    beside, told = compare.beside
    assert told.startswith("held-out: 3 test songs (")
    for view, shared in beside.items():
        alone = [naive(song, made[0][1], view) for song in held]
        assert shared.longest == pytest.approx(np.mean([one.longest for one in alone]))
        for n in GRAMS:
            known = [share for one in alone if (share := one.found[n]) is not None]
            assert shared.found[n] == (pytest.approx(np.mean(known)) if known else None)


def test_held_out_songs_stay_apart() -> None:
    """Two that together are a training song, but for what begins the second."""
    whole = random_songs(3, songs=1, events=30, chords=30)[0]
    halves = whole.stretch(0, 15), whole.stretch(14, len(whole))
    beside, _ = Comparison(trained(whole), lambda: HeldOut(halves, "two")).beside
    assert beside["chords"].longest == (14 + len(whole) - 15) / 2


def test_a_copy_is_found_whole_with_its_bar_in_any_key() -> None:
    source = demo_songs().songs[0]
    events = source.events()
    begin = int(np.flatnonzero(events.onset >= 96 * 20)[0])  # the first event of the 21st bar of 4/4
    copied = moved(events.stretch(begin - 1, begin + 49), 3)
    found = Comparison(TrainingSongs(((source, events),), 1)).of(song_of(copied))
    for view in ("chords", "rhythm", "melody"):
        assert set(found.views[view].found.values()) == {1.0}
    assert found.longest == 49
    assert (found.views["chords"].where, found.views["chords"].bar) == (source.name, bar_at(source, events, begin))
    told = found.describe()
    assert "copied" not in told
    assert "4-grams 100 %, 8-grams 100 %" in told
    assert "checked against 1 training song" in told


def bar_at(source: Song, events: Events, event: int) -> int:
    """Of a song of one metre."""
    assert len(source.metres) == 1
    return int(events.onset[event]) // int(events.bar[event]) + 1


def test_one_chord_again_and_again_is_no_copy() -> None:
    chord, other = (60, 64, 67), (62, 65, 69)
    song = events_of([chord] * 30 + [chord, other] * 15, [12] * 60, [12] * 60)
    found = Comparison(trained(song)).of(song_of(song))
    assert (found.views["rhythm"].found[16], found.views["rhythm"].apart[4]) == (1.0, pytest.approx(54 / 56))
    # a chord after itself, after the other, and the other: three different tokens, where the two parts meet
    assert found.longest == 59
    alone = Comparison(trained(song)).of(song_of(song.stretch(0, 30)))
    assert alone.longest == 0
    assert set(alone.views["chords"].found.values()) == {None}
    assert set(alone.views["chords"].apart.values()) == {1.0}
    assert "100 % of its 16-grams" in alone.describe()


def test_nothing_shared() -> None:
    new, old = random_songs(1, songs=2, events=20)
    wide = replace(old, pitches=np.arange(len(old.pitches), dtype=np.int32) % 2 * 100, starts=old.starts)
    sizes = np.diff(wide.starts)
    chords = [(0, 100 + number % 20) for number in range(len(sizes))]
    found = Comparison(trained(events_of(chords, [12] * len(sizes), [12] * len(sizes)))).of(song_of(new))
    chord = found.views["chords"]
    assert (chord.found[4], chord.longest, chord.where, chord.bar) == (0.0, 0, "", 0)
    assert "longest run 0 events" in found.describe()


def test_a_run_does_not_go_on_from_one_song_into_the_next() -> None:
    whole = random_songs(3, songs=1, events=30, chords=30)[0]
    cut = len(whole) // 2
    halves = [whole.stretch(0, cut), whole.stretch(cut, len(whole))]
    assert Comparison(trained(*halves)).of(song_of(whole)).longest <= max(cut, len(whole) - cut)


@pytest.mark.parametrize("events", [0, 1, 3])
def test_a_song_too_short_for_a_sequence_has_no_share(events: int) -> None:
    old = random_songs(4, songs=1)[0]
    found = Comparison(trained(old, old.stretch(0, 1))).of(song_of(old.stretch(5, 5 + events)))
    assert found.copied is None
    assert "too short" in found.describe()
