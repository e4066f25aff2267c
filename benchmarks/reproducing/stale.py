"""Whether figures are of the code of today: what does something else now than it did in their commit."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Collection
from functools import cache
from pathlib import Path

from benchmarks.reproducing.behaviour import does_the_same

__all__ = ["CHANGES", "changed", "commit_now", "stale"]

CHANGES = "+changes"  # behind a commit: there was more that no commit has


def commit_now(root: Path, files: Collection[str]) -> str:
    """The checkout's commit, with `CHANGES` if any of the files does something else than in it; "" outside of one."""
    head = _git(root, "rev-parse", "HEAD")
    if head is None:
        return ""
    commit = head.decode().strip()
    return commit + (CHANGES if changed(root, commit, files) else "")


def stale(root: Path, commit: str, files: Collection[str]) -> str:
    """Why figures of that commit need not be those of the code that is here; "" if all of the files do the same."""
    known = commit.removesuffix(CHANGES)
    if not re.fullmatch("[0-9a-f]{7,64}", known) or _git(root, "cat-file", "-e", f"{known}^{{commit}}") is None:
        return "unknown commit"
    if found := changed(root, known, files):
        return f"stale: {len(found)} file{'s' * (len(found) > 1)} changed since, {found[0]}{' ...' * (len(found) > 1)}"
    return "stale: made with changes that no commit has" if commit.endswith(CHANGES) else ""


def changed(root: Path, commit: str, files: Collection[str]) -> list[str]:
    """Those of the files that do something else now than in a commit of this repository, or were not there.

    Files are compared as they are here, changes that no commit has with them. One that was renamed was not there.
    """
    touched = _names(root, "diff", "--name-only", "--no-renames", "-z", commit)
    there = _files_of(root, commit)
    return [file for file in files if file not in there or (file in touched and not _alike(root, commit, file))]


@cache
def _files_of(root: Path, commit: str) -> frozenset[str]:
    return frozenset(_names(root, "ls-tree", "-r", "--name-only", "-z", "--full-tree", commit))


def _alike(root: Path, commit: str, file: str) -> bool:
    here = root / file
    return here.is_file() and does_the_same(file, _version(root, commit, file), here.read_bytes())


@cache
def _version(root: Path, commit: str, file: str) -> bytes:
    return _git(root, "show", f"{commit}:{file}") or b""


def _names(root: Path, *words: str) -> set[str]:
    return {name.decode() for name in (_git(root, *words) or b"").split(b"\0") if name}


def _git(root: Path, *words: str) -> bytes | None:
    """What git says; None if it fails."""
    try:
        done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, timeout=60)
    except OSError:  # no git here
        return None
    return done.stdout if done.returncode == 0 else None
