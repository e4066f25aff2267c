"""The songs that winners learnt from, and some that were held out, as far as they are still here.

They are found by songs.json, and believed by their hash.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from datamodules.corpus.reading import read_corpus
from datamodules.errors import UserError
from datamodules.files import read_whole
from datamodules.midi.raw_bytes import Limits
from datamodules.song import DEFAULT_GRID, Events, Song
from datamodules.splits import tail_bounds
from experiments.heard import TRAINS, HeardSong, heard, in_run
from experiments.music.events.grids import common_grid
from experiments.run_folder import Run
from experiments.winners import Winner
from songs import bundled

__all__ = [
    "HeldOut",
    "TrainingSongs",
    "first_training_song",
    "held_out",
    "leader_of",
    "parts_of",
    "reading_limits",
    "training_songs",
]

MOST_HELD = 50  # held-out songs that new ones are compared with: drawn once, with the same seed always

Found = tuple[tuple[Song, Events], ...]


@dataclass(frozen=True)
class HeldOut:
    """Real songs that the heads did not learn from.

    Attributes:
        events: of each, or of its end where only that was held out.
        told: which, in words; or why there are none.
    """

    events: tuple[Events, ...]
    told: str


@dataclass(frozen=True)
class TrainingSongs:
    """Training songs that were found.

    Attributes:
        songs: each with all of its events in the parts that the head learnt.
        wanted: how many different ones there are, found or not.
        complete: whether there are no others: each winner, and each that one began from, had a songs.json to say so.
        learnt: of each of the songs, how many of its first events were learnt from; () for all of all.
        beside: songs that were held out once, and learnt from by `train --all-songs`.
    """

    songs: Found
    wanted: int
    complete: bool = True
    learnt: tuple[int, ...] = ()
    beside: Found = ()

    @property
    def found(self) -> int:
        """How many different songs are here: heads that learnt other parts may each have one of them."""
        return len({song.digest for song, _ in self.songs + self.beside})

    @property
    def heard(self) -> Found:
        """What was learnt from: without the end of a song that was held out."""
        if not self.learnt:
            return self.songs + self.beside
        own = zip(self.songs, self.learnt, strict=True)
        return tuple((song, events.stretch(0, count)) for (song, events), count in own) + self.beside

    @property
    def to_the_end(self) -> set[str]:
        """Digests of the songs of which nothing was held out."""
        learnt = self.learnt or [len(events) for _, events in self.songs]
        return {song.digest for (song, events), count in zip(self.songs, learnt, strict=True) if count == len(events)}

    def describe(self) -> str:
        """What was checked, as every output that shows copy figures must say."""
        if not self.found:
            return "not checked: songs not here"
        of = f"{self.found:,}" if self.found == self.wanted else f"{self.found:,} of {self.wanted:,}"
        other = "" if self.complete else "; those of a winner without songs.json are not here"
        return f"checked against {of} training song{'s' if self.wanted != 1 else ''}{other}"


Key = tuple[str, tuple[str, ...]]  # a song's digest, and the parts that a head learnt


@dataclass
class _Search:
    """Songs as they are looked for, each once for each choice of parts, on one grid."""

    grid: int
    wanted: set[Key] = field(default_factory=set)
    found: dict[Key, tuple[Song, Events]] = field(default_factory=dict)

    def look(self, winner: Winner, rows: Sequence[HeardSong]) -> None:
        parts = parts_of(winner)
        key = tuple(sorted(parts or ("",)))
        new = [row for row in rows if (row["sha256"], key) not in self.wanted]
        self.wanted |= {(row["sha256"], key) for row in new}
        for song in _read([path for row in new if (path := _here(row))], self.grid, reading_limits([winner])):
            if (song.digest, key) in self.wanted and len(events := song.events(parts)):
                self.found[song.digest, key] = song, events


def training_songs(winners: Collection[Winner]) -> TrainingSongs:
    """The training songs of all winners together, each once for each choice of parts, on their common grid."""
    grid = common_grid(winners) if winners else DEFAULT_GRID
    search, beside, complete = _Search(grid), _Search(grid), True
    whole: set[str] = set()  # digests of songs that some head learnt from to the end
    for winner in winners:
        rows = _learnt_from(winner)
        complete &= bool(rows) and heard(winner).complete
        everything = winner.facts.get("kind") == "all-songs"
        once = (in_run(winner, ("valid", "test")) if everything else None) or []
        held = {row["sha256"] for row in once}
        search.look(winner, [row for row in rows if row["sha256"] not in held])
        whole |= {row["sha256"] for row in rows if row["split"] != "tail"}
        beside.look(winner, once)
    more = {key: song for key, song in beside.found.items() if key not in search.wanted}
    learnt = (
        len(events) if digest in whole else tail_bounds(len(events))[0]
        for (digest, _), (_, events) in search.found.items()
    )
    return TrainingSongs(
        tuple(search.found.values()),
        len({digest for digest, _ in search.wanted | beside.wanted}),
        complete,
        tuple(learnt),
        tuple(more.values()),
    )


def held_out(winners: Mapping[str, Winner], training: TrainingSongs) -> HeldOut:
    """Real songs that no winner learnt from: the test part, else validation, of the notes (else the first) head's run.

    Of a song of which the last events alone were held out, the test part of these. Of many songs, a sample.

    Args:
        winners: by head.
        training: what they learnt from.
    """
    leader = leader_of(winners)
    rows = in_run(leader, ("valid", "test", "tail"))
    if rows is None:
        return HeldOut((), "no held-out songs: nothing tells which")
    if any(winner.facts.get("kind") == "all-songs" for winner in winners.values()):
        return HeldOut((), "no held-out songs: the heads learnt from all")
    if not rows:
        return HeldOut((), "no held-out songs: nothing was held out")
    use = next(use for use in ("test", "valid", "tail") if any(row["split"] == use for row in rows))
    known = training.to_the_end if use == "tail" else {song.digest for song, _ in training.songs}
    known |= {  # those too whose files are gone
        row["sha256"]
        for winner in winners.values()
        for row in _learnt_from(winner)
        if use != "tail" or row["split"] != "tail"
    }
    rows = [row for row in rows if row["split"] == use and row["sha256"] not in known]
    chosen = rows
    if len(rows) > MOST_HELD:
        drawn = np.random.default_rng(0).permutation(len(rows))[:MOST_HELD]
        chosen = [rows[number] for number in sorted(drawn.tolist())]
    search = _Search(common_grid(winners.values()))
    search.look(leader, chosen)
    events = [events for _, events in search.found.values()]
    if use == "tail":
        events = [song.stretch(tail_bounds(len(song))[1], len(song)) for song in events]
    return HeldOut(tuple(events), _told(use, len(events), len(rows)))


def _told(use: str, found: int, of: int) -> str:
    if not found:
        return "no held-out songs: they are not here" if of else "no held-out songs: some head learnt from each"
    count = f"{found:,}" if found == of else f"{found:,} of {of:,}"
    kind = {"tail": "the last tenth of {}", "test": "{} test", "valid": "{} validation"}[use].format(count)
    return f"held-out: {kind} song{'s' if of != 1 else ''}"


def first_training_song(winner: Winner) -> Path | None:
    """The first song that the winner learnt from and that is here unchanged, or None."""
    return next((path for row in _learnt_from(winner) if (path := _here(row))), None)


def leader_of(winners: Mapping[str, Winner]) -> Winner:
    """Of winners by head, the one whose songs and parts count where they differ: the notes head, else the first."""
    return winners.get("notes") or next(iter(winners.values()))


def parts_of(winner: Winner) -> tuple[str, ...] | None:
    """The parts whose events the head learnt; None for all pitched ones."""
    parts = winner.facts.get("parts")
    return tuple(map(str, parts)) if isinstance(parts, list) else None


def reading_limits(winners: Iterable[Winner]) -> Limits:
    """What a file may cost that winners learnt from: what it could in their runs, the most of them.

    A winner that stands in no run that tells has the default limits.
    """
    found = [Limits()]
    for winner in winners:
        with contextlib.suppress(UserError):
            found.append(Run(winner.path.resolve().parent.parent).data_options.limits)
    return Limits(seconds=max(each.seconds for each in found), memory=max(each.memory for each in found))


def _learnt_from(winner: Winner) -> list[HeardSong]:
    """The songs that a winner learnt from, its own run's first; none if nothing tells."""
    return [song for song in heard(winner).songs if song["split"] in TRAINS]


def _here(row: HeardSong) -> Path | None:
    """Where a song is: at its path, or among the bundled ones if the run was made by another installation."""
    recorded = Path(row["path"])
    for path in (recorded, *(path for path in bundled() if path.name == recorded.name)):
        try:
            if hashlib.sha256(read_whole(path, Limits.bytes)).hexdigest() == row["sha256"]:
                return path
        except OSError:  # gone, or what a stranger's songs.json names is no song at all
            continue
    return None


def _read(paths: list[Path], grid: int, limits: Limits) -> Iterator[Song]:
    if paths:
        try:
            yield from read_corpus(paths, grid=grid, limits=limits).songs
        except UserError:  # none of them can be read any more
            return
