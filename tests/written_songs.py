"""Songs as tests look at them: one that was drawn, whether two are the same, and whether one can be played."""

from __future__ import annotations

import numpy as np

from datamodules.song import Song
from experiments.music.events.generation import generate
from experiments.music.events.settings import Settings
from experiments.music.prime import Prime
from experiments.winners import Winner


def one(winners: dict[str, Winner], prime: Prime, settings: Settings) -> Song:
    (song,) = generate(winners, prime, settings)
    return song


def same(a: Song, b: Song) -> bool:
    columns = ("onset", "pitch", "length", "velocity", "part")
    return all(np.array_equal(getattr(a.notes, name), getattr(b.notes, name)) for name in columns)


def assert_playable(song: Song) -> None:
    """No zero lengths, no pitch over its own next onset, velocities that MIDI has, sorted."""
    notes = song.notes
    assert (notes.length >= 1).all()
    assert ((notes.velocity >= 1) & (notes.velocity <= 127)).all()
    rows = list(zip(notes.onset.tolist(), notes.part.tolist(), notes.pitch.tolist(), strict=True))
    assert rows == sorted(rows)
    for pitch in set(notes.pitch.tolist()):
        own = np.flatnonzero(notes.pitch == pitch)
        ends = (notes.onset + notes.length)[own]
        assert (ends[:-1] <= notes.onset[own][1:]).all()
