"""What is imported where figures are made, and cannot change them: each with its reason, so that it stays few.

A row's code is all that its commands import. A search imports the whole house: it shows, tells and tracks what it does,
and ends with a song. Were all of it a row's code, each change of a file would make each row stale.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.rows.row import Row

__all__ = ["APART", "Apart", "apart"]


@dataclass(frozen=True)
class Apart:
    """Imports that are left out.

    Attributes:
        importer: the file, or the folder of files, that imports; "" for any.
        files: what is imported, each a file or a folder.
        of: of which rows.
        reason: why it cannot change their figures.
    """

    importer: str
    files: tuple[str, ...]
    of: Callable[[Row], bool]
    reason: str

    def holds(self, row: Row, importer: str, file: str) -> bool:
        """Whether it is about this import."""
        return importer.startswith(self.importer) and file.startswith(self.files) and self.of(row)


def _learns(row: Row) -> bool:
    return row.group in ("learning", "music")


def _any(row: Row) -> bool:
    return True


APART = (
    Apart(
        "",
        ("benchmarks/adding.py", "benchmarks/measured.py", "benchmarks/reproducing/"),
        _any,
        "writes figures, and tells whether their code is the same: it measures nothing",
    ),
    Apart(
        "benchmarks/faults/__main__.py",
        ("benchmarks/faults/",),
        _any,
        "chooses among faults: each row names the files of its own",
    ),
    Apart(
        "experiments/",
        tuple(f"experiments/command_line/{name}.py" for name in ("completion", "help_page", "mistakes")),
        _any,
        "for words that are asked about, or are wrong: those of a row are right",
    ),
    Apart(
        "experiments/search/session.py",
        ("experiments/music/", "experiments/report"),
        lambda row: not row.song,
        "the song and the page, after the winners; in seconds they are few beside the search's, and first_song and"
        " generating have them",
    ),
    Apart(
        "experiments/",
        ("experiments/search/watching/tracked.py", "experiments/tracking/"),
        _learns,
        "searched with --wandb off; TensorBoard's curves are written, and nothing is read from them",
    ),
    Apart(
        "experiments/search/",
        tuple(f"experiments/search/{name}.py" for name in ("watching/live", "watching/look_on", "telling", "going_on")),
        _learns,
        "shows and tells what a search does, and decides nothing in it",
    ),
    Apart(
        "experiments/search/watching/tracked.py",
        ("experiments/music/",),
        lambda row: not row.song,
        "the song's sound for W&B, after the winners",
    ),
)


def apart(row: Row, importer: str, file: str) -> bool:
    """Whether what a file imports of another one cannot change a row's figures."""
    return any(one.holds(row, importer, file) for one in APART)
