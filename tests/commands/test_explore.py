"""`explore`, through its command line and MIDI files made here."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pretty_midi
import pytest
from numpy.typing import NDArray

from datamodules.form import finding
from datamodules.form.finding import find_form
from datamodules.form.repeats import repeated
from datamodules.midi.reading import read_midi
from datamodules.song import bars_in
from experiments.command_line.cli import console
from experiments.explore import main
from songs import bundled

C, F, G = (60, 64, 67), (65, 69, 72), (55, 59, 62)
HELD_OUT, TESTED = (30, 31), (96, 97)  # chords that only validation, only the test part has


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test has a folder, a cache and 80 columns of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRITONE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(console, "width", 80)
    return tmp_path


def write_song(path: Path, chords: Sequence[tuple[int, ...]], *, quarters: Sequence[float] = (0.5, 1.0)) -> None:
    """A file of 120 quarter notes a minute: the chords one after another, each as long as `quarters` say in turn."""
    song = pretty_midi.PrettyMIDI(resolution=480, initial_tempo=120)
    song.time_signature_changes.append(pretty_midi.TimeSignature(3, 4, 0))
    song.key_signature_changes.append(pretty_midi.KeySignature(21, 0))  # A minor
    piano, drums = pretty_midi.Instrument(0, name="Grand [Piano]"), pretty_midi.Instrument(0, is_drum=True)
    now = 0.0
    for i, chord in enumerate(chords):
        long = quarters[i % len(quarters)] / 2
        piano.notes += [pretty_midi.Note(80, pitch, now, now + long) for pitch in chord]
        drums.notes.append(pretty_midi.Note(80, 36, now, now + 0.1))
        now += long
    song.instruments += [piano, drums]
    path.parent.mkdir(parents=True, exist_ok=True)
    song.write(str(path))


def forty() -> list[tuple[int, ...]]:
    """40 chords: 32 train (the first is context), 4 validate, 4 test."""
    return [C, C, F, G] * 8 + [HELD_OUT, C, F, G] + [TESTED] * 4


def explored(*arguments: str, baselines: bool = False) -> dict[str, Any]:
    """The figures of a run that must succeed."""
    few = ["--forms", "0", "--baselines" if baselines else "--no-baselines"]  # what takes longest
    assert main([*arguments, *few, "--json", "figures.json"]) == 0
    found: dict[str, Any] = json.loads(Path("figures.json").read_text())
    return found


def colours(pixels: NDArray[np.float32]) -> int:
    """How many different ones a picture has; of each, red, green and blue make one number."""
    return len(np.unique((pixels[..., :3] * 255).astype(int) @ (1, 1 << 8, 1 << 16)))


@pytest.mark.usefixtures("unseen")
def test_figures_are_those_of_the_training_targets() -> None:
    write_song(Path("song.mid"), forty())
    notes = explored("song.mid")["columns"]["notes"]
    counts = Counter({"60.64.67": 15, "65.69.72": 8, "55.59.62": 8})
    assert notes["counts"] == counts
    assert notes["targets"] == 31
    assert notes["vocabulary"] == 3
    assert notes["once"] == 0
    assert notes["values_for_half"] == 2
    assert notes["most_frequent_share"] == pytest.approx(15 / 31)
    assert notes["entropy"] == pytest.approx(-sum(n / 31 * np.log(n / 31) for n in counts.values()))
    assert notes["validation_outside_vocabulary"] == pytest.approx(1 / 4)
    assert [row["value"] for row in notes["top"]] == ["60.64.67", "55.59.62", "65.69.72"]


@pytest.mark.usefixtures("unseen")
def test_weights_are_those_of_a_naive_loop() -> None:
    write_song(Path("song.mid"), [*forty()[:5], (40,), *forty()[5:]])
    notes = explored("song.mid")["columns"]["notes"]
    counts = notes["counts"]
    for scheme, power in (("balanced", -1.0), ("sqrt", -0.5)):
        raw = [n**power for n in counts.values() for _ in range(n)]
        windows = np.array(raw) / np.mean(raw)
        shares = {chord: n / 31 for chord, n in counts.items()}  # the best of all models without context
        learned = {chord: n * n**power / sum(raw) for chord, n in counts.items()}  # what the weights make of it
        assert [row[scheme] for row in notes["top"]] == pytest.approx(
            [n**power / np.mean(raw) for n in counts.values()], rel=1e-5
        )
        assert notes["weights"][scheme] == pytest.approx(
            {
                "min": windows.min(),
                "max": windows.max(),
                "effective_windows": windows.sum() ** 2 / (windows**2).sum(),
                "loss_share_of_once": windows.max() / windows.sum(),  # one chord occurs once
                "cost_nats": sum(share * np.log(share / learned[chord]) for chord, share in shares.items()),
            },
            rel=1e-5,
        )


@pytest.mark.usefixtures("unseen")
def test_timing_is_told_in_fractions_of_a_quarter_note() -> None:
    write_song(Path("song.mid"), forty(), quarters=(0.5, 1 / 3, 1.5))
    columns = explored("song.mid")["columns"]
    assert set(columns["durations"]["counts"]) == {"1/2", "1/3", "3/2"}
    assert set(columns["offsets"]["counts"]) == {"1/2", "1/3", "3/2"}


@pytest.mark.usefixtures("unseen")
def test_a_song_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    write_song(Path("a [b] $x$.mid"), forty())
    (song,) = explored("a [b] $x$.mid")["songs"]
    assert (song["events"], song["notes"], song["bars"], song["use"]) == (40, 155, 10, "tail")  # 40 drum notes too
    assert song["metres"] == ["3/4"]
    assert song["keys"] == ["A minor"]
    assert song["tempos"] == [120, 120]
    assert [part["role"] for part in song["parts"]] == ["chords", "drums"]
    told = capsys.readouterr().out
    for text in ("a [b] $x$", "Grand [Piano]", "120 bpm, 3/4, A minor", "C4 E4 G4", "kept, not learned"):
        assert text in told


@pytest.mark.usefixtures("unseen")
def test_nothing_of_the_test_part_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    write_song(Path("song.mid"), forty())
    assert explored("song.mid")["split"].endswith("test 4")
    shown = capsys.readouterr().out + Path("figures.json").read_text()
    assert "60.64.67" in shown
    assert "96.97" not in shown
    assert "30.31" not in shown


def test_the_picture_shows_something_and_is_always_the_same() -> None:
    write_song(Path("song.mid"), forty())
    assert main(["song.mid", "--out", "deep/one.png"]) == 0
    assert main(["song.mid", "--out", "two.png"]) == 0
    drawn = Path("deep/one.png").read_bytes()
    assert drawn == Path("two.png").read_bytes()
    pixels = matplotlib.image.imread(io.BytesIO(drawn))
    assert min(pixels.shape[:2]) > 1000
    assert 0.02 < float((pixels[..., :3].min(axis=2) < 0.9).mean()) < 0.5  # ink, but mostly paper
    assert colours(pixels) > 50


def test_the_form_of_the_first_songs_is_told_and_drawn(capsys: pytest.CaptureFixture[str]) -> None:
    paths = [str(path) for path in bundled()]
    assert main([*paths, "--no-baselines", "--json", "figures.json", "--forms", "1"]) == 0
    (told,) = json.loads(Path("figures.json").read_text())["forms"]
    sections = find_form(read_midi(Path(told["song"]))).sections
    assert told["sections"] == [asdict(section) for section in sections]
    assert told["repeated"] == repeated(read_midi(Path(told["song"]))) > 0
    said = capsys.readouterr().out
    assert f"form of {told['song']}: A4 " in said
    assert f"in passages that come again: {told['repeated']:.0%} of its bars" in " ".join(said.split())
    pixels = matplotlib.image.imread(Path("explore-form.png"))
    assert colours(pixels) > 200  # a map has many shades
    Path("explore-form.png").unlink()
    assert main([*paths, "--no-baselines", "--forms", "0"]) == 0
    assert not Path("explore-form.png").exists()
    assert "form of" not in capsys.readouterr().out


@pytest.mark.usefixtures("unseen")
def test_a_song_too_long_to_find_its_form_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    short, long = sorted(bundled(), key=lambda path: bars_in(read_midi(path)))
    monkeypatch.setattr(finding, "LONGEST_SONG", bars_in(read_midi(short)))
    assert main([str(short), str(long), "--no-baselines", "--json", "figures.json"]) == 0
    (told,) = json.loads(Path("figures.json").read_text())["forms"]
    assert told["song"] == str(short)
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert f"{long}: has more than {bars_in(read_midi(short))} bars" in line


@pytest.mark.parametrize("chords", [[C] * 30, [(pitch,) for pitch in range(30, 90)]], ids=["one chord", "all once"])
def test_extreme_songs_are_drawn(chords: list[tuple[int, ...]]) -> None:
    write_song(Path("song.mid"), chords, quarters=(1.0,))
    notes = explored("song.mid")["columns"]["notes"]
    assert notes["weights"]["balanced"]["max"] == pytest.approx(1)
    assert notes["weights"]["balanced"]["effective_windows"] == pytest.approx(notes["targets"])
    assert Path("explore.png").stat().st_size > 20_000


def test_a_name_that_the_font_lacks_is_drawn() -> None:
    write_song(Path("夜の歌 \N{MUSICAL SYMBOL G CLEF}.mid"), forty())
    assert explored("夜の歌 \N{MUSICAL SYMBOL G CLEF}.mid")["songs"]


@pytest.mark.usefixtures("unseen")
def test_baselines_can_be_left_out() -> None:
    write_song(Path("song.mid"), forty())
    found = explored("song.mid", baselines=True)["baselines"]
    assert found["notes"]["kneser_ney_best_transposed"]["nats"] > 0
    assert found["offsets"]["median"]["mae"] >= 0
    assert explored("song.mid")["baselines"] == {}


@pytest.mark.usefixtures("unseen")
def test_nothing_held_out_is_labelled(capsys: pytest.CaptureFixture[str]) -> None:
    write_song(Path("song.mid"), forty())
    found = explored("song.mid", "--split", "none", baselines=True)
    assert found["leakage_of_validation"] == {}
    assert found["validated_on"] == "training songs"
    assert found["columns"]["notes"]["validation_outside_vocabulary"] is None
    assert "Baselines on training songs" in capsys.readouterr().out


@pytest.mark.usefixtures("unseen")
def test_named_songs_are_held_out() -> None:
    for i, name in enumerate(("train", "valid", "test")):
        write_song(Path(f"{name}.mid"), [*forty(), (70 + i,)])
    found = explored("train.mid", "--valid", "valid.mid", "--test", "test.mid")
    assert [(Path(song["path"]).stem, song["use"]) for song in found["songs"]] == [
        (name, name) for name in ("train", "valid", "test")
    ]
    assert found["leakage_of_validation"]["notes"] == pytest.approx(35 / 36)
    assert "70" in found["columns"]["notes"]["counts"]
    assert not {"71", "72"} & set(found["columns"]["notes"]["counts"])


@pytest.mark.usefixtures("unseen")
def test_many_songs_are_summed_up(capsys: pytest.CaptureFixture[str]) -> None:
    for i in range(12):
        write_song(Path(f"songs/{i:02}.mid"), [(40 + i,), *forty()[i:]])
    for i in range(30):
        Path(f"songs/bad{i:02}.mid").write_bytes(b"no MIDI %d" % i)
    found = explored("songs")
    assert len(found["songs"]) == 12
    assert len(found["rejected"]) == 30
    told = capsys.readouterr().out
    assert "12 songs" in told
    assert "30 files rejected" in told
    assert "3/4 (12)" in told
    assert "10 more files" in told
    assert "bad19.mid" in told
    assert "bad20.mid" not in told


@pytest.mark.usefixtures("unseen")
def test_the_tables_fit_80_columns(capsys: pytest.CaptureFixture[str]) -> None:
    write_song(Path("song.mid"), [C, (36, 48, 52, 55, 60, 64, 67, 72, 76)] * 20)
    explored("song.mid")
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nowhere.mid"], "nowhere.mid does not exist"),
        (["song.mid", "--out", "picture.jpg"], "ends in .png"),
        (["song.mid", "--out", "folder.png"], "is a folder"),
        (["song.mid", "--json", "folder.png"], "is a folder"),
        (["song.mid", "--forms", "13"], "--forms 13: give a number from 0 to 12"),
        (["song.mid", "--out", "x.png", "--json", "x.png"], "two names"),
        (["song.mid", "--seed", "-1"], "must be at least 0"),
        (["song.mid", "--grid", "7"], "must divide 480"),
        (["song.mid", "--parts", ","], "--parts is empty"),
        (["song.mid", "--parts", "kazoo"], "no song has a part kazoo"),
        (["song.mid", "--split", "song"], "--split tail"),
        (["song.mid", "--split", "none", "--valid", "song.mid"], "take its place"),
        (["bad.mid"], "none of 1 files"),
    ],
)
def test_bad_input_is_one_line_and_status_2(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write_song(Path("song.mid"), forty())
    Path("bad.mid").write_bytes(b"MThd")
    Path("folder.png").mkdir()
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert told in error
    assert error.count("\n") == 1


def test_a_place_that_cannot_be_written_is_status_1(capsys: pytest.CaptureFixture[str]) -> None:
    write_song(Path("song.mid"), forty())
    Path("file").touch()
    assert main(["song.mid", "--out", "file/picture.png"]) == 1
    assert "cannot write file/picture.png" in capsys.readouterr().err


def test_unknown_options_are_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--nonsense"]) == 2
    assert "explore has no option --nonsense" in capsys.readouterr().err
