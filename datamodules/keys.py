"""Keys: their numbers, signatures and names. A MIDI file tells F# major from Gb major, which sound alike."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["KEYS", "LETTERS", "MOST_SHARPS", "Key", "signed_key", "usual_key"]

LETTERS = "FCGDAEB"  # on the line of fifths: C is the second
MOST_SHARPS = 7  # of a signature, and the most flats
_USUAL = (0, -5, 2, -3, 4, -1, 6, 1, -4, 3, -2, 5, -3, 4, -1, -6, 1, -4, 3, -2, 5, 0, -5, 2)  # sharps by number


class Key(NamedTuple):
    """A key as a signature names it: a row of `Song.keys` without its tick.

    Attributes:
        number: 0 to 11 are C major to B major, 12 to 23 C minor to B minor, as pretty_midi counts them.
        sharps: of the signature, 7 at most; below 0, flats.
    """

    number: int
    sharps: int

    @property
    def minor(self) -> bool:
        """Whether it is a minor key."""
        return self.number >= 12

    @property
    def relative_major(self) -> int:
        """The tonic of the major key with the same notes."""
        return (self.number + 3) % 12 if self.minor else self.number

    @property
    def tonic(self) -> str:
        """Its first note, as "Bb"."""
        fifth = self.sharps + 1 + (3 if self.minor else 0)
        signs = fifth // len(LETTERS)
        return LETTERS[fifth % len(LETTERS)] + "#" * signs + "b" * -signs

    @property
    def name(self) -> str:
        """In words: "F# minor"."""
        return f"{self.tonic} {'minor' if self.minor else 'major'}"

    @property
    def in_midi(self) -> str:
        """As mido has it: "F#m"."""
        return self.tonic + "m" * self.minor


def signed_key(sharps: int, minor: bool) -> Key:
    """The key of a signature with so many sharps, or flats below 0."""
    return Key((7 * sharps + 9) % 12 + 12 if minor else 7 * sharps % 12, sharps)


def usual_key(number: int) -> Key:
    """The key of a number, with the fewer of the signs that it can be written in; F# major, of six and six."""
    return Key(number, _USUAL[number])


KEYS = {  # by their names in mido
    key.in_midi: key
    for key in (signed_key(sharps, minor) for minor in (False, True) for sharps in range(-MOST_SHARPS, MOST_SHARPS + 1))
}
