"""What pitches and chords are called."""

from __future__ import annotations

from datamodules.vocabulary import Value

__all__ = ["BLACK_KEYS", "chord_names", "pitch_name"]

PITCH_CLASSES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
BLACK_KEYS = (1, 3, 6, 8, 10)  # of a piano, by pitch class


def pitch_name(pitch: int) -> str:
    """Middle C, which is 60, is C4."""
    return f"{PITCH_CLASSES[pitch % 12]}{pitch // 12 - 1}"


def chord_names(chord: Value) -> str:
    """(60, 64, 67) is C4 E4 G4; a number is nothing."""
    return "" if isinstance(chord, int) else " ".join(map(pitch_name, chord))
