"""The rows of docs/results.md: each a few commands of the product, their figures kept as JSON.

    python -m benchmarks.results [ROW ...] [--corpora DIR] [--work DIR]

A row whose JSON is there is not run again; remove the file to repeat it. The page is written from the JSON at the end.
"""

from __future__ import annotations

import csv
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

from experiments.tables import CONFIRM
from experiments.winners import load_winner

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
SEEDS = (1, 2, 3)


@dataclass(frozen=True)
class Row:
    """A search and what follows it: what a user would type after `python -m experiments.`

    Attributes:
        commands: `{run}`, `{seed}` and `{corpora}` are filled in; what writes `--json NAME.json` gives the figures.
        seeds: the row is run once with each.
    """

    commands: tuple[str, ...]
    seeds: tuple[int, ...] = (1,)

    def typed(self, run: str, seed: int) -> list[str]:
        """The commands, but for where the corpora are."""
        whole = (f"python -m experiments.{command}" for command in self.commands)
        return [" ".join(line.replace("{run}", run).replace("{seed}", str(seed)).split()) for line in whole]


def _search(what: str, options: str) -> str:
    return f"tune {what} --name {{run}} --seed {{seed}} --wandb off {options}"


EVALUATE = "evaluate {run} --json evaluate.json"
SONG = "generate {run} --events 256 --seed {seed} --out song.mid"
TWO = "{corpora}/two_songs_freedoom"
JSB = "{corpora}/jsb_chorales/train --valid {corpora}/jsb_chorales/valid"
ORIGINAL = "--preset original --trials 8 --max-epochs 20"
TRAIN = "train all --run {run} --epochs 80 --json train.json"
LONG = "--trials 16 --max-epochs 80 --confirm 3"  # notes of the chorales learn on for that long
SHORT = "--trials 12 --max-epochs 60 --confirm 3"
LARGE = "--trials 6 --max-epochs 20 --confirm 3"  # of large corpora, whose epochs are long
WEIGHED = "--trials 1 --confirm 3 --set weighting="


def _on_training(songs: str, options: str, *then: str) -> Row:
    return Row((_search(f"all {songs}", f"{options} --split none"), TRAIN, *then, EVALUATE, SONG), SEEDS)


ROWS = {
    # songs that were never heard
    "jsb_notes": Row((_search(f"notes {JSB}", f"{LONG} --set inputs=context"), EVALUATE)),
    "jsb_notes_own": Row(
        (_search(f"notes {JSB}", "--trials 8 --max-epochs 60 --confirm 3 --set inputs=own"), EVALUATE)
    ),
    "jsb_notes_original": Row((_search(f"notes {JSB}", f"{ORIGINAL} --confirm 3"), EVALUATE)),
    "jsb_durations": Row((_search(f"durations {JSB}", f"{SHORT} --set inputs=context"), EVALUATE)),
    "jsb_offsets": Row((_search(f"offsets {JSB}", f"{SHORT} --set inputs=context"), EVALUATE)),
    "mutopia_notes": Row((_search("notes {corpora}/mutopia_pd", LARGE), EVALUATE), SEEDS),
    "freedoom_notes": Row(
        (_search("notes {corpora}/freedoom", "--trials 4 --max-epochs 16 --confirm 3"), EVALUATE), SEEDS
    ),
    "two_songs_notes": Row((_search(f"notes {TWO}", SHORT), EVALUATE)),
    "two_songs_from_mutopia": Row(
        (
            "tune notes {corpora}/mutopia_pd --name corpus --seed {seed} --wandb off --trials 4 --max-epochs 20",
            _search(f"notes {TWO}", f"{SHORT} --init corpus"),
            EVALUATE,
        )
    ),
    "bundled": Row((_search("all", ""), EVALUATE, SONG)),
    # one thing changed
    "jsb_lstm": Row((_search(f"notes {JSB}", "--trials 64 --time-budget 180 --set backbone=lstm"), EVALUATE)),
    "jsb_transformer": Row(
        (_search(f"notes {JSB}", "--trials 64 --time-budget 180 --set backbone=transformer"), EVALUATE)
    ),
    **{
        f"jsb_weights_{scheme}": Row((_search(f"notes {JSB}", WEIGHED + scheme), EVALUATE))
        for scheme in ("none", "sqrt", "balanced")
    },
    # training songs
    "two_songs_none": _on_training(TWO, "--trials 6 --max-epochs 20"),
    "two_songs_original_none": _on_training(TWO, ORIGINAL),
    "two_songs_unweighted_none": _on_training(TWO, f"{ORIGINAL} --set weighting=none"),
    "two_songs_then_unweighted_none": _on_training(TWO, ORIGINAL, f"{TRAIN} --weighting none"),
    "bundled_original_none": _on_training("", ORIGINAL),
    "two_songs_original": Row((_search(f"all {TWO}", ORIGINAL), EVALUATE, SONG), SEEDS),
    "bundled_original": Row((_search("all", ORIGINAL), EVALUATE, SONG), SEEDS),
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
        found: dict[str, Any] = {"row": name, "seed": seed, "commands": row.typed(name, seed), "seconds": []}
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
        found["winners"] = _winners(folder / "runs" / name)
        found["core_minutes"] = sum(map(_core_minutes, (folder / "runs").glob("*/*/trials.csv")))
        found["date"] = time.strftime("%Y-%m-%d")
        found["commit"] = found["evaluate"]["made_by"]["commit"]
        for figures in [found["evaluate"], found.get("train", {})]:
            figures.pop("songs", None)  # paths of this machine
        kept.parent.mkdir(exist_ok=True)
        kept.write_text(json.dumps(found, indent=1) + "\n")


def _winners(run: Path) -> dict[str, Any]:
    """What a run's winners tell of themselves, and the minutes of training that each search took, over all workers."""
    found = {}
    for path in sorted(run.glob("*/winner.safetensors")):
        facts = load_winner(path).facts
        kept = ("figures", "baselines", "best", "label", "confirmed", "hyperparameters", "epoch", "updates", "split")
        found[path.parent.name] = {name: facts[name] for name in kept if name in facts}
        with (path.parent / "trials.csv").open(newline="") as table:
            rows = list(csv.DictReader(table))
        found[path.parent.name]["trials"] = len(rows)
        found[path.parent.name]["core_minutes"] = _core_minutes(path.parent / "trials.csv")
        repeated = [
            row for row in rows if row["kind"] == CONFIRM and row["of"] == str(facts.get("confirmed", {}).get("of"))
        ]
        found[path.parent.name]["repeats"] = {
            name: [float(row[f"best_{name}"]) for row in repeated] for name in kept_figures(repeated)
        }
    return found


def _core_minutes(table: Path) -> float:
    """Minutes of training, over all workers."""
    with table.open(newline="") as file:
        return sum(float(row["seconds"]) for row in csv.DictReader(file)) / 60


def kept_figures(rows: Sequence[dict[str, str]]) -> list[str]:
    """The figures that all rows of a trials.csv have."""
    names = ("valid", "mae", "top1", "macro", "macro_nats", "accuracy")
    return [name for name in names if rows and all(row.get(f"best_{name}") for row in rows)]


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
