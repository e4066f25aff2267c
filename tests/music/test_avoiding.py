"""`generate --max-copy`: no longer run is shared with a training song than asked, as the copy figures measure it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from events_made import moved, random_songs
from test_copying import naive_tokens, song_of, songs_in_common
from winners_made import demo_songs, make_run, make_winner

from datamodules.song import Events, Song
from experiments.command_line.cli import main
from experiments.generate import GenerateOptions, generate
from experiments.heads import HEADS
from experiments.music.copying.avoiding import Avoiding
from experiments.music.copying.figures import Comparison
from experiments.music.copying.matching import tokens_of
from experiments.music.events.event import Event
from experiments.music.events.generation import generate as new_songs
from experiments.music.events.ngram_share import shares_of
from experiments.music.events.sampling import Sampling
from experiments.music.events.settings import Settings
from experiments.music.events.voices import Voice
from experiments.music.form.planned import planned
from experiments.music.form.planning import read_plan
from experiments.music.own_song.accompanying import accompaniment
from experiments.music.own_song.keeping import in_its_key, read_kept
from experiments.music.prime import find_prime
from experiments.music.training_songs import TrainingSongs
from experiments.winners import Winner
from songs import bundled

pytestmark = pytest.mark.usefixtures("unseen")

STYLES: dict[str, dict[str, Any]] = {
    "spelled": {},
    "tokens": {"output": "token"},
    "spelled alone": {"inputs": "own"},
}
Chord = tuple[int, ...]


def naive_barred(said: list[Chord], old: list[Events], most: int) -> set[Chord]:
    """Each training chord, put behind what was said, whose longest shared run is too long, and of three tokens."""
    rows = [naive_tokens(song, "chords") for song in old]
    events = Events(*(np.zeros(0, np.int32),) * 9)
    found = set()
    for intervals, step in {token for row in rows for token in row}:  # type: ignore[misc]
        chord = tuple(said[-1][0] + step + interval for interval in intervals)
        if not (chord[0] >= 0 and chord[-1] < 128):
            continue
        pitches = np.array([p for one in (*said, chord) for p in one], np.int32)
        starts = np.cumsum([0, *map(len, said), len(chord)]).astype(np.int32)
        zeros = np.zeros(len(said) + 1, np.int32)
        own = naive_tokens(replace(events, pitches=pitches, starts=starts, offset=zeros, duration=zeros), "chords")
        longest = 0
        for row in rows:
            for end in range(len(row)):
                length = 0
                while length <= min(end, len(own) - 1) and own[len(own) - 1 - length] == row[end - length]:
                    length += 1
                if len(set(own[len(own) - length :])) >= 3:
                    longest = max(longest, length)
        if longest > most:
            found.add(chord)
    return found


@pytest.mark.parametrize("most", [2, 4, 7])
@pytest.mark.parametrize("seed", range(4))
def test_what_is_barred_is_what_would_make_a_run_too_long(seed: int, most: int) -> None:
    new, old = songs_in_common(seed)
    avoid = Avoiding(old, most).begin()
    said: list[Chord] = []
    barred, failures = set[Chord](), 0
    for chord in new.chords():
        failures += chord in barred
        avoid.hear(chord)
        said.append(chord)
        barred = naive_barred(said, old, most)
        assert avoid.barred == barred
    assert (avoid.events, avoid.failures) == (len(new), failures)
    assert failures == 0 if longest(song_of(new), old) <= most else failures > 0


def test_a_run_does_not_go_on_from_one_song_into_the_next() -> None:
    """Two songs that together say what the new one says."""
    new = random_songs(3, songs=1, events=30, chords=30)[0]
    halves = [new.stretch(0, 15), new.stretch(14, len(new))]
    assert len(tokens_of(halves)) == len(new) - 1
    for most, failures in ((13, 1), (20, 0)):
        avoid = Avoiding(halves, most).begin()
        for chord in new.chords():
            avoid.hear(chord)
        assert (avoid.failures > 0) == (longest(song_of(new), halves) > most) == bool(failures)


def styled(folder: Path, style: str) -> dict[str, Winner]:
    own = {head: {k: v for k, v in STYLES[style].items() if k in spec.config.names()} for head, spec in HEADS.items()}
    return {head: make_winner(folder / head, head, demo_songs(), **own[head]) for head in HEADS}


def longest(song: Song, training: list[Events]) -> int:
    return Comparison(TrainingSongs(tuple((song, events) for events in training), len(training))).of(song).longest


@pytest.mark.parametrize("temperature", [0.0, 1.0])
@pytest.mark.parametrize("style", STYLES)
def test_no_run_is_longer_than_asked(style: str, temperature: float, tmp_path: Path) -> None:
    """The training song is what the heads write of themselves, in another key: they go away from it in time."""
    winners = styled(tmp_path, style)
    prime = find_prime(winners, None)
    settings = Settings(events=24, sampling={head: Sampling(temperature=temperature) for head in HEADS})
    (own,) = new_songs(winners, prime, settings)
    training = [moved(own.events(), -1)]
    free = longest(own, training)
    assert free == 23 or temperature == 0  # an untrained head's likeliest may be one chord again and again
    for most in (2, 6, 23):
        avoiding = Avoiding(training, most)
        (song,) = new_songs(winners, prime, settings, avoiding=avoiding)
        assert len(song.events()) == 24
        assert avoiding.songs[0].failures == 0
        assert longest(song, training) <= most
        assert (song.events().chords() == own.events().chords()) == (free <= most)
        assert avoiding.describe(0) == f"--max-copy {most}: kept at all 24 events"


@pytest.mark.parametrize("variation", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("style", STYLES)
def test_in_a_song_with_a_plan_too(style: str, variation: float, tmp_path: Path) -> None:
    """Where a section returns, where one goes over into the next, and in the last chord."""
    winners = styled(tmp_path, style)
    prime = find_prime(winners, None)
    compose = planned(read_plan("A2A2B2A2", prime.song.grid), variation)
    for seed in range(2):
        (own,) = new_songs(winners, prime, Settings(seed=seed), compose=compose)
        training = [own.events()]
        for most in (2, 4):
            avoiding = Avoiding(training, most)
            (song,) = new_songs(winners, prime, Settings(seed=seed), compose=compose, avoiding=avoiding)
            assert avoiding.songs[0].events == len(song.events())
            assert avoiding.songs[0].failures == 0
            assert longest(song, training) <= most


def test_where_nothing_is_barred_a_song_with_a_plan_is_as_without_a_bound(demo: dict[str, Winner]) -> None:
    prime, settings = find_prime(demo, None), Settings(seed=3)
    compose = planned(read_plan("A2B2A2", prime.song.grid), 0.5)
    songs = [
        *new_songs(demo, prime, settings, compose=compose),
        *new_songs(demo, prime, settings, compose=compose, avoiding=Avoiding([], 2)),
    ]
    assert [song.events().chords() for song in songs] == [songs[0].events().chords()] * 2


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Winner]:
    return make_run(tmp_path_factory.mktemp("runs") / "demo")[1]


def test_ngrams_that_copy_are_kept_from_it(demo: dict[str, Winner]) -> None:
    prime, training, settings = find_prime(demo, None), list(demo_songs().events), Settings(events=60)
    shares = shares_of(demo, 1.0)
    free = max(longest(song, training) for song in new_songs(demo, prime, settings, shares=shares, candidates=3))
    avoiding = Avoiding(training, 4)
    songs = list(new_songs(demo, prime, settings, shares=shares, candidates=3, avoiding=avoiding))
    assert [song.failures for song in avoiding.songs] == [0, 0, 0]
    assert max(longest(song, training) for song in songs) <= 4 < free


def test_around_kept_notes_too(demo: dict[str, Winner]) -> None:
    """The kept bass may be in a training song: what cannot be kept is counted."""
    kept = read_kept(f"bass:{bundled()[0]}", 24)
    settings = Settings(bars=8, sampling={"notes": Sampling(temperature=0)})
    prime = in_its_key(find_prime(demo, None), kept, demo)
    (own,) = new_songs(demo, prime, settings, compose=accompaniment(kept))
    training = [own.events()]
    assert longest(own, training) == len(own.events()) - 1
    avoiding = Avoiding(training, 3)
    (song,) = new_songs(demo, prime, settings, compose=accompaniment(kept), avoiding=avoiding)
    assert avoiding.songs[0].events == len(song.events())
    assert avoiding.songs[0].failures == 0
    assert longest(song, training) <= 3


@pytest.mark.parametrize("style", ["spelled", "tokens"])
def test_where_nothing_else_is_likely_it_says_so(style: str, tmp_path: Path) -> None:
    """A head that has one chord in mind says it, barred or not."""
    winner = styled(tmp_path, style)["notes"]
    chord = next(value for value in winner.vocabulary.values if isinstance(value, tuple) and len(value) == 1)
    head = winner.head()
    with torch.no_grad():
        if style == "tokens":
            head.get_parameter("output.layer.bias")[winner.vocabulary.index[chord]] += 1000
        else:
            bias = head.get_parameter("output.choice.bias")
            bias[[chord[0], 128]] += 1000
            bias[chord[0] + 1 : 128] -= 1000
    voice = Voice(winner, head, Sampling(), torch.Generator().manual_seed(0))
    voice.avoid = avoid = Avoiding([], 2).begin()
    for number in range(3):
        avoid.barred = frozenset([chord] if number else [])
        event = Event()
        event.chords = voice.say(event)  # type: ignore[assignment]
        assert event.chords == chord
        voice.hear(event)
    assert (avoid.failures, avoid.events) == (2, 3)
    assert avoid.whole.describe(0) == (
        "--max-copy 2: could not be kept at 2 of 3 events, where no other chord was likely"
    )


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    make_run(tmp_path / "runs" / "demo")
    monkeypatch.chdir(tmp_path)
    return lambda *words: main(GenerateOptions, generate, prog="generate", arguments=words)


def test_the_command_says_how_it_went(call: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    words = ("demo", "--mix-ngram", "0.9", "--candidates", "2", "--events", "50", "--max-copy", "3")
    assert call(*words) == 0
    said = capsys.readouterr().out
    assert said.count("--max-copy 3: kept at all 50 events") == 2
    assert [int(line.split()[-1]) for line in said.splitlines() if line.startswith("output-")] <= [3, 3]
    assert b"no run of more than 3 events" in Path("output-1.mid").read_bytes()


def test_what_cannot_be_avoided_is_one_line(call: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    make_run(Path("runs/timing"), ["offsets"])
    for words, told in (
        (("demo", "--max-copy", "1"), "--max-copy 1: must be at least 2"),
        (("timing", "--max-copy", "4"), "--max-copy: without a notes head"),
    ):
        assert call(*words) == 2, words
        error = capsys.readouterr().err
        assert told in error
        assert error.count("\n") == 1
    Path("runs/demo/songs.json").unlink()
    assert call("demo", "--max-copy", "4") == 2
    error = capsys.readouterr().err
    assert "--max-copy: the training songs are not here to compare with" in error
    assert error.count("\n") == 1
