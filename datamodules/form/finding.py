"""The form of a song: its sections, and which of them are the same again (A B A B C B).

A song is cut so that it is told in the fewest words (minimum description length; Rissanen, "Modeling by shortest data
description", Automatica 1978): a section is told bar by bar, or as an earlier one again, which costs only where its
bars differ from that one's; and each section costs a little, less where the music changes. What changes is told by
Foote's novelty ("Automatic audio segmentation using a measure of audio novelty", ICME 2000), what comes again by the
diagonals of the self-similarity matrix (Paulus, Mueller, Klapuri, "Audio-based music structure analysis", ISMIR 2010).
The cheapest cut is found by dynamic programming, a few times, as what was copied must have begun and ended somewhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise

import numpy as np
from numpy.typing import NDArray

from datamodules.form.bars import bars_of, self_similarity
from datamodules.song import Song, bars_in

__all__ = ["LONGEST_SONG", "Form", "Section", "find_form", "novelty", "sections_of"]

Floats = NDArray[np.float64]

LONGEST = 32  # bars of a section
LONGEST_SONG = 2000  # bars of a song: its similarity is a square of that
KERNELS = (4, 8)  # bars on either side that novelty compares
AROUND = 17  # bars whose mean novelty is what a change must stand out from
ROUNDS = 3

# what a cut costs; the unit is a bar that has nothing in common with the bar it is told by
NEW_BAR = 0.45  # a bar that is told as it is
SECTION = 1.5  # each section but the first
CHANGE = 1.7  # less by so much where novelty is highest
NAMED = 0.7  # less by so much where a copied section begins or ends
ODD = 1.0  # a section whose bars are no multiple of four; half as much again if they are fewer than four
LONG = 0.15  # each bar of a section beyond `WHOLE`
ASTRIDE = 0.7  # a copy of bars among which a section begins, and one that begins or ends where none does
SHORT = 8  # bars: two phrases that are never heard apart are one section, up to here
WHOLE = 16  # bars: repeats of a phrase that are never heard apart are one section, up to here


@dataclass(frozen=True)
class Section:
    """A section: its label (A, B, ..., by first appearance), its first bar from 0, and how many bars it has."""

    label: str
    first: int
    bars: int


@dataclass(frozen=True)
class Form:
    """The form of a song of N bars.

    Attributes:
        sections: in order, without gaps; none of a song in which none are looked for.
        similarity: (N, N), see `bars.self_similarity`; without sections (0, 0).
    """

    sections: tuple[Section, ...]
    similarity: Floats

    def __str__(self) -> str:
        """A8 A8 B8 A8: each section's label and its bars."""
        told = " ".join(f"{section.label}{section.bars}" for section in self.sections)
        return told or f"not looked for in more than {LONGEST_SONG:,} bars"


def find_form(song: Song) -> Form:
    """Find the form of a song that has notes: no sections in one of more than `LONGEST_SONG` bars."""
    if bars_in(song) > LONGEST_SONG:
        return Form((), np.zeros((0, 0)))
    similarity = self_similarity(bars_of(song))
    return Form(sections_of(similarity), similarity)


def sections_of(similarity: Floats) -> tuple[Section, ...]:
    """The sections that a self-similarity matrix (N, N) tells, N at least 1."""
    cut = _labelled(_cut(similarity, novelty(similarity)))
    return _lettered(_inseparable(_whole(cut)))


