"""The Last Ferry North: G minor, 6/8, 84 quarters a minute (56 swaying beats); a folk ballad on a dotted lilt.

The verse's first bar (a neighbour note, then a third up) is the seed: the verse's third line and the chorus's last line
sing it again a fourth higher. The bridge moves in three quarters against the two beats; the end turns to major.
"""

from songs.band import Section, Song
from songs.notation import loop

VOICINGS = {  # chord: bass note, voices; outer voices move by step
    "Gm": ("G2", "G3 Bb3 D4 G4"),
    "Gm/Bb": ("Bb1", "G3 Bb3 D4 G4"),
    "G": ("G1", "G3 B3 D4 G4"),
    "Eb": ("Eb2", "G3 Bb3 Eb4 G4"),
    "Eb/G": ("G2", "G3 Bb3 Eb4 G4"),
    "Cm": ("C2", "G3 C4 Eb4 G4"),
    "D7": ("D2", "A3 C4 D4 F#4"),
    "D7sus": ("D2", "A3 C4 D4 G4"),
    "F": ("F2", "F3 A3 C4 F4"),
    "Bb": ("Bb1", "F3 Bb3 D4 F4"),
    "Bb/D": ("D2", "F3 Bb3 D4 F4"),
    "Ab": ("Ab1", "Ab3 C4 Eb4 Ab4"),
}

# Melody, four bars a line.
INTRO = """
r:2. | r | r | r:4. r:4 C5:8 |
D5:4. Bb4:4 A4:8 | G4:4. r:4 D5:8 | Eb5:8. D5:16 Eb5:8 C5:4 Bb4:8 | A4:4. r:4 G4:16 A4
"""
VERSE_1 = """
Bb4:8. A4:16 Bb4:8 D5!:4 C5:8 | D5:4. Bb4:4 A4:8 | G4:8. A4:16 Bb4:8 C5:4 Bb4:8 | A4:4. r:4 G4:16 A4 |
Bb4:8. A4:16 Bb4:8 D5!:4 C5:8 | D5:4. F5:4 D5:8 | Eb5:8. D5:16 C5:8 C5 Bb4 A4 | G4:4. r:4 D5:8 |
Eb5:8. D5:16 Eb5:8 G5!:4 F5:8 | F5:4. C5:4 Eb5:8 | D5:8. C5:16 D5:8 F5:4 D5:8 | D5:4 C5:8 A4:4 G4:16 A4 |
Bb4:8. A4:16 Bb4:8 D5!:4 C5:8 | D5:4. Bb4:4 A4:8 | G4:8. A4:16 Bb4:8 A4:4 F#4:8 | G4:4. r:8 D5 F5
"""
VERSE_2 = """
Bb4:8. A4:16 Bb4:8 D5!:8 Eb5:16 D5 C5:8 | D5:4. Bb4:4 A4:8 |
G4:8. A4:16 Bb4:8 C5:8 D5:16 C5 Bb4:8 | A4:4. r:4 G4:16 A4 |
Bb4:8. A4:16 Bb4:8 D5!:8 Eb5:16 D5 C5:8 | D5:4 Eb5:8 F5:4 D5:8 |
Eb5:8. D5:16 C5:8 C5:16 D5 C5 Bb4 A4:8 | G4:4. r:8 C5 D5 |
Eb5:8. D5:16 Eb5:8 G5!:8 Ab5:16 G5 F5:8 | F5:4. C5:4 Eb5:8 |
D5:8. C5:16 D5:8 F5:16 G5 F5:8 D5 | D5:4 C5:8 A4:4 G4:16 A4 |
Bb4:8. A4:16 Bb4:8 D5!:4 C5:8 | D5:8 Eb5 D5 Bb4:4 A4:8 | G4:8. A4:16 Bb4:8 A4:4 F#4:8 | G4:4. r:8 D5 F5
"""
CHORUS = """
G5!:4 F5:8 Eb5:8. F5:16 G5:8 | F5:4. D5:4 Eb5:8 | F5:4 Eb5:8 C5:8. D5:16 Eb5:8 | D5:4. r:8 D5 F5 |
G5!:4 F5:8 Eb5:8. F5:16 G5:8 | F5:4 Bb5!:8 ~:4 A5:8 | G5:4 F5:8 Eb5:8. D5:16 C5:8 | D5:4. r:4 D5:8 |
Eb5:8. D5:16 Eb5:8 G5!:4 F5:8 | Eb5:4 D5:8 C5:4 Bb4:8 | A4:8. Bb4 C5:4 A4:8 | G4:4. """
CHORUS_LIFTED = """
Bb4+G5!:4 Bb4+F5:8 G4+Eb5:8. F5:16 G5:8 | D5+F5:4. Bb4+D5:4 C5+Eb5:8 |
A4+F5:4 C5+Eb5:8 A4+C5:8. D5:16 Eb5:8 | Bb4+D5:4. r:8 D5 F5 |
Bb4+G5!:4 Bb4+F5:8 G4+Eb5:8. F5:16 G5:8 | D5+F5:4 F5+Bb5!:8 ~:4 F5+A5:8 | Eb5+G5:4 D5+F5:8 C5+Eb5:8. D5:16 C5:8 |
A4+D5:4. r:8 C5 D5 |
G4+Eb5:8. D5:16 Eb5:8 Bb4+G5!:4 F5:8 | G5!:4 F5:8 Eb5:8. D5:16 C5:8 | A4:8. Bb4 C5:4 A4:8 | G4:4. r:4 C5:8"""
BRIDGE = """
G4:4 Bb4 Eb5 | D5:4 C5:8 Bb4:4. | G4:4 C5 Eb5 | D5:4. r:4 Bb4:8 |
C5:4 Eb5 Ab5! | G5:4 F5:8 Eb5:4. | G5:8 F5 Eb5 Eb5 D5 C5 | A4:4. r:8 D5! F#5!
"""
OUTRO = """
D5:4. Bb4:4 A4:8 | G4:4. r:4 D5:8 | Eb5:8. D5:16 Eb5:8 C5:4 Bb4:8 | A4:4. r:4 G4:16 A4 |
Bb4:8. A4:16 Bb4:8 D5:4 C5:8 | G4:8. A4:16 Bb4:8 C5:4 Bb4:8 | A4:8. G4 A4:4. | G4+B4?:2.
"""

