"""A song to a WAV file: neither silent, clipped nor clicking, in time, and never endless."""

from __future__ import annotations

import hashlib
import wave
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from datamodules.errors import UserError
from datamodules.midi.reading import read_midi
from datamodules.song import Notes, Part, Song
from experiments.music.sound.drums import drum
from experiments.music.sound.wav import LONGEST_MINUTES, PEAK, RATE, render, seconds_at, song_seconds, write_wav
from songs import bundled

PIANO = Part("piano", 0, False, "chords")


def song_of(
    *notes: tuple[int, int, int, int], part: Part = PIANO, tempos: tuple[tuple[float, float], ...] = ()
) -> Song:
    """A song of notes (onset, pitch, length, velocity) in quarters of 24 ticks."""
    columns = [np.array(column, np.int32) for column in zip(*notes, strict=True)] or [np.zeros(0, np.int32)] * 4
    table = Notes(*columns, np.zeros(len(notes), np.int32))
    metres = np.array([[0, 4, 4]], np.int32)
    return Song(24, (part,), table, np.array(tempos or [(0.0, 120.0)]), metres, np.zeros((0, 3), np.int32))


def loudness(sound: np.ndarray, start: float, stop: float) -> float:
    return float(np.sqrt((sound[int(start * RATE) : int(stop * RATE)] ** 2).mean()))


def test_a_bundled_song_is_heard_whole(tmp_path: Path) -> None:
    song = read_midi(bundled()[0])
    path = tmp_path / "song.wav"
    write_wav(song, path)
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, 44100)
        sound = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2).astype(np.float64) / 32767
    assert len(sound) / RATE == pytest.approx(song_seconds(song) + 1.5, abs=0.01)
    assert np.abs(sound).max() == pytest.approx(PEAK, abs=1e-3)
    assert abs(sound.mean()) < 1e-3
    for start in range(3, int(song_seconds(song)) - 1):
        assert loudness(sound, start, start + 1) > 0.005, start
    assert (np.abs(sound[[0, -1]]) < 1e-3).all()


def test_times_follow_the_tempo_map() -> None:
    song = song_of((0, 60, 24, 80), tempos=((0.0, 120.0), (48.0, 60.0), (96.0, 240.0)))
    seconds = seconds_at(song, np.array([0, 24, 48, 72, 96, 192]))
    assert seconds.tolist() == pytest.approx([0, 0.5, 1.0, 2.0, 3.0, 4.0])
    for bundled_song in map(read_midi, bundled()):
        assert song_seconds(bundled_song) > 120


def test_a_note_sounds_in_its_time_and_at_its_pitch() -> None:
    sound = render(song_of((48, 69, 48, 100)))  # one second of A4, after one second of silence
    assert loudness(sound, 0, 0.99) < 1e-6
    assert loudness(sound, 1.05, 1.9) > 0.1
    assert loudness(sound, 2.9, 3.4) < 0.02
    middle = sound[int(1.2 * RATE) : int(1.2 * RATE) + RATE // 2, 0]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    assert 2 * int(spectrum.argmax()) == pytest.approx(440, abs=2)


@pytest.mark.parametrize("program", [0, 24, 33, 48, 19, 73])
def test_no_timbre_clicks(program: int) -> None:
    """Where notes begin and end the sound bends no more sharply than within them."""
    part = Part("x", program, False, "melody")
    sound = render(song_of((24, 48, 24, 100), (49, 48, 7, 100), (56, 48, 7, 60), part=part))[:, 0].astype(np.float64)
    bend = np.abs(np.diff(sound, 2))
    inside = bend[int(0.55 * RATE) : int(0.95 * RATE)].max()
    assert bend.max() < 2.5 * inside


def test_louder_notes_are_louder() -> None:
    sound = render(song_of((0, 60, 12, 30), (48, 60, 12, 120)))
    assert loudness(sound, 1.0, 1.2) > 3 * loudness(sound, 0, 0.2)


def test_the_same_song_gives_the_same_bytes(tmp_path: Path) -> None:
    song = song_of((0, 60, 24, 80), (24, 64, 24, 90))
    digests = set()
    for name in ("a.wav", "b.wav"):
        write_wav(song, tmp_path / name)
        digests.add(hashlib.sha256((tmp_path / name).read_bytes()).digest())
    assert len(digests) == 1


def test_every_pitch_and_every_drum_can_be_heard() -> None:
    everything = [(6 * pitch, pitch, 5, 100) for pitch in range(128)]
    for part in (PIANO, Part("kit", 0, True, "drums")):
        sound = render(song_of(*everything, part=part))
        assert np.isfinite(sound).all()
    for pitch in range(128):
        sample = drum(pitch, RATE)
        assert np.abs(sample).max() > 0.05
        assert abs(sample[0]) < 0.05
        assert abs(sample[-1]) < 0.01


def test_a_very_long_note_costs_no_more_than_a_tone() -> None:
    sound = render(song_of((0, 60, 24 * 60, 100), (24 * 120, 60, 2, 100)))
    assert loudness(sound, 20, 59) < 1e-3


def test_what_cannot_be_heard_is_refused(tmp_path: Path) -> None:
    minute = 24 * 120
    with pytest.raises(UserError, match="30 minutes"):
        write_wav(song_of((0, 60, 24, 80), (int(LONGEST_MINUTES) * minute, 60, 1, 80)), tmp_path / "long.wav")
    slow = replace(song_of((2**30, 60, 24, 80)), tempos=np.array([[0.0, 4.0]]))
    with pytest.raises(UserError, match="minutes"):
        write_wav(slow, tmp_path / "endless.wav")
    with pytest.raises(UserError, match="no notes"):
        write_wav(song_of(), tmp_path / "empty.wav")
    assert not list(tmp_path.glob("*.wav"))
