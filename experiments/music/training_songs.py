"""The songs that winners learnt from, as far as they are still here: found by songs.json, believed by their hash."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from datamodules.corpus import read_corpus
from datamodules.errors import UserError
from datamodules.files import read_whole
from datamodules.midi_bytes import Limits
from datamodules.song import Events, Song
from experiments.heard import TRAINS, heard
from experiments.heard import Song as Heard
from experiments.winners import Winner
from songs import bundled

__all__ = ["TrainingSongs", "first_training_song", "training_songs"]


@dataclass(frozen=True)
class TrainingSongs:
    """Training songs that were found.

    Attributes:
        songs: each with the events that the head learnt from, unsplit: where the tail of a song was held out, the
            tail is here too.
        wanted: how many there are, found or not.
        complete: whether each winner had a songs.json to say so.
    """

    songs: tuple[tuple[Song, Events], ...]
    wanted: int
    complete: bool = True

    def describe(self) -> str:
        """What was checked, as every output that shows copy figures must say."""
        found = len(self.songs)
        if not found:
            return "not checked: songs not here"
        of = f"{found:,}" if found == self.wanted else f"{found:,} of {self.wanted:,}"
        other = "" if self.complete else "; those of a winner without songs.json are not here"
        return f"checked against {of} training song{'s' if self.wanted != 1 else ''}{other}"


def training_songs(winners: Iterable[Winner]) -> TrainingSongs:
    """The training songs of all winners together, each once for each choice of parts."""
    found: dict[tuple[str, tuple[str, ...]], tuple[Song, Events]] = {}
    wanted: set[tuple[str, tuple[str, ...]]] = set()
    complete = True
    for winner in winners:
        rows = _learnt_from(winner)
        complete &= bool(rows)
        parts = parts_of(winner)
        key = tuple(sorted(parts or ("",)))
        new = [row for row in rows if (row["sha256"], key) not in wanted]
        wanted |= {(row["sha256"], key) for row in new}
        for song in _read([path for row in new if (path := _here(row))], winner.grid):
            if (song.digest, key) in wanted and len(events := song.events(parts)):
                found[song.digest, key] = song, events
    return TrainingSongs(tuple(found.values()), len(wanted), complete)


def first_training_song(winner: Winner) -> Path | None:
    """The first song that the winner learnt from and that is here unchanged, or None."""
    return next((path for row in _learnt_from(winner) if (path := _here(row))), None)


def parts_of(winner: Winner) -> tuple[str, ...] | None:
    """The parts whose events the head learnt; None for all pitched ones."""
    parts = winner.facts.get("parts")
    return tuple(map(str, parts)) if isinstance(parts, list) else None


def _learnt_from(winner: Winner) -> list[Heard]:
    """The songs that a winner learnt from, its own run's first; none if nothing tells."""
    return [song for song in heard(winner) or [] if song["split"] in TRAINS]


def _here(row: Heard) -> Path | None:
    """Where a song is: at its path, or among the bundled ones if the run was made by another installation."""
    recorded = Path(row["path"])
    for path in (recorded, *(path for path in bundled() if path.name == recorded.name)):
        try:
            if hashlib.sha256(read_whole(path, Limits.bytes)).hexdigest() == row["sha256"]:
                return path
        except OSError:  # gone, or what a stranger's songs.json names is no song at all
            continue
    return None


def _read(paths: list[Path], grid: int) -> Iterator[Song]:
    if paths:
        try:
            yield from read_corpus(paths, grid=grid).songs
        except UserError:  # none of them can be read any more
            return
