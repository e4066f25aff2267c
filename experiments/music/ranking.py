"""How likely new songs are under the heads, so that the likeliest candidate comes first.

Likely is not the same as good: a song that says one thing again and again is very likely, and so is a copied one. The
copy figures stand beside the nats for that reason.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
from rich.table import Table

from datamodules.batches import in_order
from datamodules.columns import column_for
from datamodules.form.standing import standing_of
from datamodules.song import Song
from datamodules.splits import TEST
from experiments.music.copying.figures import Copying
from experiments.music.events.grids import on_grid
from experiments.winners import Winner
from lightning_modules.head import Head, score

__all__ = ["Likelihood", "candidate_table", "likelihoods"]


@dataclass(frozen=True)
class Likelihood:
    """What the heads think of a song.

    Attributes:
        nats: by head, nats an event as `evaluate` gives them of a song of the user's: complete, at a temperature of 1,
            the song's first event being nobody's target. NaN for a song of one event.
    """

    nats: Mapping[str, float]

    @property
    def total(self) -> float:
        """-ln of the probability of a whole event, in nats: its columns are drawn one after another."""
        return sum(self.nats.values())

    @property
    def rank(self) -> tuple[bool, float]:
        """What candidates are sorted by; one of which nothing can be said comes last."""
        return math.isnan(self.total), self.total


def likelihoods(
    winners: Mapping[str, Winner], songs: Sequence[Song], networks: Mapping[str, Head] = MappingProxyType({})
) -> list[Likelihood]:
    """The likelihood of each song under each head.

    Args:
        winners: by head; one of a coarser grid hears a song as it is read from its file on that grid.
        songs: as the heads wrote them, in their key; each has notes.
        networks: by head, what speaks in place of the winner's own network.
    """
    nats: list[dict[str, float]] = [{} for _ in songs]
    for name, winner in winners.items():
        heard = [on_grid(song, winner.grid) for song in songs]
        events = [song.events() for song in heard]
        column = column_for(winner.column, winner.vocabulary, winner.grid, events)
        if winner.framing.form:
            column = replace(column, standing=standing_of(heard, events))
        targets = column.targets(TEST)
        each = np.zeros(0)
        if len(targets):
            head = networks[name] if name in networks else winner.head()
            each = score(head, in_order(column, TEST, winner.framing), winner.mixture).nats.numpy()
        song = column.songs()[targets]
        for number, found in enumerate(nats):
            own = each[song == number]
            found[name] = float(own.mean()) if len(own) else float("nan")
    return [Likelihood(found) for found in nats]


def candidate_table(rows: Sequence[tuple[Path, int, Likelihood, Copying]]) -> Table:
    """Candidates, the likeliest first, with what they share with the training songs.

    Args:
        rows: a candidate's file, its number as it was drawn, what the heads think of it, and its copy figures.
    """
    table = Table(
        title="\nCandidates, the likeliest first (nats an event; less is likelier, not better)",
        title_justify="left",
        box=None,
        header_style="dim",
        padding=(0, 1, 0, 0),
    )
    heads = list(rows[0][2].nats)
    table.add_column("file", no_wrap=True)
    for title in ("drawn", "nats", *(heads if len(heads) > 1 else []), "copied", "longest"):
        table.add_column(title, justify="right")
    for path, drawn, likelihood, copied in rows:
        each = [_told(likelihood.nats[head]) for head in heads] if len(heads) > 1 else []
        share = "-" if copied.copied is None else f"{copied.copied:.0%}"
        table.add_row(path.name, str(drawn), _told(likelihood.total), *each, share, str(copied.longest))
    return table


def _told(nats: float) -> str:
    return "-" if math.isnan(nats) else f"{nats:.2f}"
