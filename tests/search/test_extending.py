"""docs/extending.md: its files, taken from the page, are a package that adds what it says; broken ones are told of."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from midi_files import random_song
from pages import ROOT

from datamodules.column_spec import ColumnSpec
from datamodules.errors import UserError
from datamodules.midi.writing import write_midi
from experiments.command_line.option_fields import options_of
from experiments.generate import GenerateOptions
from experiments.head_spec import HeadSpec
from experiments.heads import ALL, HEADS, RESERVED
from experiments.plugins import check_options, unknown
from lightning_modules import registry
from lightning_modules.backbones import BACKBONES, BackboneSpec
from lightning_modules.registry import Registry

PAGE = (ROOT / "docs" / "extending.md").read_text()
FILES = dict(re.findall(r"^`([\w.]+)`:\n\n```\w+\n(.*?)```", PAGE, re.DOTALL | re.MULTILINE))
FIXED = [w for setting in ("hidden=16", "embedding=8", "window=8", "batch_size=64") for w in ("--set", setting)]
FEW = ("--name", "a", "--max-epochs", "2", "--max-concurrent", "1", "--wandb", "off", "--no-tensorboard", *FIXED)


def install(place: Path, groups: dict[str, dict[str, str]], files: dict[str, str], name: str = "toy") -> Path:
    """A folder as pip leaves it: modules, and beside them what the package says of itself."""
    told = place / f"{name}-0.1.dist-info"
    told.mkdir(parents=True)
    (told / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1\n")
    lines = [f"[{group}]\n" + "".join(f"{k} = {v}\n" for k, v in entries.items()) for group, entries in groups.items()]
    (told / "entry_points.txt").write_text("\n".join(lines))
    for file, text in files.items():
        (place / file).write_text(text)
    return place


def install_page(place: Path) -> Path:
    project = tomllib.loads(FILES["pyproject.toml"])
    modules = {f"{module}.py" for module in project["tool"]["setuptools"]["py-modules"]}
    assert modules == set(FILES) - {"pyproject.toml"}
    return install(place, project["project"]["entry-points"], {name: FILES[name] for name in modules})


def call(*words: str, packages: Path | None = None, runs: Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(map(str, [ROOT, *([packages] if packages else [])]))
    told = {**os.environ, "PYTHONPATH": path, "TRITONE_RUNS": str(runs), "TRITONE_CACHE": str(runs / "cache")}
    told |= {"RAY_ADDRESS": "local", "COLUMNS": "200"}
    command = [sys.executable, "-m", f"experiments.{words[0]}", *words[1:]]
    return subprocess.run(command, env=told, cwd=ROOT, capture_output=True, text=True)


def done(*words: str, packages: Path, runs: Path) -> str:
    ended = call(*words, packages=packages, runs=runs)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return " ".join(ended.stdout.split())


@pytest.fixture(autouse=True)
def _looked_for_anew() -> Iterator[None]:
    """What is installed, for a test that installs something; the registries of the other tests are full already."""
    assert len(HEADS) + len(BACKBONES) > 5
    registry.installed.cache_clear()
    yield
    registry.installed.cache_clear()


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install_page(tmp_path_factory.mktemp("toy"))


def test_the_page_tells_of_each_in_three_touches_at_most() -> None:
    project = tomllib.loads(FILES["pyproject.toml"])["project"]
    assert set(project["entry-points"]) == {
        f"tritone.{what}" for what in ("heads", "backbones", "searchers", "trackers")
    }
    for entries in project["entry-points"].values():
        ((_, place),) = entries.items()
        module = place.partition(":")[0]
        touches = [name for name in FILES if name.startswith(module)]
        assert 1 <= len(touches) <= 2, "and its line in pyproject.toml"
    for link in re.findall(
        r"(?<![\w/])(?:tests|experiments|lightning_modules|search_spaces|datamodules)/[\w/]+\.py", PAGE
    ):
        assert (ROOT / link).is_file(), link


def test_help_knows_it_and_waits_for_no_torch(toy: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from experiments.command_line.cli import parse, reported\n"
        "from experiments.command_line.option_fields import options_of\n"
        "from experiments.generate import GenerateOptions; from experiments.tune import TuneOptions\n"
        "parsed = []\n"
        "words = ['density', '--searcher', 'patient', '--track', 'lines', '--set', 'conv.kernel=5']\n"
        "assert reported(lambda: parsed.append(parse(TuneOptions, words, prog='tune'))) == 0\n"
        "assert parsed[0].head == 'density'\n"
        "print([o.choices for o in options_of(TuneOptions) if o.name in ('head', 'searcher')])\n"
        "print([o.name for o in options_of(GenerateOptions)])\n"
        "assert not {'torch', 'optuna', 'ray'} & set(sys.modules), 'too much is imported'\n"
    )
    told = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{toy}", "TRITONE_RUNS": str(tmp_path)}
    ended = subprocess.run([sys.executable, "-c", code], env=told, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert "'density', 'all'" in ended.stdout
    assert "'patient'" in ended.stdout
    assert "mix_notes" in ended.stdout
    assert "mix_density" not in ended.stdout, "it writes nothing that could be mixed"


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("songs")
    for seed in range(2):
        write_midi(random_song(seed, notes=240), place / f"{seed}.mid")
    return place


@pytest.fixture(scope="module")
def runs(toy: Path, songs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where run a has what the page adds: its head, backbone, searcher and tracker."""
    place = tmp_path_factory.mktemp("runs")
    own = ("--searcher", "patient", "--track", "lines", "--set", "backbone=conv")
    said = done("tune", "density", str(songs), "--trials", "2", *FEW, *own, packages=toy, runs=place)
    assert "convolution of 16 (kernel " in said
    assert not (place / "a" / "song.mid").exists(), "it writes nothing"
    return place


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_what_the_page_adds_is_searched_and_scored(toy: Path, runs: Path, tmp_path: Path) -> None:
    folder = runs / "a" / "density"
    rows = (folder / "trials.csv").read_text().splitlines()
    assert len(rows) == 3
    assert all(row["backbone"] == "conv" and 2 <= int(row["conv.kernel"]) <= 6 for row in dicts(rows))
    lines = [json.loads(line) for line in (folder / "lines.jsonl").read_text().splitlines()]
    assert [line["what"] for line in lines] == ["start", "epoch", "epoch", "end"] * 2 + ["winner"]
    facts = json.loads((runs / "a" / "run.json").read_text())["heads"]["density"]
    assert facts["searcher"] == "patient"
    assert facts["packages"]["heads"] == {"density": "toy 0.1"}
    assert 'searcher = "patient"' in (folder / "tune.toml").read_text()
    done("evaluate", "a", "--json", str(tmp_path / "a.json"), packages=toy, runs=runs)
    scored = json.loads((tmp_path / "a.json").read_text())["heads"]["density"]
    assert scored["winner"]["hyperparameters"]["backbone"] == "conv"
    ended = call("tune", "--resume", "a", runs=runs)
    assert ended.returncode == 2, ended.stdout + ended.stderr
    assert "toy 0.1, which is not installed here" in " ".join(ended.stderr.split())


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_what_the_page_adds_is_played_and_shown(toy: Path, songs: Path, runs: Path, tmp_path: Path) -> None:
    kernel = ("--trials", "1", *FEW, "--set", "conv.kernel=4")
    done("tune", "notes", str(songs), *kernel, packages=toy, runs=runs)
    assert (runs / "a" / "song.mid").exists()
    out = tmp_path / "new.mid"
    said = done("generate", "a", "--events", "40", "--candidates", "2", "--out", str(out), packages=toy, runs=runs)
    assert "density/winner.safetensors (writes nothing of a song; judges the candidates with the others)" in said
    assert re.search(r"drawn nats notes density", said)
    assert len(list(tmp_path.glob("new*.mid"))) == 2
    assert "conv.kernel" in done("runs", "a", packages=toy, runs=runs)
    done("report", "a", "--blind", "0", packages=toy, runs=runs)
    page = (runs / "a" / "report.html").read_text()
    assert "Convolution" in page
    assert "density" in page
    ended = call("generate", "--notes", "a", runs=runs)
    assert ended.returncode == 2, ended.stdout + ended.stderr
    assert "toy 0.1, which is not installed here" in " ".join(ended.stderr.split())
    assert "Traceback" not in ended.stderr


