"""Sound as MP3: a tenth of a WAV's bytes, for a page and for W&B."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from experiments.music.sound.wav import RATE

__all__ = ["as_mp3", "beginning_as_mp3"]

QUALITY = 0.8  # from 0 (best) to 1 (smallest): 80 kbit/s or so


def as_mp3(samples: NDArray[np.float32]) -> bytes:
    """Samples (n, 2) within [-1, 1], `RATE` a second, as an MP3 file."""
    file = io.BytesIO()
    with soundfile.SoundFile(
        file, "w", RATE, 2, subtype="MPEG_LAYER_III", format="MP3", compression_level=QUALITY, bitrate_mode="VARIABLE"
    ) as sound:
        sound.write(samples)
    return file.getvalue()


def beginning_as_mp3(wav: Path, seconds: float) -> bytes:
    """The first seconds of a WAV file of ours as an MP3 file.

    Raises:
        soundfile.LibsndfileError: it cannot be read.
    """
    samples, _ = soundfile.read(wav, frames=int(seconds * RATE), dtype="float32", always_2d=True)
    return as_mp3(samples)
