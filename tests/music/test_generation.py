"""Heads and a prime to a new song: what holds for every song, and how the prime stands in for a lacking head."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from midi_files import meta, midi_file, on, track
from winners_made import demo_songs, make_run, make_winner

from datamodules.columns import column_for
from datamodules.errors import UserError
from datamodules.midi.writing import write_midi
from datamodules.song import Events, Song
from datamodules.splits import TEST
from datamodules.windows import Segments, Windows
from experiments.command_line.cli import main
from experiments.generate import GenerateOptions
from experiments.generate import generate as write_song
from experiments.heads import HEADS
from experiments.music.events.event import Event
from experiments.music.events.generation import generate, unknown_of_prime
from experiments.music.events.sampling import Sampling, read_sampling
from experiments.music.events.settings import Settings
from experiments.music.events.voices import Voice
from experiments.music.prime import Prime, find_prime
from experiments.winners import Winner
from lightning_modules.head import Head
from songs import bundled

WILD = {head: Sampling(temperature=3.0, top_p=1.0) for head in HEADS}
STYLES: dict[str, dict[str, Any]] = {
    "default": {},
    "original": {"inputs": "own", "loss": "last", "transpose": "none", "output": "token", "window": 5},
    "tokens in context": {"inputs": "context", "output": "token", "tied": "yes", "loss": "half"},
    "spelled alone": {"inputs": "own", "output": "factored"},
    "note by note": {"grain": "note"},
}


@pytest.fixture
def winners(tmp_path: Path) -> dict[str, Winner]:
    return make_run(tmp_path / "runs" / "demo")[1]


def in_style(folder: Path, style: str) -> dict[str, Winner]:
    """Winners of all heads, each with those hyperparameters of a style that it has."""
    winners = {}
    for head, spec in HEADS.items():
        settings = {name: value for name, value in STYLES[style].items() if name in spec.config.names()}
        winners[head] = make_winner(folder / head, head, demo_songs(), **settings)
    return winners


def one(winners: dict[str, Winner], prime: Prime, settings: Settings) -> Song:
    (song,) = generate(winners, prime, settings)
    return song


def same(a: Song, b: Song) -> bool:
    columns = ("onset", "pitch", "length", "velocity", "part")
    return all(np.array_equal(getattr(a.notes, name), getattr(b.notes, name)) for name in columns)


def assert_playable(song: Song) -> None:
    """No zero lengths, no pitch over its own next onset, velocities that MIDI has, sorted."""
    notes = song.notes
    assert (notes.length >= 1).all()
    assert ((notes.velocity >= 1) & (notes.velocity <= 127)).all()
    rows = list(zip(notes.onset.tolist(), notes.part.tolist(), notes.pitch.tolist(), strict=True))
    assert rows == sorted(rows)
    for pitch in set(notes.pitch.tolist()):
        own = np.flatnonzero(notes.pitch == pitch)
        ends = (notes.onset + notes.length)[own]
        assert (ends[:-1] <= notes.onset[own][1:]).all()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("path", bundled(), ids=lambda path: path.stem)
def test_every_song_is_playable_and_as_long_as_asked(winners: dict[str, Winner], path: Path, seed: int) -> None:
    prime = find_prime(winners, path)
    song = one(winners, prime, Settings(events=150, seed=seed, sampling=WILD))
    assert_playable(song)
    events = song.events()
    assert len(events) == 150
    assert (np.diff(events.onset) >= 1).all()
    bar = 96 if "tin_roof" in path.name else 72
    assert 0 <= events.onset[0] < bar
    assert song.metres[0, 1:].tolist() == prime.song.metres[0, 1:].tolist()
    assert song.keys[0, 1] == prime.song.keys[0, 1]


def test_a_song_goes_on_in_the_metre_where_its_context_ends(winners: dict[str, Winner], tmp_path: Path) -> None:
    """Not in that of the pickup, nor in one that the prime has left by then."""
    path = tmp_path / "changes.mid"
    quarter = [(0, on(60)), (480, on(60, 0))]

    def metre(numerator: int) -> tuple[int, bytes]:
        return 0, meta(0x58, bytes([numerator, 2, 24, 8]))

    path.write_bytes(midi_file(track(metre(1), *quarter, metre(3), *quarter * 3, metre(4), *quarter * 16)))
    assert find_prime(winners, path).metre == (4, 4)
    prime = replace(find_prime(winners, path), context=3)
    assert prime.metre == (3, 4)
    assert (prime.place, prime.bar) == (24, 72)
    assert replace(prime, context=1).metre == (3, 4)
    assert one(winners, prime, Settings(events=5)).metres.tolist() == [[0, 3, 4]]
    longer = metre(3), *quarter * 6, metre(5), *quarter * 5, metre(3), *quarter * 9  # a bar alone is no metre
    path.write_bytes(midi_file(track(*longer)))
    prime = replace(find_prime(winners, path), context=11)
    assert prime.metre == (3, 4)
    song = one(winners, prime, Settings(bars=3))
    assert song.metres.tolist() == [[0, 3, 4]]
    assert song.notes.onset.min() < 72
    assert (song.notes.onset + song.notes.length).max() <= 3 * 72


@pytest.mark.parametrize("style", STYLES)
def test_heads_of_every_style_make_playable_songs(style: str, tmp_path: Path) -> None:
    winners = in_style(tmp_path, style)
    song = one(winners, find_prime(winners, None), Settings(events=60, sampling=WILD))
    assert_playable(song)
    assert len(song.events()) == 60


@pytest.mark.parametrize("path", bundled(), ids=lambda path: path.stem)
@pytest.mark.parametrize("style", STYLES)
def test_heads_see_of_a_new_song_what_training_would_show_of_it(
    style: str, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every position that is read is that of its event in the prime's opening and the new song together."""
    winners = in_style(tmp_path, style)
    prime = find_prime(winners, path)
    heads: dict[int, str] = {}
    heard: dict[str, list[Event]] = {head: [] for head in HEADS}
    seen: list[tuple[str, int, dict[str, torch.Tensor]]] = []

    def recorded(hear: Callable[[Voice, Event], None]) -> Callable[[Voice, Event], None]:
        def record(voice: Voice, event: Event) -> None:
            heads[id(voice.head)] = voice.spec.name
            heard[voice.spec.name].append(replace(event))
            hear(voice, event)

        return record

    def follow(head: Head, batch: dict[str, torch.Tensor], memory: Any, follow: Any = Head.follow) -> Any:
        name = heads[id(head)]
        seen.append((name, len(heard[name]), {key: tensor.clone() for key, tensor in batch.items()}))
        return follow(head, batch, memory)

    monkeypatch.setattr(Voice, "hear", recorded(Voice.hear))
    monkeypatch.setattr(Voice, "overhear", recorded(Voice.overhear))
    monkeypatch.setattr(Head, "follow", follow)
    one(winners, prime, Settings(events=12, sampling=WILD))
    length = prime.context
    events = heard["notes"]
    assert len(events) == length + 12
    assert all(others == events for others in heard.values())
    for last, event in pairwise(events[length - 1 :]):
        assert event.bar == prime.bar
        assert event.place == (last.place + event.offset) % prime.bar
    assert {(name, number) for name, number, _ in seen} == {(n, i) for n in HEADS for i in range(length, length + 12)}
    windows = {
        name: Windows(column_for(winner.column, winner.vocabulary, winner.grid, [_table(events)]), TEST, winner.framing)
        for name, winner in winners.items()
    }
    for name, number, batch in seen:
        at = np.array([number])
        expected = windows[name].batch(Segments(at, at, np.zeros(1, np.int64)))
        inputs = {"window", "chord", "numbers", "known"} & expected.keys()
        assert set(batch) == inputs
        for key in inputs:
            read = expected[key][:, -batch[key].shape[1] :]
            assert torch.allclose(batch[key].double(), read.double(), atol=1e-6), (name, number, key)


