"""The songs of a run: read, split, and laid out as the column of any head."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datamodules.column_spec import ColumnSpec
from datamodules.columns import Column, build_columns
from datamodules.corpus.official import official_split
from datamodules.corpus.reading import Corpus, read_corpora
from datamodules.corpus.rows import Row
from datamodules.corpus.versions import families
from datamodules.errors import UserError
from datamodules.form.standing import Standing, standing_of
from datamodules.leakage import leakage
from datamodules.song import Events, Song
from datamodules.splits import TRAIN, Split, given_split, make_split, named_split
from datamodules.vocabulary import Value
from experiments.data_options import DataOptions
from experiments.heads import HEADS
from experiments.progress import Progress, bar
from songs import bundled

if TYPE_CHECKING:
    from experiments.winners import Winner

__all__ = ["Dataset", "read_dataset"]

LEAKING = {name: head.column.field for name, head in HEADS.items()}
COMPUTED = {head.column.field: head.column.numbers for head in HEADS.values() if head.column.of is not None}


@dataclass(frozen=True)
class Dataset:
    """Songs, their events, and whose target each event is.

    Attributes:
        options: what they were read with.
        rows: every file, accepted or rejected, each with what it is for ("train", "tail", "" if rejected ...).
        songs, events: the accepted ones, in the split's order.
    """

    options: DataOptions
    rows: tuple[tuple[Row, str], ...]
    songs: tuple[Song, ...]
    events: tuple[Events, ...]
    split: Split

    def column(
        self, spec: ColumnSpec, also: Collection[Value] = (), *, split: Split | None = None, form: bool = False
    ) -> Column:
        """The column of a head.

        Args:
            also: values that its vocabulary holds beside those of the training part.
            split: another one than the songs' own.
            form: whether a network is to see where events stand in their songs' forms.
        """
        (column,) = self.columns(spec, (split or self.split,), also, form=form)
        return column

    def columns(
        self, spec: ColumnSpec, splits: Sequence[Split], also: Collection[Value] = (), *, form: bool = False
    ) -> tuple[Column, ...]:
        """`column` by each of some splits; most of what they hold, they share."""
        found = build_columns(spec, self.events, splits, self.options.grid, also)
        if not form:
            return found
        standing = replace(self.standing)  # what is laid out of it is larger than it is, and goes with the columns
        return tuple(replace(column, standing=standing) for column in found)

    @cached_property
    def standing(self) -> Standing:
        """Where the events stand in the forms of their songs, which are looked for now."""
        with bar("finding the songs' forms") as advance:
            return standing_of(self.songs, self.events, advance)

    def column_of(self, winner: Winner) -> Column:
        """The column that a winner of these songs was trained on.

        Raises:
            UserError: it was trained on others.
        """
        column = self.column(winner.column, also=winner.vocabulary.values, form=winner.framing.form)
        if column.vocabulary != winner.vocabulary:
            raise UserError(f"{winner.path} was trained on other songs than its run holds: tune again")
        return column

    @property
    def uses(self) -> dict[str, str]:
        """By SHA-256, what each song is for: see `Split.songs`."""
        return {song.digest: use for song, use in zip(self.songs, self.split.songs, strict=True)}

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the songs' bytes, parts, grid and split: what two heads must share to share a run."""
        whole = [
            [song.digest for song in self.songs],
            [marks.tobytes().hex() for marks in self.split.parts],
            sorted(self.options.parts) if self.options.parts is not None else None,
            self.options.grid,
        ]
        return hashlib.sha256(json.dumps(whole).encode()).hexdigest()

    def leakage(self, part: int) -> dict[str, float | None]:
        """How much of a held-out part stands in the training part too; {} where nothing is held out."""
        return {} if part == TRAIN else leakage(self.events, self.split, part, LEAKING, COMPUTED)

    @cached_property
    def validation_leakage(self) -> dict[str, float | None]:
        """`leakage` of the part that a search is judged on."""
        return self.leakage(self.split.valid_part)

    def to_json(self) -> dict[str, Any]:
        """What songs.json holds."""
        return {
            "digest": self.digest,
            "split": {"name": self.split.name, "label": self.split.describe()},
            "songs": [
                {
                    "path": str(row.path),
                    "sha256": row.digest,
                    "events": row.events,
                    "parts": list(row.parts),
                    "accepted": row.accepted,
                    "reason": row.reason,
                    "split": use,
                }
                for row, use in self.rows
            ],
        }


