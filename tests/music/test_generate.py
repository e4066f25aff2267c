"""The command: which winners it takes, what it writes and says, and what it refuses."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import mido
import numpy as np
import pretty_midi
import pytest
from winners_made import demo_songs, make_run, make_winner

from datamodules.errors import UserError
from datamodules.midi.reading import read_midi
from datamodules.song import Notes, Song, bar_lines
from experiments.command_line.cli import main
from experiments.generate import GenerateOptions, generate
from experiments.music import making
from experiments.music.choosing import chosen_winners
from experiments.music.events.generation import generate as songs_of
from experiments.music.making import first_song
from experiments.run_folder import Run
from experiments.winners import ALL_SONGS
from songs import bundled


def call(*arguments: str) -> int:
    return main(GenerateOptions, generate, prog="generate", arguments=arguments)


def test_a_song_of_every_head_ends_in_midi_sound_and_picture(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_run(runs / "demo")
    assert call("demo", "--events", "256") == 0
    said = capsys.readouterr().out
    midi = pretty_midi.PrettyMIDI("output.mid")
    assert [instrument.name for instrument in midi.instruments] == ["Melody", "Chords", "Bass"]
    assert midi.resolution == 480
    assert mido.MidiFile("output.mid").type == 1
    song = read_midi(Path("output.mid"))
    assert len(song.events()) == 256
    ticks = np.array([midi.time_to_tick(note.start) for instrument in midi.instruments for note in instrument.notes])
    assert not (ticks % 20).any()  # on the grid of 24
    assert Path("output.wav").stat().st_size > 1e6
    assert Path("output.png").read_bytes().startswith(b"\x89PNG")
    for what in (
        "256 events",
        "output.wav",
        "output.png",
        "copied: 4-grams ",
        "the last tenth of 2",
        "the first training song",
        "first 8 events",
    ):
        assert what in said


def test_the_same_seed_writes_the_same_bytes(runs: Path) -> None:
    make_run(runs / "demo")
    for name, seed in (("a", "3"), ("b", "3"), ("c", "4")):
        assert call("demo", "--seed", seed, "--events", "40", "--out", f"{name}.mid") == 0
    a, b, c = (Path(f"{name}.mid").read_bytes() for name in "abc")
    assert a == b != c
    assert Path("a.wav").read_bytes() == Path("b.wav").read_bytes()


@pytest.mark.usefixtures("unseen")
def test_candidates_are_numbered_and_the_likeliest_comes_first(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_run(runs / "demo")
    assert call("demo", "--events", "20", "--candidates", "3", "--out", "deep/new.mid") == 0
    assert sorted(path.name for path in Path("deep").glob("*")) == sorted(
        f"new-{number}.{kind}" for number in (1, 2, 3) for kind in ("mid", "wav", "png")
    )
    told = capsys.readouterr().out.split("likeliest first")[1].splitlines()[2:5]
    names = [line.split()[0] for line in told]
    totals = [float(re.search(r"\d+\.\d\d", line)[0]) for line in told]  # type: ignore[index]
    assert names == ["new-1.mid", "new-2.mid", "new-3.mid"]
    assert totals == sorted(totals)
    assert totals[0] < totals[2]
    assert call("demo", "--events", "20") == 0  # the one alone is the first drawn, wherever it comes
    alone = next(line.split()[0] for line in told if line.split()[1] == "1")
    assert Path("output.mid").read_bytes() == (Path("deep") / alone).read_bytes()


@pytest.mark.usefixtures("unseen")
def test_a_candidate_without_notes_is_left_out(
    runs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_run(runs / "demo")

    def drawn(*arguments: Any, **more: Any) -> Iterator[Song]:
        for number, song in enumerate(songs_of(*arguments, **more)):
            yield song if number != 1 else replace(song, notes=Notes(*np.zeros((5, 0), np.int32)))

    monkeypatch.setattr(making, "generate", drawn)
    assert call("demo", "--events", "20", "--candidates", "3") == 0
    said = capsys.readouterr()
    assert "candidates without a note are left out: 2 of 3; give more --bars" in said.err
    told = said.out.split("likeliest first")[1].splitlines()[2:4]
    assert [line.split()[0] for line in told] == ["output-1.mid", "output-2.mid"]
    assert {line.split()[1] for line in told} == {"1", "3"}
    assert sorted(path.name for path in Path().glob("*.mid")) == ["output-1.mid", "output-2.mid"]


def test_heads_of_several_runs_are_mixed(runs: Path) -> None:
    make_run(runs / "a", ["notes", "offsets"])
    make_run(runs / "b", ["durations", "offsets"])
    winners = chosen_winners("a", {"durations": "b"})
    assert {head: winner.path.parts[-3] for head, winner in winners.items()} == {
        "notes": "a",
        "durations": "b",
        "offsets": "a",
    }
    winners = chosen_winners("a", {"offsets": str(runs / "b")})
    assert {head: winner.path.parts[-3] for head, winner in winners.items()} == {"notes": "a", "offsets": "b"}
    taken_out = shutil.copy(runs / "b" / "durations" / "winner.safetensors", "mine.safetensors")
    assert chosen_winners("a", {"durations": taken_out})["durations"].path == Path(taken_out)


@pytest.mark.usefixtures("unseen")
def test_without_a_run_the_newest_winner_of_each_head_is_taken(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for age, (name, heads) in enumerate({"a": ["notes", "durations"], "b": ["notes"], "c": ["notes"]}.items()):
        run, winners = make_run(runs / name, heads)
        for winner in winners.values():
            os.utime(winner.path, (100 - age, 100 - age))  # a is the newest
        assert run
    os.utime(runs / "c" / "notes" / "winner.safetensors", (500, 500))
    assert call("--events", "5") == 0
    said = capsys.readouterr().out
    assert str(runs / "c" / "notes" / "winner.safetensors") in said
    assert str(runs / "a" / "durations" / "winner.safetensors") in said
    assert "offsets: no head, so the prime song's own offsets are used" in said


def test_commands_to_copy_are_whole_where_a_folder_has_a_space_in_its_name(runs: Path) -> None:
    run, _ = make_run(runs / "my run", ["notes"])
    (runs / "my empty").mkdir()
    shutil.copy(run.path / "run.json", runs / "my empty")
    for name, words in (("my run", str(run.path)), ("my empty", "my empty")):
        with pytest.raises(UserError) as raised:
            chosen_winners(name, {}, all_songs=True)
        command = str(raised.value).split("`")[1]
        assert shlex.split(command)[-3:] == ["--run", words, "--all-songs"]


@pytest.mark.usefixtures("unseen")
def test_all_songs_takes_the_other_winner(runs: Path) -> None:
    run, _ = make_run(runs / "demo", ["notes", "offsets"])
    with pytest.raises(UserError, match=r"train notes --run .* --all-songs"):
        chosen_winners("demo", {}, all_songs=True)
    with pytest.raises(UserError, match=r"no winner .* --all-songs"):
        chosen_winners(None, {}, all_songs=True)
    for head in ("notes", "offsets"):
        make_winner(run.winner(head, ALL_SONGS), head, demo_songs(), seed=9)
    winners = chosen_winners("demo", {}, all_songs=True)
    assert [winner.path.name for winner in winners.values()] == [ALL_SONGS] * 2
    assert call("demo", "--all-songs", "--events", "5") == 0


def test_a_winner_made_without_held_out_songs_is_warned_of(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_run(runs / "demo", ["notes"], split="none")
    assert call("demo", "--events", "5") == 0
    assert "--split none" in capsys.readouterr().err


@pytest.mark.usefixtures("unseen")
def test_what_a_head_does_not_know_is_told(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_run(runs / "demo", ["notes"], parts=("melody",), window=5, output="token")
    assert call("demo", "--events", "5", "--prime", str(bundled()[0])) == 0
    assert "unknown" not in capsys.readouterr().out
    low = Path("low.mid")
    midi = pretty_midi.PrettyMIDI(resolution=480)
    lead = pretty_midi.Instrument(0, name="Melody")
    lead.notes = [pretty_midi.Note(80, 1 + i % 2, i / 2, (i + 1) / 2) for i in range(6)]
    midi.instruments.append(lead)
    midi.write(str(low))
    assert call("demo", "--events", "5", "--prime", str(low)) == 0
    assert "5 of the prime's 5 chords are unknown to the notes head" in capsys.readouterr().out
    make_run(runs / "spelling", ["notes"], parts=("melody",), window=5, output="factored")
    assert call("spelling", "--events", "5", "--prime", str(low)) == 0
    assert "unknown" not in capsys.readouterr().out


@pytest.mark.usefixtures("unseen")
def test_without_songs_the_copy_figures_say_so(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_winner(Path("notes") / "winner.safetensors", "notes", demo_songs())
    make_run(runs / "demo", ["offsets"])
    (runs / "demo" / "songs.json").unlink()
    assert call("demo", "--notes", "notes/winner.safetensors", "--events", "5") == 0
    said = capsys.readouterr().out
    assert "not checked: songs not here" in said
    assert "the first bundled song, since no training song is here" in said


def test_a_song_too_long_for_a_sound_is_written_without_one(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_run(runs / "demo", ["notes"])
    Path("output.wav").write_text("an older song's")
    assert call("demo", "--events", "300", "--tempo", "4") == 0
    assert not Path("output.wav").exists()
    heard = capsys.readouterr()
    assert "makes no WAV" in heard.err
    assert "beside it output.png" in heard.out


def test_the_first_song_of_a_run(runs: Path) -> None:
    run, _ = make_run(runs / "demo")
    written = first_song(run, ["notes", "durations"], seed=2)
    assert written.midi == run.path / "song.mid"
    assert all(path is not None and path.is_file() for path in (written.midi, written.sound, written.picture))
    assert written.bars == len(bar_lines(read_midi(bundled()[1]))) - 1  # it has the form of the first training song
    assert written.copying.copied is not None


@pytest.mark.usefixtures("unseen")
def test_temperature_and_top_p_of_all_heads_and_of_one(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_run(runs / "demo")
    given = ("--temperature", "notes=1.5", "--temperature", "0.5", "--top-p", "offsets=0.7")
    assert call("demo", "--events", "5", *given) == 0
    said = capsys.readouterr().out
    assert "temperature 1.5, top-p 0.95" in said
    assert "temperature 0.5, top-p 0.995" in said
    assert "temperature 0.5, top-p 0.7" in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nowhere",), "no run nowhere"),
        (("empty",), "has no winner yet"),
        (("demo", "--durations", "demo"), "no winner of the durations head"),
        (("demo", "--notes", "offsets.safetensors"), "is a winner of the offsets head"),
        (("demo", "--notes", "text.safetensors"), "damaged or no winner"),
        (("demo", "--events", "5", "--bars", "5"), "give one of them"),
        (("demo", "--events", "0"), "--events 0"),
        (("demo", "--temperature", "hot"), "give a number"),
        (("demo", "--temperature", "drums=1"), "no head"),
        (("demo", "--temperature", "-1"), "at least 0"),
        (("demo", "--top-p", "notes=1.5"), "at most 1"),
        (("demo", "--tempo", "nan"), "--tempo"),
        (("demo", "--candidates", "0"), "--candidates 0"),
        (("demo", "--out", "song.wav"), "as song.mid"),
        (("demo", "--out", "text.safetensors/song.mid"), "cannot write"),
        (("demo", "--prime", "nowhere.mid"), "nowhere.mid"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_a_user_can_get_wrong_is_one_line(
    runs: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    make_run(runs / "demo", ["notes", "offsets"])
    make_run(runs / "empty", [])
    shutil.copy(runs / "demo" / "offsets" / "winner.safetensors", "offsets.safetensors")
    Path("text.safetensors").write_text("not one")
    assert call(*arguments) == (1 if "song.mid" in arguments[-1] else 2)
    error = capsys.readouterr().err.strip()
    assert error.startswith("error:")
    assert message in error
    assert "\n" not in error
    assert not Path("output.mid").exists()


def test_without_any_winner_the_command_to_run_is_told(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call() == 2
    assert "python -m experiments.tune notes" in capsys.readouterr().err


@pytest.mark.usefixtures("unseen")
def test_the_page_of_a_run_is_written_again_with_the_new_song(
    runs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run, _ = make_run(runs / "demo")
    asked: list[tuple[Path, list[Path]]] = []

    class Page:
        def describe(self) -> str:
            return "page.html"

    def write_report(run: Run, songs: list[Path]) -> Page:
        asked.append((run.path, songs))
        return Page()

    monkeypatch.setattr("experiments.report.write_report", write_report)  # test_report.py writes real ones
    assert call("demo", "--events", "5", "--out", "a b.mid") == 0
    assert "next: python -m experiments.report demo --song 'a b.mid'" in capsys.readouterr().out
    assert not asked
    assert call("demo", "--events", "5", "--candidates", "2", "--report") == 0
    assert asked == [(run.path, [Path("output-1.mid"), Path("output-2.mid")])]
    assert "report: page.html" in capsys.readouterr().out
    assert call("--events", "5", "--report") == 2
