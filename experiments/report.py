"""Write one HTML page on a run: its songs, searches, winners and music, to be opened in any browser.

Example: python -m experiments.report my_run --song new_song.mid
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from datamodules.errors import UserError
from experiments.command_line.cli import main, note, say
from experiments.command_line.common_options import ConfigFile, RunsFolder
from experiments.command_line.option_fields import worded

if TYPE_CHECKING:
    from experiments.dataset import Dataset
    from experiments.report_page.music import Music, Piece
    from experiments.run_folder import Run
    from experiments.winners import Winner

__all__ = ["BLIND", "REPORT", "Pages", "ReportOptions", "report", "write_report"]

REPORT, BLIND = "report.html", "blind.html"
CANDIDATES, MOST_CANDIDATES = 9, 27  # of the blind page: each of its settings once, or up to three times
LARGEST = 8_000_000  # bytes that a page is meant to stay under
AT_ONCE = 2  # songs that are made to sound side by side: it takes longest, and each has all its samples in memory
PRIME = "what that goes on from"


@dataclass(frozen=True)
class ReportOptions:
    """Write one HTML page on a run: its songs, searches, winners and music; and a blind page, to judge these by ear.

    Example: python -m experiments.report my_run --song new_song.mid
    """

    run: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="RUN")]
    """a run, by path or name"""
    song: Annotated[tuple[Path, ...], worded("SONG ...")] = ()
    """MIDI files to hear in the page (default: the song that the search ended with)"""
    out: Annotated[Path | None, worded("FILE")] = None
    """the page (default: report.html in the run)"""
    blind: Annotated[int, tyro.conf.arg(metavar="N")] = CANDIDATES
    """excerpts that the heads write for the blind page, blind.html, where real ones stand among them; 0 for no page"""
    seed: Annotated[int, tyro.conf.arg(metavar="N")] = 1
    """of the blind page: another seed, other excerpts"""
    runs: RunsFolder = None
    config: ConfigFile = None

    def __post_init__(self) -> None:
        if self.out is not None and self.out.suffix.lower() not in (".html", ".htm"):
            raise UserError(f"--out {self.out}: name an HTML file, as {self.out.with_suffix('.html')}")
        if not 0 <= self.blind <= MOST_CANDIDATES:
            raise UserError(f"--blind {self.blind}: must be from 0 to {MOST_CANDIDATES}")
        if self.seed < 0:
            raise UserError(f"--seed {self.seed}: must be at least 0")


@dataclass(frozen=True)
class Pages:
    """What was written.

    Attributes:
        report: the page on the run.
        blind: the blind page beside it, if there is one.
    """

    report: Path
    blind: Path | None

    def describe(self) -> str:
        """The files and their sizes."""
        told = f"{self.report} ({_megabytes(self.report)})"
        return (
            f"{told}, and beside it, to judge by ear, {self.blind.name} ({_megabytes(self.blind)})"
            if self.blind
            else told
        )


def report(options: ReportOptions, arguments: Sequence[str]) -> None:
    """The command: a run -> a page."""
    from experiments.run_folder import open_run

    run = open_run(options.run, options.runs)
    pages = write_report(run, options.song, options.out, candidates=options.blind, seed=options.seed)
    say(f"wrote {pages.describe()}: open it in a browser")


def write_report(
    run: Run,
    songs: Sequence[Path] = (),
    out: Path | None = None,
    *,
    candidates: int = CANDIDATES,
    seed: int = ReportOptions.seed,
) -> Pages:
    """Write the page on a run, and the blind page beside it.

    Args:
        songs: MIDI files to hear in it; none for the run's own song, which a page can do without.
        out: where; None for report.html in the run.
        candidates: how many excerpts of the blind page the heads write; 0 for no such page.
        seed: of the blind page.

    Raises:
        UserError: a song cannot be read, or a page cannot be written.
    """
    from experiments.heads import WRITING
    from experiments.plugins import note_unknown_heads
    from experiments.progress import bar
    from experiments.report_page.blind import real_ones
    from experiments.report_page.page import build, html
    from experiments.run_folder import SONG

    note_unknown_heads(run)
    found, own = _winners(run), run.path / SONG
    winners = {name: winner for name, winner in found.items() if not isinstance(winner, str) and name in WRITING}
    heard = list(songs) or ([own] if own.is_file() else [])
    dataset = _dataset(run)  # before the bar: reading shows one of its own
    steps = len(heard) + bool(winners and heard) + len(found) + 1  # the last is the picture of the songs
    steps += (candidates + real_ones(candidates)) * bool(candidates)
    path = out or run.path / REPORT
    with bar("writing the page") as advance:
        step = partial(_advance, advance, count(1), steps)
        music = _music(winners, heard, bool(songs), step)
        text = _blind(run, winners, dataset, candidates, seed, step)
        blind = _write(_beside(path), text) if text else None
        page = build(run, dataset, found, replace(music, blind=blind.name if blind else ""), step)
        return Pages(_write(path, html(page)), blind)


def _advance(advance: Callable[[int, int], object], done: Iterator[int], steps: int) -> None:
    advance(next(done), steps)


def _dataset(run: Run) -> Dataset | str:
    """The run's songs, or why they cannot be read."""
    try:
        return run.dataset()
    except UserError as error:
        return str(error)