# Harmony.
INTRO_HARMONY = "Gm:2. | Eb | Cm | D7 | Gm | Eb | Cm | D7"
VERSE_HARMONY = """
Gm:2. | Bb | Cm | D7 | Gm | Bb | Cm:4. D7 | Gm:2. | Eb | F | Bb | D7 | Gm | Gm/Bb | Cm:4. D7 | Gm:2."""
CHORUS_HARMONY = "Eb:2. | Bb | F | Gm | Eb | Bb/D | Cm | D7 | Eb | Cm | D7 | Gm"
LAST_CHORUS_HARMONY = "Eb:2. | Bb | F | Gm | Eb | Bb/D | Cm | D7 | Eb | Cm | D7 | Eb"
BRIDGE_HARMONY = "Eb:2. | Bb/D | Cm | Gm | Ab | Eb/G | Cm | D7"
OUTRO_HARMONY = "Gm:2. | Eb | Cm | D7 | Gm | Cm | D7sus:4. D7 | G:2."

# Chords, bass, drums.
ARPEGGIO = "1*:8 2 3 4 3 2"
LILT = "1*:8. 2:16 3:8 4:4 2:8 | 1*:8 2 3 4 3 2"
LILT_2 = "1*:8. 2:16 3:8 4 3:16 4 2:8 | 1*:8 2 3 4 3 2:16 3"
STRUM = "x!:8. 34:16 34:8 x:8. 2:16 34:8 | x:8 34 34:16 2 x:8 34 34:16 2"
STRUM_2 = "x!:8. 34:16 34:16 2 x:8. 2:16 34:8 | x:8 34:16 2 34:8 x:8 34:16 2 34:8"
STRUM_3 = "x!:8. 34:16 34:16 2 x:8. 2:16 34 2 | x:8 34:16 2 34 2 x:8 34:16 2 34 2"
BRIDGE_COMP = "1*:4 23* 4* | 1*:8 2 3 4 3 2:16 3"

VERSE_1_BASS = "1:4. 5:4 a:8"
VERSE_2_BASS = "1:4 1:8 5:4 a:8 | 1:4. 5:4 a:8"
CHORUS_BASS = "1:4 1:8 5:4 a:8 | 1:4 5:8 3:4 a:8"
BRIDGE_BASS = "1:2 a:4 | 1:4. 5:4 a:8"

