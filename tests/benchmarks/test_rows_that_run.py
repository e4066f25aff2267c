"""A row goes on where it was, nothing good is lost, and no figures are of two kinds of code."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from pages import ROOT
from toy_row import TOY, git

from benchmarks import adding
from benchmarks.pages.kept import commit_of
from benchmarks.reproducing import needs
from benchmarks.reproducing.listing import stale_rows, standing
from benchmarks.reproducing.measuring import kept_files, measure
from benchmarks.reproducing.needs import lacking
from benchmarks.reproducing.places import Places
from benchmarks.reproducing.stale import CHANGES, commit_now
from benchmarks.reproducing.steps import Steps
from benchmarks.rows import Row
from datamodules.errors import UserError


def test_a_row_is_kept_with_all_that_it_is_of(places: Places) -> None:
    measure("toy", TOY, places)
    (file,) = kept_files("toy", TOY, places)
    found = json.loads(file.read_text())
    assert found["figures"] == {"quick": False, "ran": ["--json"]}
    assert found["commit"] == git(places.root, "rev-parse", "HEAD") == found["made_by"]["commit"] == commit_of(found)
    assert len(found["seconds"]) == 1
    assert found["date"]
    assert found["machine"]
    assert found["made_by"]["torch"]
    assert "note" not in found
    assert standing(TOY, [found], places) == ""
    assert stale_rows({"toy": TOY, "missing": TOY}, places) == ["missing"]
    measure("toy", TOY, places)  # asked for again, it is measured again
    assert json.loads(file.read_text())["figures"] == found["figures"]


def test_raw_figures_name_no_folder_of_the_machine(places: Places) -> None:
    row = replace(TOY, commands=("toy --json {json} {corpora}/a.mid {songs}/b.mid",), keeps=("raw.jsonl",))
    measure("toy", row, places)
    (file,) = kept_files("toy", row, places)
    assert json.loads(file.with_suffix(".jsonl").read_text()) == {"songs": ["{corpora}/a.mid", "{songs}/b.mid"]}


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
    _change(places, "CHANGED = True")
    git(places.root, "commit", "-qam", "two")
    measure("toy", row, places)
    (file,) = kept_files("toy", row, places)
    found = json.loads(file.read_text())
    assert found["figures"]["ran"] == ["first", "--json"]
    assert "note" not in found


def _change(places: Places, line: str) -> None:
    (places.root / "toy.py").write_text((places.root / "toy.py").read_text() + line + "\n")


def test_changes_that_no_commit_has_are_told_apart(places: Places) -> None:
    row = replace(TOY, commands=("toy first", "toy --json {json} {seed}"))
    (file,) = kept_files("toy", row, places)
    _change(places, "CHANGED = 1")
    _killed(row, places)
    _change(places, "CHANGED = 2")  # the commit is the same, and it has changes as before
    measure("toy", row, places)
    found = json.loads(file.read_text())
    assert found["figures"]["ran"] == ["first", "--json"]
    assert found["commit"].endswith(CHANGES)


def test_a_row_goes_on_after_a_change_that_does_nothing(places: Places) -> None:
    row = replace(TOY, commands=("toy first", "toy --json {json} {seed}"))
    (file,) = kept_files("toy", row, places)
    commit = commit_now(places.root, ["toy.py"])
    _killed(row, places)
    _change(places, "# a remark")
    git(places.root, "commit", "-qam", "two")
    measure("toy", row, places)
    found = json.loads(file.read_text())
    assert found["figures"]["ran"] == ["first", "--json", "--json"]
    assert found["commit"] == found["made_by"]["commit"] == commit  # of when it was begun


def test_code_that_changes_while_a_row_runs_ends_it(places: Places) -> None:
    (places.root / "toy.py").write_text(
        "import pathlib, sys\n"
        "with open(__file__, 'a') as file: print('CHANGED = True', file=file)\n"
        "pathlib.Path(sys.argv[2]).write_text('{}')\n"
    )
    with pytest.raises(UserError, match="has changed while it ran"):
        measure("toy", TOY, places)
    assert not kept_files("toy", TOY, places)[0].exists()


def test_other_versions_are_not_mixed(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    row = replace(TOY, commands=("toy first", "toy --json {json} {seed}"))
    (file,) = kept_files("toy", row, places)
    _killed(row, places)
    monkeypatch.setattr(adding, "made_by", lambda: {"torch": "another", "commit": "x"})
    measure("toy", row, places)
    assert json.loads(file.read_text())["figures"]["ran"] == ["first", "--json"]


def _steps(tmp_path: Path, command: str) -> Steps:
    return Steps("t", tmp_path, [command], {"root": ROOT}, "", str, tmp_path / "runs")


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


def test_a_head_that_joins_the_run_of_others_begins_in_it(tmp_path: Path) -> None:
    run = tmp_path / "runs" / "r" / "run.json"
    run.parent.mkdir(parents=True)
    joins = _steps(tmp_path, "python -m experiments.tune offsets --name r --seed 2")
    run.write_text(json.dumps({"heads": {"notes": {}}}))
    assert joins._prepared(0, True)[2:] == ["experiments.tune", "offsets", "--name", "r", "--seed", "2"]
    assert run.exists()
    run.write_text(json.dumps({"heads": {"notes": {}, "offsets": {}}}))
    assert joins._prepared(0, True)[2:] == ["experiments.tune", "--resume", "r", "--wandb", "off"]


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
