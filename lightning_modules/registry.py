"""Specs by name: our own, and those that installed packages add by an entry point (docs/extending.md).

Only packages that the user has installed are ever loaded; no run, winner or song names what is. A package that cannot
be taken is left out and told of in `problems`, so that what only looks up a name never fails because of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, Protocol, TypeVar

__all__ = ["Registry", "Spec", "named", "unnamed"]


class Spec(Protocol):
    """What a registry holds: frozen, with a name."""

    @property
    def name(self) -> str: ...

    def problem(self) -> str:
        """Why it cannot be taken from another package; "" if it can."""
        ...


S = TypeVar("S", bound=Spec)


class Registry(Mapping[str, S], Generic[S]):
    """Our own specs, then those of installed packages, which are looked for when one is first asked for.

    Args:
        group: of the entry points.
        kind: what all of its specs are.
        own: those of this package, in order; a name of theirs is never looked for elsewhere.
        reserved: names that no package can take.
    """

    def __init__(self, group: str, kind: type[S], own: tuple[S, ...], reserved: tuple[str, ...] = ()) -> None:
        self.group, self.kind = group, kind
        self._own = {spec.name: spec for spec in own}
        self._reserved = (*self._own, *reserved)
        self._found: dict[str, S] | None = None
        self._packages: dict[str, str] = {}
        self._problems: list[str] = []

    def __getitem__(self, name: str) -> S:
        return self._own[name] if name in self._own else self._all()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    @property
    def packages(self) -> Mapping[str, str]:
        """By name, the package that a spec comes from, and its version, as "toy 0.1"; ours are not in it."""
        self._all()
        return self._packages

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong with installed packages, a line each."""
        self._all()
        return tuple(self._problems)

    def _all(self) -> dict[str, S]:
        if self._found is None:
            self._found = dict(self._own)  # all there is to a package that looks in here while it is imported
            for entry in sorted(installed().select(group=self.group), key=lambda entry: (entry.name, entry.value)):
                self._take(entry, self._found)
        return self._found

    def _take(self, entry: EntryPoint, found: dict[str, S]) -> None:
        package = _package(entry)
        try:
            spec = entry.load()
            why = self._refused(spec, found)
        except (Exception, SystemExit) as error:  # whatever a package's code raises
            why = f"it cannot be loaded ({type(error).__name__}: {_line(error)})"
        if why:
            self._problems.append(f"{package}: its entry point {entry.name} ({self.group}) is broken: {why}")
        else:
            found[spec.name], self._packages[spec.name] = spec, package

    def _refused(self, spec: object, found: Mapping[str, S]) -> str:
        if not isinstance(spec, self.kind):
            return f"it is no {self.kind.__name__}, but {type(spec).__name__}"
        if not isinstance(spec.name, str) or not spec.name.isidentifier():
            return f"the name {str(spec.name)[:40]!r} must be a word of letters, digits and underscores"
        if spec.name in self._reserved:
            return f"the name {spec.name!r} is taken by tritone"
        if spec.name in found:
            return f"the name {spec.name!r} is taken by {self._packages[spec.name]}"
        return spec.problem()


def named(place: str) -> Any:
    """What a spec names as "module:name", imported now."""
    module, name = place.split(":")
    return getattr(import_module(module), name)


def unnamed(field: str, place: str, what: str) -> str:
    """Why a spec's field names nothing; "" if it is like "module:name"."""
    return "" if place.count(":") == 1 else f"{field}={place!r} must be module:{what}"


@cache
def installed() -> Any:  # its type differs between versions of Python
    """The entry points of all installed packages, looked for once a process: it takes ten milliseconds each time."""
    return entry_points()


def _package(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist is not None else entry.value


def _line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), "")[:200]
