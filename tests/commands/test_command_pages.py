"""docs/commands.md is what --help says, which reads well."""

from __future__ import annotations

import re

import pytest

from benchmarks.pages.commands import PAGE, text
from experiments.command_line.completion import options_class
from experiments.command_line.config_file import COMMANDS
from experiments.command_line.help_page import help_page
from experiments.command_line.option_fields import options_of


def test_the_page_is_what_help_says() -> None:
    assert PAGE.read_text() == text(), "python -m benchmarks.pages.commands writes it again"


def test_help_reads_well() -> None:
    sections = dict(re.findall(r"^## (\w+)\n\n```\n(.*?)```", PAGE.read_text(), re.DOTALL | re.MULTILINE))
    assert tuple(sections) == COMMANDS
    for name, section in sections.items():
        assert f"Example: python -m experiments.{name}" in section
        assert "Traceback" not in section
        for ugly in (
            r"\(default: \)",
            r"\(default: None\)",
            r"\{None\}",
            r"\bSTR\b",
            r"\bPATH ",
            r"\bINT\b",
            r"\bFLOAT\b",
        ):
            assert not re.search(ugly, section), f"{name}: {ugly}"
        assert all(len(line) <= 80 for line in section.splitlines()), f"{name}: wider than a terminal"
        assert not re.search(r"^│ *│$", section, re.MULTILINE), f"{name}: an empty line in a frame"


@pytest.mark.parametrize("command", COMMANDS)
def test_sections_stand_before_their_options(command: str) -> None:
    page = PAGE.read_text().split(f"\n## {command}\n")[1].split("\n## ")[0]
    titled = [option for option in options_of(options_class(command)) if option.section]
    lines = page.splitlines()
    for option in titled:
        at = next(number for number, line in enumerate(lines) if line.startswith(f"│ {option.flag} "))
        assert lines[at - 1].startswith(f"├─ {option.section} ─")
    assert len(re.findall("^├─", page, re.MULTILINE)) == len(titled)
    assert len(titled) >= 3 or command not in ("tune", "generate"), "many options want sections"


def test_a_page_in_colours_and_in_plain_letters_has_the_sections_too() -> None:
    options = options_class("generate")
    frame = ("\x1b[2m╭─ options ─╮\x1b[0m", "\x1b[2m│\x1b[0m \x1b[m--tempo\x1b[0m X   │", "╰───────────╯")
    colours = "\n".join(["\x1b[1musage:\x1b[0m x", *frame, ""])
    assert "\n\x1b[2m├─ how it is arranged ┤\x1b[0m\n" in help_page(colours, options)
    assert "\n\n how it is arranged\n  --tempo X" in help_page(" options\n ------\n  --tempo X\n", options)
    assert max(map(len, help_page("word " * 100, options).splitlines())) <= 80