def _write(path: Path, text: str) -> Path:
    from experiments.files import write_text

    write_text(path, text)
    if path.stat().st_size > LARGEST:
        note(f"{path} has {_megabytes(path)}: its songs and pictures are many")
    return path


def _megabytes(path: Path) -> str:
    return f"{path.stat().st_size / 1e6:.1f} MB"


def _beside(path: Path) -> Path:
    """Where the blind page of a report is."""
    return path.with_name(BLIND if path.name == REPORT else f"{path.stem}-{BLIND}")


def _winners(run: Run) -> dict[str, Winner | str]:
    """Of each head that was searched, its winner, or why it cannot be read."""
    from experiments.winners import load_winner

    found: dict[str, Winner | str] = {}
    for name in run.searched():
        try:
            found[name] = load_winner(run.winner(name))
        except UserError as error:
            found[name] = str(error)
    return found


def _blind(
    run: Run, winners: dict[str, Winner], dataset: Dataset | str, candidates: int, seed: int, step: Callable[[], object]
) -> str:
    """The blind page; "" for none, and why is told."""
    from experiments.music.training_songs import training_songs
    from experiments.report_page.blind import blind_page

    if not (candidates and winners):
        return ""
    try:
        if isinstance(dataset, str):
            raise UserError(dataset)
        training = training_songs(winners.values())
        return blind_page(run, winners, dataset, training, candidates=candidates, seed=seed, step=step)
    except UserError as error:
        note(f"no blind page: {error}")
        return ""


def _music(winners: dict[str, Winner], songs: Sequence[Path], asked: bool, step: Callable[[], object]) -> Music:
    """The prime and the new songs, and how much of these stands in the training songs.

    What nobody asked for, as the prime, is left out if it cannot be heard, and why is told.
    """
    from datamodules.song import DEFAULT_GRID
    from experiments.music.copying.figures import comparison
    from experiments.music.events.grids import common_grid
    from experiments.music.own_song.exact import read_exact
    from experiments.music.training_songs import reading_limits
    from experiments.report_page.music import Music, copied, piece, read_prime

    if not songs:
        return Music()
    copies, share = [], len(songs) + bool(winners)
    compare = comparison(winners)
    grid = common_grid(winners.values()) if winners else DEFAULT_GRID
    limits = reading_limits(winners.values())
    with ThreadPoolExecutor(AT_ONCE) as pool:
        made: list[tuple[str, Future[Piece]]] = []
        for path in songs:
            with _noted(path.name, unless=asked):
                option = "--song" if asked else "the run's own"
                song, exact = read_exact(option, path, grid=grid, limits=limits)
                made.append((path.name, pool.submit(piece, f"New song: {path.name}", song, exact, path, pieces=share)))
                copies.append(copied(path.name, compare.of(song)))
        if winners and made:
            with _noted(PRIME):
                made.append((PRIME, pool.submit(piece, *read_prime(winners), pieces=share)))
        return Music(tuple(_counted(made, share, asked, step)), tuple(copies))


def _counted(
    made: Sequence[tuple[str, Future[Piece]]], share: int, asked: bool, step: Callable[[], object]
) -> Iterator[Piece]:
    """What is made, in order; a step for each, and for each that was left out."""
    for _ in range(share - len(made)):
        step()
    for what, one in made:
        with _noted(what, unless=asked and what != PRIME):
            yield one.result()
        step()


@contextmanager
def _noted(what: str, *, unless: bool = False) -> Iterator[None]:
    """What is done within is left out of the page if it cannot be done, and why is told; unless it was asked for."""
    try:
        yield
    except UserError as error:
        if unless:
            raise
        note(f"the page is without {what}: {error}")


if __name__ == "__main__":
    sys.exit(main(ReportOptions, report, prog="report"))
