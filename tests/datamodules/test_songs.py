"""The bundled songs keep what the rest of the project relies on, read back from the files themselves."""

from functools import cache
from itertools import pairwise
from pathlib import Path

import pretty_midi  # type: ignore[import-untyped, unused-ignore]
import pytest
from mido import MidiFile  # type: ignore[import-untyped, unused-ignore]

from songs import bundled
from songs.band import Section
from songs.compose import SONGS, compose, form
from songs.notation import GRID, loop, pitch, read

TICK = 480 // GRID  # file ticks a grid tick
NAMES = sorted(SONGS)
ORDER = ("intro", "verse", "chorus", "verse", "chorus", "bridge", "chorus", "outro")

Span = tuple[int, int, int, int]  # onset, length (both in file ticks), pitch, velocity


@cache
def midi(name: str) -> MidiFile:
    return MidiFile(next(path for path in bundled() if path.stem == name))


@cache
def spans(name: str, part: str) -> tuple[Span, ...]:
    """The notes of a part as the file has them; a note-on over a sounding pitch fails here."""
    track = next(track for track in midi(name).tracks if track.name == part)
    sounding: dict[int, tuple[int, int]] = {}
    found: list[Span] = []
    now = 0
    for message in track:
        now += message.time
        if message.type == "note_on":
            assert message.note not in sounding, f"{name}, {part}: {message.note} starts again at {now}"
            sounding[message.note] = (now, message.velocity)
        elif message.type == "note_off":
            start, velocity = sounding.pop(message.note)
            found.append((start, now - start, message.note, velocity))
    assert not sounding
    return tuple(sorted(found))


def meta(name: str, kind: str) -> list[object]:
    return [message for message in midi(name).tracks[0] if message.type == kind]


def bar_of(name: str) -> int:
    """A bar in file ticks, from the file's own time signature."""
    (signature,) = meta(name, "time_signature")
    return int(4 * 480 * signature.numerator / signature.denominator)  # type: ignore[attr-defined]


def melody_of(name: str, index: int) -> list[tuple[int, int]]:
    """(onset in the section, pitch) of a section's melody."""
    _, first, bars = form(name)[index]
    start, end = first * bar_of(name), (first + bars) * bar_of(name)
    return [(onset - start, note) for onset, _, note, _ in spans(name, "Melody") if start <= onset < end]


def likeness(one: list[tuple[int, int]], other: list[tuple[int, int]]) -> float:
    """Shared (onset, pitch) pairs over the shorter one's: 1 when it is all inside the other."""
    return len(set(one) & set(other)) / min(len(set(one)), len(set(other)))


def test_composing_again_gives_the_same_bytes(tmp_path: Path) -> None:
    written = compose(tmp_path)
    assert [path.name for path in written] == [path.name for path in bundled()]
    for path, shipped in zip(written, bundled(), strict=True):
        assert path.read_bytes() == shipped.read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_form_covers_the_song(name: str) -> None:
    sections = form(name)
    assert tuple(label for label, _, _ in sections) == ORDER
    assert sections[0][1] == 0
    assert all(first + bars == following for (_, first, bars), (_, following, _) in pairwise(sections))
    total = sections[-1][1] + sections[-1][2]
    assert total >= 80
    last = max(onset + length for part in ("Melody", "Chords", "Bass") for onset, length, _, _ in spans(name, part))
    assert last == total * bar_of(name)


@pytest.mark.parametrize("name", NAMES)
def test_four_named_tracks(name: str) -> None:
    tracks = pretty_midi.PrettyMIDI(str(next(path for path in bundled() if path.stem == name))).instruments
    assert [track.name for track in tracks] == ["Melody", "Chords", "Bass", "Drums"]
    assert [track.is_drum for track in tracks] == [False, False, False, True]
    assert midi(name).type == 1
    assert midi(name).ticks_per_beat == 480
    for kind in ("track_name", "key_signature", "time_signature", "set_tempo"):
        assert meta(name, kind), kind


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("part", ["Melody", "Chords", "Bass", "Drums"])
def test_notes_lie_on_the_grid(name: str, part: str) -> None:
    notes = spans(name, part)
    assert all(onset % TICK == 0 and length % TICK == 0 and length > 0 for onset, length, _, _ in notes)
    for one in {note for _, _, note, _ in notes}:
        same = [(onset, length) for onset, length, note, _ in notes if note == one]
        assert all(onset + length <= following for (onset, length), (following, _) in pairwise(same))


