"""Whether two versions of a file do the same: a change of comments, docstrings or layout alone changes no figure."""

from __future__ import annotations

import ast
import contextlib
import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

__all__ = ["does_the_same", "fingerprint"]


def does_the_same(name: str, one: bytes, other: bytes) -> bool:
    """Whether two versions of a file do the same, as far as that can be told from their syntax.

    Args:
        name: of the file; of one that is no Python all bytes count.
    """
    return one == other or _digest(name.endswith(".py"), one) == _digest(name.endswith(".py"), other)


def fingerprint(root: Path, files: Iterable[str]) -> str:
    """What tells the code of files from any other that does something else: SHA-256, of this version of Python.

    A file that is not there is told too.
    """
    whole = hashlib.sha256()
    for file in sorted(files):
        path = root / file
        content = _digest(file.endswith(".py"), path.read_bytes()) if path.is_file() else "none"
        whole.update(f"{file} {content}\n".encode())
    return whole.hexdigest()


@cache
def _digest(python: bool, content: bytes) -> str:
    if python:
        with contextlib.suppress(SyntaxError, ValueError):  # of another Python: all bytes count
            content = ast.dump(_Doing().visit(ast.parse(content))).encode()
    return hashlib.sha256(content).hexdigest()


class _Doing(ast.NodeTransformer):
    """Leaves out strings that stand by themselves: docstrings, and those below a field, which only `--help` shows."""

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        self.generic_visit(node)
        return None if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str) else node
