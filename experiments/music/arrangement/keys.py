"""The key of a song, and a song in another key.

Where a song does not name its key, it is the one whose profile its notes fit best (Krumhansl and Kessler 1982).
"""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from datamodules.errors import UserError, did_you_mean
from datamodules.names import key_name
from datamodules.settling import settled
from datamodules.song import Song

__all__ = ["key_of", "read_key", "transposed"]

MAJOR = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
MINOR = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)
TONICS = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11, "h": 11}
KEY = re.compile(r"([a-h])\s*([#b]|sharp|flat)?\s*(m|min|minor|maj|major)?")


def read_key(text: str) -> int:
    """ "F# minor", "Bb", "am" -> the key's number: 0 to 11 major, 12 to 23 minor.

    Raises:
        UserError: it is no key.
    """
    found = KEY.fullmatch(text.strip().casefold().replace("♯", "#").replace("♭", "b"))
    if not found:
        near = did_you_mean(text.strip(), map(key_name, range(24)))
        raise UserError(f"--key {text}: is no key; write one as C, Bb, F#m or 'A minor'{near}")
    letter, sign, mode = found.groups()
    step = {"#": 1, "sharp": 1, "b": -1, "flat": -1}.get(sign or "", 0)
    return (TONICS[letter] + step) % 12 + (12 if mode in ("m", "min", "minor") else 0)


def key_of(song: Song) -> int:
    """The key that a song begins in: as it names it, else as its notes tell."""
    if len(song.keys):
        return int(song.keys[0, 1])
    keep = song.chosen()
    weights = np.bincount(song.notes.pitch[keep] % 12, weights=song.notes.length[keep], minlength=12)
    if not weights.any():
        return 0
    profiles = np.array([np.roll(profile, tonic) for profile in (MAJOR, MINOR) for tonic in range(12)])
    return int(np.argmax([np.corrcoef(weights, profile)[0, 1] for profile in profiles]))


def transposed(song: Song, key: int) -> tuple[Song, int]:
    """The song moved the shortest way into a key, and by how many semitones; drums stay.

    A minor song that is to be in a major key is moved to that key's relative minor, which has the same notes, and the
    other way round. A note that would leave MIDI's range stays in it, an octave off.
    """
    now = key_of(song)
    step = (_relative_major(key) - _relative_major(now)) % 12
    step -= 12 if step > 6 else 0
    notes = song.notes
    onset, pitch, length, velocity, part = (
        column.astype(np.int64) for column in (notes.onset, notes.pitch, notes.length, notes.velocity, notes.part)
    )
    pitch = pitch + np.where(song.chosen(), step, 0)
    pitch = np.where(pitch > 127, pitch - 12, np.where(pitch < 0, pitch + 12, pitch))
    own = settled(onset, pitch, onset + length, velocity, part)  # an octave off, a note may meet its like
    moved = (now % 12 + step) % 12 + (12 if now >= 12 else 0)
    keys = np.array([[0, moved]], np.int32)
    return replace(song, notes=own, keys=keys), step


def _relative_major(key: int) -> int:
    """The tonic of the major key with the same notes."""
    return key if key < 12 else (key - 12 + 3) % 12
