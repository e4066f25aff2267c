"""Tin Roof Morning: D major, 4/4, 112 quarters a minute; pop with a pushed beat and triplet pickups.

The hook of the intro comes back as the outro; the chorus sits a fourth above the verses; the bridge borrows B flat and
C from the minor and sings in three against two.
"""

from songs.band import Section, Song
from songs.notation import loop

VOICINGS = {  # chord: bass note, voices; a hand that hardly moves
    "D": ("D2", "A3 D4 F#4"),
    "D/F#": ("F#2", "A3 D4 F#4"),
    "A": ("A1", "A3 C#4 E4"),
    "A/C#": ("C#2", "A3 C#4 E4"),
    "A7": ("A1", "G3 C#4 E4"),
    "Bm": ("B1", "B3 D4 F#4"),
    "F#m": ("F#1", "A3 C#4 F#4"),
    "G": ("G1", "B3 D4 G4"),
    "Em": ("E2", "B3 E4 G4"),
    "Gm": ("G1", "Bb3 D4 G4"),
    "Bb": ("Bb1", "Bb3 D4 F4"),
    "C": ("C2", "G3 C4 E4"),
}

# Melody. A line is a phrase of four bars; question above answer.
COUNT_IN = "r:2. A4:8t B4 C#5"
HOOK = "D5!:4. A4:8 F#5:4. E5:8 | ~:4 C#5:8 E5!:4 C#5:8 B4 A4 | B4:4. D5:8 F#5:4. D5:8 | ~:4 B4:8 D5 E5:4 "
HOOK_AGAIN = "A4:8t B4 C#5"
TO_VERSE = "r:8 C#5"

VERSE_1 = """
D5:8 D5 r D5! ~ E5:4 D5:8  | B4:4. A4:8 F#4:4 r:8 A4  | B4:8 B4 r B4! ~ C#5:4 B4:8 | A4:4. B4:8 C#5:4 r:8 C#5 |
D5:8 D5 r D5! ~ E5:4 F#5:8 | F#5:4. E5:8 D5:4 r:8 C#5 | B4:8 B4 r B4! ~ D5:4 B4:8  | A4:2 r:4 r:8 C#5         |
D5:8 D5 r D5! ~ E5:4 D5:8  | B4:4. A4:8 F#4:4 r:8 A4  | B4:8 B4 r B4! ~ C#5:4 B4:8 | A4:4. B4:8 C#5:4 r:8 B4  |
C#5:8 C#5 r C#5! ~ E5:4 C#5:8 | D5:4. C#5:8 B4:4 r:8 A4 | B4:8 D5! ~ B4 C#5 E5:4 C#5:8 | E5:2 r:8 C#5 E5 F#5
"""
VERSE_2 = """
D5:8 D5 r D5! ~ E5 F#5:8t E5 D5 | B4:4. A4:8 F#4:4 r:8 A4 |
B4:8 B4 r B4! ~ C#5:16 D5 C#5:8 B4 | A4:4. B4:8 C#5:4 E5:8t D5 C#5 |
D5:8 D5 r D5! ~ E5:4 F#5:8 | F#5:4. E5:8 D5:4 E5:16 D5 C#5:8 |
B4:8 B4 r B4! ~ D5:16 C#5 B4:8 C#5 | A4:4. B4:8 A4:4 r:8 C#5 |
D5:8 D5 r F#5! ~ E5 F#5:8t E5 D5 | B4:4. A4:8 F#4:4 r:8 A4 |
B4:8 B4 r D5! ~ C#5:16 D5 C#5:8 B4 | A4:4. B4:8 C#5:4 r:8 B4 |
C#5:8 C#5 r C#5! ~ E5:16 D5 E5:8 C#5 | D5:4. C#5:8 B4:4 C#5:16 B4 A4:8 |
B4:8 D5! ~ B4 C#5 E5:4 C#5:8 | E5:2 r:8 C#5 E5 F#5
"""
CHORUS = """
G5!:4. F#5:8 ~ E5 D5 E5! | ~:4. C#5:8 ~ B4 A4:4 | C#5:8 F#5!:4 F#5:8 ~ E5 C#5 D5! | ~:4. B4:8 ~:4 D5:8t E5 F#5 |
G5!:4. F#5:8 ~ E5 D5 E5! | ~:4. C#5:8 ~ E5 A5! G5 | F#5:4. E5:8 D5:4. E5:8 | ~ D5:4. r:4 """
CHORUS_HARMONY = """
B4+G5!:4. A4+F#5:8 ~ G4+E5 B4+D5 C#5+E5! | ~:4. A4+C#5:8 ~ B4 A4:4 |
A4+C#5:8 C#5+F#5!:4 C#5+F#5:8 ~ B4+E5 A4+C#5 B4+D5! |
~:4. F#4+B4:8 ~:4 D5:8t E5 F#5 |
B4+G5!:4. A4+F#5:8 ~ G4+E5 B4+D5 C#5+E5! | ~:4. A4+C#5:8 ~ C#5+E5 E5+A5! E5+G5 | D5+F#5:4. C#5+E5:8 A4+D5:4. C#5+E5:8 |
~ A4+D5:4. D5:8t F#5 A5 F#5 G5 A5"""
CHORUS_LIFTED = """
D5+B5!:4. D5+A5:8 ~ G5 E5 C#5+A5! | ~:4. E5:8 ~ C#5 E5:4 |
C#5:8 F#5!:4 A5!:8 ~ F#5 C#5 D5! | ~:4. B4:8 ~:4 D5:8t E5 F#5 |
B4+G5!:4. A4+F#5:8 ~ G4+E5 B4+D5 C#5+E5! | ~:4. A4+C#5:8 ~ C#5+E5 E5+A5! E5+G5 | D5+F#5:4. C#5+E5:8 B4+D5:4. E5:8 |
~ D5:4. C#5:4 A4:8t B4 C#5"""
BRIDGE = """
D5:2 F5:4t D5 C5 | C5:2 E5:4t D5 C5 | A4:2 F#4:4t A4 D5 | D5:2 r:4 A4:4t C5:8t |
D5:2 F5:4t D5 C5 | E5:2 G5:4t E5 D5 | Bb4:4. D5:8 ~ C5 Bb4:4 | A4:4 B4:8 C#5!:8 ~ C#5 E5 F#5
"""
LAST_WORD = "D5!:4. A4:8 F#5:4. E5:8 | ~:4 C#5:8 E5!:4 C#5:8 B4 A4 | B4:4. D5:8 ~ C#5 E5:4 | F#4+D5:1"

