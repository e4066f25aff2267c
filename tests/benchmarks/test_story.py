"""docs/story.md: its tables are what the measurements say, and no other figure stands in it."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from pages import ROOT

from benchmarks.story import BLOCK, PAGE, STEPS, filled, steps, story_tables
from benchmarks.story_picture import draw

RAW = ROOT / "benchmarks"
TEXT = PAGE.read_text()
OTHERS = {"0.26", "0.8", "0.14", "0.4", "0.6"}  # the original's own report; mixes of two songs


def test_the_page_is_what_was_measured() -> None:
    tables = story_tables(RAW)
    assert [block[1] for block in BLOCK.findall(TEXT)] == list(tables)
    assert filled(TEXT, tables) == TEXT, "python -m benchmarks.story writes it again"


def test_no_figure_is_typed_by_hand() -> None:
    prose = re.sub(r"`[^`]*`", "", BLOCK.sub("", TEXT))
    assert set(re.findall(r"\d+\.\d+", prose)) == OTHERS


def test_figures_are_found_wherever_they_stand(tmp_path: Path) -> None:
    for at, path in enumerate(sorted(RAW.rglob("*.json"))):
        folder = tmp_path / str(at % 3) / "deeper"
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, folder)
    assert story_tables(tmp_path) == story_tables(RAW)


def test_another_figure_is_another_table(tmp_path: Path) -> None:
    for path in RAW.rglob("*.json"):
        shutil.copy(path, tmp_path)
    path = tmp_path / "jsb_notes_own-1.json"
    row = json.loads(path.read_text())
    row["winners"]["notes"]["repeats"]["valid"][0] += 1
    path.write_text(json.dumps(row))
    before, now = (steps(folder) for folder in (RAW, tmp_path))
    changed = [name for name, old, new in zip(STEPS, before, now, strict=True) if old != new]
    assert changed == ["jsb_notes_own"]
    assert story_tables(tmp_path)["steps"] != story_tables(RAW)["steps"]
    path.unlink()
    with pytest.raises(KeyError, match="jsb_notes_own"):
        story_tables(tmp_path)


def test_the_picture_is_drawn(tmp_path: Path) -> None:
    draw(steps(RAW), 5.0, tmp_path / "story.png")
    draw(steps(RAW)[:2], 5.0, tmp_path / "short.png")
    sizes = [(tmp_path / name).read_bytes()[16:24] for name in ("story.png", "short.png")]
    assert int.from_bytes(sizes[0][:4]) == int.from_bytes(sizes[1][:4]) == 960
    assert int.from_bytes(sizes[0][4:]) > int.from_bytes(sizes[1][4:])
