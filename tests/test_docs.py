"""Every page: its links lead somewhere, and the files and modules that it names are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pages import ROOT

PAGES = sorted([*(ROOT / "docs").rglob("*.md"), ROOT / "README.md", ROOT / "CHANGELOG.md"])
LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)")
PLACE = re.compile(
    r"(?<![\w/.])((?:datamodules|lightning_modules|search_spaces|experiments|songs|benchmarks)/[\w/.-]+\w)"
)
MODULE = re.compile(r"python -m (benchmarks[\w.]+\w)")


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for name, anchor in LINK.findall(page.read_text()):
        place = (page.parent / name) if name else page
        assert place.exists(), name
        assert not anchor or anchor in anchors(place), f"{name}#{anchor}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_places_and_modules_are_there(page: Path) -> None:
    text = page.read_text()
    named = {place for place in PLACE.findall(text) if "NAME" not in place}
    named |= {module.replace(".", "/") for module in MODULE.findall(text) if "NAME" not in module}
    gone = [name for name in sorted(named) if not any((ROOT / f"{name}{ending}").exists() for ending in ("", ".py"))]
    assert not gone


def test_there_is_something_to_look_for() -> None:
    whole = "".join(page.read_text() for page in PAGES)
    assert min(map(len, (LINK.findall(whole), PLACE.findall(whole), MODULE.findall(whole)))) > 5