def novelty(similarity: Floats) -> Floats:
    """How much the music changes before each bar and at the end, (N + 1,), 0 to about 1: Foote's, over two spans.

    What is told is how far it stands out from the bars around; first and last are 0.
    """
    count = len(similarity)
    spans = [np.maximum(_foote(similarity, min(half, max(count // 4, 1))), 0) for half in KERNELS]
    mean = np.mean([span / max(float(np.percentile(span, 95)), 1e-9) for span in spans], axis=0)
    padded = np.pad(mean, AROUND // 2, mode="edge")
    around = np.convolve(padded, np.full(AROUND, 1 / AROUND), mode="valid")
    out = np.maximum(mean - around / 2, 0)
    out[[0, -1]] = 0
    found: Floats = np.minimum(out / max(float(np.percentile(out, 95)), 1e-9), 1.2)
    return found


def _foote(similarity: Floats, half: int) -> Floats:
    """A checkerboard with soft edges, moved along the diagonal."""
    count = len(similarity)
    away = np.arange(-half, half) + 0.5
    soft = np.sign(away) * np.exp(-((away / (0.6 * half)) ** 2))
    kernel = np.outer(soft, soft)
    padded = np.pad(similarity, half, mode="reflect" if count > half else "edge")
    found = np.zeros(count + 1)
    for bar in range(1, count):
        found[bar] = (kernel * padded[bar : bar + 2 * half, bar : bar + 2 * half]).sum()
    scaled: Floats = found / np.abs(kernel).sum()
    return scaled


@dataclass(frozen=True)
class _Piece:
    """Bars from `first` up to `end`: new ones (`source` -1), or those from `source` on again."""

    first: int
    end: int
    source: int
    label: int = -1

    @property
    def bars(self) -> int:
        return self.end - self.first


def _cut(similarity: Floats, change: Floats) -> list[_Piece]:
    """The cheapest cut."""
    count = len(similarity)
    usual = float(np.median(similarity[np.triu_indices(count, 4)])) if count > 8 else 0.3
    apart = np.clip((1 - similarity) / (1 - usual + 1e-9), 0, 1)
    along = np.zeros((count + 1, count + 1))  # sums along the diagonals
    for bar in range(count):
        along[bar + 1, 1:] = along[bar, :-1] + apart[bar]
    opening = SECTION - CHANGE * change
    pieces: list[_Piece] = []
    for _ in range(ROUNDS):
        named, bounds = np.zeros(count + 1), np.zeros(count + 1)
        for piece in pieces:
            ends = [piece.source, piece.source + piece.bars] if piece.source >= 0 else []
            named[ends] = 1
            bounds[[piece.first, *ends]] = 1
        bounds[[0, count]] = 1
        again = _cheapest(along, opening - NAMED * named, bounds if pieces else None)
        if again == pieces:
            break
        pieces = again
    return pieces


def _cheapest(along: Floats, opening: Floats, bounds: Floats | None) -> list[_Piece]:
    """Dynamic programming over where a section ends.

    Args:
        along: (N + 1, N + 1): along[i + n, j + n] - along[i, j] is what n bars from i cost, told by those from j.
        opening: (N + 1,), what it costs to begin a section before each bar.
        bounds: (N + 1,), 1 where sections begin or end as far as is known; None before anything is.
    """
    count = len(along) - 1
    cost, best = np.full(count + 1, np.inf), [_Piece(0, 0, -1)] * (count + 1)
    cost[0] = 0
    begun = np.cumsum(bounds) if bounds is not None else None
    for first in range(count):
        before = cost[first] + (opening[first] if first else 0)
        for end in range(first + 1, min(count, first + LONGEST) + 1):
            bars = end - first
            told, source = NEW_BAR * bars, -1
            if first >= bars:
                start = np.arange(first - bars + 1)
                copied = along[end, start + bars] - along[first, start]
                if bounds is not None and begun is not None:
                    inside = begun[start + bars - 1] - begun[start]
                    copied = copied + ASTRIDE * (inside + (1 - bounds[start]) + (1 - bounds[start + bars]))
                cheapest = int(np.argmin(copied))
                if copied[cheapest] < told:
                    told, source = float(copied[cheapest]), cheapest
            total = before + told + _unusual(bars, last=end == count)
            if total < cost[end] - 1e-9:
                cost[end], best[end] = total, _Piece(first, end, source)
    pieces = [best[count]]
    while pieces[-1].first:
        pieces.append(best[pieces[-1].first])
    return pieces[::-1]


def _unusual(bars: int, *, last: bool) -> float:
    """What a section of so many bars costs for its length alone; the last one may be cut off anywhere."""
    odd = ODD if bars % 4 and not last else 0.0
    return odd + (1.5 * ODD if bars < 4 else 0.0) + LONG * max(bars - WHOLE, 0)


def _labelled(pieces: Sequence[_Piece]) -> list[_Piece]:
    """A copy has the label of most bars that it copies."""
    owner, labelled, new = np.zeros(pieces[-1].end, np.int64), [], 0
    for piece in pieces:
        if piece.source < 0:
            label, new = new, new + 1
        else:
            label = int(np.bincount(owner[piece.source : piece.source + piece.bars]).argmax())
        owner[piece.first : piece.end] = label
        labelled.append(replace(piece, label=label))
    return labelled


def _whole(pieces: Sequence[_Piece]) -> list[_Piece]:
    """Phrases that come again at once, as often and as long each time, as the one section that they make."""
    runs = [list(run) for _, run in groupby(pieces, key=lambda piece: piece.label)]
    lengths: dict[int, list[tuple[int, int]]] = {}
    for run in runs:
        lengths.setdefault(run[0].label, []).append((len(run), run[-1].end - run[0].first))
    found: list[_Piece] = []
    for run in runs:
        each = lengths[run[0].label]
        bars = run[-1].end - run[0].first
        alike = len(each) > 1 and len({length for _, length in each}) == 1 and all(count > 1 for count, _ in each)
        found += [replace(run[0], end=run[-1].end)] if alike and bars <= WHOLE else run
    return found


def _inseparable(pieces: Sequence[_Piece]) -> list[_Piece]:
    """Two short phrases that are never heard apart, and more than once, as the one section that they make."""
    count = Counter(piece.label for piece in pieces)
    pairs = Counter(
        (one.label, two.label)
        for one, two in pairwise(pieces)
        if one.label != two.label and two.end - one.first <= SHORT
    )
    joined = {pair for pair, often in pairs.items() if often > 1 and count[pair[0]] == count[pair[1]] == often}
    found: list[_Piece] = []
    for piece in pieces:
        if found and (found[-1].label, piece.label) in joined:
            found[-1] = replace(found[-1], end=piece.end)
        else:
            found.append(piece)
    return found


def _lettered(pieces: Sequence[_Piece]) -> tuple[Section, ...]:
    letters: dict[int, str] = {}
    for piece in pieces:
        letters.setdefault(piece.label, _letter(len(letters)))
    return tuple(Section(letters[piece.label], piece.first, piece.bars) for piece in pieces)


def _letter(number: int) -> str:
    """A, B, ..., Z, A1, B1, ..."""
    turn, place = divmod(number, 26)
    return chr(ord("A") + place) + (str(turn) if turn else "")
