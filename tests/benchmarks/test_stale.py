"""Whether figures are of the code of today: what they depend on, and which of its changes can change them."""

from __future__ import annotations

from pathlib import Path

import pytest
from pages import ROOT
from toy_row import git

from benchmarks.reproducing.behaviour import fingerprint
from benchmarks.reproducing.depends import depends
from benchmarks.reproducing.imports import imported
from benchmarks.reproducing.stale import CHANGES, commit_now, stale
from benchmarks.rows import ROWS
from benchmarks.rows.apart import APART
from benchmarks.rows.music import SEARCHES


def test_figures_are_stale_where_their_code_has_changed(checkout: Path) -> None:
    before = commit_now(checkout, ["toy.py"])
    assert stale(checkout, before, ["toy.py"]) == ""
    (checkout / "other.py").write_text("1")
    assert commit_now(checkout, ["toy.py"]) == before
    assert commit_now(checkout, ["other.py"]) == before + CHANGES
    git(checkout, "commit", "-qam", "two")
    assert stale(checkout, before, ["toy.py"]) == ""
    assert stale(checkout, before, ["other.py"]).startswith("stale: 1 file")
    assert "no commit has" in stale(checkout, commit_now(checkout, ["toy.py"]) + CHANGES, ["toy.py"])


def test_a_change_that_no_commit_has_makes_figures_stale_too(checkout: Path) -> None:
    before = commit_now(checkout, ["toy.py"])
    (checkout / "toy.py").write_text("import json")
    assert stale(checkout, before, ["toy.py"]) == "stale: 1 file changed since, toy.py"


@pytest.mark.parametrize(
    ("now", "same"),
    [
        ('"""Else."""\n\ndef f(x: int) -> int:\n    # why\n    return x + 1\n', True),
        ('def f(x: int) -> int:\n    """Else."""\n    return (\n        x + 1\n    )\n', True),
        ("def f(x: int) -> int:\n    return x + 2\n", False),
        ("def f(x: int) -> int:\n    return x + 1\n\nf(1)\n", False),
        ("def f(x: int) -> int: return", False),
        ("def f(", False),
    ],
)
def test_comments_docstrings_and_layout_change_no_figure(checkout: Path, now: str, same: bool) -> None:
    code = checkout / "code.py"
    code.write_text('"""What."""\n\n\ndef f(x: int) -> int:\n    """Add."""\n    return x + 1  # one\n')
    before, made = (
        fingerprint(checkout, ["code.py"]),
        (git(checkout, "add", "."), git(checkout, "commit", "-qm", "c")),
    )
    commit = commit_now(checkout, ["code.py"])
    assert made
    code.write_text(now)
    assert (stale(checkout, commit, ["code.py"]) == "") is same
    assert (commit_now(checkout, ["code.py"]) == commit) is same
    assert (fingerprint(checkout, ["code.py"]) == before) is same
    git(checkout, "commit", "-qam", "now")
    assert (stale(checkout, commit, ["code.py"]) == "") is same


def test_a_renamed_file_has_changed_and_so_has_data(checkout: Path) -> None:
    (checkout / "song.mid").write_bytes(b"MThd")
    git(checkout, "add", ".")
    git(checkout, "commit", "-qm", "song")
    commit = commit_now(checkout, ["song.mid"])
    (checkout / "song.mid").write_bytes(b"MThd ")
    assert stale(checkout, commit, ["song.mid"]).startswith("stale: 1 file")
    git(checkout, "mv", "other.py", "another.py")
    assert stale(checkout, commit, ["another.py"]).startswith("stale: 1 file")


@pytest.mark.parametrize("commit", ["", "0" * 40, "HEAD", "--help", CHANGES])
def test_a_commit_that_git_does_not_know(checkout: Path, commit: str) -> None:
    assert stale(checkout, commit, ["toy.py"]) == "unknown commit"


def test_outside_of_a_repository(tmp_path: Path) -> None:
    assert commit_now(tmp_path, ["x"]) == ""
    assert stale(tmp_path, "0" * 40, ["x"]) == "unknown commit"


# what figures depend on


def _project(root: Path, **files: str) -> Path:
    for name, text in files.items():
        file = root / f"{name.replace('__', '/')}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return root


