"""Commands run one after another in a folder of their own; those that were killed go on at the first that is left."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.measured import machine
from benchmarks.reproducing.needs import busy
from datamodules.errors import UserError
from experiments.provenance import made_by

__all__ = ["Steps"]

LOOK = 0.5  # seconds between two looks at a command that runs
STATE, LOG = "steps.json", "log.txt"
console = Console(soft_wrap=True)


@dataclass
class Steps:
    """Commands and how far they are.

    Attributes:
        folder: where they run; what they leave there belongs to them alone.
        commands: as typed; `{name}` is filled in from `places`.
        commit: of the code that runs.
        code: tells what runs apart from other code, versions and machines. What was begun by another begins anew, and
            if it changes while commands run, that ends them: no figures are of two kinds.
        runs: where runs are kept.
        state: what of them is done, and how: `seconds` of each, whether one was killed and `resumed`, the `commit`,
            the `code`, the versions (`made_by`), the `machine` and the `date`, and how much of the processors' time
            others `used` as they began.
    """

    title: str
    folder: Path
    commands: Sequence[str]
    places: Mapping[str, Path]
    commit: str
    code: Callable[[], str]
    runs: Path
    state: dict[str, Any] = field(default_factory=dict)

    def run(self) -> None:
        """Run those that are left.

        Raises:
            UserError: one of them failed, or the code has changed meanwhile.
        """
        self._open()
        self._check()
        for number in range(len(self.state["seconds"]), len(self.commands)):
            again = self.state["begun"] > number
            self._save(begun=number + 1, resumed=self.state["resumed"] or again)
            seconds = round(self._one(number, again), 1)
            self._check()
            self._save(seconds=[*self.state["seconds"], seconds], date=time.strftime("%Y-%m-%d"))

    def forget(self) -> None:
        """The next time they begin anew."""
        (self.folder / STATE).unlink(missing_ok=True)

    def _open(self) -> None:
        file, fresh = self.folder / STATE, {"commands": list(self.commands), "code": self.code()}
        if file.exists():
            self.state = json.loads(file.read_text())
            if all(self.state.get(name) == value for name, value in fresh.items()):
                return
            console.print(
                f"{self.title}: what was begun there is of other code, versions or commands, and begins anew",
                markup=False,
            )
        for run in _runs_of(self.commands):
            shutil.rmtree(self.runs / run, ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        about = {"commit": self.commit, "made_by": {**made_by(), "commit": self.commit}, "machine": machine()}
        self._save(**fresh, **about, begun=0, resumed=False, seconds=[], used=busy())

    def _check(self) -> None:
        if self.code() != self.state["code"]:
            raise UserError(
                f"{self.title}: the code that it depends on has changed while it ran; begun again, it begins anew",
                status=1,
            )

    def _save(self, **known: Any) -> None:
        self.state |= known
        part = self.folder / f"{STATE}.part"
        part.write_text(json.dumps(self.state))
        part.replace(self.folder / STATE)

    def _one(self, number: int, again: bool) -> float:
        """Run one of them; its seconds."""
        typed = self.commands[number]
        words = self._prepared(number, again)
        console.print(f"{self.title}, {number + 1} of {len(self.commands)}{', resumed' * again}: {typed}")
        began, log = time.monotonic(), self.folder / LOG
        with log.open("a") as file:
            process = subprocess.Popen(
                [sys.executable, *words[1:]],
                cwd=self.folder,
                env=self._environment(),
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C in a terminal is for this process, which ends the command once
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,
            )
            with _ended_with_us(process), console.status("") as status:
                while process.poll() is None:
                    status.update(f"{time.monotonic() - began:.0f} s  {_last_line(log)}"[: console.width - 4])
                    time.sleep(LOOK)
        if process.returncode:
            said = _last_line(log)
            raise UserError(f"{self.title}: {typed}: status {process.returncode}: {said} (all of it: {log})", status=1)
        return time.monotonic() - began

    def _environment(self) -> dict[str, str]:
        paths = os.pathsep.join([str(self.places["root"]), *filter(None, [os.environ.get("PYTHONPATH")])])
        return {**os.environ, "PYTHONPATH": paths, "TRITONE_RUNS": str(self.runs)}

    def _prepared(self, number: int, again: bool) -> list[str]:
        """The words of a command, filled in; and what is to be done where it was begun before."""
        words = [part for word in shlex.split(self.commands[number]) for part in self._filled(word)]
        module, before = words[2], self.folder / f"before-{number}"
        if module == "experiments.tune" and again:
            return self._resumed(words)
        if module == "experiments.train":
            run = self.runs / words[words.index("--run") + 1]
            _winners_again(run, before) if again else _winners_kept(run, before)
        return words

    def _resumed(self, words: list[str]) -> list[str]:
        """A search that goes on; one with a time budget, or that has not begun, begins anew or joins its run."""
        head, name = words[3], words[words.index("--name") + 1]
        facts = self.runs / name / "run.json"
        heads = json.loads(facts.read_text())["heads"] if facts.exists() else {}
        timed = "--time-budget" in words
        if not timed and (bool(heads) if head == "all" else head in heads):
            return [*words[:3], "--resume", name, "--wandb", "off"]
        if timed or not heads:
            shutil.rmtree(self.runs / name, ignore_errors=True)
        return words

    def _filled(self, word: str) -> list[str]:
        """A word with its places; `FOLDER[::N]` is every Nth MIDI file there, by name."""
        word = re.sub(r"\{(\w+)\}", lambda found: str(self.places[found[1]]), word)
        nth = re.fullmatch(r"(.+)\[::(\d+)\]", word)
        return [word] if nth is None else sorted(map(str, Path(nth[1]).rglob("*.mid")))[:: int(nth[2])]


def _runs_of(commands: Sequence[str]) -> set[str]:
    return {name for command in commands for name in re.findall(r"experiments\.tune .*--name (\S+)", command)}


def _winners_kept(run: Path, folder: Path) -> None:
    """`train` replaces winners: kept before, so that one that is killed does not go on from its own."""
    shutil.rmtree(folder, ignore_errors=True)
    for winner in run.glob("*/winner.safetensors"):
        (folder / winner.parent.name).mkdir(parents=True)
        shutil.copy2(winner, folder / winner.parent.name)


def _winners_again(run: Path, folder: Path) -> None:
    for winner in folder.glob("*/winner.safetensors"):
        shutil.copy2(winner, run / winner.parent.name)


@contextlib.contextmanager
def _ended_with_us(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Whatever ends this process, SIGTERM too, ends the command first: it would write where another goes on."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    except BaseException:
        process.terminate()
        process.wait()
        raise
    finally:
        signal.signal(signal.SIGTERM, before)


def _die_with_parent() -> None:
    """So does the command where this process is killed outright: Linux sends it SIGTERM."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def _last_line(log: Path) -> str:
    lines = log.read_bytes()[-2000:].decode(errors="replace").splitlines() if log.exists() else []
    return next((plain for line in reversed(lines) if (plain := line.strip())), "")