# Harmony.
HOOK_HARMONY = "D:1 | A/C# | Bm | G:2 A"
VERSE_HARMONY = "D:1 | Bm | G | A | D | Bm | Em | A | D | Bm | G | A | F#m | Bm | G:2 A | A7:1"
CHORUS_HARMONY_LINE = "G:1 | A | F#m | Bm | Em | A | D | D"
DOUBLE_CHORUS_LINE = "G:1 | A | F#m | Bm | Em | A | D | D/F# | G | A | F#m | Bm | Em | A | Bm | G:2 A"
BRIDGE_HARMONY = "Bb:1 | C | D | D | Bb | C | Gm | A7"

# Chords, bass, drums: what the band plays under it.
HOOK_COMP = "x!:4. x:8 ~:4 x | x:4. x:8 ~:4 23:8 x>"
VERSE_1_COMP = "1:8 23 r 23 ~ 1 23:4"
VERSE_2_COMP = loop("1:8 23 r 23 ~ 1 23:4 | 1:8 23 3:16 2 23:8 ~ 1 23 3:16 2", 3, "1:8 23 3:16 2 23:8 ~ 1 23:4")
CHORUS_COMP = """
x!:4 23:16 23 x:8 ~ x x:16 23 x>!:8 | ~ x 23:16 23 x:8 ~ x x 23:16 23 |
x!:4 23:16 23 x:8 ~ x x:16 23 x>!:8 | ~ x 23:16 23 x:8 ~ x x:4"""
BRIDGE_COMP = "x:2 1:8t 2 3 2 3 2"

HOOK_BASS = "1:4. 1:8 1:4 a"
VERSE_1_BASS = "1:4. 1:8 5:4 a"
VERSE_2_BASS = "1:4. 1:8 5:4 a | 1:4. 1:8 3 5 3 a | 1:4. 1:8 3 5 3 a | 1:4. 1:8 5:4 a"
CHORUS_BASS = loop("1!:8 1 1 1 ~ 1 5 a", 4, "1!:8 1 1 1 ~ 1 a:4")
LAST_CHORUS_BASS = loop("1!:8 1 1 5 1 1 5 a", 4, "1!:8 1 1 5 1 1 a:4")
BRIDGE_BASS = "1:2 5:4 3 | 1:2. a:4 | 1:2 5:4 3 | 1:2. 3:4"

VERSE_1_DRUMS = "KH:8 H XH H H KH XH H"
VERSE_2_DRUMS = "KH:8 H SH H KH:16 H KH:8 SH H | KH:8 H SH KH H KH SH O"
CHORUS_DRUMS = "KR:8 R SR KR R KR SR R | KR:8 R SR KR KR R SR S?:16 S?"
BRIDGE_DRUMS = "KR:4 R XR R:8t R R"
FILL = "KH:8 H SH H S:16 S? T T M M F F"
TRIPLET_FILL = "KH:8 H SH H S:8t T T M F F"
STOP = "KC!:4 r:8 K S:16 S? S T T M F F"


