"""Write one HTML page on a run: its songs, searches, winners and music, to be opened in any browser.

Example: python -m experiments.report my_run --song new_song.mid
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from datamodules.errors import UserError
from experiments.cli import main, note, say
from experiments.config_file import ConfigFile, RunsFolder

if TYPE_CHECKING:
    from experiments.dataset import Dataset
    from experiments.report_page.music import Piece
    from experiments.run_folder import Run
    from experiments.winners import Winner

__all__ = ["REPORT", "ReportOptions", "report", "write_report"]

REPORT = "report.html"
LARGEST = 8_000_000  # bytes that a page is meant to stay under


@dataclass(frozen=True)
class ReportOptions:
    """Write one HTML page on a run: its songs, searches, winners and music.

    Example: python -m experiments.report my_run --song new_song.mid
    """

    run: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="RUN")]
    """a run, by path or name"""
    song: Annotated[tuple[Path, ...], tyro.conf.arg(metavar="SONG ...", help_behavior_hint="")] = ()
    """MIDI files to hear in the page (default: the song that the search ended with)"""
    out: Annotated[Path | None, tyro.conf.arg(metavar="FILE", help_behavior_hint="")] = None
    """the page (default: report.html in the run)"""
    runs: RunsFolder = None
    config: ConfigFile = None

    def __post_init__(self) -> None:
        if self.out is not None and self.out.suffix.lower() not in (".html", ".htm"):
            raise UserError(f"--out {self.out}: name an HTML file, as {self.out.with_suffix('.html')}")


def report(options: ReportOptions, arguments: Sequence[str]) -> None:
    """The command: a run -> a page."""
    from experiments.run_folder import default_runs, open_run

    run = open_run(options.run, options.runs or default_runs())
    path = write_report(run, options.song, options.out)
    say(f"wrote {path} ({path.stat().st_size / 1e6:.1f} MB): open it in a browser")


def write_report(run: Run, songs: Sequence[Path] = (), out: Path | None = None) -> Path:
    """Write the page on a run.

    Args:
        songs: MIDI files to hear in it; none for the run's own song.
        out: where; None for report.html in the run.

    Returns:
        Where it is.

    Raises:
        UserError: a song cannot be read, or the page cannot be written.
    """
    from experiments.files import write_text
    from experiments.progress import bar
    from experiments.report_page.page import build, html

    winners = _winners(run)
    own = run.path / "song.mid"
    named = list(songs) or [path for path in (own,) if path.is_file()]
    steps = len(named) + bool(winners and named) + len(run.searched()) + 1  # the last is the picture of the songs
    dataset: Dataset | str
    try:
        dataset = run.dataset()  # before the bar: reading shows one of its own
    except UserError as error:
        dataset = str(error)
    with bar("writing the page") as advance:
        done = count(1)
        pieces, copied = _music(winners, named, lambda: advance(next(done), steps))
        text = html(build(run, dataset, pieces, copied, lambda: advance(next(done), steps)))
    path = out or run.path / REPORT
    try:
        write_text(path, text)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}; choose another --out", status=1) from error
    if path.stat().st_size > LARGEST:
        note(f"{path} has {path.stat().st_size / 1e6:.0f} MB: its songs and pictures are many")
    return path


def _winners(run: Run) -> dict[str, Winner]:
    """The winners that can be read."""
    from experiments.winners import load_winner

    found = {}
    for name in run.searched():
        try:
            found[name] = load_winner(run.winner(name))
        except UserError:  # the page says why
            continue
    return found


def _music(winners: dict[str, Winner], songs: Sequence[Path], step: Callable[[], object]) -> tuple[list[Piece], str]:
    """The prime and the new songs, and how much of these stands in the training songs."""
    from datamodules.corpus import read_song
    from datamodules.midi import RejectedFile
    from datamodules.song import DEFAULT_GRID
    from datamodules.song_files import near_file
    from experiments.music.copying import copying
    from experiments.music.prime import find_prime
    from experiments.music.training_songs import training_songs
    from experiments.report_page.music import piece

    if not songs:
        return [], ""
    pieces, copied, share = [], [], len(songs) + bool(winners)
    training = training_songs(winners.values())
    grid = next(iter(winners.values())).grid if winners else DEFAULT_GRID
    for path in songs:
        try:
            song = read_song(path, grid=grid)
        except RejectedFile as error:
            raise UserError(f"--song {path}: {error}; choose another song{near_file(path)}") from error
        pieces.append(piece(f"New song: {path.name}", song, path, pieces=share))
        copied.append(f"{path.name}: {copying(song, training).describe()}.")
        step()
    if winners:
        prime = find_prime(winners, None)
        pieces.append(
            piece(
                f"What it goes on from: {Path(prime.song.name).name}", prime.song, Path(prime.song.name), pieces=share
            )
        )
        step()
    return pieces, "Copied: " + " ".join(copied)


if __name__ == "__main__":
    sys.exit(main(ReportOptions, report, prog="report"))
