"""music21:QUERY: what is written stands in the score, in the same bytes each time, and what is not has a reason."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from fractions import Fraction
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pytest

from datamodules.corpus import music21_songs
from datamodules.corpus.finding import absolute, is_query
from datamodules.corpus.music21_score import NoScore, metre_map, score_song, scores_of
from datamodules.corpus.music21_songs import Written, written_scores
from datamodules.corpus.reading import read_corpus, read_song
from datamodules.errors import UserError
from datamodules.midi.raw_bytes import RejectedFile
from datamodules.midi.reading import read_midi
from datamodules.midi.writing import midi_bytes, write_midi
from datamodules.song import DIVISION, Song, bar_length
from experiments.data_options import DataOptions
from experiments.explore import main as explore

Progress = list[tuple[int, int]]


def written(query: str, cache: Path, seen: Progress | None = None) -> list[Written]:
    return written_scores(Path(query), cache, lambda done, of: (seen if seen is not None else []).append((done, of)))


def rows(song: Song) -> list[tuple[int, int, int]]:
    """Onset, pitch and length of all notes, in no part's order."""
    notes = song.notes
    return sorted(zip(notes.onset.tolist(), notes.pitch.tolist(), notes.length.tolist(), strict=True))


# -- without music21


def test_without_music21_one_line_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "music21"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "music21", None)
    assert explore(["music21:bach", "--out", str(tmp_path / "x.png")]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "music21:bach: needs music21" in told
    assert "pip install music21" in told


def test_a_query_stays_as_it_is_where_paths_become_absolute() -> None:
    assert is_query(Path("music21:bach/bwv66.6"))
    assert absolute(Path("music21:bach/bwv66.6")) == "music21:bach/bwv66.6"
    assert not is_query(Path("my_songs/music21:bach"))
    assert absolute(Path("music21.mid")) == os.path.abspath("music21.mid")
    options = DataOptions(("music21:bach",), valid=("music21:haydn",))
    assert DataOptions.from_json(options.to_json()) == options


@pytest.mark.parametrize("seed", range(20))
def test_each_measure_begins_on_a_bar_line_or_ends_one(seed: int) -> None:
    random = np.random.default_rng(seed)
    metres = [(2, 4), (3, 4), (4, 4), (6, 8), (2, 2)]
    measures, line, metre = [], 0, metres[0]
    for _ in range(30):
        if random.random() < 0.2:
            metre = metres[random.integers(len(metres))]
        measures.append((line, metre))
        whole = bar_length(DIVISION, *metre)
        length = whole if random.random() < 0.7 else int(random.integers(1, whole // 60 + 3)) * 60
        line += length
    table = metre_map(measures)
    assert table[0, 0] == 0
    assert (np.diff(table[:, 0]) > 0).all()
    for (line, _), after in zip(measures[:-1], [line for line, _ in measures[1:]], strict=True):
        start, *own = table[np.searchsorted(table[:, 0], line, side="right") - 1].tolist()
        bar = bar_length(DIVISION, *own)
        assert (line - start) % bar + after - line <= bar


def test_a_short_first_measure_is_a_pickup_and_parted_bars_are_whole() -> None:
    quarter = DIVISION
    lines = [0, 1, 5, 8, 9]  # a pickup, a bar, and one that a repeat sign parts into three quarters and one
    assert metre_map([(line * quarter, (4, 4)) for line in lines]).tolist() == [[0, 1, 4], [quarter, 4, 4]]
    assert metre_map([]).tolist() == [[0, 4, 4]]
    shorter = metre_map([(line * quarter, (4, 4)) for line in (0, 4, 7, 11, 15)]).tolist()
    assert shorter == [[0, 4, 4], [4 * quarter, 3, 4], [7 * quarter, 4, 4]]


# -- scores made by hand


@pytest.fixture
def m21() -> Any:
    return pytest.importorskip("music21", reason="needs the extra: pip install -e '.[corpus]'")


def tiny(m21: Any, text: str) -> Any:
    """A score of one part in music21's own short notation."""
    return m21.converter.parse(f"tinyNotation: {text}")


def song_of(score: Any, tmp_path: Path) -> Song:
    """As a run reads it: out of the file, on the grid."""
    write_midi(score_song(score), tmp_path / "x.mid")
    return read_midi(tmp_path / "x.mid")


def test_triplets_ties_and_dots_fall_exactly_on_the_grid(m21: Any, tmp_path: Path) -> None:
    score = tiny(m21, "3/4 trip{c8 d e} f4.~ f8 g16 a b8 c'4 r2 c'4~ c'4")
    quarters = ["0 60 1/3", "1/3 62 1/3", "2/3 64 1/3", "1 65 2", "3 67 1/4", "13/4 69 1/4", "7/2 71 1/2", "4 72 1"]
    quarters.append("7 72 2")
    wanted = [tuple(Fraction(x) for x in row.split()) for row in quarters]
    assert rows(song_of(score, tmp_path)) == [(24 * a, b, 24 * c) for a, b, c in wanted]
    exact = score_song(score)
    assert rows(exact) == [(DIVISION * a, b, DIVISION * c) for a, b, c in wanted]


def test_repeats_are_played_and_grace_notes_are_not(m21: Any, tmp_path: Path) -> None:
    score = tiny(m21, "2/4 c4 d e f")
    first = score.recurse().getElementsByClass("Measure").first()
    first.rightBarline = m21.bar.Repeat(direction="end")
    first.insert(1.0, m21.note.Note("B4").getGrace())
    assert [pitch for _, pitch, _ in rows(song_of(score, tmp_path))] == [60, 62, 60, 62, 64, 65]


def test_tempo_metre_key_names_dynamics_and_sounding_pitch_survive(m21: Any, tmp_path: Path) -> None:
    part = m21.stream.Part()
    part.append([m21.instrument.Clarinet(), m21.tempo.MetronomeMark(number=90), m21.meter.TimeSignature("3/4")])
    part.append([m21.key.Key("b"), m21.dynamics.Dynamic("pp"), m21.note.Note("D5", quarterLength=3)])
    part.append([m21.tempo.MetronomeMark(number=60), m21.dynamics.Dynamic("ff"), m21.note.Note("E5", quarterLength=3)])
    part.partName = "Clarinet"
    bass = m21.stream.Part([m21.chord.Chord(["C2", "G2"], quarterLength=6)])
    bass.partName = "Contrabass"
    score = m21.stream.Score([part, bass])
    score.makeNotation(inPlace=True)
    score.atSoundingPitch = False
    song = song_of(score, tmp_path)
    assert [(part.name, part.role, part.program) for part in song.parts] == [
        ("Clarinet", "melody", 71),
        ("Contrabass", "bass", 0),
    ]
    np.testing.assert_allclose(song.tempos, [[0, 90], [72, 60]], atol=1e-3)  # a file has whole microseconds
    assert song.metres[:, 1:].tolist() == [[3, 4]]
    assert rows(song)[-1] == (72, 74, 72)  # a clarinet in B flat: a written E sounds as D
    loud = song.notes.velocity[song.notes.part == 0].tolist()
    assert loud[0] < 60 < 100 < loud[1]


def test_chord_symbols_are_a_part_of_their_own(m21: Any, tmp_path: Path) -> None:
    part = m21.stream.Part([m21.meter.TimeSignature("4/4"), *(m21.note.Note(p) for p in ("C5", "D5", "E5", "F5"))])
    part.insert(0, m21.harmony.ChordSymbol("C"))
    part.insert(2, m21.harmony.ChordSymbol("Am"))
    song = song_of(m21.stream.Score([part]), tmp_path)
    assert [(part.name, part.role) for part in song.parts][1] == ("Chords", "chords")
    chords = [(onset, pitch % 12, length) for onset, pitch, length in rows(song) if pitch < 72]
    assert sorted(chords) == [(0, 0, 48), (0, 4, 48), (0, 7, 48), (48, 0, 48), (48, 4, 48), (48, 9, 48)]


def test_a_score_without_pitches_is_told(m21: Any) -> None:
    with pytest.raises(NoScore, match="no notes with a pitch"):
        score_song(m21.stream.Score([m21.stream.Part([m21.note.Rest(), m21.note.Unpitched()])]))


# -- the corpus


def test_the_notes_are_those_that_music21_writes_itself(m21: Any, tmp_path: Path) -> None:
    root = Path(m21.common.getCorpusFilePath())
    ((number, score),) = scores_of(root / "bach" / "bwv66.6.mxl")
    song = song_of(score, tmp_path)
    score.write("midi", tmp_path / "theirs.mid")
    theirs = read_midi(tmp_path / "theirs.mid")
    assert number == ""
    assert rows(song) == rows(theirs)
    assert [(part.name, part.role) for part in song.parts] == [(part.name, part.role) for part in theirs.parts]
    assert song.tempos.tolist() == theirs.tempos.tolist()
    assert song.keys.tolist() == theirs.keys.tolist()
    assert song.metres.tolist() == [[0, 1, 4], [24, 4, 4]]  # theirs takes the pickup for a bar


def test_scores_are_written_once_and_always_with_the_same_bytes(
    m21: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: Progress = []
    first = written("music21:josquin/laPlusDesPlus", tmp_path / "one", seen)
    assert [score.path.name for score in first] == ["1.mid", "2.mid", "3.mid"]
    assert all(score.digest and not score.reason for score in first)
    assert seen == [(1, 1)]
    again = written("music21:laPlusDesPlus", tmp_path / "other")  # another process, another hash seed
    assert [score.digest for score in again] == [score.digest for score in first]
    monkeypatch.setattr(music21_songs, "ProcessPoolExecutor", lambda *_: pytest.fail("something was parsed again"))
    assert written("music21:josquin/laPlusDesPlus", tmp_path / "one") == first
    with pytest.raises(RejectedFile, match="stands for 3 scores"):
        read_song(Path("music21:laPlusDesPlus"), cache=tmp_path / "one")


def test_what_is_damaged_in_the_cache_is_not_there(m21: Any, tmp_path: Path) -> None:
    source = PurePosixPath("a/b.abc")
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    data = b"MThd"
    (folder / "1.mid").write_bytes(data)
    whole = [["1", "f" * 64, ""], ["2", "", "no notes with a pitch"]]
    for text in ("", "[", "7", "[[1]]", '[["../x", "", ""]]', '[["1", "", 7]]', json.dumps(whole)):
        (tmp_path / "a" / "b.abc.json").write_text(text)
        assert music21_songs._listed(tmp_path, source) is None
    whole[0][1] = hashlib.sha256(data).hexdigest()
    (tmp_path / "a" / "b.abc.json").write_text(json.dumps(whole))
    found = music21_songs._listed(tmp_path, source)
    assert found is not None
    assert [score.reason for score in found.values()] == ["", "no notes with a pitch"]


def _dies(root: Path, folder: Path, source: PurePosixPath) -> dict[str, Written]:
    """Runs in a worker, in place of `_write_or_tell`: one file ends it."""
    if source.name == "deadly.abc":
        os._exit(9)
    return {"": Written(folder / source.name, "0")}


def test_a_score_that_ends_its_worker_is_rejected_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(music21_songs, "_write_or_tell", _dies)
    sources = [PurePosixPath(f"{name}.abc") for name in ("a", "b", "deadly", "c", "d")]
    found = dict(music21_songs._written(sources, tmp_path, tmp_path))
    reasons = {source.stem: next(iter(scores.values())).reason for source, scores in found.items()}
    assert reasons == {"a": "", "b": "", "deadly": music21_songs._DIED, "c": "", "d": ""}


def test_what_cannot_be_parsed_has_a_reason(m21: Any, tmp_path: Path) -> None:
    (tmp_path / "broken.mxl").write_bytes(b"PK no archive")
    found = music21_songs._write(tmp_path, tmp_path, PurePosixPath("broken.mxl"))
    assert found[""].reason.startswith("cannot be parsed by music21 (")
    assert music21_songs._listed(tmp_path, PurePosixPath("broken.mxl")) == found  # and is not parsed again


def test_a_query_finds_folders_scores_and_titles(m21: Any) -> None:
    def names(query: str) -> list[str]:
        return [str(source) for source in music21_songs._find(query)]

    assert len(names("bach")) > 400
    assert len(names("Bach")) == len(names("bach"))
    assert names("bach/bwv66.6") == names("bwv66.6") == names("bwv66.6.mxl") == ["bach/bwv66.6.mxl"]
    assert names("opus18no1/movement1") == ["beethoven/opus18no1/movement1.mxl"]  # and not in another format too
    assert not any(name.endswith(".rntxt") for name in names("monteverdi"))
    assert music21_songs._find("Prayer of a Tired") == {PurePosixPath("beach/prayer_of_a_tired_child.musicxml"): set()}
    assert music21_songs._find("green sleeves")[PurePosixPath("oneills1850/0981-1000.abc")]  # some of its tunes


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("music21:bachh", "near names: bach, beach"),
        ("music21:bach/bwv66.66", "near names: bwv66.6"),
        ("music21:qqqqqqq", "in its title; its folders: airdsAirs, bach"),
        ("music21:", "names no songs: give a folder of music21's corpus, as music21:bach"),
    ],
)
def test_a_query_that_finds_nothing_is_one_line(m21: Any, query: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=told) as error:
        read_corpus([Path(query)], cache=tmp_path)
    assert "\n" not in str(error.value)


def test_a_query_is_read_like_files(m21: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRITONE_CACHE", str(tmp_path))
    corpus = read_corpus([Path("music21:bwv66.6")])
    (row,) = corpus.rows
    assert row.parts == ("Soprano:melody", "Alto:chords", "Tenor:chords", "Bass:bass")
    assert Path(row.path).is_relative_to(tmp_path / "music21")
    assert read_song(Path("music21:bwv66.6")).digest == row.digest
    assert midi_bytes(corpus.songs[0])