def read_dataset(options: DataOptions, progress: Progress | None = None, *, known_parts: bool = False) -> Dataset:
    """Read the songs and split them.

    Args:
        progress: called with the number of files done and of all; None shows it in a bar.
        known_parts: whether the names of parts are a run's, so that they are right even if no song here has one.

    Raises:
        UserError: no song is left, or the split cannot be made.
    """
    if progress is None:
        with bar("reading songs") as advance:
            return read_dataset(options, advance, known_parts=known_parts)
    groups = _groups(options)
    corpora = read_corpora(
        list(groups.values()),
        grid=options.grid,
        parts=options.parts,
        known_parts=known_parts,
        limits=options.limits,
        progress=progress,
    )
    if len(groups) > 1:
        return _named(options, dict(zip(groups, corpora, strict=True)))
    (corpus,) = corpora
    events = _events(corpus.songs, options)
    split = _split(options, corpus, events)
    uses = iter(split.songs)
    rows = tuple((row, next(uses) if row.accepted else "") for row in corpus.rows)
    return Dataset(options, rows, corpus.songs, events, split)


def _groups(options: DataOptions) -> dict[str, list[Path]]:
    """What is to be read, by what it is for; the held-out songs first, for they are so wherever else they stand.

    Raises:
        UserError: options that do not go together.
    """
    if (options.valid or options.test) and options.split != "auto":
        raise UserError(f"--split {options.split}: --valid and --test take its place; give one or the other")
    if options.test and not options.valid:
        raise UserError("--test without --valid: name songs to validate on too, since the search is judged by them")
    held = {name: paths for name, paths in (("valid", options.valid), ("test", options.test)) if paths}
    named = held | {"train": options.songs}
    return {name: [Path(path) for path in paths] or list(bundled()) for name, paths in named.items()}


def _split(options: DataOptions, corpus: Corpus, events: Sequence[Events]) -> Split:
    """The split that was asked for; `auto` takes the one that the songs came with, where they all have one."""
    kin = _kin(corpus.rows)
    if options.split != "auto" or (official := official_split([song.name for song in corpus.songs])) is None:
        return make_split(options.split, events, options.seed, kin)
    if official.reason:
        split = make_split("auto", events, options.seed, kin)
        return replace(split, label=f"{split.label} (the split of {official.origin} is not used: {official.reason})")
    origin = f"the songs' own split ({official.origin}; --split song makes another)"
    return given_split(origin, official.songs, events, kin)


def _kin(rows: Sequence[Row]) -> list[int]:
    """A number for each accepted song, equal for versions of one; rejected files too tell what belongs together."""
    found = families([(row.path, row.digest) for row in rows])
    return [number for number, row in zip(found, rows, strict=True) if row.accepted]


def _events(songs: Sequence[Song], options: DataOptions) -> tuple[Events, ...]:
    return tuple(song.events(options.parts) for song in songs)


def _named(options: DataOptions, corpora: Mapping[str, Corpus]) -> Dataset:
    """The songs that --valid and --test name are held out, wherever else they stand; `corpora` in the order to take."""
    taken: dict[str, str] = {}
    parts: dict[str, tuple[list[tuple[Row, str]], list[Song]]] = {}
    for name, corpus in corpora.items():
        rows: list[tuple[Row, str]] = []
        songs: list[Song] = []
        accepted = iter(corpus.songs)
        for row in corpus.rows:
            song = next(accepted) if row.accepted else None
            if song is not None and song.digest in taken:
                row, song = replace(row, accepted=False, reason=f"already named for {taken[song.digest]}"), None
            rows.append((row, name if song is not None else ""))
            songs += [song] if song is not None else []
        taken |= {song.digest: f"--{name}" for song in songs}
        parts[name] = rows, songs
    order = [name for name in ("train", "valid", "test") if name in parts]
    if not parts["train"][1]:
        raise UserError("every song to train on is also named by --valid or --test: name others")
    events = {name: _events(parts[name][1], options) for name in order}
    kin = _kin([row for name in order for row, _ in parts[name][0]])
    split = named_split(events["train"], events.get("valid", ()), events.get("test", ()), kin)
    return Dataset(
        options,
        tuple(row for name in order for row in parts[name][0]),
        tuple(song for name in order for song in parts[name][1]),
        tuple(song for name in order for song in events[name]),
        split,
    )
