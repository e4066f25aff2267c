"""Other runs, whose winners are scored on the same targets as a run's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datamodules.errors import UserError
from experiments.heard import heard, overlap, together

if TYPE_CHECKING:
    from experiments.run_folder import Run
    from experiments.winners import Winner

__all__ = ["Rival", "rival_of"]


@dataclass(frozen=True)
class Rival:
    """Another run.

    Attributes:
        name: as it was asked for.
        winners: by head, those that predict the same targets.
        refused: by head, why its winner is not compared.
        trained_on: how many of the scored songs its winners learnt from, wholly or for the most part.
        chosen_on: how many more they were chosen on.
        complete: whether all is known that they learnt from.
    """

    name: str
    winners: Mapping[str, Winner]
    refused: Mapping[str, str]
    trained_on: int
    chosen_on: int
    complete: bool

    def warning(self, songs: int) -> str:
        """What the user should know of its figures on `songs` songs; "" if they are held out for it too."""
        of = f"of these {songs} song{'s' if songs != 1 else ''}"
        if self.trained_on:
            return f"{self.name} was trained on {self.trained_on} {of}: its figures here are not held out"
        if self.chosen_on:
            return f"{self.name} was chosen on {self.chosen_on} {of}: its figures here flatter it"
        if not self.complete:
            return f"{self.name}: not all that it learnt from (--init) is known: it may know these songs"
        return ""

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "trained_on": self.trained_on,
            "chosen_on": self.chosen_on,
            "complete": self.complete,
            "refused": dict(self.refused),
        }


def rival_of(name: str, runs: Path | None, run: Run, winners: Sequence[Winner], songs: Mapping[str, str]) -> Rival:
    """The run that --against names.

    Args:
        runs: where runs are kept; None for the default place.
        run, winners: what it is held against.
        songs: by digest, the songs that are scored, each with what it is for in `run`: "tail" if only its end is.

    Raises:
        UserError: there is no such run, its events are others, or none of its winners can be compared.
    """
    from experiments.run_folder import open_run
    from experiments.winners import load_winner

    other = open_run(name, runs)
    _check_events(name, run, other)
    found, refused = {}, {}
    for winner in winners:
        head = winner.spec.name
        if not other.winner(head).exists():
            refused[head] = f"{name} has no winner of the {head} head"
            continue
        rival = load_winner(other.winner(head))
        ours, theirs = winner.column.grain, rival.column.grain
        if ours != theirs:
            refused[head] = f"{head} of {name}: of grain {theirs}, the run's own of grain {ours}: other targets"
        else:
            found[head] = rival
    if not found:
        raise UserError(f"--against {name}: nothing to compare ({'; '.join(refused.values())})")
    known = [heard(rival) for rival in found.values()]
    trained, chosen = overlap(together(*(each.songs for each in known)), songs)
    return Rival(name, found, refused, trained, chosen, complete=all(each.complete for each in known))


def _check_events(name: str, run: Run, other: Run) -> None:
    """Both runs must make the same events of a song."""
    ours, theirs = run.data_options, other.data_options
    if ours.grid != theirs.grid:
        raise UserError(f"--against {name}: it is on --grid {theirs.grid}, {run.name} on {ours.grid}: other targets")
    chosen = [None if options.parts is None else sorted(options.parts) for options in (ours, theirs)]
    if chosen[0] != chosen[1]:
        told = [", ".join(parts) if parts is not None else "all pitched parts" for parts in chosen]
        raise UserError(f"--against {name}: it is over {told[1]}, {run.name} over {told[0]}: other targets")
