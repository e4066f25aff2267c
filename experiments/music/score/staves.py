"""What a part of a song looks like in a score: its staves, clefs and instrument, its pitches by name, drum signs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from datamodules.keys import LETTERS, Key
from datamodules.midi.writing import channels_of, part_name
from datamodules.song import Song
from experiments.music.score.notation import QUARTER, Note

__all__ = ["Staff", "drum_sign", "spelled", "staves_of"]

KEYBOARDS = (*range(24), 46)  # General MIDI's pianos, mallets and organs, and the harp: two hands, two staves
OCTAVE_LOWER = (*range(24, 40), 43)  # guitars, basses, double bass: written an octave above what sounds
LOW, HIGH, MIDDLE = 55, 64, 60  # a keyboard with notes under LOW and over HIGH has two staves, parted at MIDDLE
# General MIDI's percussion in a drum set's usual places (Weinberg 1998): crossed heads for what is metal
DRUMS = {
    35: ("E4", "normal"), 36: ("F4", "normal"), 37: ("C5", "x"), 38: ("C5", "normal"), 39: ("C5", "slash"),
    40: ("C5", "normal"), 41: ("G4", "normal"), 42: ("G5", "x"), 43: ("A4", "normal"), 44: ("D4", "x"),
    45: ("B4", "normal"), 46: ("G5", "circle-x"), 47: ("D5", "normal"), 48: ("E5", "normal"), 49: ("A5", "x"),
    50: ("F5", "normal"), 51: ("F5", "x"), 52: ("B5", "x"), 53: ("F5", "diamond"), 54: ("B4", "x"),
    55: ("C6", "x"), 56: ("E5", "triangle"), 57: ("A5", "x"), 59: ("F5", "x"),
}  # fmt: skip


@dataclass(frozen=True)
class Staff:
    """One staff of a part.

    Attributes:
        part: its number in the song; `number`: of this staff in it, from 1, `of` how many.
        name, program, drums: the part's; `channel`: the one that it plays on, 9 for drums.
        notes: onset, end, pitch and velocity of each, in ticks of 1/480 quarter note.
    """

    part: int
    number: int
    of: int
    name: str
    program: int
    drums: bool
    channel: int
    notes: list[Note]

    def clef(self) -> Any:
        """The clef of music21 that its notes need fewest ledger lines in."""
        from music21 import clef

        if self.drums:
            return clef.PercussionClef()
        if self.of > 1:
            return clef.TrebleClef() if self.number == 1 else clef.BassClef()
        lines = {clef.TrebleClef: (64, 77), clef.BassClef: (43, 57)}  # the pitches of the lowest and the highest line
        if self.program in OCTAVE_LOWER:
            lines |= {clef.Treble8vbClef: (52, 65), clef.Bass8vbClef: (31, 45)}
        outside = {
            kind: sum(max(low - pitch, pitch - high, 0) for _, _, pitch, _ in self.notes)
            for kind, (low, high) in lines.items()
        }
        return min(lines, key=lambda kind: outside[kind])()

    def instruments(self) -> list[Any]:
        """Those of music21 that play it: one, or for drums one a sound."""
        return list(self._players.values())

    def drum(self, pitch: int) -> Any:
        """The instrument of music21 that a drum sounds by."""
        return self._players[pitch]

    @cached_property
    def _players(self) -> dict[int, Any]:
        """By pitch for drums, else one, as 0."""
        from music21 import instrument
        from pretty_midi import note_number_to_drum_name

        base = instrument.UnpitchedPercussion if self.drums else instrument.Instrument
        players = {}
        for pitch in sorted({row[2] for row in self.notes}) if self.drums else [0]:
            # music21 tells the players of a part from one another by their classes, and gives out 16 channels at most
            kept = {"autoAssignMidiChannel": lambda self, *_, **__: self.midiChannel}
            player = type(f"Player{pitch}", (base,), kept)()
            name = (
                note_number_to_drum_name(pitch) or f"Drum {pitch}" if self.drums else part_name("", self.program, False)
            )
            player.instrumentName, player.instrumentAbbreviation, player.partName = name, None, self.name
            player.partId, player.instrumentId = f"P{self.part + 1}", f"P{self.part + 1}-I{pitch + 1}"
            player.midiChannel, player.midiProgram = self.channel, self.program
            if self.drums:
                player.percMapPitch = pitch
            players[pitch] = player
        return players


def staves_of(song: Song) -> list[Staff]:
    """A staff a part, or two for a keyboard part that both hands are needed for."""
    scale = QUARTER // song.grid
    onset, length = song.notes.onset.astype(np.int64) * scale, song.notes.length.astype(np.int64) * scale
    table = np.stack([onset, onset + length, song.notes.pitch, song.notes.velocity], axis=1)
    channels = channels_of(song)
    staves = []
    for number, part in enumerate(song.parts):
        rows = table[song.notes.part == number]
        pitch = rows[:, 2]
        hands = [np.ones(len(rows), bool)]
        if part.program in KEYBOARDS and not part.drums and (pitch < LOW).any() and (pitch > HIGH).any():
            hands = [pitch >= MIDDLE, pitch < MIDDLE]
        name = part_name(part.name, part.program, part.drums)
        for hand, keep in enumerate(hands, start=1):
            notes = [(a, b, c, d) for a, b, c, d in rows[keep].tolist()]
            staves.append(Staff(number, hand, len(hands), name, part.program, part.drums, channels[number][1], notes))
    return staves


@lru_cache(maxsize=4096)
def spelled(pitch: int, key: Key) -> tuple[str, int]:
    """A pitch by its name in a key, as music21 writes one, and its octave: of C major F# and B-, of A minor G#.

    Of each pitch it takes the name that is nearest on the line of fifths, sharps for a minor key's leading notes.
    """
    lowest = key.sharps - (3 if key.minor else 4)
    fifth = lowest + (pitch * 7 - lowest) % 12  # C is 0, G is 1
    letter, signs = LETTERS[(fifth + 1) % 7], (fifth + 1) // 7
    return f"{letter}{'#' * signs}{'-' * -signs}", (pitch - signs) // 12 - 1


def drum_sign(pitch: int) -> tuple[str, str]:
    """Where a percussion key stands on the staff, and its note head; what a drum set lacks stands above it."""
    return DRUMS.get(pitch, ("D6", "normal"))
