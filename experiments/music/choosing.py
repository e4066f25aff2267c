"""Which winners play together: those that a run, or the options of the heads, name."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

from datamodules.errors import UserError
from experiments.heads import HEADS
from experiments.plugins import note_unknown_heads
from experiments.run_folder import default_runs, open_run
from experiments.winners import ALL_SONGS, WINNER, Winner, load_winner, newest_winner

__all__ = ["chosen_winners"]


def chosen_winners(
    run: str | None, of_heads: Mapping[str, str | None], runs: Path | None = None, *, all_songs: bool = False
) -> dict[str, Winner]:
    """The winners that RUN and the options of the heads name; without RUN, the newest of the other heads too.

    Args:
        run: a path or name; None for none.
        of_heads: by head, another run or a winner's file; None, or no entry, for none.
        runs: the folder of runs; None for the default one.
        all_songs: take the winners that learnt from all songs.

    Raises:
        UserError: there is none, or a run lacks the head that it was named for.
    """
    runs, name = runs or default_runs(), ALL_SONGS if all_songs else WINNER
    opened = open_run(run, runs) if run is not None else None
    if opened is not None:
        note_unknown_heads(opened)
    paths: dict[str, Path] = {}
    for head in HEADS:
        named = of_heads.get(head)
        if named is not None:
            paths[head] = _named(named, head, runs, name)
        elif opened is None:
            newest = newest_winner(runs, head, name)
            paths |= {head: newest} if newest else {}
        elif opened.winner(head, name).is_file():
            paths[head] = opened.winner(head, name)
        elif opened.winner(head).is_file():
            raise UserError(_no_all_songs(head, opened.path))
    if not paths:
        where = f"{opened.path} has no winner yet" if opened else f"there is no winner under {runs} yet"
        named = shlex.quote(opened.name) if opened else "RUN"
        command = f"train all --run {named} --all-songs" if all_songs else "tune notes"
        raise UserError(f"{where}: run `python -m experiments.{command}` first")
    winners = {head: load_winner(path) for head, path in paths.items()}
    for head, winner in winners.items():
        if winner.spec.name != head:
            raise UserError(f"--{head} {winner.path} is a winner of the {winner.spec.name} head")
    return winners


def _named(named: str, head: str, runs: Path, name: str) -> Path:
    """The winner that --HEAD names: in a run, or a file that was taken out of one."""
    if Path(named).is_file():
        return Path(named)
    run = open_run(named, runs)
    path = run.winner(head, name)
    if path.is_file():
        return path
    if name == ALL_SONGS and run.winner(head).is_file():
        raise UserError(_no_all_songs(head, run.path))
    raise UserError(f"--{head} {named}: that run has no winner of the {head} head")


def _no_all_songs(head: str, run: Path) -> str:
    command = f"python -m experiments.train {head} --run {shlex.quote(str(run))} --all-songs"
    return f"--all-songs: the {head} head of {run} was not trained on all songs: run `{command}` first"
