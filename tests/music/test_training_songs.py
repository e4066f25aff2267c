"""Which songs heads have learnt from, and which were held out: by the tables of their runs, as far as they are here."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from events_made import song_of
from winners_made import demo_songs, make_run, make_winner

from experiments.music.copying.avoiding import avoiding
from experiments.music.copying.figures import Comparison, comparison
from experiments.music.training_songs import TrainingSongs, first_training_song, held_out, training_songs
from experiments.run_folder import Run
from experiments.winners import WINNER, load_winner
from songs import bundled


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
    assert (
        Comparison(training_songs(winners.values())).of(demo_songs().songs[0]).describe()
        == "not checked: songs not here"
    )


def test_songs_are_counted_once_whatever_parts_heads_learnt(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, some = make_run(tmp_path / "some", ["notes"], parts=("melody", "chords"))
    run, every = make_run(tmp_path / "every", ["offsets"])
    found = training_songs([*some.values(), *every.values()])
    assert len(found.songs) == 4
    assert found.describe() == "checked against 2 training songs"
    for folder in (run.path, tmp_path / "some"):
        table = json.loads((folder / "songs.json").read_text())
        table["songs"][0]["sha256"] = "0" * 64
        (folder / "songs.json").write_text(json.dumps(table))
    found = training_songs([*some.values(), *every.values()])
    assert (found.found, found.wanted) == (1, 2)
    avoiding(some, found, 8)
    assert "only some of the training songs are here (checked against 1 of 2" in capsys.readouterr().err


def test_the_end_of_a_song_is_held_out_and_not_looked_in(tmp_path: Path) -> None:
    """The test part of a tail, among what was learnt from, which is neither validation nor test."""
    _, winners = make_run(tmp_path / "run")
    training = training_songs(winners.values())
    held = held_out(winners, training)
    for (song, events), (_, learnt), end in zip(training.songs, training.heard, held.events, strict=True):
        count = len(song.events())
        assert (len(events), len(learnt)) == (count, 8 * count // 10)
        assert end.onset.tolist() == events.onset[9 * count // 10 :].tolist()
    assert held.told == "held-out: the last tenth of 2 songs"
    found = comparison(winners).of(training.songs[0][0])
    assert found.longest == len(training.heard[0][1]) - 1
    assert "(held-out " in found.describe()
    expected = Comparison(TrainingSongs(training.heard, 2)).of(song_of(held.events[0])).longest
    other = Comparison(TrainingSongs(training.heard, 2)).of(song_of(held.events[1])).longest
    assert found.beside["chords"].longest == pytest.approx((expected + other) / 2)


def named(run: Run, *uses: str) -> None:
    """Change what songs.json says that the first songs are for."""
    table = json.loads((run.path / "songs.json").read_text())
    for row, use in zip(table["songs"], uses, strict=False):
        row["split"] = use
    (run.path / "songs.json").write_text(json.dumps(table))


@pytest.mark.parametrize(
    ("uses", "told", "songs"),
    [
        (("train", "valid"), "held-out: 1 validation song", 1),
        (("test", "valid"), "held-out: 1 test song", 1),
        (("none", "none"), "no held-out songs: nothing was held out", 0),
    ],
)
def test_which_songs_were_held_out(uses: tuple[str, str], told: str, songs: int, tmp_path: Path) -> None:
    run, winners = make_run(tmp_path / "run", ["notes", "offsets"])
    named(run, *uses)
    held = held_out(winners, training_songs(winners.values()))
    assert (held.told, len(held.events)) == (told, songs)
    assert (comparison(winners).beside[0] == {}) == (not songs)


def test_what_some_head_learnt_from_was_not_held_out(tmp_path: Path) -> None:
    run, winners = make_run(tmp_path / "run", ["notes"])
    named(run, "train", "test")
    other, more = make_run(tmp_path / "other", ["offsets"])
    both = winners | more
    assert held_out(both, training_songs(both.values())).told == "no held-out songs: some head learnt from each"
    table = json.loads((other.path / "songs.json").read_text())
    moved = [row | {"path": str(tmp_path / "gone.mid")} for row in table["songs"]]
    (other.path / "songs.json").write_text(json.dumps(table | {"songs": moved}))
    assert held_out(both, training_songs(both.values())).told == "no held-out songs: some head learnt from each"
    (other.path / "songs.json").write_text(json.dumps(table))
    named(other, "train", "test")
    assert len(held_out(both, training_songs(both.values())).events) == 1

    whole = {"notes": replace(winners["notes"], facts=winners["notes"].facts | {"kind": "all-songs"})}
    training = training_songs(whole.values())
    assert held_out(whole, training).told == "no held-out songs: the heads learnt from all"
    assert training.describe() == "checked against 2 training songs"
    assert len(training.songs) == len(training.beside) == 1
    named(run, "tail", "tail")
    training = training_songs(whole.values())
    assert [len(events) for _, events in training.heard] == [len(events) for _, events in training.songs]


def test_of_many_held_out_songs_a_sample_is_taken_and_of_those_that_are_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, winners = make_run(tmp_path / "run", ["notes"])
    named(run, "test", "test")
    monkeypatch.setattr("experiments.music.training_songs.MOST_HELD", 1)
    training = training_songs(winners.values())
    first, second = held_out(winners, training), held_out(winners, training)
    assert first.told == second.told == "held-out: 1 of 2 test songs"
    assert np.array_equal(first.events[0].onset, second.events[0].onset)
    table = json.loads((run.path / "songs.json").read_text())
    for row in table["songs"]:
        row["sha256"] = "0" * 64
    (run.path / "songs.json").write_text(json.dumps(table))
    assert held_out(winners, training).told == "no held-out songs: they are not here"
    (run.path / "songs.json").unlink()
    assert held_out(winners, training).told == "no held-out songs: nothing tells which"


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
