"""What a stretch of a bar is written as: note values that show where the beats are, tied to one another.

Source: the usual rules of engraving (Gould, Behind Bars, 2011): a value may begin in the middle of itself at most, the
middle of a 4/4 bar and the beats of a compound metre stay visible, triplets keep to their beats.
"""

from __future__ import annotations

from experiments.music.score.notation import QUARTER, Bar

__all__ = ["values"]

_PLAIN = tuple(15 << power for power in range(8, -1, -1))  # two whole notes, down to a 128th
_TRIPLETS = {40: 40, 80: 80, 160: 80}  # ticks: those that one begins on, in its beat
_HALVES = (
    240,
    160,
    320,
    120,
    360,
    80,
    400,
    60,
    180,
    300,
    420,
    40,
)  # where what lies within a beat is parted, if it must


def values(start: int, end: int, bar: Bar) -> list[tuple[int, int]]:
    """The pieces (start, length) of a stretch that lies within a bar, one after another.

    Args:
        start, end: ticks from the beginning of a whole bar: of a pickup, those that are lacking count.
    """
    length, beat = end - start, bar.beat
    if length <= 0:
        return []
    strong = (start // bar.strong + 1) * bar.strong
    if strong < end and start % (QUARTER if bar.strong % QUARTER == 0 and bar.denominator < 8 else bar.strong):
        return [*values(start, strong, bar), *values(strong, end, bar)]
    if _single(start, length, bar):
        return [(start, length)]
    line = (start // beat + 1) * beat
    if line < end:
        if start % beat == 0:  # as many whole beats as a note can be
            many = next(n for n in range(length // beat, 0, -1) if n == 1 or _single(start, n * beat, bar))
            line = start + many * beat
        return [*values(start, line, bar), *values(line, end, bar)]
    return _within(start, end, bar)


def _within(start: int, end: int, bar: Bar) -> list[tuple[int, int]]:
    """The pieces of what lies within a beat and is no single note."""
    base = start // bar.beat * bar.beat
    points = [base + half for half in _HALVES if start < base + half < end]
    for point in points:
        if _single(start, point - start, bar) and _single(point, end - point, bar):
            return [(start, point - start), (point, end - point)]
    if not points:
        return [(start, end - start)]
    return [*values(start, points[0], bar), *values(points[0], end, bar)]


def _single(start: int, length: int, bar: Bar) -> bool:
    """Whether one note value, dotted or of a triplet, can stand here."""
    if bar.strong == 3 * bar.beat and length > bar.strong and length % bar.strong:
        return False
    if length in _PLAIN:
        return start % max(length // 2, 15) == 0
    if length * 2 % 3 == 0 and length * 2 // 3 in _PLAIN:
        return start % max(length // 3, 15) == 0
    if length in _TRIPLETS:
        return start % bar.beat % _TRIPLETS[length] == 0
    if length == 320:  # a quarter triplet: within its beat, or one of three over two beats
        return start % QUARTER in (0, 160) or start % (2 * QUARTER) in (320, 640)
    return length == 640 and start % (4 * QUARTER) in (0, 640, 1280)
