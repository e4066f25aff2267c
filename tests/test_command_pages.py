"""docs/commands.md is what --help says, which reads well."""

from __future__ import annotations

import re

from benchmarks.command_pages import PAGE, text
from experiments.config_file import COMMANDS


def test_the_page_is_what_help_says() -> None:
    assert PAGE.read_text() == text(), "python -m benchmarks.command_pages writes it again"


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
        assert all(len(line) <= 80 for line in section.splitlines() if line.startswith("│"))