VERSE_1_DRUMS = "K:4 B:8 X:4 B:8"
VERSE_2_DRUMS = "KB:4 H:8 XB:4 H:8 | KB:4 H:8 XB:4 H:16 H"
CHORUS_DRUMS = "KR:8 R R SR R R | KR:8 R KR SR R R:16 R"
BRIDGE_DRUMS = "R:2. | R:4. R"
FILL = "KB:4 H:8 X:16 X T T M F"
BIG_FILL = "KR:8 R S:16 S T:8 T:16 M F:8"
LAST_CHORUS_END_DRUMS = f"KC:8 R R SR R R | KR:8 R KR SR R R | K:4 B:8 X:4 B:8 | {FILL}"

SECTIONS = (
    Section(
        "intro",
        INTRO_HARMONY,
        INTRO,
        loop(ARPEGGIO, 8),
        f"r:2. | r | r | r:4. 5:4 a:8 | {loop(VERSE_1_BASS, 4)}",
        f"r:2. | r | r | r | {loop(VERSE_1_DRUMS, 4, FILL)}",
        (58, 62, 68, 66),
    ),
    Section(
        "verse",
        VERSE_HARMONY,
        VERSE_1,
        loop(LILT, 16, "1*:8 2 3 34 34 x"),
        loop(VERSE_1_BASS, 16, "1:4. a | 1:4 3:8 5:4 a:8"),
        loop(VERSE_1_DRUMS, 16, FILL),
        (62, 66, 74, 70, 82),
    ),
    Section(
        "chorus",
        CHORUS_HARMONY,
        f"{CHORUS} r:4 G4:16 A4",
        loop(STRUM, 12, "x:4 3:8 4 3 2"),
        loop(CHORUS_BASS, 12, "1:4. 5:4 a:8"),
        f"KC!:8 R R SR R R | {loop(CHORUS_DRUMS, 11, FILL)}",
        (86, 90, 94, 84, 70),
    ),
    Section(
        "verse",
        VERSE_HARMONY,
        VERSE_2,
        loop(LILT_2, 16, "1*:8 2 3 34 34 x"),
        loop(VERSE_2_BASS, 16, "1:4. a | 1:4 3:8 5:4 a:8"),
        loop(VERSE_2_DRUMS, 16, FILL),
        (68, 72, 80, 76, 88),
    ),
    Section(
        "chorus",
        CHORUS_HARMONY,
        f"{CHORUS} r:4.",
        loop(STRUM_2, 12, "x:2."),
        loop(CHORUS_BASS, 12, "1:4. 5:4 a:8"),
        f"KC!:8 R R SR R R | {loop(CHORUS_DRUMS, 11, 'KR:4. R')}",
        (88, 92, 96, 82, 62),
    ),
    Section(
        "bridge",
        BRIDGE_HARMONY,
        BRIDGE,
        loop(BRIDGE_COMP, 8, "x:4 34:8 x:8. 2:16 34:8 | x:4 34:8 x x x!"),
        loop(BRIDGE_BASS, 8, "1:4 1:8 5:4 a:8 | 1:4 1:8 5 3 5"),
        loop(BRIDGE_DRUMS, 8, f"KR:4 R:8 XR:4 R:8 | {BIG_FILL}"),
        (54, 58, 66, 92),
    ),
    Section(
        "chorus",
        LAST_CHORUS_HARMONY,
        CHORUS_LIFTED,
        loop(STRUM_3, 12, "x:4 3:8 4 3 2"),
        loop(CHORUS_BASS, 12, "1:4. 5:4 a:8"),
        f"KC!:8 R R SR R R | {loop(CHORUS_DRUMS, 7, BIG_FILL)} | {LAST_CHORUS_END_DRUMS}",
        (90, 94, 99, 86, 70),
    ),
    Section(
        "outro",
        OUTRO_HARMONY,
        OUTRO,
        f"{loop(LILT, 6)} | x:4. x | 1*:8 2* 3* 4*:4.",
        f"{loop(VERSE_1_BASS, 6)} | 1:4. 1:4 a:8 | 1:2.",
        f"{loop(VERSE_1_DRUMS, 6)} | K:4 B:8 X:4. | KC?:2.",
        (66, 64, 56, 48),
    ),
)

SONG = Song(
    title="The Last Ferry North",
    key="Gm",
    metre=(6, 8),
    tempos=((0, 0, 84), (89, 0, 78), (90, 0, 70), (90, 3, 60), (91, 0, 54)),
    programs={"melody": 40, "chords": 24, "bass": 32, "drums": 0},
    scale=(7, 9, 10, 0, 2, 3, 5),
    voicings=VOICINGS,
    sections=SECTIONS,
)
FORM = SONG.form
