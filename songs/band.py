"""Four players and a score: symbols to notes. Each part reads the same notation in its own way.

melody   pitches: `D5`, or a double stop `B4+G5`
chords   voices of the harmony's voicing, 1 the lowest: `13`; `x` is all of them
bass     `1` the harmony's bass note, `3` and `5` its chord tones, `a` a step that leads to the next bass note
drums    a letter a drum: `KH` is kick and hi-hat

Loudness is shaped here and not written note by note: a section's line, the arch of four-bar phrases, the metre, and
the weight that players give to a syncopation.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from songs.notation import EIGHTH, GRID, Symbol, bars_of, pitch, read

PARTS = ("melody", "chords", "bass", "drums")
DRUMS = {"K": 36, "X": 37, "S": 38, "F": 43, "M": 47, "T": 50, "H": 42, "O": 46, "C": 49, "R": 51, "B": 54}
_BASS_TOP = 46  # what lies above, the bass player takes an octave lower
_TRIM = {"melody": 8, "chords": -12, "bass": 0, "drums": -6}
_DRUM_TRIM = {"K": 4, "S": 6, "H": -12, "O": -8, "R": -10, "B": -14, "X": -4}


@dataclass(frozen=True)
class Note:
    """One note: onset and length in grid ticks from the start of the song."""

    onset: int
    length: int
    pitch: int
    velocity: int


@dataclass(frozen=True)
class Section:
    """A section as it stands in the score: the harmony and four parts, texts of `bars` bars each, and how loud.

    `level` is a line through points that are evenly spaced over the section, in MIDI velocities.
    """

    label: str
    harmony: str
    melody: str
    chords: str
    bass: str
    drums: str
    level: tuple[int, ...]

    @property
    def bars(self) -> int:
        return len(bars_of(self.harmony))


@dataclass(frozen=True)
class Song:
    """A whole song. `voicings` maps a chord to its bass note and its voices."""

    title: str
    key: str  # as MIDI spells it: D, Gm
    metre: tuple[int, int]
    tempos: tuple[tuple[int, int, float], ...]  # (bar from 0, beat of the metre from 0, quarters a minute)
    programs: dict[str, int]
    scale: tuple[int, ...]  # pitch classes, for the bass player's steps
    voicings: dict[str, tuple[str, str]]
    sections: tuple[Section, ...]

    @property
    def bar(self) -> int:
        """The length of a bar in grid ticks."""
        return 4 * GRID * self.metre[0] // self.metre[1]

    @property
    def form(self) -> tuple[tuple[str, int, int], ...]:
        """(label, first bar counted from 0, bars) of each section."""
        firsts = [sum(s.bars for s in self.sections[:i]) for i in range(len(self.sections))]
        return tuple((s.label, first, s.bars) for s, first in zip(self.sections, firsts, strict=True))


@dataclass(frozen=True)
class Harmony:
    """A chord and the ticks over which it sounds."""

    start: int
    end: int
    name: str
    bass: int
    voices: tuple[int, ...]


def harmonies(song: Song) -> list[Harmony]:
    """The song's chords in order; a chord that is only written again in the next bar is one chord."""
    found: list[Harmony] = []
    for symbol in symbols_of(song, "harmony"):
        bass, voices = song.voicings[symbol.name]
        start, end = symbol.start, symbol.start + symbol.length
        if found and found[-1].name == symbol.name:
            start = found.pop().start
        found.append(Harmony(start, end, symbol.name, pitch(bass), tuple(pitch(v) for v in voices.split())))
    return found


def symbols_of(song: Song, part: str) -> list[Symbol]:
    """One line of the score, all sections joined; a part that does not fill its section is an error."""
    symbols: list[Symbol] = []
    for section, (label, first, bars) in zip(song.sections, song.form, strict=True):
        text: str = getattr(section, part)
        if len(bars_of(text)) != bars:
            raise ValueError(f"{song.title}, {label} from bar {first}, {part}: {len(bars_of(text))} bars, not {bars}")
        try:
            found = read(text, song.bar)
        except ValueError as error:
            raise ValueError(f"{song.title}, {label} from bar {first}, {part}: {error}") from error
        symbols += [Symbol(s.start + first * song.bar, s.length, s.name, s.marks) for s in found]
    return symbols


