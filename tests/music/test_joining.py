"""`generate --continue` and `--drums like`: the user's bars stay as they are, and the new ones follow them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from midi_files import scale
from winners_made import make_run

from datamodules.midi.reading import read_midi
from datamodules.midi.writing import write_midi
from datamodules.song import Notes, Part, Song, bar_lines
from experiments.command_line.cli import main
from experiments.generate import GenerateOptions, generate
from experiments.music.own_song.joining import continued, with_drums
from experiments.music.prime import Prime
from songs import bundled

pytestmark = pytest.mark.usefixtures("unseen")

MELODY, DRUMS = Part("Melody", 73, False, "melody"), Part("Kit", 0, True, "drums")


def song(rows: list[tuple[int, int, int, int]], parts: tuple[Part, ...], metre: tuple[int, int] = (4, 4)) -> Song:
    """Of (onset, pitch, length, part), on a grid of 24."""
    table = np.array([(onset, pitch, length, 64, part) for onset, pitch, length, part in sorted(rows)], np.int32)
    return Song(
        24, parts, Notes(*table.reshape(-1, 5).T), np.array([[0.0, 120.0]]), np.array([[0, *metre]], np.int32),
        np.zeros((0, 3), np.int32),
    )  # fmt: skip


def rows(of: Song, *, drums: bool) -> list[tuple[int, int, int]]:
    keep = [number for number, part in enumerate(of.parts) if part.drums == drums]
    found = np.isin(of.notes.part, keep)
    return sorted(zip(*(getattr(of.notes, name)[found].tolist() for name in ("onset", "pitch", "length")), strict=True))


def test_drum_bars_come_again_and_again() -> None:
    like = song([(0, 36, 6, 0), (48, 38, 6, 0), (96 + 24, 42, 6, 0), (0, 60, 96, 1)], (DRUMS, MELODY))
    new = song([(0, 60, 96, 0), (96 * 4, 62, 96, 0)], (MELODY,))
    found = with_drums(new, like)
    assert rows(found, drums=False) == rows(new, drums=False)
    first, second = [(0, 36, 6), (48, 38, 6)], [(24, 42, 6)]
    expected = [
        (bar * 96 + at, pitch, length) for bar in range(5) for at, pitch, length in (second if bar % 2 else first)
    ]
    assert rows(found, drums=True) == expected
    assert [part.role for part in found.parts] == ["melody", "drums"]


def test_drums_of_another_metre_are_cut_and_no_drums_are_none() -> None:
    like = song([(0, 36, 6, 0), (72, 38, 6, 0)], (DRUMS,))
    waltz = song([(0, 60, 72, 0), (72, 62, 72, 0)], (MELODY,), (3, 4))
    assert rows(with_drums(waltz, like), drums=True) == [(0, 36, 6), (72, 36, 6)]
    assert with_drums(waltz, waltz) is waltz
    silent = song([], (MELODY,))
    assert with_drums(silent, like) is silent


def kicks(every: list[int], metres: list[tuple[int, int, int]], line: int) -> Song:
    """A drum note and a melody note at each of some ticks; the last melody note lasts up to a bar line."""
    both = [(tick, 36, 6, 0) for tick in every] + [(tick, 60, 24, 1) for tick in every]
    whole = song([*both, (every[-1], 64, line - every[-1], 1)], (DRUMS, MELODY))
    return replace(whole, metres=np.array(metres, np.int32))


def regular(count: int, size: int = 96, begin: int = 0) -> list[int]:
    return [begin + number * size for number in range(count)]


FOURS, SPLIT = [(0, 4, 4)], [(0, 4, 4), (192, 2, 4), (240, 4, 4)]


@pytest.mark.parametrize(
    ("lines", "metres"),
    [
        (regular(6), FOURS),
        ([*regular(3), *regular(5, begin=240)], SPLIT),
        ([*regular(3), *regular(5, 72, 240)], [*SPLIT[:2], (240, 3, 4)]),
        (regular(6, begin=24), [(0, 1, 4), (24, 4, 4)]),
        (regular(6, begin=24), [(0, 4, 4), (24, 4, 4)]),
        ([*regular(3), *regular(4, begin=228)], [*FOURS, (228, 4, 4)]),  # which cuts a bar
    ],
)
@pytest.mark.parametrize("under", [0, 1, 2, 3])
def test_drums_on_every_bar_line_lie_on_every_bar_line(
    lines: list[int], metres: list[tuple[int, int, int]], under: int
) -> None:
    """Whatever the metres of either song: of that which they are taken from, and of that under which they lie."""
    like = kicks(lines, metres, lines[-1] + 60)
    news = [(regular(20), FOURS), ([*regular(3), *regular(9, begin=240)], SPLIT),
            (regular(9, begin=24), [(0, 1, 4), (24, 4, 4)]), (regular(9, 72), [(0, 3, 4)])]  # fmt: skip
    wanted, own = news[under]
    new = replace(kicks(wanted, own, wanted[-1] + 60), parts=(MELODY, MELODY))
    found = rows(with_drums(new, like), drums=True)
    assert found == [(tick, 36, 6) for tick in wanted]


def test_a_pickup_of_the_drums_is_the_end_of_a_bar() -> None:
    pickup = [(0, 1, 4), (24, 4, 4)]
    like = kicks([12, *regular(2, begin=24)], pickup, 216)
    new = song([(0, 60, 400, 0)], (MELODY,))
    assert [row[0] for row in rows(with_drums(new, like), drums=True)] == [84, 96, 192, 288 + 84, 384]
    new = replace(new, metres=np.array(pickup, np.int32))  # its own pickup has it too
    assert [row[0] for row in rows(with_drums(new, like), drums=True)] == [12, 24, 120, 216 + 84, 312]


def test_drums_under_a_song_that_continues_begin_after_the_own_bars() -> None:
    like = kicks(regular(3), FOURS, 288)
    new = song([(48, 60, 24, 0), (96, 60, 96, 0), (192, 60, 96, 0)], (MELODY,))
    assert [row[0] for row in rows(with_drums(new, like, 1), drums=True)] == [96, 192]
    short = song([(48, 60, 24, 0)], (MELODY,))
    assert not rows(with_drums(short, like, 1), drums=True)


def test_the_own_bars_stay_and_a_new_note_does_not_cut_an_old_one() -> None:
    before = song([(0, 60, 96, 0), (48, 36, 60, 1)], (MELODY, DRUMS))
    bass = Part("Bass", 32, False, "bass")
    new = song([(0, 60, 24, 0), (96, 60, 24, 0), (96, 40, 24, 1)], (MELODY, bass))
    found = continued(before, new, 0)
    assert rows(found, drums=False) == [(0, 60, 96), (96, 40, 24), (96, 60, 24)]  # the first one would have cut it
    assert rows(found, drums=True) == rows(before, drums=True)
    assert [part.name for part in found.parts] == ["Melody", "Kit", "Bass"]
    later = continued(before, new, 96)
    assert rows(later, drums=False) == [(0, 60, 96), (96, 60, 24), (192, 40, 24), (192, 60, 24)]


def test_drums_end_with_the_song() -> None:
    """What rings over the last bar line, or lies under bars of a whole that the song does not reach."""
    like = song([(0, 36, 6, 0), (84, 49, 60, 0)], (DRUMS,))
    for end in (96, 150, 192):
        new = song([(0, 60, end, 0)], (MELODY,))
        found = with_drums(new, like)
        assert bar_lines(found) == bar_lines(new)
        assert rows(found, drums=True)[-1] == (bar_lines(new)[-1] - 12, 49, 12)
    whole = song([(0, 60, 96 * 3, 0)], (MELODY,))
    assert [row[0] for row in rows(with_drums(new, like, whole=whole), drums=True)] == [0, 84, 96, 180, 192, 276]
    assert with_drums(new, like, 2) is new  # it has no such bar


def test_an_instrument_that_is_asked_for_plays_the_new_bars_alone() -> None:
    before = song([(0, 60, 96, 0), (48, 36, 60, 1)], (MELODY, DRUMS))
    flute, oboe = replace(MELODY, program=73), replace(MELODY, program=68)
    for part, asked, names in (
        (oboe, (), ["Melody"]),  # it is how the training songs have it
        (oboe, {"melody": 68}, ["Melody", "Melody (Oboe)"]),
        (oboe, {"bass": 33}, ["Melody"]),
        (flute, {"melody": 73}, ["Melody"]),
    ):
        found = continued(before, song([(0, 72, 24, 0)], (part,)), 96, asked)
        assert [one.name for one in found.parts if not one.drums] == names
        assert [one.program for one in found.parts if not one.drums] == [73, 68][: len(names)]
        own = [(0, 60, 96), (96, 72, 24)]
        assert rows(found, drums=False) == own
        assert rows(found, drums=True) == rows(before, drums=True)


@pytest.mark.parametrize("path", bundled(), ids=lambda path: path.stem)
def test_the_command_continues_a_song(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_run(tmp_path / "runs" / "demo")
    out = tmp_path / "a.mid"
    words = ["demo", "--continue", str(path), "--bars", "4", "--drums", "like", "--out", str(out)]
    assert main(GenerateOptions, generate, prog="generate", arguments=words) == 0
    said = capsys.readouterr()
    assert "events are heard first" in said.out
    before, after = read_midi(path), read_midi(out)
    end = int(before.events().onset[-1])
    old = [row for row in rows(after, drums=False) if row[0] < end]
    assert old == [row for row in rows(before, drums=False) if row[0] < end]
    assert set(rows(before, drums=True)) <= set(rows(after, drums=True))
    line = end - before.bar_position(end)
    bar = int(before.bar_positions(np.array([end]))[1][0])
    kept, drums = ([row for row in rows(of, drums=True) if row[0] < line + bar] for of in (before, after))
    assert kept == drums  # in the own last bar too, which the new song begins in
    last = int((after.notes.onset + after.notes.length).max())
    assert line + bar < last <= line + 5 * bar
    assert max(row[0] for row in rows(after, drums=False)) > end


def test_what_was_played_keeps_its_feel(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No note of a song that is continued moves, even if none stands on the heads' grid."""
    song = read_midi(bundled()[0], grid=480)
    random = np.random.default_rng(1)
    notes = song.notes
    count = 200
    late = np.sort(notes.onset[:count] + random.integers(-19, 20, count).clip(-notes.onset[:count]))
    long = np.maximum(notes.length[:count] - random.integers(1, 40, count), 2)
    played = Notes(late.astype(np.int32), notes.pitch[:count], long.astype(np.int32), notes.velocity[:count],
                   notes.part[:count])  # fmt: skip
    write_midi(replace(song, notes=sorted_notes(played)), tmp_path / "played.mid")
    make_run(tmp_path / "runs" / "demo")
    out = tmp_path / "a.mid"
    words = ["demo", "--continue", str(tmp_path / "played.mid"), "--bars", "2", "--out", str(out)]
    assert main(GenerateOptions, generate, prog="generate", arguments=words) == 0
    assert f"{len(read_midi(out).events()):,} events in " in capsys.readouterr().out  # as the heads hear it
    before, after = (read_midi(path, grid=480, together=0.0) for path in (tmp_path / "played.mid", out))
    for drums in (False, True):
        assert set(rows(before, drums=drums)) <= set(rows(after, drums=drums))
    assert len(after.notes) > len(before.notes)


