"""Which songs a winner has heard: those of its own run, and those that it had learnt from before (`tune --init`)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Any

from datamodules.errors import UserError
from experiments.files import read_json

if TYPE_CHECKING:
    from experiments.winners import Winner

__all__ = ["TRAINS", "Heard", "HeardSong", "heard", "heard_before", "in_run", "overlap", "together"]

TRAINS = ("train", "tail", "none")  # what songs.json calls a song that a head learnt from, or from most of which
HEARD = (*TRAINS, "valid")
WHOLLY = ("train", "none", "tail", "valid")  # uses, from those that leave nothing of a song unheard on

HeardSong = dict[str, str]  # path, sha256, split: as in songs.json


@dataclass(frozen=True)
class Heard:
    """What is known of the songs that a winner has heard.

    Attributes:
        songs: that it learnt from or was chosen on, each once.
        complete: whether there are no others, as far back as it goes.
    """

    songs: Sequence[HeardSong]
    complete: bool

    def over_other_parts(self) -> Heard:
        """As a run over other parts must count it.

        A tail begins at a share of the events, and those of other parts stand elsewhere in the song: what one run tests
        on, the other may have trained on.
        """
        songs = [song | {"split": "none"} if song["split"] == "tail" else song for song in self.songs]
        return replace(self, songs=songs)

    def to_json(self) -> dict[str, Any]:
        """As it stands in the metadata of a winner that began from this one; `heard_before` reads it."""
        return {"songs": list(self.songs), "complete": self.complete}


def heard(winner: Winner) -> Heard:
    """All songs that a winner learnt from or was chosen on.

    Its run's songs.json is believed, if the winner still stands in the run; what it heard before stands in the winner.
    One of `train --all-songs` learnt from every song of its run, to the end; those that were held out once come last.
    """
    before = heard_before(winner)
    if winner.facts.get("kind") == "all-songs":
        own = in_run(winner, (*HEARD, "test"))
        own = own and [song | {"split": "none"} for song in sorted(own, key=lambda song: song["split"] not in TRAINS)]
    else:
        own = in_run(winner, HEARD)
    return Heard(together(own or [], before.songs), before.complete and own is not None)


def in_run(winner: Winner, uses: Collection[str]) -> list[HeardSong] | None:
    """The songs of a winner's run that are there for one of the uses; None if it stands in no run that tells."""
    try:
        return _songs(read_json(winner.path.resolve().parent.parent / "songs.json")["songs"], uses)
    except (UserError, KeyError, TypeError):
        return None


def together(*heard: Iterable[HeardSong]) -> list[HeardSong]:
    """Each song once; one that was learnt from anywhere counts as that, to the end if it was so anywhere."""
    found: dict[str, HeardSong] = {}
    for song in chain.from_iterable(heard):
        known = found.setdefault(song["sha256"], song)
        found[song["sha256"]] = known | {"split": min(known["split"], song["split"], key=WHOLLY.index)}
    return list(found.values())


def heard_before(winner: Winner) -> Heard:
    """What the winner that this one began from had heard: nothing, if it began from none. The file may be a stranger's.

    Winners of earlier versions do not say whether it is all; they give no songs where nothing was known.
    """
    if "init" not in winner.facts:
        return Heard([], complete=True)
    init = winner.facts["init"]
    songs = init.get("songs") if isinstance(init, dict) else None
    if not isinstance(songs, list):
        return Heard([], complete=False)
    return Heard(_songs(songs), init.get("complete", True) is True)


def overlap(songs: Iterable[HeardSong], scored: Mapping[str, str]) -> tuple[int, int]:
    """How many of the scored songs were learnt from, and how many more a choice was made on.

    Args:
        songs: what was heard, over the same parts, or by `Heard.over_other_parts`.
        scored: by digest, what each song is for where it is scored: "tail" if only its end is.
    """
    there = [(scored[song["sha256"]], song["split"]) for song in songs if song["sha256"] in scored]
    # the tail of a song is cut at the same event in every run over its parts: what one tests on, no other trained on
    trained = sum(use in ("train", "none") or (use == "tail" and here != "tail") for here, use in there)
    return trained, sum(use == "valid" for _, use in there)


def _songs(rows: object, uses: Collection[str] = HEARD) -> list[HeardSong]:
    """The rows of a songs.json that are there for one of the uses; what is no row is left out."""
    if not isinstance(rows, list):
        return []
    return [
        {"path": str(row.get("path", "")), "sha256": row["sha256"], "split": row["split"]}
        for row in rows
        if isinstance(row, dict)
        and row.get("accepted", True) is True
        and row.get("split") in uses
        and isinstance(row.get("sha256"), str)
    ]