def play(song: Song, part: str) -> list[Note]:
    """A part's notes by onset and pitch; none overlaps the next of its pitch."""
    plan = harmonies(song)
    notes: list[Note] = []
    for symbol in symbols_of(song, part):
        now = symbol.start + (EIGHTH if ">" in symbol.marks else 0)
        here = next((i for i, h in enumerate(plan) if h.start <= now < h.end), len(plan) - 1)
        length = _length(song, symbol)
        if part in ("chords", "bass"):
            length = min(length, plan[here].end - symbol.start)
        for sound, trim in _sounds(song, part, symbol, plan, here):
            notes.append(Note(symbol.start, length, sound, _velocity(song, part, symbol, sound, trim)))
    return list(_without_overlaps(sorted(notes, key=lambda note: (note.onset, note.pitch))))


def _length(song: Song, symbol: Symbol) -> int:
    if "*" in symbol.marks:
        return song.bar - symbol.start % song.bar
    return symbol.length


def _sounds(song: Song, part: str, symbol: Symbol, plan: list[Harmony], here: int) -> Iterator[tuple[int, int]]:
    """(pitch, loudness of its own) of each note that a symbol stands for in this part."""
    name, voices = symbol.name, plan[here].voices
    if part == "melody":
        names = sorted(name.split("+"), key=pitch)
        yield from ((pitch(n), 0 if n == names[-1] else -10) for n in names)
    elif part == "drums":
        yield from ((DRUMS[letter], _DRUM_TRIM.get(letter, 0)) for letter in name)
    elif part == "chords":
        yield from ((voices[i], 0) for i in (range(len(voices)) if name == "x" else (int(n) - 1 for n in name)))
    else:
        yield _bass_note(song, symbol, plan, here), 0


def _bass_note(song: Song, symbol: Symbol, plan: list[Harmony], here: int) -> int:
    chord = plan[here]
    classes = {voice % 12 for voice in chord.voices}
    above = [p for p in range(chord.bass + 1, chord.bass + 12) if p % 12 in classes]
    third, fifth = (p - 12 if p > _BASS_TOP else p for p in above[:2])
    tones = {"1": chord.bass, "3": third, "5": fifth}
    if symbol.name != "a":
        return tones[symbol.name]
    if chord.end != symbol.start + symbol.length or here + 1 == len(plan):
        return fifth
    target = plan[here + 1].bass
    sides = (-1, 1) if target > chord.bass else (1, -1)
    steps = [target + side * step for side in sides for step in (1, 2)]
    # The near side first, there a chord tone first.
    ranked = sorted(steps, key=lambda p: ((p - target) * sides[0] < 0, p % 12 not in classes))
    return next(p for p in ranked if p != chord.bass and (p % 12 in classes or p % 12 in song.scale))


def _velocity(song: Song, part: str, symbol: Symbol, sound: int, trim: int) -> int:
    """How loud: the section's line, the phrase's arch, the metre, the marks and, in the melody, the height."""
    level = _level(song, symbol.start) + _stress(song, symbol)
    level += 9 * symbol.marks.count("!") - 9 * symbol.marks.count("?")
    if part == "melody":
        level += (sound - 74) / 2
    return max(1, min(127, round(level + _TRIM[part] + trim)))


def _level(song: Song, tick: int) -> float:
    """The loudness of the moment: between the section's points in a straight line, each four bars swelling a little."""
    index = max(i for i, (_, first, _) in enumerate(song.form) if first * song.bar <= tick)
    section, since = song.sections[index], tick - song.form[index][1] * song.bar
    left, rest = divmod(since / (section.bars * song.bar) * (len(section.level) - 1), 1)
    here, there = section.level[int(left) : int(left) + 2]
    way = since % (4 * song.bar) / (4 * song.bar)
    return here + (there - here) * rest + 12 * way * (1 - way)  # no sine: its last digit differs between machines


def _stress(song: Song, symbol: Symbol) -> int:
    """The metre's weight at an onset; an offbeat that sounds on into the beat is a syncopation and gets one too."""
    half, beat = song.bar // 2, (GRID if song.metre[1] == 4 else 3 * EIGHTH)
    place = symbol.start % song.bar
    if place % half == 0:
        return 4 if place else 7
    if place % beat == 0:
        return 2
    if place % beat + symbol.length > beat:
        return 3
    return -3 if place % EIGHTH == 0 else -6


def _without_overlaps(notes: list[Note]) -> Iterator[Note]:
    following: dict[int, int] = {}
    kept: list[Note] = []
    for note in reversed(notes):
        end = min(note.onset + note.length, following.get(note.pitch, note.onset + note.length))
        kept.append(Note(note.onset, end - note.onset, note.pitch, note.velocity))
        following[note.pitch] = note.onset
    return reversed(kept)
