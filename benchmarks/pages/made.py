"""All pages and pictures that come from figures, made again from what is kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from benchmarks.pages.between import PAIRS, between_blocks
from benchmarks.pages.blocks import filled
from benchmarks.pages.form import form_blocks
from benchmarks.pages.kept import FIGURES_LACK, Kept, why
from benchmarks.pages.music import music_blocks
from benchmarks.pages.performance import performance_page
from benchmarks.pages.reliability import reliability_page
from benchmarks.pages.results import results_page
from benchmarks.pages.story import STEPS, draw_steps, story_blocks
from datamodules.errors import UserError

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


def pages(kept: Kept, docs: Path, tell: Callable[[str], None] | None = None) -> dict[str, str]:
    """By file name, the pages; `docs` has those whose prose is written by hand.

    Args:
        tell: called with a line for each page that cannot be made, which is left out.

    Raises:
        UserError: a page cannot be made, and there is nobody to tell: it has other blocks than those that are made, or
            figures are not what it tells.
    """
    made = {}
    for name in (*WHOLE, *BLOCKS):
        try:
            made[name] = QUICK * kept.quick + _page(name, kept, docs)
        except UserError as error:
            if tell is None:
                raise
            tell(str(error))
    return made


def _page(name: str, kept: Kept, docs: Path) -> str:
    try:
        if name in WHOLE:
            return WHOLE[name](kept)
        return filled((docs / name).read_text(), BLOCKS[name](kept), f"docs/{name}")
    except FIGURES_LACK as error:
        raise UserError(f"docs/{name} cannot be made of the figures that are kept: {why(error)}", status=1) from error


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
