"""`generate --musicxml`: a score that reads back as the song, wherever a score can say what the song says."""

from __future__ import annotations

import importlib.util
from collections import Counter
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from midi_files import random_song
from winners_made import make_run

from datamodules.keys import KEYS, Key
from datamodules.midi.reading import read_midi
from datamodules.song import Notes, Part, Song
from experiments.command_line.cli import main
from experiments.generate import GenerateOptions, generate
from experiments.music.score.musicxml import Scored, write_musicxml
from experiments.music.score.staves import spelled
from songs import bundled

pytestmark = pytest.mark.usefixtures("unseen")

needs_music21 = pytest.mark.skipif(
    importlib.util.find_spec("music21") is None, reason="needs pip install -e '.[scores]'"
)
Row = tuple[str, Fraction, int, Fraction]  # part, onset and length in quarter notes, pitch


def song_of(
    *notes: tuple[int, int, int, int],
    metres: tuple[tuple[int, int, int], ...] = ((0, 4, 4),),
    keys: tuple[tuple[int, str], ...] = ((0, "C"),),
    programs: tuple[int, ...] = (73,),
    drums: bool = False,
) -> Song:
    """A song of notes (onset, pitch, length, part)."""
    onset, pitch, length, part = (np.array(column, np.int32) for column in zip(*sorted(notes), strict=True))
    parts = tuple(Part(f"part {n} <&>", p, drums and n == len(programs) - 1, "chords") for n, p in enumerate(programs))
    maps = np.array(metres, np.int32), np.array([(tick, *KEYS[key]) for tick, key in keys], np.int32).reshape(-1, 3)
    table = Notes(onset, pitch, length, np.full(len(notes), 64, np.int32), part)
    return Song(24, parts, table, np.array([[0.0, 90.0]]), *maps)


def rows_of(song: Song) -> Counter[Row]:
    """A song's notes, as `read` gives a score's."""
    columns = (x.tolist() for x in (song.notes.part, song.notes.onset, song.notes.pitch, song.notes.length))
    return Counter(
        (song.parts[part].name, Fraction(onset, song.grid), pitch, Fraction(length, song.grid))
        for part, onset, pitch, length in zip(*columns, strict=True)
    )


def pitched(song: Song) -> Counter[Row]:
    """Those of them that are not drums."""
    drums = {part.name for part in song.parts if part.drums}
    return Counter({row: many for row, many in rows_of(song).items() if row[0] not in drums})


def parsed(path: Path) -> Any:
    from music21 import converter

    return converter.parse(path, forceSource=True)


def xml(path: Path) -> ElementTree.Element:
    return ElementTree.fromstring(path.read_bytes())


def joined(part: str, pieces: list[tuple[Fraction, int, Fraction, bool, bool]]) -> list[Row]:
    """Notes from pieces (onset, pitch, length, tied back, tied on)."""
    rows: list[Row] = []
    open_: dict[int, tuple[Fraction, Fraction]] = {}
    for onset, pitch, length, back, on in sorted(pieces, key=lambda piece: piece[:2]):
        begin, before = open_.pop(pitch) if back else (onset, Fraction(0))
        assert begin + before == onset
        if on:
            open_[pitch] = begin, before + length
        else:
            rows.append((part, begin, pitch, before + length))
    assert not open_
    return rows


def read_by_music21(path: Path) -> Counter[Row]:
    """A score's pitched notes."""
    found: list[Row] = []
    for part in parsed(path).parts:
        pieces = []
        for one in part.recurse().notes:
            if "Unpitched" in one.classes or "PercussionChord" in one.classes:
                continue
            onset = Fraction(one.getOffsetInHierarchy(part)).limit_denominator(480)
            length = Fraction(one.quarterLength).limit_denominator(480)
            for note in one.notes if one.isChord else [one]:
                tie = note.tie.type if note.tie else ""
                pieces.append(
                    (onset, note.pitch.midi, length, tie in ("continue", "stop"), tie in ("start", "continue"))
                )
        found += joined(part.partName, pieces)
    return Counter(found)