def _table(events: list[Event]) -> Events:
    columns = {
        field: np.array([getattr(event, field) for event in events], np.int32)
        for field in ("duration", "offset", "velocity", "place", "bar")
    }
    sizes = [len(event.chords) for event in events]
    return Events(
        onset=np.cumsum(columns["offset"]),
        starts=np.cumsum([0, *sizes]).astype(np.int32),
        pitches=np.array([pitch for event in events for pitch in event.chords], np.int32),
        lengths=np.array([length for event in events for length in event.sounding], np.int32),
        **columns,
    )


@pytest.mark.parametrize("bars", [1, 7])
def test_bars_are_filled_and_not_exceeded(winners: dict[str, Winner], bars: int) -> None:
    prime = find_prime(winners, bundled()[0])
    song = one(winners, prime, Settings(bars=bars, sampling=WILD))
    assert_playable(song)
    assert (song.notes.onset + song.notes.length).max() <= bars * 96
    longer = one(winners, prime, Settings(bars=bars + 1, sampling=WILD)).events()
    kept = song.events()
    assert longer.chords()[: len(kept)] == kept.chords()  # more bars go on, and change nothing before
    assert len(longer) == len(kept) or longer.onset[len(kept)] >= bars * 96


def test_the_same_seed_gives_the_same_song_and_another_seed_another(winners: dict[str, Winner]) -> None:
    prime = find_prime(winners, None)
    first, again = (one(winners, prime, Settings(events=40, seed=5)) for _ in range(2))
    assert same(first, again)
    assert not same(first, one(winners, prime, Settings(events=40, seed=6)))


