"""Which files of the project a module is made of: its own, and all that it imports, and those import, and so on.

Read from their text, without running any. What is imported within a function counts; what only a type checker imports
does not. A module can be named by a string too: as the registries do ("package.module:class"), and in benchmarks/
within the words of a command that they start ("-m", "experiments.tune").
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path

__all__ = ["Cut", "imported"]

NAME = re.compile(r"[a-zA-Z_]\w*(?:\.\w+)+")
STARTING = "benchmarks"  # the package whose strings have commands
DATA = {"songs": "*.mid"}  # package -> files beside its modules that its figures are of

Cut = Callable[[str, str], bool]  # whether what a file imports of another one is left out; both as paths from the root


def imported(root: Path, modules: Iterable[str], cut: Cut = lambda importer, file: False) -> tuple[str, ...]:
    """The files of modules and of what they import, as sorted paths from the root; those elsewhere are left out.

    Args:
        modules: a package stands for its `__main__` too, as `python -m` runs it.
        cut: imports that are not followed.
    """
    files = cache(lambda name: tuple(_files(root, name)))
    names = [each for name in modules for each in (name, f"{name}.__main__")]
    found = {file for name in names for file in files(name)}
    left = sorted(found)
    while left:
        importer = left.pop()
        for name in _named((root / importer).read_text(), importer.partition("/")[0] == STARTING):
            new = {file for file in files(name) if not cut(importer, file)} - found
            found |= new
            left += sorted(new)
    data = (root.glob(f"{package}/{files}") for package, files in DATA.items() if f"{package}/__init__.py" in found)
    return tuple(sorted({*found, *(file.relative_to(root).as_posix() for files in data for file in files)}))


def _files(root: Path, name: str) -> Iterator[str]:
    """The file of the longest part of a dotted name that is a module, and those of the packages that it stands in."""
    parts = name.split(".")
    for count in range(1, len(parts) + 1):
        stem = "/".join(parts[:count])
        file = next((file for file in (f"{stem}.py", f"{stem}/__init__.py") if (root / file).is_file()), None)
        if file is not None:
            yield file
        elif not (root / stem).is_dir():
            return


@cache
def _named(text: str, starting: bool) -> frozenset[str]:
    """All dotted names in a file's text that may be modules'."""
    tree = _Executed().visit(ast.parse(text))
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:  # the house has no relative ones
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            whole = NAME.fullmatch(node.value.partition(":")[0])
            names |= set(NAME.findall(node.value)) if starting else {whole[0]} if whole else set()
    return frozenset(names)


class _Executed(ast.NodeTransformer):
    """Leaves what is executed: not what type checkers alone read, and not strings that stand by themselves."""

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        self.generic_visit(node)
        return node.orelse if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING" else node

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        self.generic_visit(node)
        return None if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str) else node
