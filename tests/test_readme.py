"""README: its tree is true, and its commands are commands that the program takes (`.ci/readme` runs them)."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pages import ROOT, commands_of

from experiments.command_line.cli import parse
from experiments.command_line.common_options import COMMANDS
from experiments.command_line.completion import options_class

README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize(("name", "arguments"), commands_of(README))
def test_commands_parse(name: str, arguments: list[str]) -> None:
    options = options_class(name)
    assert isinstance(parse(options, arguments, prog=name), options)


def test_the_readme_shows_every_command() -> None:
    assert {name for name, _ in commands_of(README)} == set(COMMANDS)


def test_the_tree_is_true() -> None:
    tree = README.split("## The house")[1].split("```")[1]
    folders: list[Path] = []
    found = 0
    for line in filter(None, tree.splitlines()):
        depth, name = (len(line) - len(line.lstrip())) // 2, line.split()[0]
        path = ROOT.joinpath(*folders[:depth], name)
        assert path.exists(), path
        folders[depth:] = [Path(name)] if path.is_dir() else []
        found += 1
    assert found > 20
    shown = {line.split("/")[0] for line in tree.splitlines() if line and not line.startswith(" ")}
    there = {path.name for path in ROOT.iterdir() if path.is_dir() and any(path.glob("*.py"))}
    assert there <= shown


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_every_command_of_it_runs(tmp_path: Path) -> None:
    """Eight minutes on two cores that do nothing else; those of its first half are run by `.ci/run` too.

    It ends as the README does, with `ray stop`: any other Ray of this machine's user is stopped with its own.
    """
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    told = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}
    told.pop("TRITONE_RUNS", None)  # a reader has runs/
    with (tmp_path / "output.txt").open("w") as output:
        command = [ROOT / ".ci" / "readme", tmp_path]
        done = subprocess.run(command, env=told, stdout=output, stderr=subprocess.STDOUT)
    said = (tmp_path / "output.txt").read_text()
    assert done.returncode == 0, said[-4000:]
    assert "Traceback" not in said
    for run in ("demo", "mine", "from_demo", "on_a_cluster"):
        assert (tmp_path / "readme" / "runs" / run / "run.json").is_file()