def test_a_candidate_does_not_depend_on_how_many_are_asked_for(winners: dict[str, Winner]) -> None:
    prime = find_prime(winners, None)
    few = list(generate(winners, prime, Settings(events=30), candidates=2))
    many = list(generate(winners, prime, Settings(events=30), candidates=4))
    assert all(same(a, b) for a, b in zip(few, many, strict=False))
    assert not any(same(a, b) for a, b in pairwise(many))


@pytest.mark.parametrize("style", STYLES)
def test_a_column_depends_on_the_other_heads_only_in_context(style: str, tmp_path: Path) -> None:
    winners = in_style(tmp_path, style)
    prime = find_prime(winners, None)
    alone = one({"notes": winners["notes"]}, prime, Settings(events=250)).events()
    offsets = one({"offsets": winners["offsets"]}, prime, Settings(events=250)).events()
    together = one(winners, prime, Settings(events=250)).events()
    alike = [alone.chords() == together.chords(), np.array_equal(offsets.onset, together.onset)]
    assert all(alike) if winners["notes"].config.inputs == "own" else not all(alike)


def test_threads_change_nothing_and_are_left_as_they_were(winners: dict[str, Winner]) -> None:
    before = torch.get_num_threads()
    prime = find_prime(winners, None)
    try:
        torch.set_num_threads(2)
        two = one(winners, prime, Settings(events=20))
        assert torch.get_num_threads() == 2
        torch.set_num_threads(1)
        assert same(two, one(winners, prime, Settings(events=20)))
    finally:
        torch.set_num_threads(before)


def test_lacking_timing_heads_are_the_primes_own_columns(winners: dict[str, Winner]) -> None:
    prime = find_prime(winners, bundled()[0])
    length = prime.context
    song = one({"notes": winners["notes"]}, prime, Settings(events=100))
    events, own = song.events(), prime.events
    assert np.array_equal(np.diff(events.onset), own.offset[length + 1 : length + 100])
    assert events.onset[0] == prime.song.bar_position(int(own.onset[length]))  # its own place in the bar
    assert (events.duration <= own.duration[length : length + 100]).all()  # less only where a pitch comes again


def test_a_lacking_notes_head_is_the_primes_chords(winners: dict[str, Winner]) -> None:
    prime = find_prime(winners, bundled()[1])
    song = one({"offsets": winners["offsets"]}, prime, Settings(events=30))
    assert song.events().chords() == prime.events.chords()[8:38]