def test_what_is_imported_is_found_wherever_it_is_imported(tmp_path: Path) -> None:
    root = _project(
        tmp_path,
        a="import b.one\nfrom typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import unread\nelse:\n    import c\n",
        b__one="def f():\n    from b import two\n    return two.x",
        b__two='"""As other.three says, see b.unread."""\nSPEC = "b.three:Class"\ntold = "run b.unread now"\n',
        b__three="import json\nfrom b.four import name\n",
        b__four="",
        b__unread="",
        c="",
        unread="",
    )
    assert imported(root, ["a"]) == ("a.py", "b/four.py", "b/one.py", "b/three.py", "b/two.py", "c.py")
    assert "b/two.py" not in imported(
        root, ["a"], cut=lambda importer, file: (importer, file) == ("b/one.py", "b/two.py")
    )


def test_a_command_that_a_benchmark_starts_is_found_in_its_words(tmp_path: Path) -> None:
    root = _project(tmp_path, benchmarks__x='COMMAND = "-m experiments.tune notes"', experiments__tune="import late")
    (root / "late").mkdir()
    (root / "late" / "__init__.py").write_text("")
    assert imported(root, ["benchmarks.x"]) == ("benchmarks/x.py", "experiments/tune.py", "late/__init__.py")


@pytest.fixture(scope="module")
def files() -> dict[str, set[str]]:
    """Of each row."""
    return {name: set(depends(row, ROOT)) for name, row in ROWS.items()}


def test_a_row_depends_on_what_its_commands_and_heads_are_made_of(files: dict[str, set[str]]) -> None:
    for name, row in ROWS.items():
        commands = [*row.commands, *(command for head in row.heads for command in SEARCHES[head])]
        started = {command.split()[0].replace(".", "/") for command in commands} - {"experiments/generate"}
        for module in started:
            assert files[name] & {f"{module}.py", f"{module}/__main__.py"}, (name, module)
    assert {"lightning_modules/lstm.py", "experiments/winners.py", "benchmarks/learning/figures.py"} <= files[
        "jsb_notes"
    ]
    assert "benchmarks/speed/spaces.py" in files["share"] & files["bookkeeping"]
    assert "songs/tin_roof_morning.mid" in files["first_song"]
    assert "datamodules/midi/raw_bytes.py" in files["faults_files"]
    assert "experiments/training.py" in files["traps_jsb"] & files["time_to_loss"] & files["gpu"]


def test_what_can_change_no_figure_makes_no_row_stale(files: dict[str, set[str]]) -> None:
    everywhere = set.union(*files.values())
    assert not any(name.startswith(("benchmarks/pages/", "benchmarks/reproducing/")) for name in everywhere)
    assert "experiments/command_line/completion.py" not in everywhere
    for name, row in ROWS.items():
        if row.group == "learning" and not row.song:
            assert not any(file.startswith(("experiments/tracking/", "experiments/report")) for file in files[name])
            assert "experiments/music/sound/wav.py" not in files[name]
    assert "experiments/music/sound/wav.py" in files["first_song"] & files["bundled"]
    assert "experiments/tracking/wandb_runs.py" in files["bookkeeping"] & files["sleeping"]
    assert "benchmarks/faults/nodes.py" not in files["faults_processes"]


@pytest.mark.parametrize("number", range(len(APART)))
def test_what_is_left_out_is_imported_by_what_it_names(number: int) -> None:
    """Else it stands there for nothing; and its reason is told."""
    one = APART[number]
    assert len(one.reason) > 20
    used = []
    for row in (ROWS[name] for name in ("jsb_notes", "share", "traps_jsb", "faults_disks")):
        imported(
            ROOT, row.modules, lambda importer, file, row=row: used.append(one.holds(row, importer, file)) or False
        )
    assert any(used)


def test_searches_of_rows_without_wandb_are_those_that_leave_it_out() -> None:
    for row in ROWS.values():
        commands = [*row.commands, *(command for head in row.heads for command in SEARCHES[head])]
        if row.group in ("learning", "music"):
            assert all("--wandb off" in command for command in commands if command.startswith("experiments.tune"))
