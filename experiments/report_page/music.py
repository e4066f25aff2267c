"""A song as something to look at and listen to in a page: a piano roll as SVG, its sound as MP3, its MIDI file."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datamodules.files import read_whole
from datamodules.midi.raw_bytes import Limits
from datamodules.names import BLACK_KEYS, pitch_name
from datamodules.song import Song, bar_lines
from experiments.command_line.cli import note
from experiments.music.copying.figures import GRAMS, TOLD, Copying
from experiments.music.own_song.exact import read_exact
from experiments.music.prime import find_prime
from experiments.music.sound.mp3 import as_mp3
from experiments.music.sound.wav import LONGEST_MINUTES, RATE, render, seconds_at, song_seconds
from experiments.music.training_songs import reading_limits
from experiments.winners import Winner

__all__ = ["Copied", "Music", "Piece", "copied", "piece", "read_prime"]

SECOND = 14  # units that a second is wide
ROW = 5  # units that a pitch is high
MOST_NOTES = 30_000  # that are drawn
MOST_BYTES = 4_600_000  # of all sounds: in base64, they leave a page of 8 MB room for its pictures


@dataclass(frozen=True)
class Piece:
    """A song in the page.

    Attributes:
        title, about: what it is, in a word and in a line.
        roll: SVG; its width is the time, evenly.
        seconds: what the roll's width, and the sound, last.
        roles: of its parts, in the order of their colours' legend.
        low, high: names of the lowest and the highest pitch of the roll.
        sound: MP3 in base64; "" for a song without one.
        midi: the file in base64.
        name: of the file, without the ending.
    """

    title: str
    about: str
    roll: str
    seconds: float
    roles: tuple[str, ...]
    low: str
    high: str
    sound: str
    midi: str
    name: str


@dataclass(frozen=True)
class Copied:
    """How much of a new song stands in the training songs.

    Attributes:
        title: whose figures these are.
        heading, rows: a table, held-out real songs in brackets; no rows where nothing was compared.
        about: what was compared, in words.
    """

    title: str
    heading: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    about: str


@dataclass(frozen=True)
class Music:
    """What is heard in the page, and beside it.

    Attributes:
        pieces: the new songs, and what they go on from.
        copied: how much of each new song stands in the training songs.
        blind: name of the blind page beside it; "" for none.
    """

    pieces: tuple[Piece, ...] = ()
    copied: tuple[Copied, ...] = ()
    blind: str = ""


def copied(name: str, found: Copying) -> Copied:
    """The copy figures of the song in a file as a table."""
    rows = [
        (TOLD[view], *(found.told(view, length) for length in GRAMS), found.longest_told(view), found.source(view))
        for view in found.views
    ]
    heading = ("", *(f"{length} in a row" for length in GRAMS), "longest", "where")
    brackets = " (held-out real songs in brackets)" if found.beside else ""
    return Copied(
        f"Copied: how much of {name} stands in the training songs{brackets}", heading, tuple(rows), found.about
    )


def piece(title: str, on_grid: Song, song: Song, path: Path, *, pieces: int) -> Piece:
    """A song and the MIDI file that it was read from.

    What is too long to be heard in a page is heard from its beginning on, and this is told.

    Args:
        on_grid: as heads hear it, whose events are counted.
        song: as it stands in its file, which is what is seen and heard.
        pieces: how many share the page.
    """
    sound, heard = _mp3(song, title, MOST_BYTES // pieces)
    seconds = heard or song_seconds(song)
    roll, low, high = _roll(song, seconds)
    minutes, rest = divmod(round(song_seconds(song)), 60)
    events = len(on_grid.events())
    about = f"{len(bar_lines(song)) - 1:,} bars, {events:,} events, {len(song.notes):,} notes, {minutes}:{rest:02}"
    about += "; heard here: its beginning" if heard and heard + 2 < song_seconds(song) else ""
    return Piece(
        title=title,
        about=about,
        roll=roll,
        seconds=round(seconds, 3),
        roles=tuple(dict.fromkeys(part.role for part in song.parts if not part.drums)),
        low=low,
        high=high,
        sound=base64.b64encode(sound).decode(),
        midi=base64.b64encode(read_whole(path, Limits.bytes)).decode(),
        name=path.stem,
    )


def read_prime(winners: Mapping[str, Winner]) -> tuple[str, Song, Song, Path]:
    """The song that a new one goes on from, unless another is named: what `piece` takes of it.

    Raises:
        UserError: there is none that these heads can go on from.
    """
    prime = find_prime(winners, None)
    path = Path(prime.song.name)
    song, exact = read_exact("the prime", path, grid=prime.song.grid, limits=reading_limits(winners.values()))
    return f"What a new song goes on from, unless another is named: {path.name}", song, exact, path


def _mp3(song: Song, title: str, most: int) -> tuple[bytes, float]:
    """The sound, and the seconds that it lasts; nothing and 0 for a song that has none."""
    if not len(song.notes) or song_seconds(song) > LONGEST_MINUTES * 60:
        note(f"{title}: no sound in the page, for it is empty or longer than {LONGEST_MINUTES:g} minutes")
        return b"", 0.0
    samples = render(song)
    found = as_mp3(samples)
    if len(found) > most:
        samples = samples[: int(len(samples) * 0.95 * most / len(found))].copy()
        fade = min(RATE, len(samples))
        samples[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)[:, None]
        found = as_mp3(samples)
        note(f"{title} is long: the page plays its first {len(samples) / RATE:.0f} seconds")
    return found, len(samples) / RATE


def _roll(song: Song, seconds: float) -> tuple[str, str, str]:
    """The roll, and the names of its lowest and highest pitch."""
    notes, keep = song.notes, np.flatnonzero(song.chosen())
    if len(keep) > MOST_NOTES:
        note(f"{song.name}: the page shows its first {MOST_NOTES:,} notes")
        keep = keep[np.argsort(notes.onset[keep], kind="stable")[:MOST_NOTES]]
    pitch = notes.pitch[keep].astype(int)
    onset = notes.onset[keep].astype(np.int64)
    left, right = seconds_at(song, onset), seconds_at(song, onset + notes.length[keep])
    low, high = (int(pitch.min()) - 1, int(pitch.max()) + 1) if len(keep) else (59, 73)
    width, height = seconds * SECOND, (high - low + 1) * ROW
    lines = "".join(_line(at * SECOND, height, number % 4 == 0) for number, at in enumerate(_bars(song, seconds)))
    rows = "".join(
        f'<rect class="black" x="0" y="{(high - row) * ROW}" width="{width:.1f}" height="{ROW}"/>'
        for row in range(low, high + 1)
        if row % 12 in BLACK_KEYS
    )
    groups = []
    for number, part in enumerate(song.parts):
        mine = np.flatnonzero(notes.part[keep] == number)
        if not part.drums and len(mine):
            boxes = "".join(_boxes(left[mine], right[mine], pitch[mine], notes.velocity[keep][mine], high, seconds))
            groups.append(f'<g class="{part.role}">{boxes}</g>')
    svg = (
        f'<svg viewBox="0 0 {width:.1f} {height}" preserveAspectRatio="none" role="img"'
        f' aria-label="piano roll">{rows}{lines}{"".join(groups)}</svg>'
    )
    return svg, pitch_name(low + 1), pitch_name(high - 1)


def _bars(song: Song, seconds: float) -> list[float]:
    """When bars begin."""
    found = seconds_at(song, np.array(bar_lines(song)))
    return [float(at) for at in found if at <= seconds]


def _line(at: float, height: int, strong: bool) -> str:
    kind = "bar strong" if strong else "bar"
    return f'<line class="{kind}" x1="{at:.1f}" x2="{at:.1f}" y1="0" y2="{height}"/>'


def _boxes(
    left: NDArray[Any], right: NDArray[Any], pitch: NDArray[Any], velocity: NDArray[Any], high: int, seconds: float
) -> Iterator[str]:
    for begin, end, row, loud in zip(left, right, pitch, velocity, strict=True):
        if begin < seconds:
            width = max((min(end, seconds) - begin) * SECOND - 0.6, 1.2)
            yield (
                f'<rect x="{begin * SECOND:.1f}" y="{(high - row) * ROW + 0.5:.1f}" width="{width:.1f}"'
                f' height="{ROW - 1}" opacity="{0.45 + 0.55 * loud / 127:.2f}"/>'
            )
