"""README: its tree is true, and its commands are commands that the program takes (`.ci/readme` runs them)."""

import re

import pytest
from pages import ROOT, commands_of

from experiments.cli import parse
from experiments.completion import options_class
from experiments.config_file import COMMANDS

README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize(("name", "arguments"), commands_of(README))
def test_commands_parse(name: str, arguments: list[str]) -> None:
    options = options_class(name)
    assert isinstance(parse(options, arguments, prog=name), options)


def test_the_readme_shows_every_command() -> None:
    assert {name for name, _ in commands_of(README)} == set(COMMANDS)


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
