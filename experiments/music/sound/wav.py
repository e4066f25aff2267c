"""A song to a WAV file, with numpy alone: a few struck, plucked and bowed timbres, and drums of noise.

Every note is a sum of partials that die away, the high ones faster; a tone is made once for a timbre and pitch, and
each note is a stretch of it with its own loudness and release. A short room is laid over the whole.
"""

from __future__ import annotations

import io
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datamodules.errors import UserError
from datamodules.song import Part, Song
from experiments.files import write_bytes
from experiments.music.sound.drums import drum

__all__ = ["LONGEST_MINUTES", "PEAK", "RATE", "render", "save_wav", "seconds_at", "song_seconds", "write_wav"]

RATE = 44_100  # samples a second
LONGEST_MINUTES = 30.0  # 600 MB of samples while it is mixed
PEAK = 10 ** (-1 / 20)  # -1 dBFS: players that resample do not clip
TAIL = 1.5  # seconds after the last note, for its release and the room
LONGEST_TONE = 12.0  # seconds after which any tone is silent, however long its note
ROOM, WET = 0.9, 0.16  # seconds of reverberation, and its loudness beside the dry sound
BLOCK = 1 << 17  # samples that are convolved or converted at once

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Timbre:
    """How a pitched part sounds.

    Attributes:
        partials: loudness of the partials, from the fundamental up.
        decay: seconds in which the fundamental of middle C falls to a third; lower notes last longer.
        damping: how much faster each further partial dies.
        attack: seconds until a note is at its loudest.
        release: seconds from a note's end to silence.
        level: loudness beside the other parts.
        stretch: inharmonicity, as of a piano's stiff strings.
    """

    partials: tuple[float, ...]
    decay: float
    damping: float
    attack: float
    release: float
    level: float
    stretch: float = 0.0


PIANO = Timbre((1.0, 0.55, 0.32, 0.22, 0.12, 0.08, 0.05, 0.03), 0.9, 0.55, 0.004, 0.12, 1.0, stretch=3e-4)
PLUCKED = Timbre((1.0, 0.7, 0.45, 0.3, 0.2, 0.12, 0.08), 0.6, 0.7, 0.003, 0.08, 0.9, stretch=1e-4)
BASS = Timbre((1.0, 0.5, 0.3, 0.12, 0.06), 0.8, 0.6, 0.006, 0.07, 1.2)
BOWED = Timbre((1.0, 0.5, 0.33, 0.2, 0.12, 0.07), 6.0, 0.05, 0.06, 0.16, 0.7)
PIPE = Timbre((1.0, 0.25, 0.3, 0.05, 0.08), 8.0, 0.02, 0.03, 0.08, 0.7)


def timbre_of(part: Part) -> Timbre:
    """The timbre nearest to a part's General MIDI program."""
    program = part.program
    if 32 <= program <= 39:
        return BASS
    if 24 <= program <= 31 or 104 <= program <= 107 or program in (6, 7, 15, 45, 46):
        return PLUCKED
    if 40 <= program <= 54 or 88 <= program <= 95:  # strings, choirs, pads
        return BOWED
    if 16 <= program <= 23 or 56 <= program <= 87:  # organs, brass, reeds, pipes, leads
        return PIPE
    return PIANO


def seconds_at(song: Song, ticks: NDArray[np.integer]) -> NDArray[np.float64]:
    """When ticks sound, in seconds, by the song's tempo map; same shape. Ticks after the last change keep its tempo."""
    changes, tempos = song.tempos[:, 0], song.tempos[:, 1]
    lengths = 60.0 / (tempos * song.grid)  # seconds a tick, from each change on
    begins = np.r_[0.0, np.cumsum(np.diff(changes) * lengths[:-1])]
    row = np.maximum(np.searchsorted(changes, ticks, side="right") - 1, 0)
    seconds: NDArray[np.float64] = begins[row] + (ticks - changes[row]) * lengths[row]
    return seconds


def song_seconds(song: Song) -> float:
    """When the song's last note ends; 0 for an empty song."""
    if not len(song.notes):
        return 0.0
    ends = song.notes.onset.astype(np.int64) + song.notes.length
    return float(seconds_at(song, ends[[int(ends.argmax())]])[0])


def write_wav(song: Song, path: Path) -> None:
    """Write the song as a 16-bit stereo WAV file at 44.1 kHz, whole or not at all.

    Raises:
        UserError: the song is empty or longer than `LONGEST_MINUTES`, or the folder cannot be written.
    """
    save_wav(render(song), path)


