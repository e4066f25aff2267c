"""Splits: what is held out, what stays together, and how much leaks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from events_made import events_of, moved, random_song, random_songs

from datamodules.errors import UserError
from datamodules.leakage import leakage
from datamodules.song import Events
from datamodules.splits import FIRST, TEST, TRAIN, VALID, Split, make_split, named_split, with_test_songs

KINDS = ("auto", "song", "tail", "none")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("songs", [3, 10, 23])
def test_every_event_but_the_first_of_a_song_is_one_parts_target(kind: str, songs: int) -> None:
    events = random_songs(songs, songs)
    split = make_split(kind, events, seed=4)
    for marks, song in zip(split.parts, events, strict=True):
        assert marks.dtype == np.int8
        assert len(marks) == len(song)
        assert marks[0] == FIRST
        assert (marks[1:] != FIRST).all()
    assert sum(split.targets(part) for part in (TRAIN, VALID, TEST)) == sum(map(len, events)) - songs
    assert "\n" not in split.describe()


@pytest.mark.parametrize("kind", KINDS)
def test_a_split_is_the_same_for_a_seed(kind: str) -> None:
    events = random_songs(1, 20)
    once, again = (make_split(kind, events, seed=7) for _ in range(2))
    assert once.songs == again.songs
    assert once.describe() == again.describe()
    assert all(np.array_equal(a, b) for a, b in zip(once.parts, again.parts, strict=True))


def test_song_split_holds_out_a_tenth_twice() -> None:
    splits = [make_split("song", random_songs(1, 40), seed) for seed in range(5)]
    for split in splits:
        assert [split.songs.count(name) for name in ("train", "valid", "test")] == [32, 4, 4]
    assert len({split.songs for split in splits}) == 5
    smallest = make_split("song", random_songs(1, 3), seed=0)
    assert sorted(smallest.songs) == ["test", "train", "valid"]


def test_auto_holds_out_songs_from_ten_on() -> None:
    assert make_split("auto", random_songs(1, 10), 0).name == "song"
    assert make_split("auto", random_songs(1, 9), 0).name == "tail"
    one = random_song(np.random.default_rng(0))
    assert make_split("auto", [one] * 12, 0).name == "tail"


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("copies", [(1, 1, 18), (17, 1, 1, 1), (2, 2, 2, 2, 2), (1,) * 8 + (5, 5)])
def test_equal_songs_stay_on_one_side(copies: Sequence[int], seed: int) -> None:
    random = np.random.default_rng(seed)
    events, family = [], []
    for i, count in enumerate(copies):
        song = random_song(random, 12)
        events += [moved(song, int(semitones)) for semitones in random.integers(-12, 12, count)]
        family += [i] * count
    split = make_split("song", events, seed)
    assert set(split.songs) == {"train", "valid", "test"}
    assert len(set(zip(family, split.songs, strict=True))) == len(copies)
    counts = [split.songs.count(name) for name in ("train", "valid", "test")]
    assert counts[0] >= counts[1]
    told = "{} to train, {} to validate, {} to test".format(*counts)
    assert split.label == f"by song, seed {seed}: {told}", "what was made, not what was aimed at"


def test_tail_cuts_each_song_by_events() -> None:
    random = np.random.default_rng(0)
    for length in range(2, 40):
        marks = make_split("tail", [random_song(random, length), random_song(random, 30)], 0).parts[0]
        expected = [TRAIN if i < 8 * length // 10 else VALID if i < 9 * length // 10 else TEST for i in range(length)]
        assert marks.tolist() == [FIRST, *expected[1:]]


def test_parts_and_their_labels() -> None:
    events = random_songs(1, 12)
    song, none = make_split("song", events, 0), make_split("none", events, 0)
    named = named_split(events[:3], events[3:5])
    assert (song.valid_part, song.valid_label, song.test_part, song.test_label) == (VALID, "validation", TEST, "test")
    assert (none.valid_part, none.valid_label) == (none.test_part, none.test_label) == (TRAIN, "training songs")
    assert (named.test_part, named.test_label) == (VALID, "validation")
    assert named.songs == ("train", "train", "train", "valid", "valid")
    assert named_split(events[:3], events[3:4], events[4:6]).songs[3:] == ("valid", "test", "test")


def test_other_songs_to_test_on() -> None:
    events, other = random_songs(1, 4), random_songs(2, 2)
    split = with_test_songs(make_split("tail", events, 0), other)
    assert split.targets(TEST) == sum(map(len, other)) - 2
    assert split.songs[-2:] == ("test", "test")
    assert not split.trains(5)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda songs: make_split("song", songs[:2], 0), "three different songs"),
        (lambda songs: make_split("song", [songs[0]] * 5, 0), "three different songs"),
        (lambda songs: make_split("halves", songs, 0), "halves"),
        (lambda songs: make_split("tail", [_first(songs[0], 3)], 0), "validate"),
        (lambda songs: make_split("none", [_first(songs[0], 1)], 0), "train"),
        (lambda songs: named_split([_first(songs[0], 1)], songs), "train"),
        (lambda songs: named_split(songs, [_first(songs[0], 1)]), "validate"),
        (lambda songs: named_split(songs, [], songs), "validate"),
    ],
)
def test_a_split_that_leaves_nothing_is_refused_in_one_line(make, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(UserError, match=message) as refused:
        make(random_songs(1, 3))
    assert "\n" not in str(refused.value)


def _first(song: Events, events: int) -> Events:
    chords = song.chords()[:events]
    return events_of(chords, song.duration[:events].tolist(), song.offset[:events].tolist())


def _naive(events: Sequence[Events], split: Split, held: int, name: str) -> float | None:
    """The definition of leakage, one row of six after another."""
    rows: dict[int, list[tuple[object, ...]]] = {TRAIN: [], held: []}
    for i, song in enumerate(events):
        marks = split.parts[i].tolist()
        marks[0] = {"valid": VALID, "test": TEST}.get(split.songs[i], TRAIN)
        columns = {"notes": song.chords(), "durations": song.duration.tolist(), "offsets": song.offset.tolist()}
        columns["triples"] = list(zip(*columns.values(), strict=True))
        for begin in range(1 if name in ("offsets", "triples") else 0, len(song) - 5):
            if len(set(marks[begin : begin + 6])) == 1 and marks[begin] in rows:
                rows[marks[begin]].append(tuple(columns[name][begin : begin + 6]))
    seen = set(rows[TRAIN])
    return sum(row in seen for row in rows[held]) / len(rows[held]) if rows[held] else None


@pytest.mark.parametrize("kind", ["song", "tail"])
@pytest.mark.parametrize("held", [VALID, TEST])
def test_leakage_is_its_definition(kind: str, held: int) -> None:
    random = np.random.default_rng(3)
    events = [random_song(random, 70, chords=2, pitches=4) for _ in range(6)]
    events.append(_first(events[0], 60))  # stands in another song, as a whole
    split = make_split(kind, events, seed=1)
    shares = leakage(events, split, held)
    assert set(shares) == {"notes", "durations", "offsets", "triples"}
    for name, share in shares.items():
        assert share == pytest.approx(_naive(events, split, held, name)), name


def test_leakage_of_a_copy_is_whole_and_of_nothing_is_none() -> None:
    song = random_song(np.random.default_rng(0))
    assert set(leakage([song, song], named_split([song], [song]), VALID).values()) == {1.0}
    short = _first(song, 5)
    assert set(leakage([song, short], named_split([song], [short]), VALID).values()) == {None}
    tiny = _first(song, 2)
    assert set(leakage([tiny, tiny], named_split([tiny], [tiny]), VALID).values()) == {None}
