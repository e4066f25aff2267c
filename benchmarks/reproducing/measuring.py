"""A row measured: its commands run, seed by seed, and its figures kept as JSON."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Any

from benchmarks.measured import machine
from benchmarks.reproducing.needs import busy
from benchmarks.reproducing.places import Places
from benchmarks.reproducing.stale import commit_now
from benchmarks.reproducing.steps import Steps
from benchmarks.rows.learning import SEARCHED
from benchmarks.rows.music import SEARCHES
from benchmarks.rows.row import Row
from experiments.provenance import made_by

__all__ = ["kept_files", "measure"]

RESUMED = "a command of it was killed and gone on with, and its seconds are those of the last start"


def kept_files(name: str, row: Row, places: Places) -> list[Path]:
    """The JSON files of a row, one a seed."""
    stems = [f"{name}-{seed}" for seed in row.seeds] or [name]
    return [places.results / row.group / f"{stem}.json" for stem in stems]


def measure(name: str, row: Row, places: Places, quick: bool = False) -> None:
    """Run what is left of a row, and keep its figures; what stood there before stays until they are known.

    Raises:
        UserError: a command failed.
    """
    commit = commit_now(places.root, row.depends)
    heads = places.work / "heads"
    for search in row.heads:
        _heads(search, row, places, commit, quick).run()
    seeds = row.seeds[:1] if quick else row.seeds
    measured = []
    for seed, file in zip(seeds or (None,), kept_files(name, row, places), strict=False):
        title, folder = name if seed is None else f"{name}, seed {seed}", places.work / file.stem
        filled = _filled(places, heads / "runs") | {"json": folder / f"{file.stem}.json"}
        typed = row.typed(name, seed, quick)
        steps = Steps(title, folder, typed, filled, commit, row.depends, folder / "runs")
        used = None if quick else busy()
        steps.run()
        if not steps.kept:
            found = {"row": name, "seed": seed} | _figures(folder, name, filled["json"])
            found |= {"commands": typed, "seconds": steps.state["seconds"], "date": time.strftime("%Y-%m-%d")}
            beside = {} if used is None else {"used_by_others": round(used, 2)}
            found |= {"commit": commit, "machine": machine() | beside, "made_by": {**made_by(), "commit": commit}}
            found |= ({"note": RESUMED} if steps.resumed else {}) | ({"quick": True} if quick else {})
            _keep(found, file, [folder / kept.replace("{run}", name) for kept in row.keeps])
            steps.keep()
        measured.append(steps)
    for steps in measured:  # all of them are there: who asks for the row again wants new ones
        steps.forget()


def _filled(places: Places, heads: Path) -> dict[str, Path]:
    folders = {"corpora": places.corpora, "root": places.root, "songs": places.root / "songs"}
    return {name: path.resolve() for name, path in (folders | {"heads": heads}).items()}


def _heads(name: str, row: Row, places: Places, commit: str, quick: bool) -> Steps:
    """The search of heads that rows share, in `heads/runs/NAME`."""
    typed = Row(row.group, row.page, SEARCHES[name], 0, SEARCHED).typed(name, None, quick)
    folder = places.work / "heads"
    runs = folder / "runs"
    return Steps(f"heads of {name}", folder / name, typed, _filled(places, runs), commit, SEARCHED, runs)


def _figures(folder: Path, name: str, file: Path) -> dict[str, Any]:
    if file.exists():
        found: dict[str, Any] = json.loads(file.read_text())
        return found
    from benchmarks.learning.figures import learnt  # it reads winners, for which torch is imported

    return learnt(folder, name)


def _keep(found: dict[str, Any], file: Path, more: list[Path]) -> None:
    """Write them at once or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f"{file.name}.part")
    part.write_text(json.dumps(found, indent=1) + "\n")
    for source in more:
        shutil.copyfile(source, file.with_suffix(source.suffix))
    part.replace(file)
