"""What a row of figures is: a few commands, where the code that they depend on begins, and what they need."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

__all__ = ["GROUPS", "Row", "smaller"]

GROUPS = ("learning", "speed", "music", "reliability")  # folders of benchmarks/results/
FEW = {"trials": "1", "max-epochs": "2", "epochs": "2", "confirm": "1", "events": "32", "time-budget": "20"}


@dataclass(frozen=True)
class Row:
    """Figures that one command of at most 40 minutes makes again.

    Attributes:
        group: the folder under benchmarks/results/ that keeps its JSON.
        page: the page of docs/ that shows it.
        commands: what a user would type after `python -m`; `{run}` is the row's name, `{seed}` its seed, `{corpora}`
            and `{heads}` are folders, and `{json}` is where a command of benchmarks/ writes its figures. Without a
            `{json}` the figures are those of the run's winners, of `train.json` and of `evaluate.json`.
        minutes: that the row takes on two cores, all seeds together.
        seeds: the row is measured once with each; none: once, whatever the commands' own seeds are.
        needs: of benchmarks/reproducing/needs.py, beside the corpora, which are told by the commands.
        heads: searches of benchmarks/rows/music.py, whose winners the commands take from `{heads}`.
        quick: options that make its commands of benchmarks/ small ones; of the product, `smaller` does.
        keeps: further files that the commands leave, kept beside the JSON under its name.
        begins: modules whose code, with all that it imports, makes the figures; none: those of the commands. Where it
            has changed since its commit, a figure is stale (benchmarks/reproducing/depends.py).
        song: whether figures are also of the song, or the page, that a search ends with.
    """

    group: str
    page: str
    commands: tuple[str, ...]
    minutes: float
    seeds: tuple[int, ...] = ()
    needs: tuple[str, ...] = ()
    heads: tuple[str, ...] = ()
    quick: str = ""
    keeps: tuple[str, ...] = ()
    begins: tuple[str, ...] = ()
    song: bool = False

    @property
    def corpora(self) -> tuple[str, ...]:
        """The folders and files under `{corpora}` that its commands read."""
        return tuple(dict.fromkeys(re.findall(r"\{corpora\}/([\w./-]+)", " ".join(self.commands))))

    @property
    def modules(self) -> tuple[str, ...]:
        """Whose code makes the figures, beside that of its heads' searches."""
        return self.begins or tuple(dict.fromkeys(shlex.split(command)[0] for command in self.commands))

    def typed(self, name: str, seed: int | None, quick: bool = False) -> list[str]:
        """The commands, but for folders: `{corpora}`, `{heads}` and `{json}` are left.

        Args:
            quick: small ones, which show that it runs; their figures are worth nothing.
        """
        commands = list(self.commands)
        if quick:
            product = [command.startswith("experiments.") for command in commands]
            both = zip(commands, product, strict=True)
            commands = [smaller(command) if own else f"{command} {self.quick}" for command, own in both]
        filled = (command.replace("{run}", name).replace("{seed}", str(seed)) for command in commands)
        return [" ".join(f"python -m {command}".split()) for command in filled]


def smaller(command: str) -> str:
    """A command of the product with few trials, epochs and events."""
    words = shlex.split(command)
    if words[0] == "experiments.tune" and "--max-epochs" not in words:
        words += ["--max-epochs", ""]
    if words[0] == "experiments.tune" and "--trials" not in words:
        words += ["--trials", ""]
    for place, word in enumerate(words[:-1]):
        if word.removeprefix("--") in FEW and word.startswith("--"):
            words[place + 1] = FEW[word.removeprefix("--")]
    return " ".join(words)  # of words without blanks: names, numbers and braces
