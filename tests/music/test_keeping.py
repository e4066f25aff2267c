"""`generate --keep`: the kept notes stay to the tick, what is added leaves them their room, the rest is as ever."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import mido
import numpy as np
import pytest
from winners_made import demo_songs, make_run, make_winner

from datamodules.errors import UserError
from datamodules.midi.reading import read_midi
from datamodules.midi.writing import write_midi
from datamodules.song import Notes, Part, Song, bar_lines
from experiments.command_line.cli import main
from experiments.generate import GenerateOptions, generate
from experiments.heads import HEADS
from experiments.music.events.generation import generate as new_songs
from experiments.music.events.ngram_share import shares_of
from experiments.music.events.sampling import Sampling
from experiments.music.events.settings import Settings
from experiments.music.own_song.accompanying import accompaniment
from experiments.music.own_song.keeping import Kept, in_its_key, read_kept
from experiments.music.own_song.spans import Spans
from experiments.music.prime import find_prime
from experiments.winners import Winner
from songs import bundled

pytestmark = pytest.mark.usefixtures("unseen")

MELODY, CHORDS, BASS = (Part(role.capitalize(), 0, False, role) for role in ("melody", "chords", "bass"))
WILD = {head: Sampling(temperature=2.0, top_p=1.0) for head in HEADS}
STYLES: dict[str, dict[str, Any]] = {
    "spelled alone": {"inputs": "own"},
    "tokens in context": {"output": "token"},
    "tokens": {"inputs": "own", "output": "token"},
    "note by note": {"grain": "note"},
}
Row = tuple[int, int, int, int, str, int]


def made(rows: list[tuple[int, int, int, int]], *parts: Part, grid: int = 480) -> Song:
    """Of (onset, pitch, length, part)."""
    table = np.array([(onset, pitch, length, 70, part) for onset, pitch, length, part in sorted(rows)], np.int32)
    return Song(
        grid, parts, Notes(*table.reshape(-1, 5).T), np.array([[0.0, 100.0], [1920.0, 90.0]]),
        np.array([[0, 4, 4]], np.int32), np.array([[0, 2, 2]], np.int32),
    )  # fmt: skip


def played(path: Path, *, seed: int = 0, notes: int = 24) -> Path:
    """A melody of a human hand, off the heads' grid."""
    random = np.random.default_rng(seed)
    onset = np.cumsum(random.integers(150, 700, notes))
    pitch, length = random.integers(66, 84, notes), random.integers(60, 600, notes)
    rows = np.stack([onset, pitch, length, np.zeros_like(onset)], axis=1).tolist()
    write_midi(made([tuple(row) for row in rows], Part("My tune", 56, False, "melody")), path)
    return path


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Winner]:
    """Winners of all heads, with the default hyperparameters, in a run."""
    return make_run(tmp_path_factory.mktemp("runs") / "demo")[1]


def written(song: Song) -> set[Row]:
    """All that a note is, and the name and instrument of its part."""
    columns = (getattr(song.notes, name).tolist() for name in ("onset", "pitch", "length", "velocity", "part"))
    return {(*row[:-1], song.parts[row[-1]].name, song.parts[row[-1]].program) for row in zip(*columns, strict=True)}


def styled(folder: Path, style: str) -> dict[str, Winner]:
    own = {head: {k: v for k, v in STYLES[style].items() if k in spec.config.names()} for head, spec in HEADS.items()}
    return {head: make_winner(folder / head, head, demo_songs(), **own[head]) for head in HEADS}


def around(winners: dict[str, Winner], kept: Kept, settings: Settings, **more: Any) -> Song:
    """The new song as it is written, with nothing worn."""
    prime = in_its_key(find_prime(winners, None), kept, winners)
    (song,) = new_songs(winners, prime, settings, compose=accompaniment(kept), **more)
    return kept.dressed(song, settings, lambda added, _: added)


