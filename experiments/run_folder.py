"""A run: the folder of the searches over one set of songs."""

from __future__ import annotations

import datetime
import os
import shlex
import uuid
from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from string import hexdigits
from typing import Any

from datamodules.corpus.finding import printable
from datamodules.errors import UserError, did_you_mean
from experiments.data_options import DataOptions
from experiments.dataset import Dataset, read_dataset
from experiments.files import locked, read_json, write_json
from experiments.heads import HEADS
from experiments.plugins import packages
from experiments.provenance import made_by
from experiments.winners import WINNER

__all__ = ["SONG", "Run", "create_run", "default_runs", "new_name", "open_run", "resume_command"]

SONG = "song.mid"  # what a search ends with

FORMAT = 1
LOCK = ".lock"


def default_runs() -> Path:
    """Where runs are kept unless --runs says otherwise."""
    return Path(os.environ.get("TRITONE_RUNS") or "runs")


def resume_command(
    path: Path,
    *,
    head: str | None = None,
    space: str | None = None,
    storage: str | None = None,
    address: str | None = None,
) -> str:
    """What goes on with a run, or with one head of it.

    A space, a storage and a cluster of the user's own are to be given again: a run's own word is not enough for them.
    """
    words = ["python -m experiments.tune", *([head] if head else []), "--resume", shlex.quote(str(path))]
    for name, value in (("--space", space), ("--storage", storage), ("--address", address)):
        words += [name, shlex.quote(value)] if value else []
    return " ".join(words)


def new_name() -> str:
    """A run's default name: now."""
    return datetime.datetime.now().strftime("%Y-%m-%d_%H-%M-%S")


@dataclass(frozen=True)
class Run:
    """A run on disk."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    @cached_property
    def facts(self) -> dict[str, Any]:
        """What run.json holds.

        Raises:
            UserError: it is missing, damaged, or of another format.
        """
        facts = read_json(self.path / "run.json")
        if not isinstance(facts, dict) or facts.get("format") != FORMAT:
            raise UserError(f"{self.path / 'run.json'} is not of a run that this version can read")
        kinds = {"data": dict, "heads": dict, "id": str, "songs": str, "created": str}
        wrong = [name for name, kind in kinds.items() if not isinstance(facts.get(name), kind)]
        if "id" not in wrong and not 0 < len(facts["id"]) == sum(sign in hexdigits for sign in facts["id"]) <= 64:
            wrong.append("id")  # it names a folder under --storage
        if wrong or not all(isinstance(head, dict) for head in facts["heads"].values()):
            raise UserError(f"{self.path / 'run.json'} is damaged: {', '.join(wrong) or 'heads'} cannot be read")
        return facts

    def songs(self) -> list[dict[str, Any]]:
        """The rows of songs.json: path, sha256, accepted and more of every file.

        Raises:
            UserError: it is missing or damaged.
        """
        whole = read_json(self.path / "songs.json")
        rows = whole.get("songs") if isinstance(whole, dict) else None
        if not isinstance(rows, list) or not all(
            isinstance(row, dict) and isinstance(row.get("sha256"), str) and isinstance(row.get("accepted"), bool)
            for row in rows
        ):
            raise UserError(f"{self.path / 'songs.json'} is damaged: its rows cannot be read")
        return rows

    def split(self) -> str:
        """How the songs were split, in one line, as songs.json tells."""
        found = read_json(self.path / "songs.json").get("split")
        return str(found.get("label", "")) if isinstance(found, dict) else ""

    def leakage(self) -> dict[str, float]:
        """The shares of the validation 6-grams that occur in training too, as songs.json tells; {} if it does not."""
        found = read_json(self.path / "songs.json").get("leakage")
        shares = found.get("validation") if isinstance(found, dict) else None
        told = shares.items() if isinstance(shares, dict) else ()
        return {str(name): float(share) for name, share in told if type(share) in (int, float)}

    @property
    def data_options(self) -> DataOptions:
        """Which songs the run is over."""
        try:
            return DataOptions.from_json(self.facts["data"])
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise UserError(f"{self.path / 'run.json'} is damaged: its data section lacks {error}") from error

    def head(self, name: str) -> Path:
        """The folder of a head."""
        return self.path / name

    def winner(self, head: str, name: str = WINNER) -> Path:
        """Where a head's winner is, or would be."""
        return self.path / head / name

    def searched(self) -> list[str]:
        """The heads that were searched or begun."""
        return [name for name in HEADS if name in self.facts["heads"]]

    def dataset(self) -> Dataset:
        """The run's songs, read again.

        Raises:
            UserError: songs are gone or have changed since.
        """
        options = self.data_options
        try:
            dataset = read_dataset(options)
        except UserError as error:
            raise UserError(f"the songs of {self.path} cannot be read again: {error}") from error
        if dataset.digest != self.facts["songs"]:
            raise UserError(
                f"the songs of {self.path} have changed since ({self._changed(dataset)}); start a new run, with"
                f" --warm-start {shlex.quote(str(self.path))} to begin with what this one has found"
            )
        return dataset

    def _changed(self, dataset: Dataset) -> str:
        """What has become of the songs, in words: changed and gone ones by name, as far as a line holds them."""
        before = {row["sha256"]: str(row.get("path")) for row in self.songs() if row["accepted"]}
        now = {song.digest: song.name for song in dataset.songs}
        lost = {path for digest, path in before.items() if digest not in now}
        found = {path for digest, path in now.items() if digest not in before}
        events = {row.digest: row.events for row, _ in dataset.rows if row.accepted}
        same = {row["sha256"]: row.get("events") for row in self.songs() if row["accepted"] and row["sha256"] in now}
        otherwise = {now[digest] for digest, held in same.items() if held != events[digest]}
        kinds = {"changed": lost & found, "gone": lost - found, "new": found - lost}
        kinds["with other events, as this version reads them"] = otherwise
        told = [f"{kind}: {_named(paths)}" for kind, paths in kinds.items() if paths]
        return "; ".join(told) or "their split or parts are others"

    def noted(self, head: str) -> dict[str, Any]:
        """A head's options, as run.json has them by now: another process may have written them; {} for none."""
        self.__dict__.pop("facts", None)
        found: dict[str, Any] = self.facts["heads"].get(head, {})
        return found

    def note_head(self, head: str, options: Mapping[str, Any]) -> None:
        """Write a head's options into run.json, where another process may be writing those of another head."""
        with self.writing():
            self.__dict__.pop("facts", None)
            told = {"made_by": made_by()} | ({"packages": packages()} if packages() else {})
            heads = {**self.facts["heads"], head: {**options, **told}}
            write_json(self.path / "run.json", {**self.facts, "heads": heads})
            self.__dict__.pop("facts", None)

    def writing(self) -> AbstractContextManager[None]:
        """Held while a file of all heads is read and written again."""
        return locked(self.path / LOCK)