def save_wav(sound: Samples, path: Path) -> None:
    """Write samples (n, 2) within [-1, 1], whole or not at all."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.setnframes(len(sound))
        for start in range(0, len(sound), BLOCK):
            file.writeframesraw(np.rint(sound[start : start + BLOCK] * 32767).astype("<i2").tobytes())
    write_bytes(path, buffer.getvalue())


def render(song: Song) -> Samples:
    """The song's sound, float32 (samples, 2: left and right), its loudest sample at `PEAK`.

    Raises:
        UserError: the song is empty, or longer than `LONGEST_MINUTES`.
    """
    seconds = song_seconds(song)
    if not seconds:
        raise UserError("there is nothing to hear: the song has no notes")
    if seconds > LONGEST_MINUTES * 60:
        raise UserError(f"a song of {seconds / 60:,.0f} minutes makes no WAV: up to {LONGEST_MINUTES:g} minutes do")
    sound = np.zeros((int((seconds + TAIL) * RATE), 2), np.float32)
    _mix(song, sound)
    _add_room(sound)
    fade = min(RATE // 4, len(sound))
    sound[len(sound) - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)[:, None]
    sound *= PEAK / max(float(sound.max()), -float(sound.min()), 1e-9)
    return sound


def _mix(song: Song, sound: Samples) -> None:
    """Add every note to the sound."""
    notes = song.notes
    onset = notes.onset.astype(np.int64)
    start = np.rint(seconds_at(song, onset) * RATE).astype(np.int64)
    length = np.rint(seconds_at(song, onset + notes.length) * RATE).astype(np.int64) - start
    order = np.lexsort((start, notes.pitch, notes.part))  # notes of one tone together: it is made once, and not kept
    key: tuple[int, int] | None = None
    for row in order.tolist():
        part, pitch = song.parts[int(notes.part[row])], int(notes.pitch[row])
        gain = (int(notes.velocity[row]) / 127) ** 1.5  # about what synthesizers do
        if key != (int(notes.part[row]), pitch):
            key = int(notes.part[row]), pitch
            same = (notes.part == key[0]) & (notes.pitch == pitch)
            timbre = timbre_of(part)
            release = int(timbre.release * RATE)
            tone = drum(pitch, RATE) if part.drums else _tone(timbre, pitch, int(length[same].max()) + release)
            place = _place(part, pitch)
        stop = len(tone) if part.drums else min(int(length[row]) + release, len(tone))
        piece = tone[:stop] * np.float32(gain)
        if not part.drums:
            # a smooth way to silence, from the note's end on; for what is shorter than that, over all of it
            ending = min(release, stop)
            piece[stop - ending :] *= _falling(ending)
        stop = min(stop, len(sound) - int(start[row]))
        sound[int(start[row]) : int(start[row]) + stop] += piece[:stop, None] * place


def _tone(timbre: Timbre, pitch: int, samples: int) -> Samples:
    """A tone of so many samples, or of `LONGEST_TONE` if that is less; float32 (samples,)."""
    count = min(samples, int(LONGEST_TONE * RATE))
    time = np.arange(count, dtype=np.float64) / RATE
    fundamental = 440.0 * 2 ** ((pitch - 69) / 12)
    decay = timbre.decay * 2 ** ((60 - pitch) / 24)
    tone = np.zeros(count, np.float32)
    for number, loudness in enumerate(timbre.partials, start=1):
        frequency = fundamental * number * np.sqrt(1 + timbre.stretch * number**2)
        if frequency > 0.45 * RATE:
            break
        phase = np.mod(time * frequency, 1.0).astype(np.float32) * np.float32(2 * np.pi)
        fall = np.exp(-(time * ((1 + timbre.damping * (number - 1)) / decay)).astype(np.float32))
        tone += np.float32(loudness) * np.sin(phase) * fall
    rise = min(max(int(timbre.attack * RATE), 1), count)
    tone[:rise] *= 1 - _falling(rise)
    last = min(RATE // 10, count)
    if count < samples:  # a note longer than the longest tone
        tone[count - last :] *= _falling(last)
    tone *= np.float32(timbre.level / sum(timbre.partials))
    return tone


def _falling(samples: int) -> Samples:
    """Half a cosine from 1 to 0."""
    fall: Samples = (0.5 + 0.5 * np.cos(np.linspace(0, np.pi, samples))).astype(np.float32)
    return fall


def _place(part: Part, pitch: int) -> Samples:
    """Gains for left and right, of equal power: bass and drums in the middle, the rest as on a keyboard."""
    side = 0.0 if part.drums or part.role == "bass" else float(np.clip((pitch - 62) / 60, -0.5, 0.5))
    angle = (side + 1) * np.pi / 4
    return np.array([np.cos(angle), np.sin(angle)], np.float32)


def _add_room(sound: Samples) -> None:
    """Lay a short reverberation over the sound, in place: noise that dies away, other noise on each side."""
    count = int(ROOM * RATE)
    time = np.arange(count) / RATE
    noise = np.random.default_rng(0).standard_normal((count, 2))
    echo = noise * np.exp(-6.9 * time / ROOM)[:, None]  # 60 dB down at its end
    echo[: RATE // 100] = 0  # the first wall is 3 m away
    echo = np.apply_along_axis(lambda side: np.convolve(side, np.full(8, 1 / 8), "same"), 0, echo)  # walls are dull
    echo *= WET / np.sqrt((echo**2).sum(axis=0))
    size = 1 << (BLOCK + count - 1).bit_length()
    spectrum = np.fft.rfft(echo, size, axis=0)
    carried = np.zeros((count, 2))
    for start in range(0, len(sound), BLOCK):
        dry = sound[start : start + BLOCK]
        wet = np.fft.irfft(np.fft.rfft(dry, size, axis=0) * spectrum, size, axis=0)
        wet[:count] += carried
        carried = wet[len(dry) : len(dry) + count].copy()
        dry += wet[: len(dry)].astype(np.float32)
