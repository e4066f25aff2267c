"""docs/tutorial.md: its commands are commands that the program takes, and each of them runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pages import ROOT, commands_of

from experiments.command_line.cli import parse
from experiments.command_line.completion import options_class
from experiments.command_line.option_fields import options_of

PAGE = ROOT / "docs" / "tutorial.md"
TEXT = PAGE.read_text()
INLINE = re.findall(r"`python -m experiments\.(\w+) ([^`]*)`", TEXT)  # named in passing, and not run


@pytest.mark.parametrize(("name", "arguments"), commands_of(TEXT) + [(name, words.split()) for name, words in INLINE])
def test_commands_parse(name: str, arguments: list[str]) -> None:
    options = options_class(name)
    assert isinstance(parse(options, arguments, prog=name), options)


def test_options_that_it_names_are_options() -> None:
    known = {"--help"} | {option.flag for name in dict(commands_of(TEXT)) for option in options_of(options_class(name))}
    assert {"train"} <= {name for name, _ in INLINE}
    known |= {option.flag for option in options_of(options_class("train"))}
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", TEXT))
    assert len(named) > 15
    assert named <= known


def test_every_command_is_run() -> None:
    assert {name for name, _ in commands_of(TEXT)} >= {"explore", "tune", "runs", "evaluate", "generate", "report"}


@pytest.mark.parametrize("link", re.findall(r"\]\((?!http)([^)#]+)", TEXT))
def test_links_lead_somewhere(link: str) -> None:
    assert (PAGE.parent / link).exists()
    assert (PAGE.parent / link).stat().st_size < 100_000 or not link.endswith(".png")


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_every_command_of_it_runs(tmp_path: Path) -> None:
    """Ten minutes on two cores that do nothing else; the limit is for machines that are shared."""
    place = tmp_path / "tutorial"
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    told = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "RAY_ADDRESS": "local"}
    told.pop("TRITONE_RUNS", None)  # a reader has runs/
    with (tmp_path / "output.txt").open("w") as output:
        done = subprocess.run([ROOT / ".ci" / "tour", PAGE, place], env=told, stdout=output, stderr=subprocess.STDOUT)
    said = (tmp_path / "output.txt").read_text()
    assert done.returncode == 0, said[-4000:]
    assert "Traceback" not in said
    for name in ("new", "steered", "longer", "mixed-1", "mixed-2"):
        for ending in ("mid", "wav", "png"):
            assert (place / f"{name}.{ending}").stat().st_size > 0
    assert (place / "runs" / "first" / "report.html").stat().st_size > 100_000
    verdicts = re.findall(r"^(\w+): (?:better than|worse than|no difference from) ", said, re.MULTILINE)
    assert set(verdicts) == {"notes", "durations", "offsets", "velocity"}
