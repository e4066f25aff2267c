"""A song bar by bar: what each bar holds, and how alike any two bars are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datamodules.song import Song, bar_lines

__all__ = ["Bars", "bars_of", "self_similarity"]

Floats = NDArray[np.float64]

PLACES = 16  # of a bar, whatever its metre: onsets between two of them count to the nearer
KICK, SNARE = 36, 40  # the highest General MIDI pitches of bass drums and of snares; what lies above is the third kind
CHORDS, CHROMA, RHYTHM, REGISTER, TEXTURE = 0.25, 0.3, 0.2, 0.15, 0.6
OCTAVE_HALF = 6.0  # semitones of register, and
LOUDER = 20.0  # steps of velocity, that make two bars 1/e as alike


@dataclass(frozen=True)
class Bars:
    """What the bars of a song hold, N of them.

    Attributes:
        chords: (N, 16 places * 12 pitch classes), onsets.
        chroma: (N, 12), how long each pitch class sounds of what begins in the bar, in bars.
        rhythm: (N, 16), onsets.
        onsets: (N,), ln(1 + onsets).
        register: (N,), mean pitch; 0 for an empty bar.
        texture: (N, parts), ln(1 + onsets) of each part, drums too.
        loudness: (N,), mean velocity; 0 for an empty bar.
        drums: (N, 16 * 3), onsets of bass drums, snares and others; None for a song without drums.

    All but texture, loudness and drums are of the pitched parts alone.
    """

    chords: Floats
    chroma: Floats
    rhythm: Floats
    onsets: Floats
    register: Floats
    texture: Floats
    loudness: Floats
    drums: Floats | None

    def __len__(self) -> int:
        return len(self.chords)


def bars_of(song: Song) -> Bars:
    """The bars of a song, from its first bar line to its last; a note counts to the bar that it begins in."""
    lines = np.array(bar_lines(song))
    notes, count, size = song.notes, len(lines) - 1, np.diff(lines)
    bar = np.clip(np.searchsorted(lines, notes.onset, side="right") - 1, 0, count - 1)
    place = np.minimum(np.rint((notes.onset - lines[bar]) * PLACES / size[bar]).astype(np.int64), PLACES - 1)
    is_drums = np.array([part.drums for part in song.parts], dtype=bool)[notes.part]
    pitched = ~is_drums
    own, there, tone = bar[pitched], place[pitched], notes.pitch[pitched] % 12
    onsets = _counted((count,), own)
    register = np.bincount(own, notes.pitch[pitched], count) / np.maximum(onsets, 1)
    texture = _counted((count, len(song.parts)), bar, notes.part)
    drums = None
    if is_drums.any():
        kind = np.searchsorted([KICK, SNARE], notes.pitch[is_drums])
        drums = _counted((count, PLACES, 3), bar[is_drums], place[is_drums], kind).reshape(count, -1)
    chroma = np.zeros((count, 12))
    np.add.at(chroma, (own, tone), np.minimum(notes.length[pitched] / size[own], 1))
    return Bars(
        chords=_counted((count, PLACES, 12), own, there, tone).reshape(count, -1),
        chroma=chroma,
        rhythm=_counted((count, PLACES), own, there),
        onsets=np.log1p(onsets),
        register=register,
        texture=np.log1p(texture),
        loudness=np.bincount(bar, notes.velocity, count) / np.maximum(texture.sum(axis=1), 1),
        drums=drums,
    )


def self_similarity(bars: Bars) -> Floats:
    """How alike any two bars are, (N, N), from 0 to 1: the weighted mean of the similarities of their features.

    Cosines of chords, chroma, rhythm and drum patterns; of the others, e to the power of minus their distance. The
    self-similarity matrix is Foote's ("Visualizing music and audio using self-similarity", ACM Multimedia 1999).
    """
    away = np.abs(bars.register[:, None] - bars.register) / OCTAVE_HALF
    parts = np.stack([np.abs(row - bars.texture).mean(axis=1) for row in bars.texture])  # never (N, N, parts) at once
    playing = np.exp(-1.5 * parts - np.abs(bars.loudness[:, None] - bars.loudness) / LOUDER)
    if bars.drums is not None:
        playing = 0.6 * playing + 0.4 * _cosine(bars.drums)
    whole = (
        CHORDS * _cosine(bars.chords)
        + CHROMA * _cosine(bars.chroma)
        + RHYTHM * _cosine(bars.rhythm)
        + REGISTER * np.exp(-np.abs(bars.onsets[:, None] - bars.onsets) - away)
        + TEXTURE * playing
    )
    similarity: Floats = whole / (CHORDS + CHROMA + RHYTHM + REGISTER + TEXTURE)
    return similarity


def _counted(shape: tuple[int, ...], *index: NDArray[np.integer]) -> Floats:
    """How often each place of an array of that shape is named."""
    flat = np.bincount(np.ravel_multi_index(index, shape), minlength=int(np.prod(shape)))
    return flat.reshape(shape).astype(np.float64)


def _cosine(rows: Floats) -> Floats:
    """The cosine of any two rows; 1 for two empty ones, 0 for one."""
    length = np.linalg.norm(rows, axis=1)
    unit = rows / np.maximum(length, 1e-9)[:, None]
    empty = length < 1e-9
    cosine: Floats = np.clip(unit @ unit.T, 0, 1)
    cosine[np.ix_(empty, empty)] = 1
    return cosine
