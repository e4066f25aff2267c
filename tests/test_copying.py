"""How much of a song stands in others, against the plainest count there is."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from events_made import random_songs
from winners_made import demo_songs, make_run, make_winner

from datamodules.song import DEFAULT_GRID, Events, Notes, Part, Song
from experiments.music.copying import GRAM, copying
from experiments.music.training_songs import TrainingSongs, first_training_song, training_songs
from experiments.winners import WINNER, load_winner
from songs import bundled

PART = Part("piano", 0, False, "chords")


def song_of(events: Events, name: str = "") -> Song:
    """A song with these events."""
    sizes = np.diff(events.starts)
    part = np.zeros(len(events.pitches), np.int32)
    table = (np.repeat(events.onset, sizes), events.pitches, np.repeat(events.duration, sizes), part + 80, part)
    metres = np.array([[0, 4, 4]], np.int32)
    return Song(
        DEFAULT_GRID, (PART,), Notes(*table), np.array([[0.0, 120.0]]), metres, np.zeros((0, 2), np.int32), name=name
    )


def stretch(events: Events, start: int, stop: int) -> Events:
    """Some events of a song, as a song that begins at once."""
    return Events(
        onset=events.onset[start:stop] - events.onset[start],
        starts=events.starts[start : stop + 1] - events.starts[start],
        pitches=events.pitches[events.starts[start] : events.starts[stop]],
        duration=events.duration[start:stop],
        offset=events.offset[start:stop],
        velocity=events.velocity[start:stop],
        place=events.place[start:stop],
        bar=events.bar[start:stop],
        lengths=events.lengths[events.starts[start] : events.starts[stop]],
    )


def trained(*songs: Events) -> TrainingSongs:
    made = [song_of(events, f"folder/{number}.mid") for number, events in enumerate(songs)]
    return TrainingSongs(tuple((song, song.events()) for song in made), len(made))


def naive_share(rows: list[list[object]], new: list[object]) -> float:
    known = {tuple(row[i : i + GRAM]) for row in rows for i in range(len(row) - GRAM + 1)}
    own = [tuple(new[i : i + GRAM]) for i in range(len(new) - GRAM + 1)]
    return sum(gram in known for gram in own) / len(own)


def naive_longest(rows: list[list[object]], new: list[object]) -> int:
    best = 0
    for row in rows:
        for i in range(len(new)):
            for j in range(len(row)):
                length = 0
                while i + length < len(new) and j + length < len(row) and new[i + length] == row[j + length]:
                    length += 1
                best = max(best, length)
    return best


@pytest.mark.parametrize("seed", range(5))
def test_shares_and_the_longest_run_equal_a_naive_count(seed: int) -> None:
    whole = random_songs(seed, songs=1, events=160, chords=4)[0]  # its stretches have their chords in common
    *old, new = (stretch(whole, start, start + 30) for start in (0, 30, 60, 90))
    found = copying(song_of(new), trained(*old))
    song = song_of(new).events()
    rows: list[list[object]] = [list(events.chords()) for events in old]
    assert found.notes == pytest.approx(naive_share(rows, list(song.chords())))
    assert found.longest == naive_longest(rows, list(song.chords()))
    where = int(Path(found.where).stem)
    assert naive_longest([rows[where]], list(song.chords())) == found.longest

    def triples(events: Events) -> list[object]:
        return list(zip(events.chords(), events.duration.tolist(), events.offset.tolist(), strict=True))[1:]

    assert found.triples == pytest.approx(naive_share([triples(events) for events in old], triples(song)))


def test_a_copy_is_found_whole_with_its_bar() -> None:
    events = demo_songs().songs[0].events()
    source = demo_songs().songs[0]
    begin = int(np.flatnonzero(events.onset >= 96 * 20)[0])  # the first event of the 21st bar of 4/4
    copied = stretch(events, begin, begin + 50)
    found = copying(song_of(copied), TrainingSongs(((source, events),), 1))
    assert (found.notes, found.triples) == (1.0, 1.0)
    assert found.longest >= 50
    assert found.where == source.name
    assert "100%" in found.describe()
    assert "checked against 1 training song" in found.describe()


def test_nothing_shared() -> None:
    new, old = random_songs(1, songs=2, events=20)
    high = replace(old, pitches=old.pitches + 40)
    found = copying(song_of(new), trained(high))
    assert (found.notes, found.triples, found.longest, found.where, found.bar) == (0.0, 0.0, 0, "", 0)


def test_a_run_does_not_go_on_from_one_song_into_the_next() -> None:
    whole = random_songs(3, songs=1, events=30, chords=30)[0]
    cut = len(whole) // 2
    halves = [stretch(whole, 0, cut), stretch(whole, cut, len(whole))]
    assert copying(song_of(whole), trained(*halves)).longest <= max(cut, len(whole) - cut)


def test_a_song_too_short_for_a_sequence_has_no_share() -> None:
    old = random_songs(4, songs=1)[0]
    short = random_songs(4, songs=1, events=3)[0]
    found = copying(song_of(short), trained(old))
    assert found.notes is None
    assert "too short" in found.describe()


def test_training_songs_are_those_of_the_run_and_only_unchanged_ones(tmp_path: Path) -> None:
    run, winners = make_run(tmp_path / "run", ["notes", "offsets"])
    found = training_songs(winners.values())
    assert {Path(song.name).name for song, _ in found.songs} == {path.name for path in bundled()}
    assert found.describe() == "checked against 2 training songs"

    table = json.loads((run.path / "songs.json").read_text())
    table["songs"][0]["sha256"] = "0" * 64  # changed since
    (run.path / "songs.json").write_text(json.dumps(table))
    found = training_songs(winners.values())
    assert found.describe() == "checked against 1 of 2 training songs"
    assert first_training_song(winners["notes"]) == Path(table["songs"][1]["path"])

    table["songs"][1]["path"] = str(tmp_path)  # a folder is no song, and is not searched for some
    (run.path / "songs.json").write_text(json.dumps(table))
    assert training_songs(winners.values()).describe() == "not checked: songs not here"
    assert copying(demo_songs().songs[0], training_songs(winners.values())).describe() == "not checked: songs not here"


def test_held_out_songs_are_no_training_songs(tmp_path: Path) -> None:
    run, winners = make_run(tmp_path / "run", ["notes"])
    table = json.loads((run.path / "songs.json").read_text())
    table["songs"][0]["split"] = "test"
    (run.path / "songs.json").write_text(json.dumps(table))
    assert training_songs(winners.values()).wanted == 1


def test_bundled_songs_are_found_again_in_another_installation(tmp_path: Path) -> None:
    run, winners = make_run(tmp_path / "run", ["notes"])
    table = json.loads((run.path / "songs.json").read_text())
    for row in table["songs"]:
        row["path"] = f"/gone/{Path(row['path']).name}"
    (run.path / "songs.json").write_text(json.dumps(table))
    assert len(training_songs(winners.values()).songs) == 2


@pytest.mark.parametrize("table", ["", "[]", "{}", '{"songs": 3}', '{"songs": [1]}', '{"songs": [{"accepted": true}]}'])
def test_without_a_sound_table_nothing_is_checked(tmp_path: Path, table: str) -> None:
    winner = make_winner(tmp_path / "notes" / WINNER, "notes", demo_songs())
    (tmp_path / "songs.json").write_text(table)
    assert training_songs([winner]).describe() == "not checked: songs not here"


def test_a_winner_copied_elsewhere_is_told(tmp_path: Path) -> None:
    _, winners = make_run(tmp_path / "run", ["notes"])
    alone = tmp_path / "elsewhere" / "offsets" / WINNER
    make_winner(alone, "offsets", demo_songs())
    assert training_songs([load_winner(alone)]).describe() == "not checked: songs not here"
    mixed = training_songs([winners["notes"], load_winner(alone)])
    assert mixed.describe() == "checked against 2 training songs; those of a winner without songs.json are not here"
