"""Which events train, validate and test.

A split marks every event with the part whose target it is. A song's first event is context only: no part's target. This
file knows events, and nothing of columns, windows or networks.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datamodules.corpus.versions import joined
from datamodules.errors import UserError
from datamodules.song import Events

__all__ = [
    "FIRST",
    "PARTS",
    "TEST",
    "TRAIN",
    "VALID",
    "Marks",
    "Split",
    "alike",
    "given_split",
    "make_split",
    "named_split",
    "tail_bounds",
    "with_test_songs",
]

FIRST, TRAIN, VALID, TEST = 0, 1, 2, 3  # whose target an event is; FIRST is nobody's
PARTS = MappingProxyType({"train": TRAIN, "valid": VALID, "test": TEST})  # what a whole song is for
SONGS_FOR_SONG_SPLIT = 10  # `auto` holds out whole songs from here on

Marks = NDArray[np.int8]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Split:
    """Whose target every event is.

    Attributes:
        name: song, tail, none, named or folds.
        label: how it was made, for people.
        parts: an array of shape (events,) a song: FIRST, TRAIN, VALID or TEST.
        songs: what each song is for: train, valid, test, tail (a bit of each) or none (training, nothing held out).
        kin: a number for each song, equal for versions of one, which folds keep together too; () where none is known.
    """

    name: str
    label: str
    parts: tuple[Marks, ...]
    songs: tuple[str, ...]
    kin: tuple[int, ...] = ()

    @property
    def valid_part(self) -> int:
        """The part that a search is judged on: VALID, or TRAIN where nothing is held out."""
        return TRAIN if self.name == "none" else VALID

    @property
    def test_part(self) -> int:
        """The part that `evaluate` scores: TEST, or `valid_part` where there is no test part."""
        return TEST if self.targets(TEST) else self.valid_part

    @property
    def valid_label(self) -> str:
        """What figures on `valid_part` must be called in every output."""
        return _label(self.valid_part)

    @property
    def test_label(self) -> str:
        """What figures on `test_part` must be called in every output."""
        return _label(self.test_part)

    def targets(self, part: int) -> int:
        """How many targets a part has."""
        return sum(int(np.count_nonzero(marks == part)) for marks in self.parts)

    def trains(self, song: int) -> bool:
        """Whether the song's first event belongs to the training part."""
        return self.songs[song] in ("train", "tail", "none")

    def counts(self) -> dict[str, int]:
        """How many targets each part has, by the part's name; those that have any."""
        named = (("training", TRAIN), ("validation", VALID), ("test", TEST))
        return {name: count for name, part in named if (count := self.targets(part))}

    def to_json(self) -> dict[str, Any]:
        """What a table of figures should know of it."""
        return {"name": self.name, "label": self.label, "targets": self.counts()}

    def describe(self) -> str:
        """The split in one line."""
        return f"{self.label}; targets: {', '.join(f'{name} {count:,}' for name, count in self.counts().items())}"


def make_split(kind: str, events: Sequence[Events], seed: int, kin: Sequence[int] = ()) -> Split:
    """Splits songs by one of the house rules; the same songs and seed always give the same split.

    Args:
        kind: `song` (80/10/10 whole songs), `tail` (the last fifth of each song is held out), `none` (nothing is), or
            `auto` (`song` from ten songs on, else `tail`).
        events: a song's events each.
        seed: of the shuffle of `song`.
        kin: a number for each song, equal for versions of one song, which `song` holds out together.

    Raises:
        UserError: too few songs, or a part without targets.
    """
    if kind == "auto":
        enough = len(events) >= SONGS_FOR_SONG_SPLIT and len(alike(events, kin)) >= 3
        kind = "song" if enough else "tail"
    if kind == "song":
        return _checked(_by_song(events, seed, kin))
    if kind == "tail":
        marks = tuple(map(_tail_marks, map(len, events)))
        label = f"last fifth of each song held out{_told(kin, 'which other versions of it may train')}"
        return _checked(Split("tail", label, marks, ("tail",) * len(marks), tuple(kin)))
    if kind == "none":
        marks = tuple(_marks(len(song), TRAIN) for song in events)
        return _checked(
            Split("none", "nothing held out: training songs only", marks, ("none",) * len(marks), tuple(kin))
        )
    raise UserError(f"--split {kind}: choose auto, song, tail or none")


def named_split(
    train: Sequence[Events], valid: Sequence[Events], test: Sequence[Events] = (), kin: Sequence[int] = ()
) -> Split:
    """The split of songs that were named for their part; it is over the songs of `train`, then `valid`, then `test`.

    Raises:
        UserError: no training or no validation targets.
    """
    names = ("train",) * len(train) + ("valid",) * len(valid) + ("test",) * len(test)
    return given_split("songs named", names, [*train, *valid, *test], kin)