@pytest.mark.parametrize("candidates", ["1", "2"])
def test_bars_without_room_for_a_note_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], candidates: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_run(tmp_path / "runs" / "demo", ["notes"])  # the offsets are the song's own
    monkeypatch.setattr(Prime, "way_back", 192)  # the next event is bars away
    quarters = [(24 * number, 60 + number % 7, 24, 0) for number in range(28)]
    write_midi(song([*quarters, (24 * 28, 60, 24, 0)], (MELODY,)), tmp_path / "own.mid")
    out = tmp_path / "a.mid"
    words = ["demo", "--continue", str(tmp_path / "own.mid"), "--candidates", candidates, "--out", str(out)]
    assert main(GenerateOptions, generate, prog="generate", arguments=[*words, "--bars", "1"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: no new note begins in the bars that are asked for: give more --bars")
    assert len(said.splitlines()) == 1
    assert not list(tmp_path.glob("a*"))
    assert main(GenerateOptions, generate, prog="generate", arguments=[*words, "--events", "1"]) == 0


def sorted_notes(notes: Notes) -> Notes:
    order = np.lexsort((notes.pitch, notes.part, notes.onset))
    return Notes(*(getattr(notes, name)[order] for name in ("onset", "pitch", "length", "velocity", "part")))


def test_what_does_not_go_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_run(tmp_path / "runs" / "demo", ["offsets"])
    (tmp_path / "a.mid").write_bytes(scale())
    mine = str(tmp_path / "a.mid")
    for words in (("--prime", mine), ("--tempo", "90"), ("--key", "C")):
        assert main(GenerateOptions, generate, prog="generate", arguments=["demo", "--continue", mine, *words]) == 2
        assert f"{words[0]}: a song to --continue has its own" in capsys.readouterr().err
    missing = ["demo", "--continue", str(tmp_path / "none.mid")]
    assert main(GenerateOptions, generate, prog="generate", arguments=missing) == 2
    assert f"--continue {tmp_path / 'none.mid'}: " in capsys.readouterr().err
    words = ["demo", "--prime", mine, "--drums", "like", "--events", "8", "--out", str(tmp_path / "b.mid")]
    assert main(GenerateOptions, generate, prog="generate", arguments=words) == 0
    assert "has no drums" in capsys.readouterr().err
    words = ["demo", "--continue", mine, "--instruments", "melody=oboe,bass=33", "--tracks", "one", "--events", "8"]
    assert main(GenerateOptions, generate, prog="generate", arguments=[*words, "--out", str(tmp_path / "c.mid")]) == 0
    said = capsys.readouterr()
    told = "in the new bars alone, bass on Acoustic Bass, melody on Oboe; the song before keeps its own"
    assert f"instruments: {told}" in " ".join(said.out.split())
    assert said.err.count("changes nothing, as --tracks one has the instrument of most of its notes") >= 1


def test_a_joined_song_reads_back(tmp_path: Path) -> None:
    before = read_midi(bundled()[0])
    found = continued(before, with_drums(read_midi(bundled()[1]), before), 96 * 200)
    write_midi(found, tmp_path / "a.mid")
    again = read_midi(tmp_path / "a.mid")
    for column in ("onset", "pitch", "length", "velocity", "part"):
        assert np.array_equal(getattr(found.notes, column), getattr(again.notes, column)), column