def _drums(pattern: str, bars: int, ending: str) -> str:
    """A crash on the first beat, then the pattern: how a section is announced."""
    head, _, rest = loop(pattern, bars, ending).partition(":8 ")
    return f"KC!:8 {rest}" if head in ("KH", "KR") else f"{head}:8 {rest}"


SECTIONS = (
    Section(
        "intro",
        f"D:1 | {HOOK_HARMONY}",
        f"{COUNT_IN} | {HOOK} {TO_VERSE}",
        f"r:1 | {loop(HOOK_COMP, 4, 'x:4. x:8 x:4 x')}",
        f"r:1 | {loop(HOOK_BASS, 3)} | 1:4. a:8 1:4 a",
        f"X:4 X X X | {_drums(VERSE_1_DRUMS, 4, FILL)}",
        (74, 84, 78),
    ),
    Section(
        "verse",
        VERSE_HARMONY,
        VERSE_1,
        loop(VERSE_1_COMP, 16, "x:4. x:8 x x x x"),
        loop(VERSE_1_BASS, 16, "1:4. a:8 1:4 a | 1:8 1 1 1 3 3 5 a"),
        loop(VERSE_1_DRUMS, 16, FILL),
        (66, 70, 68, 72, 86),
    ),
    Section(
        "chorus",
        CHORUS_HARMONY_LINE,
        f"{CHORUS} {TO_VERSE}",
        loop(CHORUS_COMP, 8, "x:4. x:8 r:4 23:8 x"),
        loop(CHORUS_BASS, 8, "1:4. 5:8 1:4 a"),
        _drums(CHORUS_DRUMS, 8, TRIPLET_FILL),
        (87, 91, 92, 82),
    ),
    Section(
        "verse",
        VERSE_HARMONY,
        VERSE_2,
        loop(VERSE_2_COMP, 16, "x:4. x:8 x x x x"),
        loop(VERSE_2_BASS, 16, "1:4. a:8 1:4 a | 1:8 1 1 1 3 3 5 a"),
        loop(VERSE_2_DRUMS, 16, FILL),
        (74, 78, 76, 80, 92),
    ),
    Section(
        "chorus",
        CHORUS_HARMONY_LINE,
        f"{CHORUS} r:4",
        loop(CHORUS_COMP, 8, "x:4. x:8 r:2"),
        loop(CHORUS_BASS, 8, "1:4. 5:8 1:4 a"),
        _drums(CHORUS_DRUMS, 8, "KC:4 r:8 K SH:4 R"),
        (90, 94, 95, 76),
    ),
    Section(
        "bridge",
        BRIDGE_HARMONY,
        BRIDGE,
        loop(BRIDGE_COMP, 8, "x:4. x:8 ~:4 23:8 x | x:4. x:8 ~ x x x"),
        loop(BRIDGE_BASS, 8, "1:4. 1:8 5:4 a | 1:8 1 1 1 3 3 5 a"),
        loop(BRIDGE_DRUMS, 8, STOP),
        (58, 62, 66, 94),
    ),
    Section(
        "chorus",
        DOUBLE_CHORUS_LINE,
        f"{CHORUS_HARMONY} | {CHORUS_LIFTED}",
        f"{loop(CHORUS_COMP, 8, '~ x r:4 x x')} | {loop(CHORUS_COMP, 8, 'x!:4. x:8 x:4 x')}",
        f"{loop(LAST_CHORUS_BASS, 8, '1:8 1 1 1 3:4 a')} | {loop(LAST_CHORUS_BASS, 8, '1:4. 1:8 1:4 a')}",
        f"{_drums(CHORUS_DRUMS, 8, TRIPLET_FILL)} | {_drums(CHORUS_DRUMS, 8, FILL)}",
        (90, 94, 92, 97, 99, 88),
    ),
    Section(
        "outro",
        f"{HOOK_HARMONY} | D:1 | A/C# | Em:2 A7 | D:1",
        f"{HOOK} {HOOK_AGAIN} | {LAST_WORD}",
        f"{loop(HOOK_COMP, 4, 'x:4. x:8 x:4 x')} | {loop(HOOK_COMP, 2)} | x:4. x:8 ~ x x:4 | x!:1",
        f"{loop(HOOK_BASS, 7, '1:4. a:8 1:4 a')} | 1!:1",
        f"{_drums(VERSE_2_DRUMS, 4, FILL)} | {loop(VERSE_1_DRUMS, 2)} | KH:8 H XH H S?:8t T T M F F | KC!:1",
        (90, 82, 70, 74),
    ),
)

SONG = Song(
    title="Tin Roof Morning",
    key="D",
    metre=(4, 4),
    tempos=((0, 0, 112), (83, 0, 104), (83, 2, 92), (84, 0, 80)),
    programs={"melody": 27, "chords": 4, "bass": 33, "drums": 0},
    scale=(2, 4, 6, 7, 9, 11, 1),
    voicings=VOICINGS,
    sections=SECTIONS,
)
FORM = SONG.form
