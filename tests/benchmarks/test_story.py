"""docs/story.md: no figure stands in it but those that its tables have, and the original's own."""

from __future__ import annotations

import re
from copy import deepcopy
from pathlib import Path

import pytest
from pages import ROOT

from benchmarks.pages.blocks import BLOCK
from benchmarks.pages.kept import NOTHING, Kept
from benchmarks.pages.story import STEPS, steps, story_blocks
from benchmarks.pages.story_picture import draw
from benchmarks.reproducing.places import Places

OTHERS = {"0.26", "0.8", "0.14"}  # the original's own report


@pytest.fixture(scope="module")
def kept() -> Kept:
    return Kept.read(Places(ROOT / "benchmarks" / "results", ROOT / "docs", Path("nowhere"), Path("nowhere"), ROOT))


def test_no_figure_is_typed_by_hand() -> None:
    prose = re.sub(r"`[^`]*`", "", BLOCK.sub("", (ROOT / "docs" / "story.md").read_text()))
    assert set(re.findall(r"\d+\.\d+", prose)) == OTHERS


def test_another_figure_is_another_table(kept: Kept) -> None:
    other = deepcopy(kept)
    other.rows["jsb_step_spelled"][0]["winners"]["notes"]["repeats"]["valid"][0] += 1
    before, now = steps(kept), steps(other)
    changed = [name for name, old, new in zip(STEPS, before, now, strict=True) if old != new]
    assert changed == ["jsb_step_spelled"]
    assert story_blocks(other)["steps"] != story_blocks(kept)["steps"]


def test_what_was_not_measured_is_told(kept: Kept) -> None:
    fewer = Kept({name: found for name, found in kept.rows.items() if name != "jsb_step_spelled"}, kept.results)
    told = story_blocks(fewer)
    assert told["steps"] == NOTHING
    assert told["then"] == story_blocks(kept)["then"] != NOTHING


def test_the_picture_is_drawn(kept: Kept, tmp_path: Path) -> None:
    draw(steps(kept), 5.0, tmp_path / "story.png")
    draw(steps(kept)[:2], 5.0, tmp_path / "short.png")
    sizes = [(tmp_path / name).read_bytes()[16:24] for name in ("story.png", "short.png")]
    assert int.from_bytes(sizes[0][:4]) == int.from_bytes(sizes[1][:4]) == 960
    assert int.from_bytes(sizes[0][4:]) > int.from_bytes(sizes[1][4:])
