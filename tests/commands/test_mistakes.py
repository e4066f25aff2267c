"""Whatever is wrong with a command line is one line, which names the nearest right word."""

from __future__ import annotations

import shlex
import shutil
import sys
from importlib import import_module
from pathlib import Path

import pytest

from datamodules.corpus.finding import near_file
from datamodules.errors import did_you_mean
from experiments import __main__ as program
from experiments.command_line import cli
from experiments.command_line.common_options import COMMANDS
from experiments.command_line.completion import options_class
from experiments.command_line.mistakes import mistake
from experiments.command_line.option_fields import options_of
from songs import bundled

MISTAKES = [
    # options and their words
    ("tune note", "HEAD note: give one of notes, durations, offsets, velocity, all; did you mean notes?"),
    (
        "train ofsets --run demo",
        "HEAD ofsets: give one of notes, durations, offsets, velocity, all; did you mean offse",
    ),
    ("tune my_song.mid", "HEAD my_song.mid: give one of notes, durations, offsets, velocity, all"),
    ("tune notes --trails 3", "tune has no option --trails; did you mean --trials?"),
    ("tune notes --trails=3", "tune has no option --trails; did you mean --trials?"),
    ("generate --max_evnts 3", "generate has no option --max_evnts; did you mean --events?"),
    ("generate --temp 1", "generate has no option --temp; did you mean --tempo?"),
    ("generate --zzz", "generate has no option --zzz"),
    ("explore --no-baseline", "explore has no option --no-baseline; did you mean --no-baselines?"),
    ("tune notes --split tial", "--split tial: give one of auto, song, tail, none; did you mean tail?"),
    ("tune notes --split=Tail", "--split Tail: give one of auto, song, tail, none; did you mean tail?"),
    ("explore --split sogn", "--split sogn: give one of auto, song, tail, none; did you mean song?"),
    ("tune notes --metric nat", "--metric nat: give one of nats, mae, macro; did you mean nats?"),
    ("tune notes --wandb ofline", "--wandb ofline: give one of auto, online, offline, off; did you mean offline?"),
    ("train notes --run x --weighting sqr", "--weighting sqr: give one of none, sqrt, balanced; did you mean sqrt?"),
    ("generate --drums liek", "--drums liek: give one of none, like; did you mean like?"),
    ("tune notes --trials many", "--trials many: give a whole number"),
    ("tune notes --trials 2.5", "--trials 2.5: give a whole number"),
    ("generate --tempo fast", "--tempo fast: give a number"),
    ("generate --tempo", "--tempo needs a value: --tempo BPM"),
    ("generate --out --seed 1", "--out needs a value: --out FILE"),
    # what is missing, and what is too much
    ("tune", "which head? python -m experiments.tune notes"),
    (
        "train",
        "train needs HEAD (notes, durations, offsets, velocity, all) and --run RUN; see `python -m experiments.tr",
    ),
    ("train notes", "train needs --run RUN; see `python -m experiments.train --help`"),
    ("evaluate", "evaluate needs RUN; see"),
    ("report", "report needs RUN; see"),
    ("report demo other", "report takes RUN; other is one word too many"),
    ("generate demo other", "generate takes [RUN]; other is one word too many"),
    # what is looked up
    ("evaluate demoo", "there are demo, other; did you mean demo?"),
    ("runs otter", "there are demo, other; did you mean other?"),
    ("report dmeo", "did you mean demo?"),
    ("generate demoo", "did you mean demo?"),
    ("generate --notes demoo", "did you mean demo?"),
    ("train notes --run demoo", "did you mean demo?"),
    ("tune notes --init demoo", "did you mean demo?"),
    ("tune notes --warm-start demoo", "did you mean demo?"),
    ("tune --resume demoo", "did you mean demo?"),
    ("tune notes --set hiden=3", "unknown hyperparameter 'hiden'"),
    ("tune notes --set hiden=3", "; did you mean hidden?"),
    ("tune notes --set backbone=lsmt", "one of lstm, transformer, not 'lsmt'; did you mean lstm?"),
    ("tune notes --preset orginal", "--preset orginal: there is original; did you mean original?"),
    ("tune notes --parts melodi", "; did you mean melody?"),
    ("explore --parts Basss", "; did you mean bass?"),
    ("explore my_sogn.mid", "did you mean my_song.mid?"),
    ("tune notes --valid my_sogn.mid", "did you mean my_song.mid?"),
    ("generate --key 'A minro'", "; did you mean A minor?"),
    ("generate --instruments melodi=flute", "parts are melody, chords, bass; did you mean melody?"),
    ("generate --instruments melody=fluute", "no instrument is called 'fluute'; perhaps Flute"),
    (
        "generate --temperature note=1",
        "'note' is no head; heads are notes, durations, offsets, velocity; did you mean no",
    ),
    # files of options
    ("tune notes --config my.tmol", "did you mean my.toml?"),
    ("tune notes --config my.toml", "my.toml: trails is no option of tune; did you mean trials?"),
    (
        "tune notes --config split.toml",
        "split cannot be 'tial': give one of auto, song, tail, none; did you mean tail?",
    ),
]


