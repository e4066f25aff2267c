"""Figures made again: the pages are what the figures say, a row goes on where it was, and nothing good is lost."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from pages import ROOT

from benchmarks import reproduce
from benchmarks.measured import whole_lines
from benchmarks.pages.kept import commit_of
from benchmarks.reproducing import needs, steps
from benchmarks.reproducing.listing import stale_rows, standing
from benchmarks.reproducing.measuring import kept_files, measure
from benchmarks.reproducing.needs import NEEDS, lacking
from benchmarks.reproducing.places import Places
from benchmarks.reproducing.stale import CHANGES, commit_now, stale
from benchmarks.reproducing.steps import Steps
from benchmarks.rows import ROWS, Row
from benchmarks.rows.music import SEARCHES
from datamodules.errors import UserError
from experiments.command_line.cli import main

TOY = Row("speed", "docs/performance.md", ("toy --json {json} {seed}",), 1, ("toy.py",), quick="--quick")


# staleness


def _git(folder: Path, *words: str) -> str:
    own = ("-c", "user.name=t", "-c", "user.email=t@t", "-c", "commit.gpgsign=false")
    return subprocess.run(["git", *own, *words], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository of one module, which writes what it was told, and dies once where a file says so."""
    root = tmp_path / "root"
    root.mkdir()
    (root / "toy.py").write_text(
        "import json, os, pathlib, signal, sys\n"
        "with open('ran.txt', 'a') as file: print(sys.argv[1], file=file)\n"
        "die = pathlib.Path('../../die')\n"
        "if sys.argv[1] == '--json' and die.exists() and die.read_text() == sys.argv[3]:\n"
        "    die.unlink(); os.kill(os.getpid(), signal.SIGKILL)\n"
        "if sys.argv[1] == '--json':\n"
        "    machine = {'processor': 'toy', 'cores': 1}\n"
        "    figures = {'quick': '--quick' in sys.argv, 'ran': pathlib.Path('ran.txt').read_text().split()}\n"
        "    told = {'name': 'toy', 'title': 'A toy', 'figures': figures, 'machine': machine}\n"
        "    pathlib.Path(sys.argv[2]).write_text(json.dumps(told))\n"
    )
    (root / "other.py").write_text("")
    _git(root, "init", "-q")
    _git(root, "add", ".")
    _git(root, "commit", "-qm", "one")
    return root


def test_figures_are_stale_where_their_code_has_changed(checkout: Path) -> None:
    before = commit_now(checkout, ["toy.py"])
    assert stale(checkout, before, ["toy.py"]) == ""
    (checkout / "other.py").write_text("1")
    assert commit_now(checkout, ["toy.py"]) == before
    assert commit_now(checkout, ["other.py"]) == before + CHANGES
    _git(checkout, "commit", "-qam", "two")
    assert stale(checkout, before, ["toy.py"]) == ""
    assert stale(checkout, before, ["other.py"]).startswith("stale: 1 file")
    assert "no commit has" in stale(checkout, commit_now(checkout, ["toy.py"]) + CHANGES, ["toy.py"])


@pytest.mark.parametrize("commit", ["", "0" * 40, "HEAD", "--help", CHANGES])
def test_a_commit_that_git_does_not_know(checkout: Path, commit: str) -> None:
    assert stale(checkout, commit, ["toy.py"]) == "unknown commit"


def test_outside_of_a_repository(tmp_path: Path) -> None:
    assert commit_now(tmp_path, ["x"]) == ""
    assert stale(tmp_path, "0" * 40, ["x"]) == "unknown commit"


# rows that run


