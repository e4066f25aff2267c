"""What a new song wears when the heads have written it: key, tracks, instruments, drums."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from datamodules.keys import Key
from datamodules.midi.writing import part_name
from datamodules.song import Song
from experiments.command_line.cli import note, say
from experiments.music.arrangement.arranging import Arrangement, arranged, read_instruments
from experiments.music.arrangement.keys import key_of, read_key, transposed
from experiments.music.own_song.joining import with_drums
from experiments.music.prime import Prime
from experiments.music.training_songs import TrainingSongs, leader_of, parts_of
from experiments.winners import Winner

__all__ = ["Dress", "Dresser", "dress_of", "dresser"]


@dataclass(frozen=True)
class Dress:
    """What a user asked for.

    Attributes:
        key: that the song is moved into; None for the one that it is in.
        split: whether melody, chords and bass have a track each.
        instruments: role -> General MIDI program, 0 to 127; of other roles, as in the training songs.
        drums: whether the prime's drum bars are laid under it.
        continues: whether it stands behind the whole prime.
        kept: the roles of parts that stay.
    """

    key: Key | None = None
    split: bool = True
    instruments: Mapping[str, int] = field(default_factory=dict)
    drums: bool = False
    continues: bool = False
    kept: frozenset[str] = frozenset()

    @property
    def taken(self) -> frozenset[str]:
        """The roles that no new note is to have."""
        return self.kept if {"melody", "chords", "bass"} - self.kept else frozenset({"melody"})


def dress_of(key: str | None, tracks: str, instruments: str | None, drums: str, go_on: Path | None) -> Dress:
    """The options of `generate`.

    Raises:
        UserError: no key, or no instrument, that there is.
    """
    return Dress(
        key=None if key is None else read_key(key),
        split=tracks == "split",
        instruments=read_instruments(instruments),
        drums=drums == "like",
        continues=go_on is not None,
    )


def dresser(winners: Mapping[str, Winner], prime: Prime, training: TrainingSongs, dress: Dress) -> Dresser:
    """What dresses a song as the training songs are, else the prime, and as the user asked; it says what it did."""
    songs = [song for song, _ in training.songs] or [prime.song]
    arrangement = Arrangement.of(songs, parts_of(leader_of(winners)), dress.taken)
    parts = dress.kept.union(arrangement.roles if arrangement is not None else ())
    return Dresser(prime, dress, arrangement, {role for role in dress.instruments if role in parts})


class Dresser:
    """What dresses songs.

    It is called with a song, and with the whole that it is a part of, under all of which drums lie; None for itself.

    Args:
        prime: whose drums they are; where it is continued, they lie under the new bars.
        dress: what the user asked for.
        arrangement: who plays what; None where nothing tells.
        asked: the roles with an instrument that was asked for, as far as it is known to change something.
    """

    def __init__(self, prime: Prime, dress: Dress, arrangement: Arrangement | None, asked: set[str]) -> None:
        self.prime, self.dress, self.arrangement, self.asked = prime, dress, arrangement, asked
        self.drums = dress.drums and "drums" not in dress.kept
        self._note_idle(dress.instruments.keys() - asked, "as the training songs have no such part for the new song")
        if asked and prime.exact is not None:
            told = [f"{role} on {part_name('', dress.instruments[role], drums=False)}" for role in sorted(asked)]
            say(f"instruments: in the new bars alone, {', '.join(told)}; the song before keeps its own")
        if dress.drums and not self.drums:
            note("--drums like: changes nothing, as the song's own drums are kept")
        elif dress.drums and not any(part.drums for part in prime.song.parts):
            note(f"--drums like: {prime.song.name} has no drums")

    def __call__(self, song: Song, whole: Song | None = None) -> Song:
        dress = self.dress
        if self.arrangement is not None:
            song = arranged(song, self.arrangement, dress.instruments, split=dress.split)
            if not dress.split and len(song.notes):
                self._note_other(song.parts[0].role)
        if dress.key is not None:
            was = key_of(song)
            song, step = transposed(song, dress.key)
            say(f"key: moved by {step:+d} semitones, from {was.name} into {key_of(song).name}")
        return with_drums(song, self.prime.song, self.prime.ahead, whole) if self.drums else song

    def _note_other(self, role: str) -> None:
        """Say once which instruments are not heard on a single track."""
        others = self.asked - self.dress.kept - {role}
        self._note_idle(others, f"as --tracks one has the instrument of most of its notes, which are {role}")
        self.asked = self.asked - others

    def _note_idle(self, roles: Collection[str], why: str) -> None:
        for role in sorted(roles):
            note(f"--instruments {role}: changes nothing, {why}")
