"""Blocks of a page that are filled in, between two comments; what stands around them is written by hand."""

from __future__ import annotations

import re
from collections.abc import Mapping

from datamodules.errors import UserError

__all__ = ["filled", "names"]

END = "<!-- end -->"
BLOCK = re.compile(rf"(<!-- table: ([^>]+) -->\n).*?({END})", re.DOTALL)


def filled(page: str, blocks: Mapping[str, str], where: str) -> str:
    """The page with its blocks filled in.

    Raises:
        UserError: it has other blocks than those, or one that does not end.
    """
    if page.count(END) != page.count("<!-- table: ") or len(names(page)) != page.count(END):
        raise UserError(f"{where}: every `<!-- table: NAME -->` needs a line `{END}` after it", status=1)
    if set(names(page)) != set(blocks):
        other = ", ".join(sorted(set(names(page)) ^ set(blocks)))
        raise UserError(f"{where}: its blocks and those that are made differ: {other}", status=1)
    return BLOCK.sub(lambda found: f"{found[1]}\n{blocks[found[2]]}\n\n{found[3]}", page)


def names(page: str) -> list[str]:
    """The names of its blocks."""
    return [found[2] for found in BLOCK.finditer(page)]