def assert_room(song: Song, kept: int) -> None:
    """No added note sounds above a melody's, below a bass's, or on the pitch of any kept note, while that sounds."""
    notes = song.notes
    end = notes.onset + notes.length
    added = np.flatnonzero(notes.part >= kept)
    for row in np.flatnonzero((notes.part < kept) & song.chosen()):
        together = added[(notes.onset[added] < end[row]) & (end[added] > notes.onset[row])]
        pitches, own = notes.pitch[together], notes.pitch[row]
        assert (pitches != own).all()
        role = song.parts[int(notes.part[row])].role
        assert role != "melody" or (pitches < own).all()
        assert role != "bass" or (pitches > own).all()


@pytest.mark.parametrize("parts", ["melody", "bass", "chords", "melody,bass", "melody,drums"])
def test_kept_notes_are_unchanged_and_have_their_room(parts: str, demo: dict[str, Winner]) -> None:
    path = bundled()[len(parts) % 2]
    kept, whole = read_kept(f"{parts}:{path}", 24), read_midi(path, grid=480)
    own = [number for number, part in enumerate(whole.parts) if part.role in parts.split(",")]
    end = 4 * int(whole.bar_positions(np.zeros(1, np.int64))[1][0])  # of four bars
    names = [whole.parts[number].name for number in own]
    inside = [row for row in written(whole) if row[4] in names and row[0] < end]
    wanted = {(row[0], row[1], min(row[2], end - row[0]), *row[3:]) for row in inside}  # none rings over the last line
    for seed in range(3):
        song = around(demo, kept, Settings(bars=4, seed=seed, sampling=WILD))
        assert {row for row in written(song) if row[4] != "tritone"} == wanted
        assert [part.name for part in song.parts][-1] == "tritone"
        assert_room(song, len(song.parts) - 1)
        assert (song.notes.onset + song.notes.length).max() <= end


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("part", ["melody", "bass"])
def test_heads_of_every_style_leave_kept_notes_their_room(style: str, part: str, tmp_path: Path) -> None:
    winners, settings = styled(tmp_path, style), Settings(bars=3, sampling=WILD)
    kept = read_kept(f"{part}:{bundled()[0]}", 24)
    song = around(winners, kept, settings)
    assert written(kept.of(settings, 0)[1]) <= written(song)
    assert_room(song, 1)


@pytest.mark.parametrize("lacking", [*HEADS, "all but offsets"])
def test_every_head_may_be_lacking(lacking: str, tmp_path: Path) -> None:
    heads = ["offsets"] if lacking.startswith("all") else [head for head in HEADS if head != lacking]
    winners = {head: make_winner(tmp_path / head, head, demo_songs()) for head in heads}
    kept = read_kept(f"melody:{played(tmp_path / 'mine.mid')}", 24)
    song = around(winners, kept, Settings(bars=5))
    assert written(kept.of(Settings(bars=5), 0)[1]) <= written(song)
    assert_room(song, 1)
    assert (song.notes.part == 1).any()


