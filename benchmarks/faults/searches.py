"""A search in a process of its own, to be killed, and what must hold of what it leaves."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import optuna
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from benchmarks.measured import ROOT
from experiments.heads import HEADS
from experiments.tables import FINISHED, EpochTable, TrialTable
from experiments.winners import load_winner

__all__ = ["HEAD", "NAME", "SMALL", "TUNE", "Search", "tail", "told_epochs", "until"]

HEAD, NAME = "offsets", "k"
TUNE = ("-m", "experiments.tune")  # what Python runs
SMALL = ("--set", "hidden=16", "--set", "window=5")  # networks of a moment


@dataclass(frozen=True)
class Search:
    """A search of one head over the bundled songs, in a folder that is empty at first.

    Attributes:
        folder: of its runs, and its cache.
        options: of `tune`.
        program: what Python runs.
        wandb: mode.
        within: what the command line begins with, as what enters another network.
        searched: the head.
        again: options that a run does not take from itself when it goes on.
    """

    folder: Path
    options: tuple[str, ...] = ()
    program: Sequence[str] = TUNE
    address: str = "local"
    wandb: str = "offline"
    within: tuple[str, ...] = ()
    searched: str = HEAD
    again: tuple[str, ...] = ()

    @property
    def head(self) -> Path:
        """The folder of its head."""
        return self.folder / "runs" / NAME / self.searched

    def start(self, *, resume: bool = False, environment: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """Begin, or go on if there is something to go on with."""
        going = resume and (self.head / "study.journal").exists()
        fresh = (self.searched, "--name", NAME, *self.options)
        command = [
            *(("--resume", NAME, *self.again) if going else fresh),
            "--wandb",
            self.wandb,
            "--address",
            self.address,
        ]
        return subprocess.Popen(
            [*self.within, sys.executable, *self.program, *command],
            cwd=self.folder,
            env=self.environment() | dict(environment or {}),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # a group of its own: what is killed is this search and nothing else
        )

    def environment(self) -> dict[str, str]:
        """What its process sees."""
        own = {"TRITONE_RUNS": str(self.folder / "runs"), "TRITONE_CACHE": str(self.folder / "cache")}
        return {**os.environ, **own, "PYTHONPATH": str(ROOT)}

    def lines(self) -> int:
        """Lines of epochs.csv, repeated ones too."""
        try:
            return len((self.head / "epochs.csv").read_bytes().splitlines())
        except OSError:
            return 0

    def problems(self, trials: int) -> list[str]:
        """What is not as it must be after a finished search of so many trials; empty if all is."""
        table = TrialTable.read(self.head / "trials.csv", HEADS[self.searched].config.names())
        rows = list(table.rows.values())
        found = [f"trial {row.row} is {row.status}" for row in rows if row.status not in FINISHED]
        if [row.row for row in rows] != list(range(trials)):
            found.append(f"trials.csv has the rows {[row.row for row in rows]}")
        told = told_epochs(self.head)
        found += [f"epoch {key} stands {count} times" for key, count in told.items() if count > 1]
        for row in rows:
            epochs = sorted(epoch for number, epoch in told if number == row.row)
            if row.status != "failed" and epochs != list(range(1, row.epoch + 1)):
                found.append(f"trial {row.row} of {row.epoch} epochs has told {epochs}")
        reports = EpochTable(self.head / "epochs.csv").reports()
        best = {row.row: min(report["best"] for report in reports[row.row]) for row in rows if row.row in reports}
        found += [f"trial {row.row}: best {row.best}" for row in rows if row.row in best and row.best != best[row.row]]
        found += self._study_problems(trials) + self._winner_problems(min(best.values(), default=math.inf))
        return found + (self._tracked_problems(trials) if self.wandb == "offline" else [])

    def _study_problems(self, trials: int) -> list[str]:
        storage = optuna.storages.JournalStorage(JournalFileBackend(str(self.head / "study.journal")))
        study = optuna.load_study(study_name=self.searched, storage=storage).get_trials(deepcopy=False)
        open_ones = [trial for trial in study if not trial.state.is_finished()]
        found = [f"trial {trial.number} of the study is {trial.state.name}" for trial in open_ones]
        ended = [trial for trial in study if trial.state.is_finished() and "resumed_as" not in trial.user_attrs]
        if sorted(trial.user_attrs["row"] for trial in ended) != list(range(trials)):
            found.append(f"the study has ended the rows {sorted(trial.user_attrs['row'] for trial in ended)}")
        resumed = [trial for trial in study if "resumed_as" in trial.user_attrs]
        return found + [f"trial {t.number} was resumed, and is {t.state.name}" for t in resumed if t.state is not FAIL]

    def _tracked_problems(self, trials: int) -> list[str]:
        """Of W&B: a trial is one run there, in the search's group, under however many drivers."""
        run = self.head.parent
        identity = json.loads((run / "run.json").read_text())["id"]
        rows: dict[str, list[bytes]] = {f"{identity}-{self.searched}-{row:05d}": [] for row in range(trials)}
        found = []
        for file in (run / "wandb").glob("offline-run-*/run-*.wandb"):
            id, data = file.stem.removeprefix("run-"), file.read_bytes()
            if id in rows:
                rows[id].append(data)
            elif id not in (f"{identity}-{self.searched}-winner", f"{identity}-song"):
                found.append(f"W&B has a run {id}")
        group = f"{NAME}/{self.searched}".encode()
        return found + [f"W&B: {id} is not in {group!r}" for id, data in rows.items() if group not in b"".join(data)]

    def _winner_problems(self, best: float) -> list[str]:
        winner = load_winner(self.head / "winner.safetensors")
        return [] if winner.facts["best"] == best else [f"the winner has {winner.facts['best']}, the best is {best}"]


FAIL = TrialState.FAIL


def told_epochs(head: Path) -> Counter[tuple[int, int]]:
    """How often each (trial, epoch) stands in epochs.csv."""
    names, *lines = (head / "epochs.csv").read_text().splitlines()
    at = names.split(",").index("epoch")
    return Counter((int(line.split(",")[0]), int(line.split(",")[at])) for line in lines)


def tail(said: str) -> str:
    """The last line of what a process said."""
    lines = said.strip().splitlines()
    return lines[-1] if lines else ""


def until(what: Callable[[], object], seconds: float, *, every: float = 0.05) -> bool:
    """Wait until it is so; False if it is not within the time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(every)
    return False