def _named(paths: Collection[str]) -> str:
    names = sorted(Path(path).name for path in paths)
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def create_run(path: Path, dataset: Dataset) -> Run:
    """A new run over the songs, or the one that is there if its songs, parts, split and grid are equal.

    Raises:
        UserError: there is a run of other songs, or something else, at the path; or no file could have such a path.
    """
    if not str(path).isprintable():  # bytes that are no text, too: safetensors opens no such path
        raise UserError(f"{printable(path)}: a run's path must be plain text: choose another --name or --runs")
    if path.exists() and not _is_run(path):
        raise UserError(f"{path} is there already and is no run: choose another --name")
    run = Run(path)
    with run.writing():
        if not (path / "run.json").exists():
            _write_new(path, dataset)
    if run.facts["songs"] != dataset.digest:
        raise UserError(f"{path} is a run over other songs, parts, split or grid: choose another --name")
    return run


def _is_run(path: Path) -> bool:
    """Whether a run is here, or another process may be making one right now."""
    if not path.is_dir():
        return False
    shown = {found.name for found in path.iterdir() if not found.name.startswith(".")}
    return "run.json" in shown or shown <= {"songs.json"}


def _write_new(path: Path, dataset: Dataset) -> None:
    facts = {
        "format": FORMAT,
        "id": uuid.uuid4().hex,
        "created": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        "data": dataset.options.to_json(),
        "songs": dataset.digest,
        "heads": {},
        "made_by": made_by(),
    }
    write_json(path / "songs.json", dataset.to_json())
    write_json(path / "run.json", facts)


def open_run(name: str | Path, runs: Path | None = None) -> Run:
    """The run at a path, or of that name under `runs`, which are the default ones if it is None.

    Raises:
        UserError: there is none.
    """
    runs = runs or default_runs()
    for path in (runs / name, Path(name)):
        if (path / "run.json").is_file():
            return Run(path.resolve())
    known = sorted(path.parent.name for path in runs.glob("*/run.json"))
    there = f"; there are {', '.join(known[-5:])}" if known else f"; there is none under {runs} yet"
    there += did_you_mean(str(name), known)
    raise UserError(f"no run {name}: neither a folder with a run.json nor a name under {runs}{there}")
