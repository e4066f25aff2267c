"""A new song to files: MIDI, read back to be sure, WAV and PNG; and what they hold, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from datamodules.errors import UserError
from datamodules.form.finding import Section
from datamodules.midi.raw_bytes import RejectedFile
from datamodules.midi.reading import read_midi
from datamodules.midi.writing import write_midi
from datamodules.song import NOTE_COLUMNS, Song, bar_lines
from experiments.command_line.cli import note
from experiments.music.copying.figures import Comparison, Copying
from experiments.music.pictures import piano_roll
from experiments.music.sound.soundfont import write_soundfont_wav
from experiments.music.sound.wav import song_seconds, write_wav

__all__ = ["Written", "numbered_path", "write_song"]


@dataclass(frozen=True)
class Written:
    """A song that was written.

    Attributes:
        midi, picture: its files; `sound` is None for a song that is too long for one.
        song: as it stands in the MIDI file.
        events, bars, seconds: how long it is.
        copying: how much of it stands in the training songs.
    """

    midi: Path
    sound: Path | None
    picture: Path
    song: Song
    events: int
    bars: int
    seconds: float
    copying: Copying

    def describe(self) -> str:
        """The files, the size and the copy figures, for people."""
        minutes, seconds = divmod(round(self.seconds), 60)
        beside = " and ".join(path.name for path in (self.sound, self.picture) if path)
        return (
            f"wrote {self.midi}, and beside it {beside}: {self.events:,} events in {self.bars:,} bars,"
            f" {minutes}:{seconds:02} minutes; read back, and all {len(self.song.notes):,} notes are as meant\n"
            f"copied: {self.copying.describe()}"
        )


def numbered_path(path: Path, number: int) -> Path:
    """output.mid, 2 -> output-2.mid"""
    return path.with_name(f"{path.stem}-{number}{path.suffix}")


def write_song(
    song: Song,
    path: Path,
    compare: Comparison,
    *,
    title: str = "",
    made: Sequence[str] = (),
    soundfont: Path | None = None,
    new: Song | None = None,
    sections: Sequence[Section] = (),
    grid: int | None = None,
) -> Written:
    """Write a song to `path`, with a WAV and a PNG beside it.

    Args:
        compare: with the training songs.
        title: of the picture.
        made: what made it, in lines, for the MIDI file.
        soundfont: what the WAV sounds like; None for our own synthesizer.
        new: what of the song is new, and looked for in the training songs; None for all of it.
        sections: what its plan was, for the picture.
        grid: the heads', on which its events are counted: keys that a hand strikes together are one; None for its own.

    Raises:
        UserError: the folder cannot be written, or the file does not read back as the song (status 1).
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}; choose another --out", status=1) from error
    write_midi(song, path, title=f"tritone, {(new or song).name}", made=made)
    again = _checked(song, path)
    picture = path.with_suffix(".png")
    piano_roll(song, picture, title, sections)
    sound = _heard(song, path, soundfont)
    bars = len(bar_lines(song)) - 1
    copied = compare.of(song if new is None else new)
    events = len((again if grid in (None, song.grid) else read_midi(path, grid=grid)).events())
    return Written(path, sound, picture, again, events, bars, song_seconds(song), copied)


def _heard(song: Song, path: Path, soundfont: Path | None) -> Path | None:
    """The WAV beside the MIDI file at `path`; None, and a note, for a song that is too long for one."""
    sound = path.with_suffix(".wav")
    try:
        write_wav(song, sound) if soundfont is None else write_soundfont_wav(path, soundfont, sound)
    except UserError as error:
        if error.status == 1:  # the disk, not the song
            raise
        note(str(error))
        sound.unlink(missing_ok=True)  # of another song that had this name
        return None
    return sound


def _checked(song: Song, path: Path) -> Song:
    """The song that the file at `path` holds.

    Raises:
        UserError: its notes are not those of `song`.
    """
    try:
        again = read_midi(path, grid=song.grid)
    except RejectedFile as error:
        raise UserError(f"{path} was written, but cannot be read back: {error}", status=1) from error
    for column in NOTE_COLUMNS:
        if not np.array_equal(getattr(again.notes, column), getattr(song.notes, column)):
            raise UserError(f"{path} was written, but its notes differ in {column} when it is read back", status=1)
    return again