@pytest.fixture
def places(checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    for module in (needs, steps):
        monkeypatch.setattr(module, "LOOK", 0.02)
    return Places(tmp_path / "results", tmp_path / "docs", tmp_path / "work", tmp_path / "corpora", checkout)


def test_a_row_is_kept_with_all_that_it_is_of(places: Places) -> None:
    measure("toy", TOY, places)
    (file,) = kept_files("toy", TOY, places)
    found = json.loads(file.read_text())
    assert found["figures"] == {"quick": False, "ran": ["--json"]}
    assert found["commit"] == _git(places.root, "rev-parse", "HEAD") == found["made_by"]["commit"] == commit_of(found)
    assert len(found["seconds"]) == 1
    assert found["date"]
    assert found["machine"]
    assert found["made_by"]["torch"]
    assert "note" not in found
    assert standing(TOY, [found], places) == ""
    assert stale_rows({"toy": TOY, "missing": TOY}, places) == ["missing"]
    measure("toy", TOY, places)  # asked for again, it is measured again
    assert json.loads(file.read_text())["figures"] == found["figures"]


def _killed(row: Row, places: Places, seed: int | None = None) -> None:
    """Begin a row, whose last command is killed once."""
    (places.work.parent / "die").write_text(str(seed))
    with pytest.raises(UserError, match="status -9"):
        measure("toy", row, places)


def test_a_row_that_was_killed_goes_on_where_it_was_and_loses_nothing(places: Places) -> None:
    row = replace(TOY, commands=("toy first", "toy --json {json} {seed}"))
    (file,) = kept_files("toy", row, places)
    file.parent.mkdir(parents=True)
    file.write_text("good")
    _killed(row, places)
    assert file.read_text() == "good"
    measure("toy", row, places)
    found = json.loads(file.read_text())
    assert found["figures"]["ran"] == ["first", "--json", "--json"]  # the first command is not run again
    assert "was killed" in found["note"]
    assert len(found["seconds"]) == 2


def test_seeds_that_are_measured_are_not_measured_again_after_a_kill(places: Places) -> None:
    row = replace(TOY, seeds=(1, 2))
    one, two = kept_files("toy", row, places)
    one.parent.mkdir(parents=True)
    one.write_text("good")
    _killed(row, places, seed=2)
    assert one.read_text() == "good"  # a mean over seeds is never one of different code
    assert not two.exists()
    measure("toy", row, places)
    first, second = (json.loads(file.read_text()) for file in (one, two))
    assert (first["seed"], first["figures"]["ran"]) == (1, ["--json"])
    assert (second["seed"], second["figures"]["ran"]) == (2, ["--json", "--json"])
    assert "note" not in first
    assert "note" in second


def test_what_was_begun_of_other_code_begins_anew(places: Places) -> None:
    row = replace(TOY, commands=("toy first", "toy --json {json} {seed}"))
    _killed(row, places)
    (places.root / "toy.py").write_text((places.root / "toy.py").read_text() + "# changed\n")
    _git(places.root, "commit", "-qam", "two")
    measure("toy", row, places)
    (file,) = kept_files("toy", row, places)
    found = json.loads(file.read_text())
    assert found["figures"]["ran"] == ["first", "--json"]
    assert "note" not in found


def _steps(tmp_path: Path, command: str) -> Steps:
    return Steps("t", tmp_path, [command], {"root": ROOT}, "", (), tmp_path / "runs")


def test_a_search_is_resumed_and_one_with_a_budget_or_that_had_not_begun_is_not(tmp_path: Path) -> None:
    run = tmp_path / "runs" / "r" / "run.json"
    run.parent.mkdir(parents=True)
    plain = _steps(tmp_path, "python -m experiments.tune notes --name r --seed 2")
    run.write_text(json.dumps({"heads": {"notes": {}}}))
    assert plain._prepared(0, True)[2:] == ["experiments.tune", "--resume", "r", "--wandb", "off"]
    assert plain._prepared(0, False)[2:] == ["experiments.tune", "notes", "--name", "r", "--seed", "2"]
    timed = _steps(tmp_path, "python -m experiments.tune notes --name r --time-budget 9")
    assert "--resume" not in timed._prepared(0, True)
    assert not run.exists()
    run.parent.mkdir(parents=True)
    run.write_text(json.dumps({"heads": {}}))
    assert "--resume" not in plain._prepared(0, True)
    assert not run.exists()


def test_training_that_was_killed_begins_with_the_winners_of_before(tmp_path: Path) -> None:
    winner = tmp_path / "runs" / "r" / "notes" / "winner.safetensors"
    winner.parent.mkdir(parents=True)
    winner.write_text("searched")
    taken = _steps(tmp_path, "python -m experiments.train all --run r")
    taken._prepared(0, False)
    winner.write_text("trained")
    taken._prepared(0, True)
    assert winner.read_text() == "searched"


def test_every_nth_song(tmp_path: Path) -> None:
    for number in range(7):
        (tmp_path / f"{number}.mid").touch()
    taken = _steps(tmp_path, f"python -m experiments.tune notes {tmp_path}[::3] --name r")
    assert [Path(word).stem for word in taken._prepared(0, False)[4:7]] == ["0", "3", "6"]


def test_what_others_use_is_a_share(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = [[0, 0, 0, 0, 0, 0, 0, 0], [20, 10, 0, 60, 10, 0, 0, 0]]
    monkeypatch.setattr(needs, "_ticks", lambda: looks.pop(0))
    monkeypatch.setattr(needs, "LOOK", 0.0)
    assert needs.busy() == pytest.approx(0.3)
    monkeypatch.setattr(needs, "_ticks", lambda: [1] * 8)
    assert needs.busy() is None


def test_what_is_lacking_is_told_in_a_line(places: Places) -> None:
    songs = replace(TOY, commands=("toy {corpora}/bach --json {json}",))
    assert "bach" in lacking(songs, places)
    assert "--corpora" in lacking(songs, places)
    (places.corpora / "bach").mkdir(parents=True)
    assert lacking(songs, places) == lacking(TOY, places) == ""
    assert lacking(replace(TOY, needs=("quiet",)), places, quick=True) == ""


def test_a_line_that_was_cut_off_is_not_read(tmp_path: Path) -> None:
    raw = tmp_path / "raw.jsonl"
    assert whole_lines(raw) == []
    raw.write_text('{"a": 1}\n{"b": 2}\n{"c"')
    assert whole_lines(raw) == ['{"a": 1}', '{"b": 2}']
    assert raw.read_text() == '{"a": 1}\n{"b": 2}\n'


# the command


@pytest.fixture
def with_toy(places: Places, monkeypatch: pytest.MonkeyPatch) -> Places:
    """The command with a row more, which is all that --stale finds, and with folders of its own."""
    monkeypatch.setitem(ROWS, "toy", TOY)
    monkeypatch.setattr(reproduce, "stale_rows", lambda rows, places: ["toy"])
    monkeypatch.setattr(reproduce.Options, "places", lambda self: places.quick() if self.quick else places)
    return places


def run(*words: str) -> int:
    return main(reproduce.Options, reproduce.reproduce, prog="reproduce", arguments=words, package="benchmarks")


def test_quick_rows_touch_nothing_but_the_working_folder(with_toy: Places) -> None:
    assert run("toy") == 0
    before = {file: file.read_bytes() for file in _files(with_toy)}
    assert run("toy", "--quick") == 0
    assert {file: file.read_bytes() for file in _files(with_toy)} == before
    (file,) = kept_files("toy", TOY, with_toy.quick())
    found = json.loads(file.read_text())
    assert found["quick"] is True
    assert found["figures"]["quick"] is True
    assert (with_toy.quick().docs / "results.md").read_text().startswith("> **Quick figures.**")


def _files(places: Places) -> list[Path]:
    return [file for folder in (places.results, places.docs) for file in folder.rglob("*") if file.is_file()]


def test_what_quick_shows_needs_no_corpora() -> None:
    rows = [ROWS[name] for name in reproduce.SHOWN]
    assert {row.group for row in rows} == {row.group for row in ROWS.values()}
    read = Row(
        "", "", tuple(command for row in rows for name in row.heads for command in SEARCHES[name]), 0, ()
    ).corpora
    assert not read
    assert not any(row.corpora for row in rows)


def test_a_failed_row_is_told_and_its_figures_stay(with_toy: Places, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("toy") == 0
    (file,) = kept_files("toy", TOY, with_toy)
    good = file.read_bytes()
    (with_toy.work.parent / "die").write_text("None")
    assert run("toy") == 1
    assert file.read_bytes() == good
    assert "failed: toy" in capsys.readouterr().err


def test_what_is_stopped_says_how_to_go_on(
    with_toy: Places, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(ROWS, "toy_2", TOY)

    def measured(name: str, *_: object) -> None:
        if name == "toy_2":
            raise KeyboardInterrupt

    monkeypatch.setattr(reproduce, "measure", measured)
    assert run("toy", "toy_2", "--work", "some where") == 130
    assert "python -m benchmarks.reproduce --work 'some where' toy_2\n" in capsys.readouterr().out


def test_the_list(with_toy: Places, capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == 0
    assert "as it was" not in capsys.readouterr().out
    assert run("--stale") == 0
    capsys.readouterr()
    assert run() == 0
    told = capsys.readouterr().out
    assert re.search(r"toy .* min  as it was", told)
    assert re.search("share .* not measured; needs quiet", told)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("toi",), "there is no row toi; did you mean toy?"),
        (("--stale", "toy"), "leave out the rows"),
        (("--pages", "--quick"), "nothing else"),
        (("--stail",), "did you mean --stale?"),
    ],
)
def test_bad_words(with_toy: Places, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str) -> None:
    assert run(*words) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error


def test_a_row_that_cannot_be_measured_here(
    with_toy: Places, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(ROWS, "toy", replace(TOY, needs=("gpu",)))
    monkeypatch.setitem(NEEDS, "gpu", lambda: "it needs a GPU")
    assert run("--stale") == 0  # chosen by the command: left out
    assert run("toy") == 1  # asked for
    assert "not measured: toy" in capsys.readouterr().err
