"""List runs, or compare some of them.

Example: python -m experiments.runs first_run second_run
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import tyro

from datamodules.errors import UserError
from experiments.command_line.cli import console, main
from experiments.command_line.common_options import ConfigFile, RunsFolder
from experiments.command_line.option_fields import worded

if TYPE_CHECKING:
    from experiments.run_folder import Run
    from experiments.winners import Winner

__all__ = ["RunsOptions", "list_runs"]


@dataclass(frozen=True)
class RunsOptions:
    """List runs, or compare some of them.

    Example: python -m experiments.runs first_run second_run
    """

    names: Annotated[tyro.conf.Positional[tuple[str, ...]], worded("[RUN ...]")] = ()
    """runs to compare, by path or name; all under --runs are listed if none are given"""
    runs: RunsFolder = None
    config: ConfigFile = None


def list_runs(options: RunsOptions, arguments: Sequence[str]) -> None:
    """The command: a row a run and head; with names, the hyperparameters too."""
    from experiments.run_folder import Run, default_runs, open_run

    folder = options.runs or default_runs()
    if options.names:
        found = [open_run(name, folder) for name in options.names]
    else:
        found = [Run(path.parent) for path in sorted(folder.glob("*/run.json"))]
    if not found:
        raise UserError(f"there is no run under {folder}: run `python -m experiments.tune notes` first")
    _overview(found)
    if options.names:
        _hyperparameters(found)


def _overview(runs: Sequence[Run]) -> None:
    from rich.table import Table

    from experiments.plugins import unknown_heads

    table = Table(box=None, header_style="dim", padding=(0, 2, 0, 0))
    for name in ("run", "made", "songs", "head", "trials", "nats", "KN", "figures on"):
        table.add_column(name, justify="right" if name in ("songs", "trials", "nats", "KN") else "left")
    for run in runs:
        try:
            heads, made, songs = run.searched(), str(run.facts.get("created", ""))[:16], _songs(run)
        except UserError as error:
            table.add_row(run.name, "", "", "", "", "", "", str(error))
            continue
        lacking = unknown_heads(run)
        for line in lacking:
            table.add_row(run.name, made, songs, "", "", "", "", line)
        for name in heads or ([] if lacking else [""]):
            finished, nats, baseline, label, title = "", "", "", "", name
            if name:
                finished = _finished(run, name)
                winner = _winner(run, name)
                if isinstance(winner, str):
                    label = winner
                else:
                    nats, title = _figure(winner.facts["figures"].get("valid")), winner.column.title
                    label = _label(winner)
                    baseline = _figure(min(_nats(winner), default=None))
            table.add_row(run.name, made, songs, title, finished, nats, baseline, label)
    console.print(table)


def _finished(run: Run, head: str) -> str:
    from experiments.heads import HEADS
    from experiments.tables import TrialTable

    try:
        table = TrialTable.read(run.head(head) / "trials.csv", HEADS[head].config.names())
    except UserError:
        return "damaged"
    return f"{table.finished()} of {run.facts['heads'][head].get('trials', '?')}"


def _songs(run: Run) -> str:
    return str(sum(row["accepted"] for row in run.songs()))


def _winner(run: Run, head: str) -> Winner | str:
    """The winner, or why there is none."""
    from experiments.winners import load_winner

    if not run.winner(head).exists():
        return "no winner yet"
    try:
        return load_winner(run.winner(head))
    except UserError as error:
        return str(error)


def _label(winner: Winner) -> str:
    """What a winner's nats are on, and by what it was chosen, if not by them."""
    from experiments.figures import METRICS, confirmed_in_words, unit_of

    metric, best = winner.facts["metric"], winner.facts.get("best")
    chosen = ""
    if metric in METRICS and metric != "nats" and best is not None:  # no metric of ours: a stranger's run
        chosen = f"chosen by {metric}, {best:.3f} {unit_of(winner.column, metric)}"
    return "; ".join(filter(None, (winner.label, chosen, confirmed_in_words(winner.facts))))


def _nats(winner: Winner) -> list[float]:
    """The n-gram baselines' nats."""
    found = winner.facts.get("baselines", {})
    return [value["nats"] for name, value in found.items() if name.startswith("kneser_ney") and "nats" in value]


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _hyperparameters(runs: Sequence[Run]) -> None:
    """A table a head; one a grain, as their figures are of other things."""
    from experiments.heads import HEADS

    for head in HEADS:
        found = [(run, _winner(run, head)) for run in runs if head in run.searched()]
        winners = [(run, winner) for run, winner in found if not isinstance(winner, str)]
        for title in dict.fromkeys(winner.column.title for _, winner in winners):
            _table(title, [(run, winner) for run, winner in winners if winner.column.title == title])


def _table(title: str, winners: Sequence[tuple[Run, Winner]]) -> None:
    from rich.table import Table

    table = Table(title=f"\n{title}: winners", title_justify="left", box=None, header_style="dim", padding=(0, 2, 0, 0))
    table.add_column("")
    for run, _ in winners:
        table.add_column(run.name, justify="right")
    for name in winners[0][1].spec.config.names():
        values = [winner.config.to_dict().get(name, "") for _, winner in winners]
        if set(values) == {""}:  # of a backbone that none of them has
            continue
        table.add_row(name, *(f"{value:.4g}" if isinstance(value, float) else str(value) for value in values))
    for name in ("valid", "mae", "top1", "accuracy"):
        figures = [winner.facts["figures"].get(name) for _, winner in winners]
        if any(value is not None for value in figures):
            table.add_row(name, *("" if value is None else f"{value:.4f}" for value in figures), style="bold")
    console.print(table)


if __name__ == "__main__":
    sys.exit(main(RunsOptions, list_runs, prog="runs"))
