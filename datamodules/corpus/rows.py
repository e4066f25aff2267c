"""What became of one file: whether it is a song to learn from, why not, and what it holds."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from datamodules.corpus.cache import Entry
from datamodules.midi.raw_bytes import RejectedFile
from datamodules.song import Song, bar_length

__all__ = ["Row", "row_of"]

_FEWEST = 2  # events: a song's first event is context, so one event alone has no target


@dataclass(frozen=True)
class Row:
    """What became of one file.

    Attributes:
        path: where it is, printable.
        digest: SHA-256 of its bytes, hexadecimal; empty if they could not be read.
        accepted: whether it is among its corpus's songs.
        reason: why it is not accepted; empty if it is.
        parts: "name:role" of each part.
        events: events of the chosen parts.
        notes: notes of all parts.
        bars: bars up to the last note's end, by the metre map.
        quarters: quarter notes up to there.
    """

    path: str
    digest: str
    accepted: bool
    reason: str = ""
    parts: tuple[str, ...] = ()
    events: int = 0
    notes: int = 0
    bars: int = 0
    quarters: float = 0.0


def row_of(name: str, digest: str, entry: Entry | RejectedFile, parts: Collection[str] | None) -> Row:
    """The row of the file of this name and digest, of which reading made `entry`; events are those of `parts`."""
    if not isinstance(entry, Song):
        return Row(name, digest, False, str(entry))
    events = len(np.unique(entry.notes.onset[entry.chosen(parts)]))
    end = int((entry.notes.onset + entry.notes.length).max())
    where = "its pitched parts" if parts is None else f"the chosen parts ({', '.join(parts)})"
    return Row(
        path=name,
        digest=digest,
        accepted=events >= _FEWEST,
        reason="" if events >= _FEWEST else f"fewer than two events in {where}",
        parts=tuple(f"{part.name}:{part.role}" for part in entry.parts),
        events=events,
        notes=len(entry.notes),
        bars=_bars(entry, end),
        quarters=round(end / entry.grid, 3),
    )


def _bars(song: Song, end: int) -> int:
    """Bars up to tick `end`, begun ones counted; a metre change begins one."""
    starts = [*song.metres[:, 0].tolist(), end]
    return sum(
        max(0, -(-(min(after, end) - start) // bar_length(song.grid, numerator, denominator)))
        for (start, numerator, denominator), after in zip(song.metres.tolist(), starts[1:], strict=True)
    )