def read(path: Path) -> Counter[Row]:
    """A score's notes as its XML has them; of drums the pitch is that of General MIDI."""
    score = xml(path)
    names = {part.get("id"): part.findtext("part-name", "") for part in score.iter("score-part")}
    drums = {one.get("id"): one.findtext("midi-unpitched") for one in score.iter("midi-instrument")}
    channels = {one.get("id"): one.findtext("midi-channel") for one in score.iter("midi-instrument")}
    found: list[Row] = []
    for part in score.iter("part"):
        pieces, line, unit = [], Fraction(0), 1
        for measure in part.iter("measure"):
            now = end = line
            for one in measure:
                unit = int(one.findtext("divisions", unit))
                length = Fraction(int(one.findtext("duration", "0")), unit)
                now -= length if one.tag == "backup" else 0
                if one.tag == "note":
                    onset = now - length if one.find("chord") is not None else now
                    ties = {tie.get("type") for tie in one.iter("tie")}
                    sounds = (onset, pitch_of(one, drums, channels), length, "stop" in ties, "start" in ties)
                    pieces += [] if one.find("rest") is not None else [sounds]
                    now = onset + length
                now += length if one.tag == "forward" else 0
                end = max(end, now)
            line = end
        found += joined(names[part.get("id")], pieces)
    return Counter(found)


def pitch_of(
    note: ElementTree.Element, drums: dict[str | None, str | None], channels: dict[str | None, str | None]
) -> int:
    if note.find("unpitched") is not None:
        player = note.find("instrument").get("id")
        assert channels[player] == "10"
        return int(drums[player]) - 1
    if note.find("pitch") is None:
        return -1
    step, alter = note.findtext("pitch/step"), int(note.findtext("pitch/alter", "0"))
    return 12 * (int(note.findtext("pitch/octave")) + 1) + "C D EF G A B".index(step) + alter


def write(song: Song, folder: Path, **told: Any) -> Scored:
    return write_musicxml(song, folder / "song.musicxml", **told)


def cut(song: Song, bars: int) -> Song:
    """The beginning of a song; a test need not take long."""
    keep = song.notes.onset + song.notes.length <= bars * 96
    columns = (song.notes.onset, song.notes.pitch, song.notes.length, song.notes.velocity, song.notes.part)
    return replace(song, notes=Notes(*(column[keep] for column in columns)))


@needs_music21
@pytest.mark.parametrize("path", bundled(), ids=lambda path: path.stem)
def test_the_bundled_songs_are_written_exactly(tmp_path: Path, path: Path) -> None:
    song = cut(read_midi(path), 10)
    scored = write(song, tmp_path)
    assert (scored.moved, scored.cut, scored.key) == (0, 0, "")
    assert read(scored.path) == rows_of(song)
    assert read_by_music21(scored.path) == pitched(song)
    assert "all notes as in the MIDI file" in scored.describe()


