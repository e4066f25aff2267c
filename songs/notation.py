"""The little notation that the songs are written in: text to timed symbols. It does not know what a symbol sounds like.

A text is bars between `|`, a bar is symbols between spaces, a symbol is `name`, marks, `:length`:

    D5:4. A4:8 F#5+A5!:4 ~:8 r

Lengths are 1 2 4 8 16, with a dot (`4.`) or as one of three in the time of two (`8t`), and stay in force until the
next one. `r` rests, `~` prolongs what came before, also over a bar line. Marks: `!` louder, `?` softer, `>` takes the
harmony that comes an eighth later (a push), `*` rings until the bar ends.

Every bar is counted, so a slip of the pen is an error and not a song that limps.
"""

import re
from dataclasses import dataclass, replace

GRID = 24  # ticks a quarter note: 16ths are 6, eighth triplets 8
EIGHTH = GRID // 2

_TOKEN = re.compile(r"(?P<name>~|[A-Za-z0-9#+/]+)(?P<marks>[!?>*]*)(?::(?P<length>\d+)(?P<bend>[.t]?))?")
_PITCH = re.compile(r"([A-G])([#b]?)(\d)")
_STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_BEND = {"": (1, 1), ".": (3, 2), "t": (2, 3)}


@dataclass(frozen=True)
class Symbol:
    """One symbol on the page. `start` and `length` are grid ticks, `start` from the start of the text."""

    start: int
    length: int
    name: str
    marks: str = ""


def bars_of(text: str) -> list[str]:
    """The bars of a text, without the blanks around them."""
    return [bar.strip() for bar in text.split("|")]


def loop(pattern: str, bars: int, ending: str = "") -> str:
    """The pattern over and over for so many bars, the last ones replaced by `ending`: how a band plays a section."""
    tail = bars_of(ending) if ending else []
    cell = bars_of(pattern)
    return " | ".join([cell[i % len(cell)] for i in range(bars - len(tail))] + tail)


def read(text: str, bar: int) -> list[Symbol]:
    """All sounding symbols of a text in bars of `bar` ticks, in order; a ValueError names the bar that is wrong."""
    symbols: list[Symbol] = []
    length, resting = GRID, True
    for number, content in enumerate(bars_of(text), start=1):
        now = 0
        for token in content.split():
            match = _TOKEN.fullmatch(token)
            if match is None:
                raise ValueError(f"bar {number}: cannot read {token!r}")
            length = _ticks(match) or length
            if match["name"] == "~":
                if resting:
                    raise ValueError(f"bar {number}: nothing to prolong")
                symbols[-1] = replace(symbols[-1], length=symbols[-1].length + length)
            elif match["name"] != "r":
                symbols.append(Symbol((number - 1) * bar + now, length, match["name"], match["marks"]))
            resting = match["name"] == "r"
            now += length
        if now != bar:
            raise ValueError(f"bar {number} has {now} ticks instead of {bar}: {content}")
    return symbols


def _ticks(match: re.Match[str]) -> int:
    """The length written on a token, 0 where it writes none."""
    if match["length"] is None:
        return 0
    times, parts = _BEND[match["bend"]]
    ticks, rest = divmod(4 * GRID * times, int(match["length"]) * parts)
    if rest:
        raise ValueError(f"{match[0]!r} is off the grid")
    return ticks


def pitch(name: str) -> int:
    """The MIDI number of a pitch such as `F#4` (C4 is 60)."""
    match = _PITCH.fullmatch(name)
    if match is None:
        raise ValueError(f"{name!r} is no pitch")
    letter, sign, octave = match.groups()
    return 12 * (int(octave) + 1) + _STEPS[letter] + {"#": 1, "b": -1, "": 0}[sign]
