"""A row measured: its commands run, seed by seed, and its figures kept as JSON."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.adding import by_what
from benchmarks.reproducing.depends import depends, searched
from benchmarks.reproducing.places import Places
from benchmarks.reproducing.stale import commit_now
from benchmarks.reproducing.steps import Steps
from benchmarks.rows.row import Row

__all__ = ["kept_files", "measure"]

RESUMED = "a command of it was killed and gone on with, and its seconds are those of the last start"


def kept_files(name: str, row: Row, places: Places) -> list[Path]:
    """The JSON files of a row, one a seed."""
    stems = [f"{name}-{seed}" for seed in row.seeds] or [name]
    return [places.results / row.group / f"{stem}.json" for stem in stems]


def measure(name: str, row: Row, places: Places, quick: bool = False) -> None:
    """Run what is left of a row, and keep its figures; what stood there before stays until all of them are known.

    Seeds are kept together, so that no mean is over figures of different code.

    Raises:
        UserError: a command failed.
    """
    heads = places.work / "heads"
    shared = [_heads(search, row, places, quick) for search in row.heads]
    for steps in shared:
        steps.run()
    measured = []
    for seed, file in zip(row.seeds or (None,), kept_files(name, row, places), strict=True):
        folder = places.work / file.stem
        filled = _filled(places, heads / "runs") | {"json": folder / f"{file.stem}.json"}
        title = name if seed is None else f"{name}, seed {seed}"
        steps = _steps(title, folder, row, row.typed(name, seed, quick), filled, folder / "runs")
        steps.run()
        measured.append((seed, file, steps))
        if quick:
            break
    for seed, file, steps in measured:
        found = {
            "row": name,
            "seed": seed,
            **_figures(steps, name),
            **_about(steps, shared),
            **({"quick": True} if quick else {}),
        }
        _keep(found, file, [steps.folder / kept.replace("{run}", name) for kept in row.keeps], steps.places)
    for *_, steps in measured:  # who asks for the row again wants new figures
        steps.forget()


def _about(steps: Steps, heads: Sequence[Steps]) -> dict[str, Any]:
    """What was done, when, where and by what code: of when it began, as no other can have gone on with it."""
    state = steps.state
    beside = {} if state["used"] is None else {"used_by_others": round(state["used"], 2)}
    about = {"commands": list(steps.commands), "seconds": state["seconds"], "date": state["date"]}
    about |= {"commit": state["commit"], "made_by": state["made_by"], "machine": state["machine"] | beside}
    searched = {one.title: {"commit": one.state["commit"], "date": one.state["date"]} for one in heads}
    return about | ({"heads": searched} if heads else {}) | ({"note": RESUMED} if state["resumed"] else {})


def _steps(
    title: str, folder: Path, row: Row, commands: Sequence[str], places: Mapping[str, Path], runs: Path
) -> Steps:
    """The commands of a row, which begin anew where its code, versions or machine are others."""
    root = places["root"]
    commit = commit_now(root, depends(row, root))
    return Steps(title, folder, commands, places, commit, lambda: by_what(root, depends(row, root)), runs)


def _filled(places: Places, heads: Path) -> dict[str, Path]:
    folders = {"corpora": places.corpora, "root": places.root, "songs": places.root / "songs"}
    return {name: path.resolve() for name, path in (folders | {"heads": heads}).items()}


def _heads(name: str, row: Row, places: Places, quick: bool) -> Steps:
    """The search of heads that rows share, in `heads/runs/NAME`."""
    search, folder = searched(name, row), places.work / "heads"
    runs = folder / "runs"
    typed = search.typed(name, None, quick)
    return _steps(f"heads of {name}", folder / name, search, typed, _filled(places, runs), runs)


def _figures(steps: Steps, name: str) -> dict[str, Any]:
    if (file := steps.places["json"]).exists():
        found: dict[str, Any] = json.loads(file.read_text())
        return found
    from benchmarks.learning.figures import learnt  # it reads winners, for which torch is imported

    return learnt(steps.folder, name)


def _keep(found: dict[str, Any], file: Path, more: Sequence[Path], places: Mapping[str, Path]) -> None:
    """Write them at once or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f"{file.name}.part")
    part.write_text(json.dumps(found, indent=1) + "\n")
    for source in more:
        kept = file.with_suffix(source.suffix)
        if source.suffix == ".jsonl":
            kept.write_text(_unplaced(source.read_text(), places))
        else:
            shutil.copyfile(source, kept)
    part.replace(file)


def _unplaced(text: str, places: Mapping[str, Path]) -> str:
    """Folders of this machine by the names that they have in commands: `{corpora}/...`; a folder before its parent."""
    for name, path in sorted(places.items(), key=lambda named: -len(str(named[1]))):
        text = text.replace(f"{path}/", f"{{{name}}}/")
    return text
