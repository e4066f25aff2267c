"""README: its tree is true, and its commands are commands that the program takes (`.ci/readme` runs them)."""

import re
import shlex
from importlib import import_module
from pathlib import Path

import pytest

from experiments.cli import parse

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
COMMANDS = re.findall(r"python -m experiments\.(\w+)(.*)", "\n".join(re.findall(r"```sh\n(.*?)```", README, re.DOTALL)))
OPTIONS = {"tune": "TuneOptions", "train": "TrainOptions", "evaluate": "EvaluateOptions", "generate": "GenerateOptions"}
OPTIONS |= {"runs": "RunsOptions", "explore": "Options", "report": "ReportOptions"}


@pytest.mark.parametrize(("name", "arguments"), COMMANDS)
def test_commands_parse(name: str, arguments: str) -> None:
    options = getattr(import_module(f"experiments.{name}"), OPTIONS[name])
    assert isinstance(parse(options, shlex.split(arguments, comments=True), prog=name), options)


def test_the_readme_shows_every_command() -> None:
    assert {name for name, _ in COMMANDS} == set(OPTIONS)


def test_the_tree_is_true() -> None:
    tree = README.split("## The house")[1].split("```")[1]
    folder = ROOT
    found = 0
    for line in filter(None, tree.splitlines()):
        name = line.split()[0]
        if not line.startswith(" "):
            folder = ROOT / name
            assert folder.is_dir(), name
        else:
            assert (folder / name).exists(), f"{folder.name}/{name}"
        found += 1
    assert found > 20
    shown = {line.split("/")[0] for line in tree.splitlines() if line and not line.startswith(" ")}
    there = {path.name for path in ROOT.iterdir() if path.is_dir() and any(path.glob("*.py"))}
    assert there <= shown


@pytest.mark.parametrize("link", re.findall(r"\]\((?!http)([^)#]+)", README))
def test_links_lead_somewhere(link: str) -> None:
    assert (ROOT / link).exists()