@pytest.fixture
def two_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two runs without winners, a song and two files of options, in a folder of their own."""
    monkeypatch.chdir(tmp_path)
    for name in ("demo", "other"):
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / "run.json").write_text('{"format": 1}')
    shutil.copy(bundled()[0], "my_song.mid")
    Path("my.toml").write_text("trails = 3")
    Path("split.toml").write_text("split = 'tial'")


@pytest.mark.usefixtures("two_runs")
@pytest.mark.parametrize(("words", "told"), MISTAKES)
def test_one_line_names_the_right_word(words: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    command, *arguments = shlex.split(words)
    before = set(Path().rglob("*"))
    module = import_module(f"experiments.{command}")
    run = next(getattr(module, name) for name in (command, "list_runs") if hasattr(module, name))
    assert cli.main(options_class(command), run, prog=command, arguments=arguments) == 2
    said = capsys.readouterr().err.strip().splitlines()
    errors = [line for line in said if line.startswith("error: ")]
    assert len(errors) == 1
    assert told in errors[0]
    assert not any("Traceback" in line for line in said)
    assert {path for path in set(Path().rglob("*")) - before if "cache" not in path.parts} == set(), (
        "nothing is written"
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_found_by_a_word_much_like_it(command: str) -> None:
    options = options_of(options_class(command))
    for option in options:
        if not option.positional:
            word = option.flag + "x"
            told = mistake(options_class(command), [word], command)
            assert told == f"{command} has no option {word}; did you mean {option.flag}?"
            for choice in option.choices:
                told = mistake(options_class(command), [option.flag, choice + choice[-1]], command)
                assert told.endswith(f"did you mean {choice}?"), told


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("tune", "notes a.mid --trials 3 --set a=b --valid v.mid --quiet --grid=12"),
        ("generate", "--mix-ngram 0.5 --temperature 1 --seed -3 --bars 4"),
        ("explore", "a b c --no-baselines"),
    ],
)
def test_what_is_right_is_no_mistake(name: str, words: str) -> None:
    assert mistake(options_class(name), words.split(), name) == ""
    assert cli.parse(options_class(name), words.split(), prog=name) is not None


def test_near_words() -> None:
    assert did_you_mean("HIDEN", ["hidden", "window"]) == "; did you mean hidden?"
    assert did_you_mean("zzz", ["hidden", "window"]) == did_you_mean("", []) == ""


@pytest.mark.usefixtures("two_runs")
def test_near_files() -> None:
    assert near_file(Path("my_sung.mid")) == "; did you mean my_song.mid?"
    assert near_file(Path("my_song.mid")) == near_file(Path("nowhere/my_song.mid")) == near_file(Path("a\0")) == ""
    Path("my_\x1b[31mred.mid").touch()
    assert "\x1b" not in near_file(Path("my_red.mid"))


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        ([], 0, "  tune          Search hyperparameters for the heads"),
        (["--help"], 0, "Exit status: 0 done"),
        (["tnue"], 2, "tnue is no command: give one of tune, train"),
        (["tnue"], 2, "; did you mean tune?"),
        (["tune", "note"], 2, "did you mean notes?"),
        (["--completion", "bahs"], 2, "--completion bahs: give one of bash, zsh; did you mean bash?"),
        (["--completion"], 2, "give one of bash, zsh"),
    ],
)
def test_the_program(
    words: list[str], status: int, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["tritone", *words])
    monkeypatch.delitem(sys.modules, "experiments.tune", raising=False)  # runpy warns of a module that it runs again
    try:
        code = program.run()
    except SystemExit as stop:
        code = stop.code
    assert code == status
    said = capsys.readouterr()
    assert told in (said.err if status else said.out)
    assert len(said.err.splitlines()) == bool(status)
    if not status:
        assert all(name in said.out for name in COMMANDS)
        assert all(len(line) <= 80 for line in said.out.splitlines())
