"""Whether figures are of the code of today: what git says has changed since their commit."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

__all__ = ["CHANGES", "commit_now", "stale"]

CHANGES = "+changes"  # behind a commit: there was more that no commit has


def commit_now(root: Path, paths: Sequence[str]) -> str:
    """The checkout's commit, with `CHANGES` if any of the paths differs from it; "" outside of one."""
    head = _git(root, "rev-parse", "HEAD")
    if head is None:
        return ""
    dirty = _git(root, "status", "--porcelain", "--", *paths)
    return head.strip() + (CHANGES if dirty else "")


def stale(root: Path, commit: str, paths: Sequence[str]) -> str:
    """Why figures of that commit need not be those of the code of today; "" if nothing of it has changed."""
    known = commit.removesuffix(CHANGES)
    if not re.fullmatch("[0-9a-f]{7,64}", known) or _git(root, "cat-file", "-e", f"{known}^{{commit}}") is None:
        return "unknown commit"
    changed = _git(root, "diff", "--shortstat", known, "HEAD", "--", *paths) or ""
    if changed:
        return f"stale: {changed.split(',')[0].strip()} since"  # "97 files changed since"
    return "stale: made with changes that no commit has" if commit.endswith(CHANGES) else ""


def _git(root: Path, *words: str) -> str | None:
    """What git says; None if it fails."""
    try:
        done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, timeout=60)
    except OSError:  # no git here
        return None
    return done.stdout if done.returncode == 0 else None
