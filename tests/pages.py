"""The commands of a page: what its sh blocks run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

__all__ = ["ROOT", "commands_of"]

ROOT = Path(__file__).resolve().parent.parent


def commands_of(page: str) -> list[tuple[str, list[str]]]:
    """The tritone commands in the sh blocks of a page, each with its arguments."""
    blocks = "\n".join(re.findall(r"```sh\n(.*?)```", page, re.DOTALL))
    found = re.findall(r"python -m experiments\.(\w+)(.*)", blocks)
    return [(name, shlex.split(arguments, comments=True)) for name, arguments in found]
