"""The plan of a new song: its sections, how long they are, and which are the same again."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import count, takewhile
from pathlib import Path

from datamodules.corpus.reading import read_song
from datamodules.errors import UserError
from datamodules.form.finding import LONGEST_SONG, Section, find_form
from datamodules.midi.raw_bytes import Limits, RejectedFile
from datamodules.song import Song

__all__ = ["LONGEST_PLAN", "Plan", "plan_of", "read_plan"]

BARS = 8  # of a section, unless it is said
MOST_BARS, MOST_SECTIONS = 128, 100
LONGEST_PLAN = 128  # bars of a song that is as long as its prime: a few minutes
LIKE = "like:"
LETTERS = re.compile(r"(?:[A-Z]\d*)+")
WORDS = re.compile(r"[a-z]+\d?(?::\d+)?(?:-[a-z]+\d?(?::\d+)?)*")


@dataclass(frozen=True)
class Plan:
    """Sections, in order and without gaps; those of one label are the same again."""

    sections: tuple[Section, ...]

    @property
    def bars(self) -> int:
        """Of all sections."""
        return sum(section.bars for section in self.sections)

    @property
    def returns(self) -> bool:
        """Whether a section comes again."""
        return len({section.label for section in self.sections}) < len(self.sections)

    def again_and_again(self) -> Iterator[Section]:
        """Its sections, without end."""
        for number in count():
            yield from (replace(section, first=section.first + number * self.bars) for section in self.sections)

    def lasting(self, bars: int) -> Plan:
        """The plan of so many bars: cut, or begun again."""
        whole = takewhile(lambda section: section.first < bars, self.again_and_again())
        return Plan(tuple(replace(section, bars=min(section.bars, bars - section.first)) for section in whole))

    def __str__(self) -> str:
        """AABA of eight bars each: A8 A8 B8 A8."""
        wordy = any(len(section.label) > 1 for section in self.sections)
        return " ".join(f"{section.label}{':' if wordy else ''}{section.bars}" for section in self.sections)


def read_plan(text: str, grid: int, limits: Limits = Limits()) -> Plan:  # noqa: B008 - frozen
    """AABA, A16B8A16, intro:4-verse-chorus-verse-chorus, or like:SONG, whose form is found on that grid.

    Args:
        limits: what SONG's file may cost.

    Raises:
        UserError: it is none of these, too long, or the song cannot be read or has no notes.
    """
    given = text.strip()
    if given.startswith(LIKE):
        return _like(Path(given.removeprefix(LIKE)), grid, limits)
    if LETTERS.fullmatch(given):
        parts = [(found[0], found[1:]) for found in re.findall(r"[A-Z]\d*", given)]
    elif WORDS.fullmatch(given):
        parts = [(word.partition(":")[0], word.partition(":")[2]) for word in given.split("-")]
    else:
        raise UserError(
            f"--form {text}: write it as AABA, A16B8A16, intro:4-verse-chorus-verse-chorus, or like:my_song.mid"
        )
    lengths = [int(bars) if bars else BARS for _, bars in parts]
    if not all(1 <= bars <= MOST_BARS for bars in lengths) or len(parts) > MOST_SECTIONS:
        raise UserError(f"--form {text}: give up to {MOST_SECTIONS} sections of 1 to {MOST_BARS} bars")
    return _plan(zip((label for label, _ in parts), lengths, strict=True))


def plan_of(song: Song, bars: int | None = None) -> Plan | None:
    """The form of a song as the plan of a new one; None if it has no two different sections, or is very long.

    Args:
        bars: of the new song; None for as many as the song has, up to `LONGEST_PLAN`.
    """
    plan = Plan(find_form(song).sections)
    if len({section.label for section in plan.sections}) < 2:
        return None
    return plan.lasting(min(plan.bars, LONGEST_PLAN) if bars is None else bars)


def _like(path: Path, grid: int, limits: Limits) -> Plan:
    try:
        song = read_song(path, grid=grid, limits=limits)
    except RejectedFile as error:
        raise UserError(f"--form {LIKE}{path}: {error}; choose another song") from error
    sections = find_form(song).sections if len(song.notes) else ()
    if not sections:
        raise UserError(f"--form {LIKE}{path}: has no notes, or more than {LONGEST_SONG:,} bars; choose another song")
    return _plan((section.label, section.bars) for section in sections)


def _plan(parts: Iterable[tuple[str, int]]) -> Plan:
    sections, first = [], 0
    for label, bars in parts:
        sections.append(Section(label, first, bars))
        first += bars
    return Plan(tuple(sections))