def test_a_short_prime_is_repeated_from_its_start_in_its_place_in_the_bar(
    winners: dict[str, Winner], tmp_path: Path
) -> None:
    # four quarters, the first on the second beat; the repetition begins on a second beat again, after the last note
    path = tmp_path / "short.mid"
    notes = [(480, on(60)), (480, on(60, 0)), (0, on(62)), (480, on(62, 0)), (0, on(64)), (480, on(64, 0))]
    path.write_bytes(midi_file(track(*notes, (0, on(65)), (480, on(65, 0)))))
    prime = find_prime(winners, path)
    assert prime.context == 4
    song = one({"notes": winners["notes"]}, prime, Settings(events=9))
    assert song.events().onset.tolist() == [24, 48, 72, 96, 120, 144, 168, 192, 216]
    chords = one({"offsets": winners["offsets"]}, prime, Settings(events=9)).events().chords()
    assert chords == [(60,), (62,), (64,), (65,), (60,), (62,), (64,), (65,), (60,)]


def test_a_prime_of_one_event_is_enough(winners: dict[str, Winner], tmp_path: Path) -> None:
    path = tmp_path / "one.mid"
    path.write_bytes(midi_file(track((0, on(60)), (480, on(60, 0)))))
    for heads in (winners, {"notes": winners["notes"]}):
        song = one(heads, find_prime(heads, path), Settings(events=20))
        assert_playable(song)
        assert len(song.events()) == 20


def test_an_offset_of_zero_never_stops_time(winners: dict[str, Winner]) -> None:
    """A head that says nothing but 0 moves on by the shortest offset that it knows."""
    offsets = winners["offsets"]
    assert 0 in offsets.vocabulary.index
    tensors = {name: torch.zeros_like(tensor) for name, tensor in offsets.tensors.items()}
    bias = next(name for name in tensors if name.endswith("layer.bias"))
    tensors[bias][offsets.vocabulary.index[0]] = 100.0
    stuck = winners | {"offsets": replace(offsets, tensors=tensors)}
    song = one(stuck, find_prime(stuck, None), Settings(events=12))
    shortest = next(tick for tick in offsets.vocabulary.values if tick)
    assert np.diff(song.events().onset).tolist() == [shortest] * 11


def test_a_regression_is_generated_from_too(tmp_path: Path) -> None:
    winners = {
        head: make_winner(tmp_path / head, head, demo_songs(), **({} if head == "notes" else {"objective": "mae"}))
        for head in HEADS
    }
    song = one(winners, find_prime(winners, None), Settings(events=40))
    assert_playable(song)
    assert len(song.events()) == 40


def test_windows_of_different_sizes_see_the_events_before_the_same_first_one(tmp_path: Path) -> None:
    own = {"inputs": "own", "output": "token", "loss": "last"}
    winners = {
        "notes": make_winner(tmp_path / "notes", "notes", demo_songs(), window=3, **own),
        "offsets": make_winner(tmp_path / "offsets", "offsets", demo_songs(), window=20),
    }
    prime = find_prime(winners, None)
    assert prime.context == 20
    network = winners["notes"].head()
    known = winners["notes"].vocabulary
    window = torch.tensor([[known.index[chord] for chord in prime.events.chords()[17:20]]])
    likeliest = network.sample({"window": window}, temperature=0, top_p=1, generator=torch.Generator())
    song = one(winners, prime, Settings(events=5, sampling={"notes": Sampling(temperature=0)}))
    assert song.events().chords()[:1] == likeliest


def test_a_head_is_drawn_as_asked_or_by_its_own_default() -> None:
    asked = Sampling(0.5, 0.7)
    settings = Settings(sampling={"durations": asked})
    drawn = {head: settings.drawn(head) for head in HEADS}
    assert drawn == {head: Sampling(1.0, spec.top_p) for head, spec in HEADS.items()} | {"durations": asked}
    assert read_sampling((), ()) == drawn | {"durations": Sampling.of("durations")}
    assert read_sampling(("0.8",), ("notes=0.5",))["offsets"] == Sampling(0.8, HEADS["offsets"].top_p)


