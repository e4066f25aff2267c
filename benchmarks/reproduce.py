"""All figures of the README and docs/ made again: rows measured, and pages written from what is kept of them.

    python -m benchmarks.reproduce                     list all rows, and write the pages
    python -m benchmarks.reproduce ROW ...             measure these rows, and write the pages
    python -m benchmarks.reproduce --stale             those whose code has changed since, and those that are missing
    python -m benchmarks.reproduce --quick [ROW ...]   small versions, to see that all of it runs

A row takes at most 40 minutes on two cores. One that was stopped or killed goes on where it was: at its first command,
or trial, that is left. Its JSON, under benchmarks/results/, changes when all of it is known and not before.
"""

from __future__ import annotations

import shlex
import sys
import tempfile
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console

from benchmarks.measured import ROOT
from benchmarks.pages.kept import FIGURES_LACK, Kept, why
from benchmarks.pages.made import draw_pictures, pages
from benchmarks.pages.said import unsaid
from benchmarks.reproducing.listing import listing, stale_rows
from benchmarks.reproducing.measuring import measure
from benchmarks.reproducing.needs import lacking
from benchmarks.reproducing.places import Places
from benchmarks.rows import ROWS
from datamodules.errors import UserError, did_you_mean
from experiments.command_line.cli import main

SHOWN = (  # by --quick alone: some of each kind, which need no corpora
    *("bundled", "bundled_original_none", "first_song", "generating", "lightning_epoch", "sleeping"),
    *("traps_bundled", "planned_forms", "worth_of_form_bundled", "between_bundled", "faults_files"),
)
console = Console(soft_wrap=True)


@dataclass(frozen=True)
class Options:
    """Measure rows of figures again, and write the pages of docs/ that show them.

    Without ROW it lists them all, each with the day and the commit of its figures,
    and whether the code that they depend on has changed since.

    Example: python -m benchmarks.reproduce two_songs_original
    """

    rows: Annotated[
        tyro.conf.Positional[tuple[str, ...]], tyro.conf.arg(metavar="[ROW ...]", help_behavior_hint="")
    ] = ()
    """rows to measure; none lists them"""
    stale: Annotated[bool, tyro.conf.FlagCreatePairsOff, tyro.conf.arg(help_behavior_hint="")] = False
    """measure all that are stale or missing, the shortest first"""
    quick: Annotated[bool, tyro.conf.FlagCreatePairsOff, tyro.conf.arg(help_behavior_hint="")] = False
    """measure small versions (of ROW, or of some of each kind); their figures and pages go to WORK/quick"""
    pages: Annotated[bool, tyro.conf.FlagCreatePairsOff, tyro.conf.arg(help_behavior_hint="")] = False
    """write the pages, and nothing else"""
    corpora: Annotated[Path, tyro.conf.arg(metavar="DIR")] = ROOT.parent / "shared" / "corpora"
    """the folder of the corpora, each a folder in it"""
    work: Annotated[Path, tyro.conf.arg(metavar="DIR")] = Path(tempfile.gettempdir()) / "tritone-reproduce"
    """where runs and logs go, and what a row that was stopped goes on from"""

    def __post_init__(self) -> None:
        for name in self.rows:
            if name not in ROWS:
                raise UserError(f"there is no row {name}{did_you_mean(name, ROWS)}; without ROW, all are listed")
        if self.stale and (self.rows or self.quick):
            raise UserError("--stale chooses rows and measures them in full: leave out the rows, and --quick")
        if self.pages and (self.rows or self.stale or self.quick):
            raise UserError("--pages writes pages and nothing else: leave out --stale, --quick and the rows")

    def places(self) -> Places:
        """Of what it reads and writes."""
        full = Places(ROOT / "benchmarks" / "results", ROOT / "docs", self.work.resolve(), self.corpora.resolve(), ROOT)
        return full.quick() if self.quick else full


def reproduce(options: Options, arguments: Sequence[str] = ()) -> None:
    """The command.

    Raises:
        UserError: a row failed, one that was asked for cannot be measured here, a page cannot be made, or one says
            something else than the figures do.
    """
    places = options.places()
    chosen = options.rows or (stale_rows(ROWS, places) if options.stale else SHOWN if options.quick else ())
    if not (chosen or options.pages):
        listing(ROWS, Kept.read(places), places, console)
    done, failed, left_out = _measured(chosen, places, options)
    wrong = _write_pages(places, done)
    if failed:
        raise UserError(f"failed: {', '.join(failed)}; what was kept of them stays as it was", status=1)
    if left_out and options.rows:
        raise UserError(f"not measured: {', '.join(left_out)}", status=1)
    if wrong:
        raise UserError(f"{wrong} page{'s' * (wrong > 1)} or sentence{'s' * (wrong > 1)} to be written anew", status=1)


def _measured(chosen: Sequence[str], places: Places, options: Options) -> tuple[set[str], list[str], list[str]]:
    """Measure rows one after another: those that are done, that failed, and that cannot be measured here."""
    done, failed, left_out = set(), [], []
    if chosen and not options.quick:
        minutes = sum(ROWS[name].minutes for name in chosen)
        console.print(f"{len(chosen)} row{'s' * (len(chosen) > 1)}, about {minutes:.0f} minutes")
    for number, name in enumerate(chosen, start=1):
        told = f"[{number} of {len(chosen)}] {name}"
        if reason := lacking(ROWS[name], places, options.quick):
            console.print(f"{told}: left out: {reason}", markup=False)
            left_out.append(name)
            continue
        long = "a small version" if options.quick else f"about {ROWS[name].minutes:.0f} minutes"
        console.print(f"{told}: {long}", markup=False)
        try:
            measure(name, ROWS[name], places, options.quick)
            done.add(name)
        except UserError as error:
            console.print(f"failed: {error}", markup=False)
            failed.append(name)
        except KeyboardInterrupt:
            _write_pages(places, done)
            left = " ".join(chosen[number - 1 :]) if not options.stale else "--stale"
            console.print(f"go on with: {_again(options)} {left}", markup=False)
            raise
    return done, failed, left_out


def _again(options: Options) -> str:
    """The command with its options, but for the rows."""
    default = Options()
    folders = [
        f"--{name} {shlex.quote(str(value))}"
        for name, value in (("corpora", options.corpora), ("work", options.work))
        if value != getattr(default, name)
    ]
    return " ".join(["python -m benchmarks.reproduce", *folders, *(["--quick"] if options.quick else [])])


def _write_pages(places: Places, measured: Collection[str]) -> int:
    """The pages, of all that is kept; and how many cannot be made, or say in prose what is no longer so."""
    kept, changed, wrong = Kept.read(places), [], list[str]()
    places.docs.mkdir(parents=True, exist_ok=True)
    for name, text in pages(kept, ROOT / "docs", wrong.append).items():
        file = places.docs / name
        if not file.exists() or file.read_text() != text:
            file.write_text(text)
            changed.append(file)
    try:
        changed += draw_pictures(kept, places.docs, set(measured))
    except FIGURES_LACK as error:
        wrong.append(f"a picture cannot be drawn of the figures that are kept: {why(error)}")
    console.print(
        f"wrote {', '.join(map(str, changed))}" if changed else "all pages are as the figures are", markup=False
    )
    if not kept.quick:
        wrong += [f"{page} no longer says what the figures do: {words}" for page, words in unsaid(kept, ROOT)]
    for line in wrong:
        console.print(line, markup=False)
    return len(wrong)


if __name__ == "__main__":
    sys.exit(main(Options, reproduce, prog="reproduce", package="benchmarks"))
