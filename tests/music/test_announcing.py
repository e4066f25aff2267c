"""What will not be as asked is said, a line each; and nothing where it will."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from winners_made import make_run

from datamodules.midi.reading import read_midi
from experiments.command_line.cli import main
from experiments.generate import GenerateOptions, generate
from experiments.music.announcing import note_variation
from experiments.music.arrangement.dressing import Dress, dresser
from experiments.music.events import settings as settings_module
from experiments.music.events.ngram_share import shares_of
from experiments.music.events.sampling import note_unused
from experiments.music.events.settings import Settings
from experiments.music.form.planning import read_plan
from experiments.music.prime import find_prime
from experiments.music.training_songs import TrainingSongs
from experiments.winners import Winner

pytestmark = pytest.mark.usefixtures("unseen")

Notes = Callable[[], list[str]]


@pytest.fixture
def notes(capsys: pytest.CaptureFixture[str]) -> Notes:
    return lambda: [line.removeprefix("note: ") for line in capsys.readouterr().err.splitlines()]


@pytest.fixture(scope="module")
def timing(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Winner]:
    return make_run(tmp_path_factory.mktemp("runs") / "timing", ["offsets"])[1]


def test_a_variation_of_what_never_returns(notes: Notes) -> None:
    for form, settings, told in (
        (None, Settings(), 1),
        ("ABC", Settings(), 1),
        ("ABA", Settings(), 0),
        ("ABC", Settings(events=9), 0),
    ):
        note_variation(0.5, None if form is None else read_plan(form, 24), settings)
        assert notes() == ["--variation 0.5: changes nothing, as no section of the new song returns"] * told


def test_a_number_for_a_head_that_draws_nothing(notes: Notes) -> None:
    note_unused(["0.9", "notes=1.2", "offsets=2"], ["velocity=0.5"], ["offsets", "durations"])
    assert notes() == [
        "--temperature notes=1.2: changes nothing, as no notes head draws here, only offsets and durations",
        "--top-p velocity=0.5: changes nothing, as no velocity head draws here, only offsets and durations",
    ]


def test_an_ngram_for_lengths_of_notes(notes: Notes, tmp_path: Path) -> None:
    winners = make_run(tmp_path / "run", ["durations"], grain="note")[1]
    assert shares_of(winners, 0.5) == {}
    (told,) = notes()
    assert told.startswith("--mix-ngram: changes nothing, as durations")


def test_an_instrument_of_no_part(notes: Notes, timing: dict[str, Winner]) -> None:
    prime = find_prime(timing, None)
    song = replace(prime.song, parts=tuple(replace(part, role="melody") for part in prime.song.parts))
    training = TrainingSongs(((song, prime.events),), 1)
    for kept, told in ((frozenset(), ["bass"]), (frozenset({"melody"}), ["bass"]), (frozenset({"bass"}), [])):
        dresser(timing, prime, training, Dress(instruments={"melody": 73, "bass": 33}, kept=kept))
        assert [line.partition(":")[0] for line in notes()] == [f"--instruments {role}" for role in told]


def test_a_song_that_ends_before_its_bars_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, notes: Notes, timing: dict[str, Winner]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(settings_module, "MOST_EVENTS", 20)
    for words, told in (
        (("--bars", "50"), True),
        (("--bars", "50", "--form", "none"), True),
        (("--events", "20"), False),
        (("--bars", "2"), False),
    ):
        head = str(timing["offsets"].path)
        assert main(GenerateOptions, generate, prog="generate", arguments=("--offsets", head, *words)) == 0
        assert (len(read_midi(Path("output.mid")).events()) == 20) == (told or words[0] == "--events")
        assert notes() == ["it ends early, after 20 events, which are the most of a song"] * told


def test_the_command_says_them_before_it_draws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, notes: Notes, timing: dict[str, Winner]
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ("--variation", "0.5", "--temperature", "notes=2", "--form", "none", "--events", "4")
    arguments = ("--offsets", str(timing["offsets"].path), *words)
    assert main(GenerateOptions, generate, prog="generate", arguments=arguments) == 0
    assert [line.partition(":")[0] for line in notes()] == ["--temperature notes=2", "--variation 0.5"]
