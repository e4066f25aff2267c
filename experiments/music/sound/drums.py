"""Drums by General MIDI's percussion map: a falling sine for what has a skin, filtered noise for what is metal."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["drum"]

Samples = NDArray[np.float32]

KICKS, SNARES = (35, 36), (37, 38, 39, 40)
CLOSED, OPEN = (42, 44, 54, 69, 70, 82), (46,)  # hi-hats, and what rattles as briefly
TOMS = {41: 80, 43: 100, 45: 120, 47: 145, 48: 170, 50: 200}  # pitch: Hz
LEAST = 0.6  # seconds of any drum
CYMBALS = (49, 51, 52, 53, 55, 57, 59)


def drum(pitch: int, rate: int) -> Samples:
    """The sound of a percussion key at full velocity; float32 (samples,), silent at both ends, the same each time."""
    if pitch in KICKS:
        return _skin(rate, 48, 130, 0.16) * np.float32(1.3)
    if pitch in SNARES:
        return _skin(rate, 185, 260, 0.07) * np.float32(0.45) + _noise(rate, 0.075, pitch, 0.55) * np.float32(0.55)
    if pitch in CLOSED:
        return _noise(rate, 0.025, pitch, 0.97) * np.float32(0.32)
    if pitch in OPEN:
        return _noise(rate, 0.13, pitch, 0.97) * np.float32(0.32)
    if pitch in CYMBALS:
        return _noise(rate, 0.07 if pitch in (51, 53, 59) else 0.42, pitch, 0.95) * np.float32(0.34)
    hertz = TOMS.get(pitch, 150 + 8 * (pitch % 40))  # what is left is hand drums and wood, more or less
    return _skin(rate, hertz, hertz * 1.5, 0.12 if pitch in TOMS else 0.05) * np.float32(0.8)


def _skin(rate: int, low: float, high: float, decay: float) -> Samples:
    """A sine that falls from `high` to `low` Hz and dies with a time constant of `decay` seconds."""
    time = np.arange(int(LEAST * rate)) / rate
    phase = 2 * np.pi * np.cumsum(low + (high - low) * np.exp(-time / 0.03)) / rate
    return _ends(np.sin(phase) * np.exp(-time / decay), rate)


def _noise(rate: int, decay: float, seed: int, edge: float) -> Samples:
    """Noise without its low end (a first difference; `edge` nearer 1 takes more of it), dying in `decay` seconds."""
    time = np.arange(int(min(7 * decay, 1.8) * rate)) / rate
    white = np.random.default_rng(seed).uniform(-1, 1, len(time) + 1)
    bright = white[1:] - edge * white[:-1]
    sound = _ends(bright * np.exp(-time / decay), rate)
    padded = np.zeros(max(int(LEAST * rate), len(sound)), np.float32)  # as long as a skin, to be added to one
    padded[: len(sound)] = sound
    return padded


def _ends(sound: NDArray[np.float64], rate: int) -> Samples:
    """A millisecond in and a few out, so that nothing clicks."""
    rise, fall = rate // 1000, min(rate // 50, len(sound))
    sound[:rise] *= np.linspace(0, 1, rise)
    sound[len(sound) - fall :] *= np.linspace(1, 0, fall)
    return sound.astype(np.float32)
