"""Show the data before anything is learned from it: songs, parts, distributions, weights, leakage, baselines.

    python -m experiments.explore [SONGS ...]

Prints tables and draws two pictures: of the distributions, and of the form of the first songs. The distributions are of
the training targets; test targets are only counted. A form is that of a whole song.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro
from rich.text import Text

from datamodules.corpus.finding import printable
from datamodules.errors import UserError
from datamodules.form.repeats import repeated
from datamodules.song import Song
from experiments.command_line.cli import console, note, say
from experiments.command_line.cli import main as run_command
from experiments.command_line.common_options import ConfigFile
from experiments.command_line.option_fields import worded
from experiments.command_line.song_options import FileMegabytes, FileSeconds, Grid, Held, Parts, Songs, Split
from experiments.data_options import DEFAULT_SPLIT, DataOptions
from experiments.dataset import read_dataset
from experiments.files import write_bytes, write_json

if TYPE_CHECKING:
    from datamodules.form.finding import Form

__all__ = ["ExploreOptions", "explore", "main"]

MOST_FORMS = 12  # in a picture


@dataclass(frozen=True)
class ExploreOptions:
    """Show the data: songs, parts, distributions, weights, leakage, baselines, form.

    They are printed as tables, and drawn as two pictures.

    Example: python -m experiments.explore my_songs/ --out my_songs.png
    """

    songs: Songs = ()
    split: Split = DEFAULT_SPLIT
    valid: Held = ()
    """songs to validate on, in place of --split"""
    test: Held = ()
    """songs that only `evaluate` scores"""
    parts: Parts = None
    grid: Grid = DataOptions.grid
    seed: Annotated[int, tyro.conf.arg(metavar="N")] = DataOptions.seed
    """decides the split"""
    file_seconds: FileSeconds = DataOptions.file_seconds
    file_megabytes: FileMegabytes = DataOptions.file_megabytes
    out: Annotated[Path, tyro.conf.arg(metavar="PNG")] = Path("explore.png")
    """where the picture goes"""
    json: Annotated[Path | None, worded("FILE")] = None
    """write the figures here too"""
    baselines: Annotated[bool, worded()] = True
    """score the baselines on the validation targets too, as it does by default, or not"""
    forms: Annotated[int, tyro.conf.arg(metavar="N")] = 2
    """songs whose form is found and drawn, in a second picture; 0 for none"""
    config: ConfigFile = None


def explore(options: ExploreOptions, arguments: Sequence[str] = ()) -> None:
    """Read the songs, look at them, print what there is and draw it.

    Args:
        options: what to look at, and where the picture goes.
        arguments: as they were given; nothing here asks for them.

    Raises:
        UserError: bad options or songs, or a file that cannot be written.
    """
    _check(options)
    dataset = read_dataset(DataOptions.given(options))
    # these bring torch and matplotlib, which --help and a mistyped option need not wait for
    from experiments.exploring.distributions import draw
    from experiments.exploring.summaries import summarise
    from experiments.exploring.summary_tables import tables

    summary = summarise(dataset, with_baselines=options.baselines)
    write_bytes(options.out, draw(summary))
    forms = _forms(dataset.songs[: options.forms])
    again = [repeated(song) for song, _ in forms]
    written = [str(options.out)]
    if forms:
        from experiments.exploring.form_picture import draw_forms

        picture = options.out.with_name(f"{options.out.stem}-form.png")
        write_bytes(picture, draw_forms(forms))
        written.append(str(picture))
    if options.json is not None:
        write_json(options.json, summary.to_json() | {"forms": list(map(_to_json, forms, again))})
        written.append(str(options.json))
    for block in tables(summary):  # last, so that `explore | head` leaves its files too
        console.print(block, soft_wrap=False, markup=True)
    for (song, form), share in zip(forms, again, strict=True):
        told = f"{form}; in passages that come again: {share:.0%} of its bars"
        console.print(Text(f"form of {printable(Path(song.name))}: {told}"), soft_wrap=False)
    say(f"\nwrote {' and '.join(written)}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    return run_command(ExploreOptions, explore, prog="explore", arguments=arguments)


def _check(options: ExploreOptions) -> None:
    """Refuse at once what would else fail after all songs were read."""
    if options.out.suffix.lower() != ".png":
        raise UserError(f"--out {options.out}: the picture is a PNG, so give a name that ends in .png")
    if not 0 <= options.forms <= MOST_FORMS:
        raise UserError(f"--forms {options.forms}: give a number from 0 to {MOST_FORMS}")
    if options.out == options.json:
        raise UserError(f"--out and --json are both {options.out}: give two names")
    for name, path in (("out", options.out), ("json", options.json)):
        if path is not None and path.is_dir():
            raise UserError(f"--{name} {path} is a folder: give a file in it")


def _forms(songs: Sequence[Song]) -> list[tuple[Song, Form]]:
    """The songs that have a form to find, each with it."""
    from datamodules.form.finding import LONGEST_SONG, find_form

    found = []
    for song in songs:
        form = find_form(song)
        if form.sections:
            found.append((song, form))
        else:
            note(f"{printable(Path(song.name))}: has more than {LONGEST_SONG:,} bars, so its form is not looked for")
    return found


def _to_json(found: tuple[Song, Form], again: float) -> dict[str, Any]:
    song, form = found
    sections = [asdict(section) for section in form.sections]
    return {"song": song.name, "sections": sections, "repeated": again}


if __name__ == "__main__":
    sys.exit(main())
