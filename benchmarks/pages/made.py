"""All pages and pictures that come from figures, made again from what is kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from benchmarks.pages.between import PAIRS, between_blocks
from benchmarks.pages.blocks import filled
from benchmarks.pages.form import form_blocks
from benchmarks.pages.kept import Kept
from benchmarks.pages.music import music_blocks
from benchmarks.pages.performance import performance_page
from benchmarks.pages.reliability import reliability_page
from benchmarks.pages.results import results_page
from benchmarks.pages.story import STEPS, draw_steps, story_blocks

__all__ = ["draw_pictures", "pages"]

WHOLE: dict[str, Callable[[Kept], str]] = {
    "results.md": results_page,
    "performance.md": performance_page,
    "reliability.md": reliability_page,
}
BLOCKS: dict[str, Callable[[Kept], dict[str, str]]] = {
    "form.md": form_blocks,
    "music.md": music_blocks,
    "between.md": between_blocks,
    "story.md": story_blocks,
}
QUICK = """> **Quick figures.** Made by `python -m benchmarks.reproduce --quick` to see that everything runs: of few
> trials, epochs and songs, and worth nothing as figures.

"""


def pages(kept: Kept, docs: Path) -> dict[str, str]:
    """By file name, the pages; `docs` has those whose prose is written by hand.

    Raises:
        UserError: a page has other blocks than those that are made.
    """
    made = {name: page(kept) for name, page in WHOLE.items()}
    made |= {name: filled((docs / name).read_text(), blocks(kept), f"docs/{name}") for name, blocks in BLOCKS.items()}
    return {name: QUICK * kept.quick + text for name, text in made.items()}


def draw_pictures(kept: Kept, docs: Path, measured: set[str]) -> list[Path]:
    """Draw again what rows that were just measured are shown in; which files."""
    drawn = []
    if "bundled" in measured:
        from benchmarks.pages.overview import draw as overview

        drawn.append(docs / "overview.png")
        overview(kept.rows["bundled"][0]["winners"], kept.results / "learning" / "bundled-1.mid", drawn[-1])
    if measured & set(PAIRS):
        from benchmarks.pages.between_picture import draw as between

        drawn.append(docs / "between.png")
        between(kept.figures(*PAIRS), drawn[-1])
    if measured & set(STEPS) and kept.rows.keys() >= set(STEPS):
        drawn.append(docs / "story.png")
        draw_steps(kept, drawn[-1])
    return drawn
