"""The page of --help as tyro writes it, with the titles of its sections, and no line wider than the terminal."""

from __future__ import annotations

import re
import shutil
import textwrap
from collections.abc import Iterator

from experiments.command_line.option_fields import options_of

__all__ = ["help_page"]

STYLE = re.compile(r"\x1b\[[0-9;]*m")
FLAG = re.compile(r"[│ ] (--[\w-]+)")  # in a frame, or in a terminal that has no signs for one
EMPTY = re.compile(r"│ *│")


def help_page(text: str, options: type) -> str:
    """tyro's page on a command.

    Args:
        text: the page.
        options: what the command takes; a `Section` among them is a title.
    """
    titles = {option.flag: option.section for option in options_of(options) if option.section}
    return "\n".join(_lines(text, titles)) + "\n"


def _lines(text: str, titles: dict[str, str]) -> Iterator[str]:
    width, style = shutil.get_terminal_size().columns, ""
    for line in text.strip("\n").splitlines():
        plain = STYLE.sub("", line).rstrip()
        if plain.startswith("╭"):
            style = "".join(STYLE.findall(line.partition("╭")[0]))
        if len(plain) > width:  # tyro leaves what stands above the frames as it is
            yield from textwrap.wrap(plain, width, subsequent_indent="    " if plain.startswith("usage:") else "")
            continue
        found = FLAG.match(plain)
        if found and found[1] in titles:
            yield _title(titles[found[1]], plain, style)
        if not EMPTY.fullmatch(plain):  # as there is after a help text that ends exactly at the frame
            yield line


def _title(title: str, line: str, style: str) -> str:
    """The title of a section, as wide as the lines of the frame, and in its style."""
    if not line.startswith("│"):
        return f"\n {title}"
    rule = f"├─ {title} ".ljust(len(line) - 1, "─") + "┤"
    return f"{style}{rule}\x1b[0m" if style else rule
