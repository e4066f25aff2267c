"""Options out of files: the same as on the command line, which wins; and the file that repeats a run."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from datamodules.errors import UserError
from experiments.command_line.cli import main, note, parse, say
from experiments.command_line.common_options import COMMANDS
from experiments.command_line.config_file import as_toml, named_file
from experiments.evaluate import EvaluateOptions
from experiments.explore import ExploreOptions
from experiments.generate import GenerateOptions
from experiments.train import TrainOptions
from experiments.tune import TuneOptions, _merged, tune

OPTIONS = {
    "tune": TuneOptions, "train": TrainOptions, "evaluate": EvaluateOptions, "generate": GenerateOptions,
    "explore": ExploreOptions,
}  # fmt: skip
TOML = """
head = "notes"
songs = ["a.mid", "b"]
trials = 7
time-budget = 90
valid = ["v.mid"]
set = ["hidden=64", "window=5"]
wandb = "off"
init = "-odd"
[train]
epochs = 3
[tune]
trials = 8
"""
YAML = """
head: notes
songs: [a.mid, b]
trials: 8
time_budget: 90.0
valid: v.mid
set: [hidden=64, window=5]
wandb: "off"
init: "-odd"
"""
WORDS = ("notes", "a.mid", "b", "--trials", "8", "--time-budget", "90", "--valid", "v.mid", "--wandb", "off")
SAME = (*WORDS, "--set", "hidden=64", "--set", "window=5", "--init=-odd")


def written(folder: Path, text: str, name: str = "c.toml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def read(command: str, path: Path, *arguments: str) -> Any:
    found = parse(OPTIONS[command], [*arguments, "--config", str(path)], prog=command)
    assert found.config == path
    object.__setattr__(found, "config", None)
    return found


@pytest.mark.parametrize(("text", "name"), [(TOML, "c.toml"), (YAML, "c.yaml"), (YAML, "c.YML")])
def test_a_file_is_a_command_line(tmp_path: Path, text: str, name: str) -> None:
    assert read("tune", written(tmp_path, text, name)) == parse(TuneOptions, SAME, prog="tune")


@pytest.mark.parametrize(
    "text",
    ['songs = ["a", "b"]', 'songs = ["a", "b"]\nhead = "notes"', 'valid = ["v"]\nsongs = ["a", "b"]\nhead = "notes"',
     'valid = ["v"]\nhead = "notes"\nsongs = ["a", "b"]', 'songs = ["a", "b"]\n[tune]\nhead = "notes"'],
)  # fmt: skip
def test_a_file_has_no_order(tmp_path: Path, text: str) -> None:
    path = written(tmp_path, text)
    for words in ((), ("offsets",)):
        found = read("tune", path, *words)
        assert found.head == (words[0] if words else "notes" if "head" in text else None)
        assert found.songs == (Path("a"), Path("b"))
        assert found.valid == ((Path("v"),) if "valid" in text else ())


def test_one_file_for_two_commands(tmp_path: Path) -> None:
    path = written(tmp_path, 'songs = ["a"]\n[tune]\nhead = "offsets"\n')
    assert read("tune", path).songs == read("explore", path).songs == read("evaluate", path, "demo").songs


def test_a_folder_of_a_heads_name_is_a_folder(tmp_path: Path) -> None:
    found = read("tune", written(tmp_path, 'songs = "notes"'), "offsets")
    assert (found.head, found.songs) == ("offsets", (Path("notes"),))


def test_off_is_a_word_in_yaml_too(tmp_path: Path) -> None:
    assert read("tune", written(tmp_path, "wandb: off\ntensorboard: off\nquiet: off", "c.yaml")) == parse(
        TuneOptions, ("--wandb", "off", "--no-tensorboard"), prog="tune"
    )


def test_the_command_line_wins(tmp_path: Path) -> None:
    path = written(tmp_path, TOML)
    found = read("tune", path, "offsets", "c.mid", "--trials", "3", "--wandb", "auto", "--valid", "w.mid")
    assert (found.head, found.songs, found.trials) == ("offsets", (Path("c.mid"),), 3)
    assert (found.wandb, found.valid, found.time_budget) == ("auto", (Path("w.mid"),), 90)
    assert read("tune", path, "--trials", "3").head == "notes"
    assert parse(TuneOptions, ["notes", f"--config={path}", "--trials", "2"], prog="tune").trials == 2


def test_what_must_be_given_may_be_in_the_file_or_not(tmp_path: Path) -> None:
    path = written(tmp_path, 'epochs = 3\nall_songs = true\nweighting = "sqrt"\n')
    found = read("train", path, "notes", "--run", "demo")
    assert (found.head, found.run, found.epochs, found.all_songs) == ("notes", "demo", 3, True)
    with pytest.raises(UserError, match="train needs --run RUN"):
        read("train", path, "notes")
    assert read("evaluate", written(tmp_path, 'run = "demo"\nmix-ngram = true\n')).run == "demo"
    assert not read("explore", written(tmp_path, "baselines = false\n")).baselines
    assert read("generate", written(tmp_path, 'temperature = ["0.9", "notes=1.1"]\nmix_ngram = []\n')).mix_ngram == ()
    assert read("generate", written(tmp_path, "temperature = 0.9\n")).temperature == ("0.9",)


@pytest.mark.parametrize(
    ("text", "name", "told"),
    [
        ("trails = 7", "c.toml", "trails is no option of tune; did you mean trials?"),
        ("[tnue]", "c.toml", "[tnue] is no command; did you mean tune?"),
        ("split = 'tial'", "c.toml", "split cannot be 'tial': give one of auto, song, tail, none; did you mean tail?"),
        ("zzz = 7", "c.toml", "zzz is no option of tune; tune has head, songs"),
        ('trials = "many"', "c.toml", "trials cannot be 'many'"),
        ("trials = [1, 2]", "c.toml", "trials cannot be [1, 2]"),
        ('head = ["notes", "a"]', "c.toml", "head cannot be ['notes', 'a']: give one of notes, durations"),
        ("trials = {a = 1}", "c.toml", "trials cannot be {'a': 1}: give a value"),
        ("trials = 0", "c.toml", "--trials 0: must be at least 1"),
        ('head = "drums"', "c.toml", "head cannot be 'drums': give one of notes, durations"),
        ("trials = ", "c.toml", "is no TOML"),
        ("a: [", "c.yaml", "is no YAML"),
        ("- 1", "c.yaml", "holds no options"),
        ("!!python/object/apply:os.mkdir [executed]", "c.yaml", "is no YAML"),
        ("x", "c.ini", "name a .toml or .yaml file"),
        (None, "none.toml", "cannot be read (No such file"),
        ("config = 'c.toml'", "c.toml", "config is no option of tune"),
    ],
)
def test_what_is_wrong_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], text: str, name: str, told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    if text is not None:
        written(tmp_path, text, name)
    assert main(TuneOptions, tune, prog="tune", arguments=["notes", "--config", name]) == 2
    said = capsys.readouterr().err
    assert told in said
    assert len(said.strip().splitlines()) == 1
    assert not (tmp_path / "executed").exists()


def test_a_run_that_goes_on_has_its_own_options(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, 'resume = "demo"')
    assert main(TuneOptions, tune, prog="tune", arguments=["--config", str(path)]) == 2
    assert "--config: a run has its own options" in capsys.readouterr().err


def test_what_a_run_stores_gives_the_options_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from experiments.search.claim import stored as as_stored

    monkeypatch.chdir(tmp_path)
    for words in (SAME, ("velocity",), ("notes", "--cpus-per-trial", "2", "--runs", "/r", "--parts", "melody")):
        options = parse(TuneOptions, words, prog="tune")
        stored = json.loads(json.dumps(as_stored(options)))
        again = _merged(str(options.head), stored, ["--resume", "a"])
        absolute = {
            "songs": tuple(map(Path.absolute, options.songs)),
            "valid": tuple(map(Path.absolute, options.valid)),
        }
        assert again == type(options)(**{**options.__dict__, **absolute, "resume": "a"})


def test_a_setting_that_is_given_again_is_no_change() -> None:
    def stored(head: str, *settings: str) -> dict[str, Any]:
        return {"head": head, "set": list(settings)}

    before = stored("notes", "hidden=64", "window=5")
    for again in (("hidden=64",), ("window=5", "hidden=64"), ("hidden=064",)):
        words = ["--resume", "a", *(word for setting in again for word in ("--set", setting))]
        assert _merged("notes", before, words).set == ("hidden=64", "window=5")
    for other in ("hidden=128", "batch_size=64"):
        with pytest.raises(UserError, match="--set cannot change"):
            _merged("notes", before, ["--resume", "a", "--set", "hidden=64", "--set", other])
    with pytest.raises(UserError, match="--set"):
        _merged("notes", before, ["--resume", "a", "--set", "hiden=64"])
    # of `all`, notes has no objective
    whole = ["--resume", "a", "--set", "hidden=64", "--set", "objective=grid"]
    assert _merged("notes", stored("notes", "hidden=64"), whole, alone=False).set == ("hidden=64",)
    assert len(_merged("offsets", stored("offsets", "hidden=64", "objective=grid"), whole, alone=False).set) == 2
    with pytest.raises(UserError, match="objective"):
        _merged("notes", stored("notes", "hidden=64"), whole)


def test_what_is_written_gives_the_options_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for words in (SAME, ("velocity",), ("notes", 'my "song"\\\n.mid', "--set", "a=é", "--cpus-per-trial", "0.5")):
        options = parse(TuneOptions, words, prog="tune")
        path = written(tmp_path, as_toml(options))
        absolute = {
            "songs": tuple(map(Path.absolute, options.songs)),
            "valid": tuple(map(Path.absolute, options.valid)),
        }
        again = read("tune", path)
        assert again == type(options)(**{**options.__dict__, **absolute})
        assert as_toml(again) == path.read_text()
    assert as_toml(parse(TuneOptions, ("notes", "--name", "x"), prog="tune"), without=("name",)) == 'head = "notes"\n'


def test_quiet_says_nothing_but_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def command(options: TuneOptions, arguments: Any) -> None:
        say("a word")
        note("a warning")

    for more, words in ((("--quiet",), ""), ((), "a word\n")):
        assert main(TuneOptions, command, prog="tune", arguments=["notes", *more]) == 0
        said = capsys.readouterr()
        assert said.out == words
        assert "a warning" in said.err


def test_every_command_takes_one() -> None:
    for command in COMMANDS:
        kind = getattr(import_module(f"experiments.{command}"), f"{command.title()}Options")
        assert "config" in kind.__dataclass_fields__
    assert named_file(["--", "--config", "x.toml"]) is None
    assert named_file(["--config"]) is None
    with pytest.raises(UserError, match="cannot be read"):
        parse(TuneOptions, ["--config", "/none.toml"], prog="tune")
