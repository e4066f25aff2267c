"""The rows of docs/results.md: each a few commands of the product, their figures kept as JSON.

    python -m benchmarks.results [ROW ...] [--corpora DIR] [--work DIR]

A row whose JSON is there is not run again; remove the file to repeat it. The page is written from the JSON at the end.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
SEEDS = (1, 2, 3)


@dataclass(frozen=True)
class Row:
    """One search and what follows it; `{seed}` and `{corpora}` are filled in.

    Attributes:
        songs: the songs' arguments; empty for the bundled ones.
        tune: further arguments of `tune all`.
        train: epochs of `train all`, or 0 for none.
        seeds: the row is run once with each.
        then: arguments of a second `train all`.
    """

    songs: str
    tune: str
    train: int
    seeds: tuple[int, ...]
    then: str = ""

    def commands(self, run: str, seed: int) -> list[str]:
        """What a user would type."""
        lines = [f"python -m experiments.tune all {self.songs} --name {run} --seed {seed} --wandb off {self.tune}"]
        if self.train:
            lines.append(f"python -m experiments.train all --run {run} --epochs {self.train} --json train.json")
        if self.then:
            lines.append(f"python -m experiments.train all --run {run} {self.then} --json train.json")
        lines.append(f"python -m experiments.evaluate {run} --json evaluate.json")
        lines.append(f"python -m experiments.generate {run} --events 256 --seed {seed} --out song.mid")
        return [" ".join(line.split()) for line in lines]


TWO = "{corpora}/two_songs_freedoom"
JSB = "{corpora}/jsb_chorales/train --valid {corpora}/jsb_chorales/valid"
ORIGINAL = "--preset original --trials 8 --max-epochs 20"
UNWEIGHTED = f"{ORIGINAL} --set weighting=none"
ROWS = {
    "two_songs_original_none": Row(TWO, f"{ORIGINAL} --split none", 80, SEEDS),
    "two_songs_unweighted_none": Row(TWO, f"{UNWEIGHTED} --split none", 80, SEEDS),
    "two_songs_then_unweighted_none": Row(
        TWO, f"{ORIGINAL} --split none", 80, SEEDS, then="--epochs 80 --weighting none"
    ),
    "bundled_original_none": Row("", f"{ORIGINAL} --split none", 80, SEEDS),
    "jsb": Row(JSB, "--trials 12 --max-epochs 20", 0, (1,)),
    "two_songs": Row(TWO, "--trials 24", 0, (1,)),
    "two_songs_original": Row(TWO, ORIGINAL, 0, SEEDS),
    "bundled_original": Row("", ORIGINAL, 0, SEEDS),
    "bundled": Row("", "", 0, (1,)),
}


@dataclass(frozen=True)
class Options:
    """Run rows of docs/results.md, and write the page."""

    rows: tyro.conf.Positional[tuple[str, ...]] = ()
    """rows to run (default: all that have no figures yet)"""
    corpora: Path = ROOT.parent / "shared" / "corpora"
    """the folder that holds two_songs_freedoom and jsb_chorales"""
    work: Path = Path("/tmp/tritone-results")
    """where the runs go"""


def run_row(name: str, row: Row, options: Options) -> None:
    """Run a row's commands for each of its seeds, and keep their figures."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}  # the code of this checkout, whatever is installed
    for seed in row.seeds:
        kept = HERE / "results" / f"{name}-{seed}.json"
        if kept.exists():
            continue
        folder = options.work / f"{name}-{seed}"
        folder.mkdir(parents=True, exist_ok=True)
        found: dict[str, Any] = {"row": name, "seed": seed, "commands": row.commands(name, seed), "seconds": []}
        for command in found["commands"]:
            print(f"{name}, seed {seed}: {command}", flush=True)
            began = time.monotonic()
            words = shlex.split(command.replace("{corpora}", str(options.corpora)))
            with (folder / "log.txt").open("a") as log:
                subprocess.run(
                    [sys.executable, *words[1:]], cwd=folder, env=environment, check=True, stdout=log, stderr=log
                )
            found["seconds"].append(round(time.monotonic() - began, 1))
        for part in ("train", "evaluate"):
            if (folder / f"{part}.json").exists():
                found[part] = json.loads((folder / f"{part}.json").read_text())
        found["date"] = time.strftime("%Y-%m-%d")
        found["commit"] = found["evaluate"]["made_by"]["commit"]
        for figures in [found["evaluate"], found.get("train", {})]:
            figures.pop("songs", None)  # paths of this machine
        kept.parent.mkdir(exist_ok=True)
        kept.write_text(json.dumps(found, indent=1) + "\n")


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    from benchmarks.results_page import write_page

    options = tyro.cli(Options, args=arguments)
    unknown = set(options.rows) - set(ROWS)
    if unknown:
        sys.exit(f"no row {', '.join(sorted(unknown))}; rows are {', '.join(ROWS)}")
    for name in options.rows or ROWS:
        run_row(name, ROWS[name], options)
    write_page(HERE / "results", ROOT / "docs" / "results.md")


if __name__ == "__main__":
    main()
