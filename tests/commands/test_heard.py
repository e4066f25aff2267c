"""Which songs a winner has heard: its run's, and those that it had learnt from before."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from winners_made import demo_songs, make_run, make_winner

from experiments.command_line.cli import main
from experiments.evaluate import EvaluateOptions, evaluate
from experiments.evaluating.rivals import rival_of
from experiments.heard import Heard, heard, heard_before, overlap, together
from experiments.initial import initial_of, say_heard
from experiments.music.training_songs import training_songs
from experiments.winners import ALL_SONGS, load_winner, save_winner


def song(name: str, split: str) -> dict[str, str]:
    return {"path": f"/songs/{name}.mid", "sha256": name, "split": split}


def test_a_song_that_was_learnt_from_anywhere_counts_as_that() -> None:
    one, other = [song("a", "valid"), song("b", "tail")], [song("a", "train"), song("b", "valid")]
    assert together(one, other) == [song("a", "train"), song("b", "tail")]


@pytest.mark.parametrize("whole", ["train", "none"])
@pytest.mark.parametrize("first", [True, False])
def test_a_song_that_was_learnt_from_to_the_end_anywhere_counts_as_that(whole: str, first: bool) -> None:
    rows = [song("a", whole), song("a", "tail")]
    known = together(*([row] for row in (rows if first else reversed(rows))))
    assert known == [song("a", whole)]
    assert overlap(known, {"a": "tail"}) == (1, 0)


@pytest.mark.parametrize(
    ("known", "here", "expected"),
    [
        ("train", "test", (1, 0)),
        ("none", "tail", (1, 0)),
        ("tail", "tail", (0, 0)),  # cut at the same event
        ("tail", "test", (1, 0)),
        ("valid", "test", (0, 1)),
    ],
)
def test_what_overlaps(known: str, here: str, expected: tuple[int, int]) -> None:
    assert overlap([song("a", known), song("elsewhere", "train")], {"a": here, "b": "test"}) == expected


def test_a_winner_has_heard_its_runs_songs_and_those_before(tmp_path: Path) -> None:
    _, winners = make_run(tmp_path / "run", ["offsets"])
    winner = winners["offsets"]
    own = heard(winner)
    assert own.complete
    assert [row["split"] for row in own.songs] == ["tail", "tail"]
    before = {"from": "elsewhere", "sha256": "0", "songs": [song("a", "train"), song("b", "test")]}
    began = replace(winner, facts=winner.facts | {"init": before})
    assert heard_before(began) == Heard([song("a", "train")], complete=True)
    assert heard(began) == Heard([*own.songs, song("a", "train")], complete=True)
    assert training_songs([began]).wanted == 3  # copies of those before are looked for too
    moved = replace(began, path=tmp_path / "elsewhere" / "winner.safetensors")
    assert heard(moved) == Heard([song("a", "train")], complete=False)
    assert heard(replace(moved, facts=winner.facts)) == Heard([], complete=False)


def test_what_is_not_known_of_one_is_not_known_of_those_that_began_from_it(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And all that asks what winners know says so, in every generation."""
    parent = make_winner(tmp_path / "by_itself.safetensors", "offsets", demo_songs())
    for name in ("b", "c", "d"):
        begun = initial_of(parent, 24)
        capsys.readouterr()
        say_heard(begun, demo_songs())
        assert "a songs.json is missing" in capsys.readouterr().err
        run, winners = make_run(runs / name, ["offsets"])
        winner = winners["offsets"]
        facts = {"init": begun.to_json(None), "best": 2.0, "baselines": {}}
        save_winner(winner.path, winner.tensors, winner.facts | facts)
        parent = load_winner(winner.path)
        assert not heard_before(parent).complete
        assert not heard(parent).complete
        assert not training_songs([parent]).complete
        rival = rival_of(name, runs, run, [parent], {})
        assert not rival.complete
        assert "may know these songs" in rival.warning(1)
        assert main(EvaluateOptions, evaluate, prog="evaluate", arguments=[name, "--against", name]) == 0
        assert capsys.readouterr().err.count("(--init) is") == 2


def test_what_is_known_stays_known(tmp_path: Path) -> None:
    parent = make_run(tmp_path / "a", ["offsets"])[1]["offsets"]
    run, winners = make_run(tmp_path / "b", ["offsets"])
    own = winners["offsets"]
    began = replace(own, facts=own.facts | {"init": initial_of(parent, 24).to_json(None)})
    assert heard(began).complete
    assert training_songs([began]).complete
    assert rival_of(str(run.path), None, run, [began], {}).warning(1) == ""


def test_a_winner_of_all_songs_has_learnt_from_those_that_were_held_out(tmp_path: Path) -> None:
    """Wherever it is begun from (`tune --init`), none of its run's songs is held out any more."""
    run, winners = make_run(tmp_path / "run", ["offsets"], name=ALL_SONGS)
    table = json.loads((run.path / "songs.json").read_text())
    rows = [song("a", "test"), song("b", "valid"), song("c", "tail")]
    (run.path / "songs.json").write_text(json.dumps(table | {"songs": rows}))
    before = {"songs": [song("d", "tail")]}
    whole = replace(winners["offsets"], facts=winners["offsets"].facts | {"kind": "all-songs", "init": before})
    known = heard(whole)
    assert known == Heard([song("c", "none"), song("a", "none"), song("b", "none"), song("d", "tail")], complete=True)
    assert initial_of(whole, 24).heard == known
    assert overlap(known.songs, {"a": "test", "b": "valid", "c": "tail", "d": "tail"}) == (3, 0)


@pytest.mark.parametrize(
    ("init", "expected"),
    [
        ("a run", Heard([], complete=False)),
        ({"songs": None}, Heard([], complete=False)),
        ({"songs": "all"}, Heard([], complete=False)),
        ({"songs": [], "complete": "no"}, Heard([], complete=False)),
        (
            {"songs": [3, {"sha256": 3, "split": "train"}, {"sha256": "a", "split": ["train"]}, {}]},
            Heard([], complete=True),
        ),
    ],
)
def test_what_a_strangers_winner_says_is_read_with_care(tmp_path: Path, init: Any, expected: Heard) -> None:
    _, winners = make_run(tmp_path / "run", ["offsets"])
    assert heard_before(replace(winners["offsets"], facts=winners["offsets"].facts | {"init": init})) == expected