EXACT = {
    "triplets": song_of(*((tick, 72 + tick % 5, 8, 0) for tick in range(0, 96, 8)), (96, 60, 16, 0), (112, 62, 16, 0)),
    "sixteenth triplets": song_of(*((tick, 72, 4, 0) for tick in range(0, 48, 4)), (60, 74, 36, 0)),
    "over bar lines": song_of((72, 70, 300, 0), (90, 74, 13 * 6, 0), (378, 66, 12, 0)),
    "32nds": song_of(*((tick, 72, 3, 0) for tick in range(0, 96, 3))),
    "voices": song_of((0, 72, 96, 0), (12, 76, 60, 0), (24, 79, 12, 0), (30, 67, 96, 0), (96, 72, 24, 0)),
    "chords": song_of(*((24 * beat, pitch, 24, 0) for beat in range(4) for pitch in (60, 64, 67, 70)), (0, 48, 96, 0)),
    "two hands": song_of(*((n, 40 + n // 2, 12 + n, 0) for n in range(0, 72, 12)), (0, 80, 96, 0), programs=(0,)),
    "6/8": song_of(*((12 * n, 64 + n, 12, 0) for n in range(6)), (84, 70, 108, 0), metres=((0, 6, 8),)),
    "metres": song_of((0, 60, 96, 0), (96, 62, 72, 0), (240, 64, 96, 0), metres=((0, 4, 4), (96, 3, 4), (240, 7, 8))),
    "a pickup": song_of((12, 67, 12, 0), (24, 72, 72, 0), (96, 74, 72, 0), metres=((0, 1, 4), (24, 3, 4))),
    "drums": song_of(*((12 * n, 42, 12, 1) for n in range(8)), (0, 36, 24, 1), (24, 38, 24, 1), (0, 60, 96, 0),
                     (60, 77, 12, 1), programs=(40, 0), drums=True),
    "many parts": song_of(*((0, 60 + n, 24, n) for n in range(20)), programs=tuple(range(20))),
}  # fmt: skip


@needs_music21
@pytest.mark.parametrize("name", EXACT)
def test_what_a_score_can_say_reads_back_exactly(tmp_path: Path, name: str, capfd: pytest.CaptureFixture[str]) -> None:
    scored = write(EXACT[name], tmp_path)
    assert (scored.moved, scored.cut) == (0, 0)
    assert read(scored.path) == rows_of(EXACT[name])
    assert read_by_music21(scored.path) == pitched(EXACT[name])
    assert capfd.readouterr() == ("", "")


@needs_music21
@pytest.mark.parametrize("seed", range(2))
def test_a_wild_song_keeps_its_notes_and_what_is_rounded_is_told(tmp_path: Path, seed: int) -> None:
    song = random_song(seed, notes=40, quarters=12)
    scored = write(song, tmp_path)
    found, asked = read(scored.path), rows_of(song)
    assert sum((asked - found).values()) <= scored.moved + scored.cut
    assert sum(found.values()) >= len(song.notes) - scored.moved
    assert f"{scored.moved:,} of {len(song.notes):,} notes rounded" in scored.describe()


@needs_music21
def test_signs_stand_where_they_count(tmp_path: Path) -> None:
    song = song_of(
        (0, 60, 24, 0),
        (96, 70, 96, 0),
        (200, 60, 24, 0),
        metres=((0, 4, 4), (192, 6, 8)),
        keys=((0, "Gb"), (96, "Eb")),
    )
    song = replace(song, tempos=np.array([[0.0, 90.0], [96.0, 91.0], [204.0, 60.0]]))
    score = parsed(write(song, tmp_path, title="a <song>").path)
    measures = score.parts[0].getElementsByClass("Measure")
    assert [(m.number, m.barDuration.quarterLength) for m in measures] == [(1, 4), (2, 4), (3, 3)]
    assert [m.timeSignature and m.timeSignature.ratioString for m in measures] == ["4/4", None, "6/8"]
    assert [m.keySignature and m.keySignature.sharps for m in measures] == [-6, -3, None]
    marks = score.recurse().getElementsByClass("MetronomeMark")
    shown = [(mark.number, mark.referent.quarterLength, mark.getOffsetInHierarchy(score)) for mark in marks]
    assert [mark for mark in shown if mark[0]] == [(90, 1, 0), (40, 1.5, 8.5)]
    assert score.metadata.bestTitle == "a <song>"
    assert score.parts[0].partName == "part 0 <&>"


@needs_music21
def test_a_pickup_is_bar_0(tmp_path: Path) -> None:
    measures = parsed(write(EXACT["a pickup"], tmp_path).path).parts[0].getElementsByClass("Measure")
    assert [(m.number, m.quarterLength) for m in measures] == [(0, 1), (1, 3), (2, 3)]


@needs_music21
@pytest.mark.parametrize(
    ("program", "pitches", "clefs"),
    [
        (73, (72, 80), ["G"]),
        (42, (40, 50), ["F"]),
        (33, (28, 40), ["F-1"]),
        (24, (52, 64), ["G-1"]),
        (24, (76, 83), ["G"]),
        (0, (40, 76), ["G", "F"]),
        (48, (40, 76), ["F"]),
    ],
)
def test_clefs_are_those_that_need_few_ledger_lines(
    tmp_path: Path, program: int, pitches: tuple[int, ...], clefs: list[str]
) -> None:
    path = write(song_of(*((0, pitch, 96, 0) for pitch in pitches), programs=(program,)), tmp_path).path
    found = [clef.findtext("sign", "") + clef.findtext("clef-octave-change", "") for clef in xml(path).iter("clef")]
    assert found == clefs
    assert {name.text for name in xml(path).iter("midi-program")} == {str(program + 1)}


@needs_music21
def test_the_file_is_the_same_each_time_and_says_what_made_it(tmp_path: Path) -> None:
    song = EXACT["drums"]
    for name in ("a", "b"):
        write_musicxml(song, tmp_path / f"{name}.musicxml", made=("tritone <1>", "seed 2"))
    assert (tmp_path / "a.musicxml").read_bytes() == (tmp_path / "b.musicxml").read_bytes()
    told = [line.text for line in xml(tmp_path / "a.musicxml").iter("software")]
    assert told[:2] == ["tritone <1>", "seed 2"]


@needs_music21
def test_a_song_without_a_key_is_written_in_the_one_that_its_notes_tell(tmp_path: Path) -> None:
    scale = song_of(*((24 * n, pitch, 24, 0) for n, pitch in enumerate((67, 69, 71, 72, 74, 76, 78, 79))), keys=())
    scored = write(scale, tmp_path)
    assert "written in G major, by its notes" in scored.describe()
    assert [fifths.text for fifths in xml(scored.path).iter("fifths")] == ["1"]


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_pitches_are_spelled_in_their_key(key: Key) -> None:
    tonic = key.number % 12
    steps = (0, 2, 3, 5, 7, 8, 10) if key.minor else (0, 2, 4, 5, 7, 9, 11)
    names = [spelled(60 + tonic + step, key)[0] for step in steps]
    assert len({name[0] for name in names}) == 7  # a scale has each letter once
    signs = sum(name.count("#") - name.count("-") for name in names)
    assert signs == key.sharps
    for pitch in range(128):
        name, octave = spelled(pitch, key)
        assert 12 * (octave + 1) + "C D EF G A B".index(name[0]) + name.count("#") - name.count("-") == pitch


@needs_music21
def test_the_command_writes_a_score_beside_each_song(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    make_run(tmp_path / "runs" / "demo", ["offsets"])
    arguments = ["demo", "--events", "12", "--musicxml", "--key", "Eb", "--tempo", "77", "--out", "new.mid"]
    assert main(GenerateOptions, generate, prog="generate", arguments=arguments) == 0
    assert "wrote new.musicxml" in capsys.readouterr().out
    song = read_midi(Path("new.mid"))
    assert song.keys[0, 1] in (3, 12)  # a minor song is moved to the relative minor
    assert round(song.tempos[0, 1]) == 77
    assert {row[0] for row in read(Path("new.musicxml"))} == {part.name for part in song.parts}
    assert {fifths.text for fifths in xml(Path("new.musicxml")).iter("fifths")} == {"-3"}


def test_without_music21_one_line_tells_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *more: None if name == "music21" else found(name, *more)
    )
    assert main(GenerateOptions, generate, prog="generate", arguments=["nowhere", "--musicxml"]) == 2
    said = capsys.readouterr().err.strip()
    assert said == "error: --musicxml needs music21: pip install music21; or leave the option out"
    assert not list(tmp_path.glob("output*"))