def given_split(origin: str, names: Sequence[str], events: Sequence[Events], kin: Sequence[int] = ()) -> Split:
    """The split of songs whose part is given.

    Args:
        origin: who gave it, for people.
        names: train, valid or test for each song.
        events: a song's events each.
        kin: as in `make_split`; songs of one number are not kept together here, but the label says what that means.

    Raises:
        UserError: no training or no validation targets.
    """
    marks = tuple(_marks(len(song), PARTS[name]) for name, song in zip(names, events, strict=True))
    label = f"{origin}: {_numbers(names)}"
    known = {number for number, name in zip(kin, names, strict=False) if name == "train"}
    held = sum(number in known for number, name in zip(kin, names, strict=False) if name != "train")
    label += f" (versions of training songs: {held:,})" if held else ""
    return _checked(Split("named", label, marks, tuple(names), tuple(kin)))


def with_test_songs(split: Split, events: Sequence[Events]) -> Split:
    """The same split with other songs to test on, which follow its own; its own test targets become nobody's."""
    own = tuple(np.where(marks == TEST, np.int8(FIRST), marks) for marks in split.parts)
    other = tuple(_marks(len(song), TEST) for song in events)
    label = f"{split.label}; tested on {len(other)} other song{'s' if len(other) != 1 else ''}"
    return Split(split.name, label, own + other, split.songs + ("test",) * len(other))


def _label(part: int) -> str:
    return {TRAIN: "training songs", VALID: "validation", TEST: "test"}[part]


def _marks(events: int, part: int) -> Marks:
    marks = np.full(events, part, dtype=np.int8)
    marks[:1] = FIRST
    return marks


def tail_bounds(events: int) -> tuple[int, int]:
    """Of a song that `tail` splits: the event that its validation part begins with, and that of its test part."""
    return 8 * events // 10, 9 * events // 10


def _tail_marks(events: int) -> Marks:
    valid, test = tail_bounds(events)
    marks = np.full(events, TRAIN, dtype=np.int8)
    marks[valid:] = VALID
    marks[test:] = TEST
    marks[:1] = FIRST
    return marks


def alike(events: Sequence[Events], kin: Sequence[int] = ()) -> list[list[int]]:
    """Songs in groups: those of one group have equal events, transposition ignored, or equal numbers in `kin`."""
    keys: list[list[Hashable]] = []
    for i, song in enumerate(events):
        relative = song.pitches - song.pitches.min(initial=127)
        parts = (song.starts, relative, song.duration, song.offset)
        keys.append([tuple(x.astype(np.int32).tobytes() for x in parts), *kin[i : i + 1]])
    groups: dict[int, list[int]] = {}
    for i, group in enumerate(joined(keys)):
        groups.setdefault(group, []).append(i)
    return list(groups.values())


def _numbers(names: Sequence[str]) -> str:
    """How many songs each part has, of which few or large groups are not the shares that were aimed at."""
    train, valid, test = (list(names).count(name) for name in PARTS)
    return f"{train:,} to train, {valid:,} to validate, {test:,} to test"


def _told(kin: Sequence[int], what: str) -> str:
    """What to add to a label where there are versions of one song."""
    songs = len(set(kin))
    return f", {what} ({len(kin):,} files are versions of {songs:,} songs)" if songs < len(kin) else ""


def _by_song(events: Sequence[Events], seed: int, kin: Sequence[int]) -> Split:
    """80/10/10 over groups of like songs in shuffled order, at least one group a part."""
    groups = alike(events, kin)
    if len(groups) < 3:
        raise UserError(f"--split song needs three different songs, here are {len(groups)}: try --split tail")
    left = [groups[i] for i in np.random.default_rng(seed).permutation(len(groups))]
    names = ["train"] * len(events)
    for name, kept in (("valid", 2), ("test", 1)):  # kept: the groups that the later parts need
        room = max(round(len(events) / 10), 1)
        taken: list[list[int]] = []
        for group in left:
            if len(group) <= room and len(left) - len(taken) > kept:
                taken.append(group)
                room -= len(group)
        taken = taken or [min(left, key=len)]  # all groups are too large: the smallest, and training keeps the rest
        for song in (song for group in taken for song in group):
            names[song] = name
        left = [group for group in left if group not in taken]
    marks = tuple(_marks(len(song), PARTS[name]) for name, song in zip(names, events, strict=True))
    label = f"by song, seed {seed}: {_numbers(names)}{_told(kin, 'versions of a song on one side')}"
    return Split("song", label, marks, tuple(names), tuple(kin))


def _checked(split: Split) -> Split:
    if not split.targets(TRAIN):
        raise UserError(f"no events to train on ({split.label}): give more or longer songs")
    if not split.targets(split.valid_part):
        raise UserError(f"no events to validate on ({split.label}): give more or longer songs, or --split none")
    return split
