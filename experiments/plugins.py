"""What installed packages add to this one, and what a run or a winner names that is not here (docs/extending.md).

Only installed packages are ever loaded. What a run says of the packages that it was made with is shown, and no more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from datamodules.errors import UserError
from experiments.heads import HEADS
from experiments.searchers import SEARCHERS
from experiments.tracking.trackers import TRACKERS
from lightning_modules.backbones import BACKBONES
from lightning_modules.registry import Registry

if TYPE_CHECKING:
    from experiments.run_folder import Run

__all__ = ["check_options", "check_packages", "note_unknown_heads", "packages", "unknown", "unknown_heads"]

REGISTRIES: Mapping[str, Registry[Any]] = {
    "heads": HEADS,
    "backbones": BACKBONES,
    "searchers": SEARCHERS,
    "trackers": TRACKERS,
}
LONGEST = 80  # characters of a name that a stranger's file gives


def check_packages() -> None:
    """Refuse to begin with an installed package that is broken: what it adds would be silently absent.

    Raises:
        UserError: there is one.
    """
    for registry in REGISTRIES.values():
        if registry.problems:
            raise UserError(f"{registry.problems[0]}; mend or uninstall that package")


def packages() -> dict[str, dict[str, str]]:
    """What runs and winners tell of the packages that were installed: of each kind, by name, as "toy 0.1"."""
    return {kind: dict(registry.packages) for kind, registry in REGISTRIES.items() if registry.packages}


def unknown(kind: str, name: object, told: object) -> str:
    """That something is unknown here, and which package may be lacking.

    Args:
        kind: heads, backbones, searchers or trackers.
        told: what `packages` gave when the file was made; the file may be a stranger's.
    """
    found = told.get(kind) if isinstance(told, Mapping) else None
    package = found.get(name) if isinstance(found, Mapping) and isinstance(name, str) else None
    what = f"unknown {kind.removesuffix('s')} {str(name)[:LONGEST]!r}"
    if isinstance(package, str):
        return f"{what}: it is of the package {package[:LONGEST]}, which is not installed here"
    return f"{what}: it may be of a package that is not installed here (docs/extending.md)"


def check_options(options: Mapping[str, Any]) -> None:
    """Refuse options of a head, as run.json tells them, that name what is unknown here.

    Raises:
        UserError: they do.
    """
    texts = {name: [text for text in _listed(options.get(name)) if isinstance(text, str)] for name in ("set", "track")}
    settings = [setting.partition("=") for setting in texts["set"]]
    backbones = [value for name, _, value in settings if name == "backbone"]
    backbones += [name.partition(".")[0] for name, _, _ in settings if "." in name]
    searchers = [name for name in [options.get("searcher")] if isinstance(name, str)]
    for kind, names in (("backbones", backbones), ("searchers", searchers), ("trackers", texts["track"])):
        for name in names:
            if name not in REGISTRIES[kind]:
                raise UserError(unknown(kind, name, options.get("packages")))


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def note_unknown_heads(run: Run) -> None:
    """Say which heads of a run cannot be looked at here.

    Raises:
        UserError: there are no others.
    """
    from experiments.command_line.cli import note

    lines = unknown_heads(run)
    if lines and not run.searched():
        raise UserError(lines[0])
    for line in lines:
        note(f"{line}; left out")


def unknown_heads(run: Run) -> list[str]:
    """A line for each head of a run that is unknown here; a damaged run is told of by what needs it."""
    try:
        heads: Mapping[str, Any] = run.facts["heads"]
    except UserError:
        return []
    lines = (unknown("heads", name, told.get("packages")) for name, told in heads.items() if name not in HEADS)
    return [f"{run.path}: {line}" for line in lines]