def test_a_played_melody_keeps_its_timing_and_what_begins_with_it_begins_with_it(
    demo: dict[str, Winner], tmp_path: Path
) -> None:
    """Not on the heads' grid, but where the hand was; and all of it, to the last note."""
    path = played(tmp_path / "mine.mid")
    kept = read_kept(f"My Tune:{path}", 24)
    own = read_midi(path, grid=480)
    assert (own.notes.onset % 20 != 0).any()
    song = around(demo, kept, Settings(events=10_000))
    assert {row for row in written(song) if row[4] == "My tune"} == written(own)
    assert np.array_equal(song.tempos, own.tempos)
    assert np.array_equal(song.keys, own.keys)
    added = song.notes.onset[song.notes.part == 1]
    with_it = np.isin(added, own.notes.onset)
    assert with_it.any()
    assert (added[~with_it] % 20 == 0).all()
    assert abs(added[~with_it][:, None] - own.notes.onset).min() > 1.5 * 20
    bar = 4 * 480
    assert song.notes.onset.max() < -(-int((own.notes.onset + own.notes.length).max()) // bar) * bar
    assert_room(song, 1)


def test_events_and_bars_end_sooner_or_go_on_freely(demo: dict[str, Winner], tmp_path: Path) -> None:
    path = played(tmp_path / "mine.mid", notes=6)
    few = around(demo, read_kept(f"melody:{path}", 24, bounds=False), Settings(events=9))
    assert len(few.events()) == 9
    last = read_midi(path).notes.onset.max() * 20
    for settings in (Settings(events=50), Settings(bars=10)):
        kept = read_kept(f"melody:{path}", 24, bounds=False)
        song = around(demo, kept, settings)
        assert written(read_midi(path, grid=480)) <= written(song)
        assert song.notes.onset.max() > last + 480 * 4
        assert settings.bars is None or (song.notes.onset + song.notes.length).max() <= 10 * 4 * 480
        assert settings.bars is not None or len(song.events()) == 50


def test_spans_hold_through_a_breath_and_not_after_the_last_note() -> None:
    song = made(
        [(0, 70, 100, 0), (600, 72, 100, 0), (5000, 74, 100, 0), (0, 40, 480, 1), (0, 55, 480, 2)], MELODY, BASS, CHORDS
    )
    spans = Spans(song)
    free = np.flatnonzero(spans.free(0, 1))
    assert free.tolist() == [pitch for pitch in range(41, 70) if pitch != 55]
    assert spans.free(500, 501)[69]
    assert not spans.free(500, 501)[70:].any()  # a breath
    assert not spans.free(700 + 4 * 480 - 1, 700 + 4 * 480)[80]
    assert spans.free(700 + 4 * 480, 5000).all()  # a long rest
    assert not spans.free(4999, 5001)[80]
    assert spans.free(5100, 99_999).all()
    assert spans.until(69, 0) is None
    assert spans.until(100, 700 + 4 * 480) == 5000
    assert spans.until(55, 480) is None


def test_the_same_seed_and_candidate_are_the_same_song(demo: dict[str, Winner]) -> None:
    kept, settings = read_kept(f"melody:{bundled()[0]}", 24), Settings(bars=3, seed=4)
    prime = find_prime(demo, None)

    def songs(candidates: int, **more: Any) -> list[set[Row]]:
        found = new_songs(demo, prime, settings, candidates=candidates, compose=accompaniment(kept), **more)
        return [written(song) for song in found]

    first, second = songs(2)
    assert songs(1) == [first]
    assert first != second
    mixed = songs(1, shares=shares_of(demo, 0.8))
    assert mixed == songs(1, shares=shares_of(demo, 0.8))
    assert mixed != [first]


def test_ngrams_leave_the_kept_notes_their_room(demo: dict[str, Winner]) -> None:
    kept = read_kept(f"melody,bass:{bundled()[1]}", 24)
    song = around(demo, kept, Settings(bars=3), shares=shares_of(demo, 1.0))
    assert written(kept.of(Settings(bars=3), 0)[1]) <= written(song)
    assert_room(song, 2)


def test_the_prime_is_moved_into_the_key_unless_tokens_would_be_lost(tmp_path: Path) -> None:
    spelled, tokens = styled(tmp_path / "a", "spelled alone"), styled(tmp_path / "b", "tokens")
    song = read_midi(bundled()[0])
    pitch = np.where(song.chosen(), song.notes.pitch + 3, song.notes.pitch)
    write_midi(replace(song, notes=replace(song.notes, pitch=pitch)), tmp_path / "up.mid")
    kept = read_kept(f"melody:{tmp_path / 'up.mid'}", 24)
    prime = find_prime(spelled, bundled()[0])
    moved = in_its_key(prime, kept, spelled)
    assert moved.events.chords() == [tuple(p + 3 for p in chord) for chord in prime.events.chords()]
    assert "+3 semitones" in moved.origin
    assert in_its_key(prime, kept, tokens) is prime
    assert in_its_key(prime, read_kept(f"drums:{bundled()[0]}", 24), spelled) is prime


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    make_run(tmp_path / "runs" / "demo")
    monkeypatch.chdir(tmp_path)
    return lambda *words: main(GenerateOptions, generate, prog="generate", arguments=["demo", *words])


def test_the_command_says_what_it_kept_and_gives_it_a_track(
    call: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    path = played(Path("mine.mid"))
    words = (
        "--keep",
        f"melody:{path}",
        "--tempo",
        "90",
        "--drums",
        "like",
        "--candidates",
        "2",
        "--bars",
        "9",
        "--out",
        "a.mid",
    )
    assert call(*words, "--instruments", "melody=flute,chords=organ") == 0
    said = capsys.readouterr().out
    told = "kept: 24 notes of melody (My tune) of mine.mid, as they sound there, to 1/480 quarter note; on Flute; at 90"
    assert said.count(f"{told} quarter notes a minute; added: ") == 2
    song, own = read_midi(Path("a-1.mid"), grid=480), read_midi(path, grid=480)
    assert {row for row in written(song) if row[4] == "My tune"} == {(*row[:5], 73) for row in written(own)}
    assert song.tempos[:, 1].tolist() == pytest.approx([90], abs=1e-3)
    assert "Melody" not in {part.name for part in song.parts}  # the added notes are chords and bass
    assert {part.name for part in song.parts} <= {"My tune", "Chords", "Bass", "Drums"}
    assert "Drums" in {part.name for part in song.parts}
    assert call("--keep", f"melody:{path}", "--tracks", "one", "--drums", "like", "--events", "9") == 0
    few = read_midi(Path("output.mid"))
    assert [part.drums for part in few.parts] == [False, False, True]
    assert len(few.events()) == 9


@pytest.mark.parametrize("path", bundled(), ids=lambda path: path.stem)
def test_so_many_bars_are_the_whole_file(path: Path, call: Callable[..., int]) -> None:
    """Nothing rings over the last bar line, and what the file's maps say of later bars is not written."""
    assert call("--keep", f"melody:{path}", "--bars", "4", "--out", "a.mid") == 0
    end = bar_lines(read_midi(path, grid=480))[4]
    song = read_midi(Path("a.mid"), grid=480)
    assert int((song.notes.onset + song.notes.length).max()) <= end
    for track in mido.MidiFile("a.mid").tracks:
        assert sum(message.time for message in track) == end


def test_a_lost_note_is_told(tmp_path: Path) -> None:
    kept = read_kept(f"melody:{played(tmp_path / 'mine.mid')}", 24)
    notes = kept.exact.notes
    damaged = replace(kept.exact, notes=replace(notes, length=np.r_[notes.length[:-1], notes.length[-1] + 1]), name="x")
    assert "as they sound there, to 1/480 quarter note; added: 0 notes" in kept.describe(kept.exact, Settings(), 0)
    with pytest.raises(UserError, match=r"x: 1 of the 24 kept notes .* pitch \d+ at"):
        kept.describe(damaged, Settings(), 0)


def test_what_cannot_be_kept_is_one_line(call: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    path = played(Path("mine.mid"))
    Path("text.mid").write_text("no music")
    for words, told in (
        (("--keep", "mine.mid"), "write PART:SONG"),
        (("--keep", f":{path}"), "write PART:SONG"),
        (("--keep", "melody:gone.mid"), "--keep gone.mid: cannot be opened"),
        (("--keep", "melody:text.mid"), "choose another song"),
        (("--keep", f"bass:{path}"), "no part is bass; it has My tune (melody): name one of them"),
        (("--keep", f"melody:{path}", "--key", "C"), "--key: would move notes that --keep"),
        (("--keep", f"melody:{path}", "--continue", "mine.mid"), "--continue: "),
    ):
        assert call(*words) == 2, words
        assert told in capsys.readouterr().err