def test_the_two_songs_differ() -> None:
    one, other = NAMES
    assert meta(one, "key_signature") != meta(other, "key_signature")
    assert meta(one, "time_signature") != meta(other, "time_signature")
    assert meta(one, "set_tempo")[0] != meta(other, "set_tempo")[0]


@pytest.mark.parametrize("name", NAMES)
def test_the_melody_breathes(name: str) -> None:
    assert len({velocity for _, _, _, velocity in spans(name, "Melody")}) >= 12

    def mean(index: int) -> float:
        _, first, bars = form(name)[index]
        inside = [v for onset, _, _, v in spans(name, "Melody") if first <= onset / bar_of(name) < first + bars]
        return sum(inside) / len(inside)

    verse, chorus, bridge, last_chorus = (mean(index) for index in (1, 2, 5, 6))
    assert max(verse, bridge) + 10 < chorus < last_chorus + 10


@pytest.mark.parametrize("name", NAMES)
def test_the_rhythm_is_worth_learning(name: str) -> None:
    """Events of all pitched parts: enough of them, recurring, at many distances; syncopations in every song."""
    events: dict[int, set[int]] = {}
    for part in ("Melody", "Chords", "Bass"):
        for onset, _, note, _ in spans(name, part):
            events.setdefault(onset, set()).add(note)
    assert 550 <= len(events) <= 1100
    assert len({frozenset(notes) for notes in events.values()}) < len(events) / 2
    assert len({following - onset for onset, following in pairwise(sorted(events))}) >= 5
    beat = 480 if SONGS[name].metre == (4, 4) else 720
    tied = [onset for onset, length, _, _ in spans(name, "Melody") if 0 < beat - onset % beat < min(length, beat)]
    assert len(tied) >= 5


def test_triplets_and_duplets() -> None:
    triplets = [onset for onset, _, _, _ in spans("tin_roof_morning", "Melody") if onset % 480 in (160, 320)]
    duplets = [onset for onset, _, _, _ in spans("the_last_ferry_north", "Melody") if onset % 1440 == 360]
    assert len(triplets) >= 20
    assert len(duplets) >= 20


@pytest.mark.parametrize("name", NAMES)
def test_pickups_lead_into_the_sections(name: str) -> None:
    """The melody plays in the last beat before most sections; one song begins with such a pickup."""
    bar = bar_of(name)
    starts = [first * bar for _, first, _ in form(name)[1:]]
    assert sum(any(start - 480 <= onset < start for onset, _, _, _ in spans(name, "Melody")) for start in starts) >= 5
    if name == "tin_roof_morning":
        assert spans(name, "Melody")[0][0] == bar - 480


@pytest.mark.parametrize("name", NAMES)
def test_what_returns_is_alike_but_not_equal(name: str) -> None:
    first_verse, second_verse = melody_of(name, 1), melody_of(name, 3)
    assert first_verse != second_verse
    assert likeness(first_verse, second_verse) > 0.8
    first_chorus, second_chorus, last_chorus = (melody_of(name, index) for index in (2, 4, 6))
    assert likeness(first_chorus, second_chorus) > 0.9
    assert first_chorus != last_chorus
    assert likeness(first_chorus, last_chorus) > 0.7
    assert likeness(first_verse, first_chorus) < 0.3


def test_a_slip_of_the_pen_is_an_error() -> None:
    with pytest.raises(ValueError, match="bar 2 has 84 ticks instead of 96"):
        read("C4:1 | C4:2 D4:4 E4:8", 4 * GRID)
    with pytest.raises(ValueError, match="cannot read 'C4:x'"):
        read("C4:x", 4 * GRID)
    with pytest.raises(ValueError, match="nothing to prolong"):
        read("r:2 ~", 4 * GRID)


def test_the_notation() -> None:
    symbols = read("C4:4. D4!:8 r:4 E4:8t F#4 G4 | ~:1", 4 * GRID)
    assert [(s.start, s.length, s.name, s.marks) for s in symbols] == [
        (0, 36, "C4", ""),
        (36, 12, "D4", "!"),
        (72, 8, "E4", ""),
        (80, 8, "F#4", ""),
        (88, 104, "G4", ""),
    ]
    assert [pitch(name) for name in ("C4", "F#4", "Bb3")] == [60, 66, 58]
    assert loop("a | b", 5, "z") == "a | b | a | b | z"
    assert Section("verse", "D:1 | A", "", "", "", "", (1, 2)).bars == 2