def dicts(rows: list[str]) -> Iterator[dict[str, str]]:
    names = rows[0].split(",")
    return (dict(zip(names, row.split(","), strict=True)) for row in rows[1:])


HEAD = """
from datamodules.columns import ColumnSpec
from experiments.head_spec import HeadSpec
from lightning_modules.config import TimingConfig
from search_spaces.timing import space
def size(events):
    return events.onset
def head(name="made", field=None, of=size, **column):
    return HeadSpec(ColumnSpec(name, field or name, of=of, **column), TimingConfig, space, "x:Y")
"""
BROKEN = {
    "raise RuntimeError('on\\nimport')": "it cannot be loaded (RuntimeError: on)",
    "import nowhere_at_all": "it cannot be loaded (ModuleNotFoundError: No module named 'nowhere_at_all')",
    "import sys; sys.exit(3)": "it cannot be loaded (SystemExit: 3)",
    "SPEC = 7": "it is no HeadSpec, but int",
    "OTHER = 7": "it cannot be loaded (AttributeError",
    f"{HEAD}SPEC = head('notes')": "the name 'notes' is taken by tritone",
    f"{HEAD}SPEC = head('bars')": "the name 'bars' is taken by tritone",
    f"{HEAD}SPEC = head('../x')": "must be a word of letters, digits and underscores",
    f"{HEAD}SPEC = head(of=None)": "its column has no `of`",
    f"{HEAD}SPEC = head(field='velocity')": "its column's field 'velocity' must be its name",
    f"{HEAD}SPEC = head(after=('density',))": "it comes after 'density'",
}


