"""A row of one command that runs in a moment, in a repository of its own."""

from __future__ import annotations

import subprocess
from pathlib import Path

from benchmarks.rows import Row

__all__ = ["TOY", "git"]

TOY = Row("speed", "docs/performance.md", ("toy --json {json} {seed}",), 1, quick="--quick")


def git(folder: Path, *words: str) -> str:
    """What git says in a folder, as somebody."""
    own = ("-c", "user.name=t", "-c", "user.email=t@t", "-c", "commit.gpgsign=false")
    return subprocess.run(["git", *own, *words], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()
