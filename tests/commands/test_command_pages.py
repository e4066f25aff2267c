"""docs/commands/ is what --help says, which reads well, and examples that are commands."""

from __future__ import annotations

import re

import pytest
from pages import commands_of

from benchmarks.pages.commands import FOLDER, help_of, pages
from experiments.command_line.cli import parse
from experiments.command_line.common_options import COMMANDS
from experiments.command_line.completion import options_class
from experiments.command_line.help_page import help_page
from experiments.command_line.option_fields import options_of

PAGES = {name: (FOLDER / f"{name}.md").read_text() for name in COMMANDS}
INDEX = (FOLDER / "README.md").read_text()
EXAMPLES = [example for page in PAGES.values() for example in commands_of(page)]


def test_the_pages_are_what_help_says() -> None:
    found = {path.name: path.read_text() for path in FOLDER.iterdir()}
    assert found == pages(), "python -m benchmarks.pages.commands writes them again"


@pytest.mark.parametrize("name", COMMANDS)
def test_help_reads_well(name: str) -> None:
    told = help_of(name)
    shown = re.search(rf"^Example: (python -m experiments\.{name} .+)$", told, re.MULTILINE)
    assert shown
    assert shown[1] in PAGES[name].splitlines(), "the example of --help is one of the page's"
    assert "Traceback" not in told
    for ugly in (r"\(default: \)", r"\(default: None\)", r"\{None\}", r"\bSTR\b", r"\bPATH ", r"\bINT\b", r"\bFLOAT\b"):
        assert not re.search(ugly, told), ugly
    assert all(len(line) <= 80 for line in told.splitlines()), "wider than a terminal"
    assert not re.search(r"^│ *│$", told, re.MULTILINE), "an empty line in a frame"


@pytest.mark.parametrize(("name", "arguments"), EXAMPLES)
def test_examples_are_commands(name: str, arguments: list[str]) -> None:
    options = options_class(name)
    assert isinstance(parse(options, arguments, prog=name), options)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_page_begins_with_what_one_does(name: str) -> None:
    head, tail = PAGES[name].split("\n## Options\n")
    assert 2 <= len(commands_of(head)) <= 5
    assert {command for command, _ in commands_of(head)} == {name}
    assert not commands_of(tail)
    assert f"[{name}]({name}.md)" in INDEX
    for link in re.findall(r"\]\((?!http)([^)#]+)", head):
        assert (FOLDER / link).exists(), link


@pytest.mark.parametrize("name", COMMANDS)
def test_sections_stand_before_their_options(name: str) -> None:
    titled = [option for option in options_of(options_class(name)) if option.section]
    lines = PAGES[name].splitlines()
    for option in titled:
        at = next(number for number, line in enumerate(lines) if line.startswith(f"│ {option.flag} "))
        assert lines[at - 1].startswith(f"├─ {option.section} ─")
    assert len(re.findall("^├─", PAGES[name], re.MULTILINE)) == len(titled)
    assert len(titled) >= 3 or name not in ("tune", "generate"), "many options want sections"


def test_a_page_in_colours_and_in_plain_letters_has_the_sections_too() -> None:
    options = options_class("generate")
    frame = ("\x1b[2m╭─ options ─╮\x1b[0m", "\x1b[2m│\x1b[0m \x1b[m--tempo\x1b[0m X   │", "╰───────────╯")
    colours = "\n".join(["\x1b[1musage:\x1b[0m x", *frame, ""])
    assert "\n\x1b[2m├─ how it is arranged ┤\x1b[0m\n" in help_page(colours, options)
    assert "\n\n how it is arranged\n  --tempo X" in help_page(" options\n ------\n  --tempo X\n", options)
    assert max(map(len, help_page("word " * 100, options).splitlines())) <= 80