@pytest.mark.parametrize("text", BROKEN)
def test_a_broken_package_is_left_out_and_told_of(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    module = f"broken{abs(hash(request.node.name))}"
    install(tmp_path, {"tritone.heads": {"mine": f"{module}:SPEC"}}, {f"{module}.py": text}, name="broken")
    monkeypatch.syspath_prepend(str(tmp_path))
    found = Registry("tritone.heads", HeadSpec, tuple(HEADS.values()), RESERVED)
    assert list(found) == list(HEADS)
    (problem,) = found.problems
    assert problem.startswith("broken 0.1: its entry point mine (tritone.heads) is broken: ")
    assert BROKEN[text] in problem
    assert "\n" not in problem


def test_of_two_packages_of_one_name_the_first_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "from lightning_modules.backbones import BackboneSpec\nSPEC = BackboneSpec('twin', 'x:y', 'twin')\n"
    own = tuple(BACKBONES.values())
    for number in (1, 2):
        files = {f"twin_of_{number}.py": text}
        place = {"tritone.backbones": {f"twin{number}": f"twin_of_{number}:SPEC"}}
        monkeypatch.syspath_prepend(str(install(tmp_path / str(number), place, files, name=f"twin{number}")))
    found = Registry("tritone.backbones", BackboneSpec, own)
    assert found["twin"].layer == "twin"
    assert found.packages == {"twin": "twin1 0.1"}
    (problem,) = found.problems
    assert problem.startswith("twin2 0.1: ")
    assert problem.endswith("the name 'twin' is taken by twin1 0.1")


@pytest.mark.parametrize("command", ["runs", "generate"])
def test_a_command_with_a_broken_package_ends_in_a_line(command: str, tmp_path: Path) -> None:
    install(tmp_path, {"tritone.backbones": {"mine": "broken:SPEC"}}, {"broken.py": "1 / 0"}, name="broken")
    ended = call(command, "--help", packages=tmp_path, runs=tmp_path)
    assert ended.returncode == 2
    said = " ".join(ended.stderr.split())
    assert said.startswith("error: broken 0.1: its entry point mine (tritone.backbones) is broken: it cannot be loaded")
    assert "ZeroDivisionError" in said
    assert "Traceback" not in said
    assert not ended.stdout


def test_no_head_can_be_called_as_an_option_of_generate() -> None:
    options = [option for option in options_of(GenerateOptions) if option.name not in HEADS]
    flags = {option.flag.removeprefix("--").replace("-", "_") for option in options if not option.positional}
    others = {ALL, "help", "songs", "triples", "tune", "wandb"}  # of the command line itself, and of runs
    assert set(RESERVED) == {option.name for option in options} | flags | others
    assert len(RESERVED) == len(set(RESERVED))


def test_what_is_unknown_is_told_in_a_line_whatever_a_stranger_says() -> None:
    told = {"heads": {"density": "toy 0.1"}}
    assert "toy 0.1, which is not installed" in unknown("heads", "density", told)
    for strange in (None, 7, [], {"heads": 7}, {"heads": {"density": 7}}, {"heads": []}):
        assert unknown("heads", "density", strange).startswith("unknown head 'density': it may be of a package")
    assert len(unknown("heads", "x" * 10**6, {"heads": {"x" * 10**6: "y" * 10**6}})) < 400


def test_a_column_holds_a_whole_number_an_event() -> None:
    from events_made import random_songs

    (song,) = random_songs(1, 1, 20, 5)
    for of in (lambda events: events.onset[:-1], lambda events: events.onset / 2, lambda events: 3):
        with pytest.raises(ValueError, match="the column made must hold a whole number an event"):
            ColumnSpec("made", "made", of=of).numbers(song)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"set": ["backbone=conv"]}, "unknown backbone 'conv'"),
        ({"set": ["hidden=8", "conv.kernel=3"]}, "unknown backbone 'conv'"),
        ({"track": ["lines"]}, "unknown tracker 'lines'"),
        ({"searcher": "patient"}, "unknown searcher 'patient'"),
    ],
)
def test_a_search_that_was_made_with_a_package_is_not_gone_on_with_without_it(options: Any, told: str) -> None:
    with pytest.raises(UserError, match=told):
        check_options(options)
    check_options({"set": ["backbone=lstm", "hidden=3"], "searcher": "random", "track": ["wandb"]})
    for strange in ({"set": 7, "track": [7], "searcher": []}, {"set": [None]}, {}):
        check_options(strange)  # no names: what is wrong with them is told by what reads them
