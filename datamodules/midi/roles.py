"""What role a part plays, guessed from its name, its program, its range and how many notes it strikes at once.

The first line that fits decides; `--parts` overrides by name.

    drums   its file says so (`channels`): by channel 10, a bank or a message; or its name does, and no program is set
    melody  it is the only pitched part, monophonic, and its name says nothing else
    bass    monophonic and on average below C3, unless its name says chords, or outright that it is the melody
    any     its name has words of one role alone (`WORDS`): "Lead Guitar", "Bass", "Warm Pad", "Alto"
    bass    a bass program, a contrabass or a tuba
    chords  a program of strings, choirs or pads, or more than 1.2 notes an onset
    melody  a synthesizer's lead program
    melody  no melody yet: the highest of the monophonic parts that are left, if on average at G3 or above
    bass    no bass yet: the lowest of them, if on average below G3
    chords  all others
    melody  still no melody, and several parts: the highest part if it has fewer than two notes an onset (a right hand)
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["WORDS", "Sketch", "guess_roles", "names_drums", "sketch"]

# fmt: off
WORDS = {  # English, and what LilyPond and MuseScore users call their staves
    "melody": frozenset((
        "cantus", "dessus", "lead", "mel", "melodia", "melodie", "melody", "singer", "solo", "sop", "soprano",
        "theme", "tune", "vocal", "vocals", "voice", "vox",
    )),
    "bass": frozenset(("bajo", "bas", "bass", "basse", "bassline", "basso", "baixo", "contrabass")),
    "chords": frozenset((
        "accomp", "accompaniment", "alt", "alto", "altus", "backing", "bridge", "choir", "chord", "chords", "comp",
        "harmony",
        "pad", "pads", "rhythm", "string", "strings", "tenor", "tenore",
    )),
}
_DRUMS = frozenset((
    "bateria", "batería", "batteria", "batterie", "drumkit", "drums", "drumset", "hihat", "hihats", "kick", "perc",
    "percussion", "schlagzeug", "snare",
))
_PITCHED = frozenset((  # percussion that plays notes, and what drums are played together with
    "bell", "bells", "guitar", "keys", "mallet", "mallets", "melodic", "organ", "piano", "pitched", "steel", "synth",
    "timpani", "tuned",
))
# fmt: on
_PHRASES = re.compile(r"\b(drum kit|drum set|bass drums?|hi hats?)\b")
_OUTRIGHT = frozenset(("lead", "mel", "melodia", "melodie", "melody"))  # a voice may well be the bass
_BASS_PROGRAMS = frozenset((*range(32, 40), 43, 58))
_LEAD_PROGRAMS = frozenset(range(80, 88))
_CHORD_PROGRAMS = frozenset((*range(48, 55), *range(88, 96)))
_MONOPHONIC = 1.2  # notes an onset, on average: a grace note or a double stop here and there is no chord
_LOW, _LOWISH = 48, 55  # C3 and G3


@dataclass(frozen=True)
class Sketch:
    """All that a guess looks at: `pitch` is the mean MIDI number, `density` the mean number of notes an onset."""

    name: str
    program: int
    drums: bool
    pitch: float
    density: float


def names_drums(name: str) -> bool:
    """Whether a track's name says drums and nothing else: "Drum Kit", "Perc 2", not "Steel Drums", "Drums & Bass"."""
    words = set(_PHRASES.sub("drums", " ".join(_words(name))).split())
    return bool(words & _DRUMS) and words.isdisjoint(_PITCHED.union(*WORDS.values()))


def sketch(name: str, program: int, drums: bool, onset: NDArray[np.int64], pitch: NDArray[np.int64]) -> Sketch:
    """Sum up a part; `onset` and `pitch` have shape (notes,), at least one note."""
    return Sketch(name, program, drums, float(pitch.mean()), len(onset) / len(np.unique(onset)))


def guess_roles(parts: list[Sketch]) -> list[str]:
    """One of `song.ROLES` for each part."""
    pitched = [i for i, part in enumerate(parts) if not part.drums]
    roles = [_own_role(part, alone=len(pitched) == 1) for part in parts]
    left = [i for i, role in enumerate(roles) if not role]  # all monophonic
    high = [i for i in left if parts[i].pitch >= _LOWISH]
    if high and "melody" not in roles:
        roles[max(high, key=lambda i: parts[i].pitch)] = "melody"
    low = [i for i in left if parts[i].pitch < _LOWISH]
    if low and "bass" not in roles:
        roles[min(low, key=lambda i: parts[i].pitch)] = "bass"
    roles = [role or "chords" for role in roles]
    if "melody" not in roles and len(pitched) > 1:
        highest = max(pitched, key=lambda i: parts[i].pitch)
        if roles[highest] == "chords" and parts[highest].density < 2:
            roles[highest] = "melody"
    return roles


def _own_role(part: Sketch, *, alone: bool) -> str:
    """The role that a part has whatever the others are; empty if that depends on them."""
    if part.drums:
        return "drums"
    words = set(_words(part.name))
    named = [role for role, known in WORDS.items() if words & known]
    if alone and part.density < _MONOPHONIC and not named:
        return "melody"
    outright = named == ["chords"] or (named == ["melody"] and words & _OUTRIGHT)
    if part.density < _MONOPHONIC and part.pitch < _LOW and not outright:
        return "bass"
    if len(named) == 1:
        return named[0]
    if part.program in _BASS_PROGRAMS:
        return "bass"
    if part.program in _CHORD_PROGRAMS or part.density >= _MONOPHONIC:
        return "chords"
    return "melody" if part.program in _LEAD_PROGRAMS else ""


def _words(name: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", name.casefold())