def test_what_is_told_of_the_default_is_the_default(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(GenerateOptions, write_song, prog="generate", arguments=("--help",))
    told = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert f"{HEADS['notes'].top_p:g} for notes, {HEADS['offsets'].top_p:g} for the others" in told
    assert len({spec.top_p for head, spec in HEADS.items() if head != "notes"}) == 1


def test_what_the_prime_has_and_a_head_lacks_is_counted(tmp_path: Path) -> None:
    winners = in_style(tmp_path, "tokens in context")
    spelling = {"notes": make_winner(tmp_path / "spelling", "notes", demo_songs(), output="factored")}
    path = tmp_path / "odd.mid"
    notes = [message for pitch in (1, 2, 3) for message in ((0, on(pitch)), (37, on(pitch, 0)))]
    path.write_bytes(midi_file(track(*notes)))
    prime = find_prime(winners, path)
    assert unknown_of_prime(winners, prime)["notes"] == (3, 3)
    assert unknown_of_prime(spelling, prime)["notes"] == (0, 3)  # it can spell any
    assert unknown_of_prime(winners, find_prime(winners, None))["notes"] == (0, 8)
    assert_playable(one(winners, prime, Settings(events=20)))


def test_tempo_comes_from_the_prime_unless_asked_for(winners: dict[str, Winner]) -> None:
    prime = find_prime(winners, bundled()[0])
    assert one(winners, prime, Settings(events=3)).tempos[:, 1].tolist() == pytest.approx([112], abs=1e-3)
    assert one(winners, prime, Settings(events=3, tempo=90.0)).tempos.tolist() == [[0, 90]]


def test_progress_never_goes_back_and_ends_at_the_end(winners: dict[str, Winner]) -> None:
    told: list[float] = []
    for settings in (Settings(events=10), Settings(bars=3)):
        told.clear()
        list(
            generate(
                winners, find_prime(winners, None), settings, candidates=2, progress=lambda a, b: told.append(a / b)
            )
        )
        assert told[-1] == 1
    assert min(told) > 0


def test_the_prime_is_read_in_the_parts_that_the_notes_head_learnt(tmp_path: Path) -> None:
    winner = make_winner(tmp_path / "notes", "notes", demo_songs(parts=("melody",)))
    prime = find_prime({"notes": winner}, bundled()[0])
    assert all(len(chord) <= 2 for chord in prime.events.chords())
    drums = tmp_path / "drums.mid"
    song = prime.song
    kept = song.notes.part == next(i for i, part in enumerate(song.parts) if part.drums)
    columns = {name: getattr(song.notes, name)[kept] for name in ("onset", "pitch", "length", "velocity", "part")}
    write_midi(replace(song, notes=type(song.notes)(**columns)), drums)
    with pytest.raises(UserError, match=r"no pitched notes in the parts .*melody.*Drums \(drums\)"):
        find_prime({"notes": winner}, drums)


def test_a_prime_that_is_no_midi_file_is_refused(winners: dict[str, Winner], tmp_path: Path) -> None:
    for path in (tmp_path / "gone.mid", tmp_path / "text.mid"):
        (tmp_path / "text.mid").write_text("no music")
        with pytest.raises(UserError, match="--prime"):
            find_prime(winners, path)


@pytest.mark.parametrize(
    "wrong",
    [
        {"events": 0},
        {"bars": 0},
        {"bars": 10**9},
        {"tempo": 0.0},
        {"tempo": float("nan")},
        {"seed": -1},
        {"sampling": {"notes": Sampling(temperature=-1.0)}},
        {"sampling": {"notes": Sampling(temperature=float("nan"))}},
        {"sampling": {"notes": Sampling(top_p=0.0)}},
    ],
    ids=str,
)
def test_settings_without_meaning_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(UserError, match=next(iter(wrong)).replace("sampling", r"temperature|top-p")):
        Settings(**wrong)  # type: ignore[arg-type]
