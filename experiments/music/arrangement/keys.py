"""The key of a song, and a song in another key."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from datamodules.errors import UserError, did_you_mean
from datamodules.keys import KEYS, LETTERS, MOST_SHARPS, Key, signed_key, usual_key
from datamodules.settling import settled
from datamodules.song import Song
from datamodules.tonality import key_of_notes

__all__ = ["key_of", "read_key", "transposed"]

SIGNS = {"#": 1, "sharp": 1, "b": -1, "flat": -1}
KEY = re.compile(r"([a-h])\s*([#b]|sharp|flat)?\s*(m|min|minor|maj|major)?")


def read_key(text: str) -> Key:
    """ "F# minor", "Bb", "am" -> the key, spelled so where a signature can hold it.

    Raises:
        UserError: it is no key.
    """
    found = KEY.fullmatch(text.strip().casefold().replace("♯", "#").replace("♭", "b"))
    if not found:
        near = did_you_mean(text.strip(), (key.name for key in KEYS.values()))
        raise UserError(f"--key {text}: is no key; write one as C, Bb, F#m or 'A minor'{near}")
    letter, sign, mode = found.groups()
    minor = mode in ("m", "min", "minor")
    fifth = LETTERS.index(letter.replace("h", "b").upper()) - 1 + len(LETTERS) * SIGNS.get(sign or "", 0)
    key = signed_key(fifth - (3 if minor else 0), minor)
    return key if abs(key.sharps) <= MOST_SHARPS else usual_key(key.number)


def key_of(song: Song) -> Key:
    """The key that a song begins in: as it names it, else as its notes tell."""
    if len(song.keys):
        return Key(*song.keys[0, 1:].tolist())
    return key_of_notes(song) or usual_key(0)


def transposed(song: Song, key: Key) -> tuple[Song, int]:
    """The song moved the shortest way into a key, and by how many semitones; drums stay.

    A minor song that is to be in a major key is moved to that key's relative minor, which has the same notes and
    signature, and the other way round. A note that would leave MIDI's range stays in it, an octave off.
    """
    now = key_of(song)
    step = (key.relative_major - now.relative_major) % 12
    step -= 12 if step > 6 else 0
    notes = song.notes
    onset, pitch, length, velocity, part = (
        column.astype(np.int64) for column in (notes.onset, notes.pitch, notes.length, notes.velocity, notes.part)
    )
    pitch = pitch + np.where(song.chosen(), step, 0)
    pitch = np.where(pitch > 127, pitch - 12, np.where(pitch < 0, pitch + 12, pitch))
    own = settled(onset, pitch, onset + length, velocity, part)  # an octave off, a note may meet its like
    keys = np.array([[0, *signed_key(key.sharps, now.minor)]], np.int32)
    return replace(song, notes=own, keys=keys), step
