"""Generating from heads mixed with n-gram models of their training songs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from winners_made import demo_songs, make_run, make_winner

from datamodules.errors import UserError
from experiments.command_line.cli import main
from experiments.evaluating.mixing import fit_mix
from experiments.generate import GenerateOptions, generate
from experiments.heads import HEADS
from experiments.music.events.generation import generate as new_songs
from experiments.music.events.ngram_share import shares_of
from experiments.music.events.settings import Settings
from experiments.music.prime import find_prime
from experiments.winners import ALL_SONGS, load_winner, save_winner
from songs import bundled

pytestmark = pytest.mark.usefixtures("unseen")

HEADS_MIXED = ("notes", "durations", "offsets")


def call(*arguments: str) -> int:
    return main(GenerateOptions, generate, prog="generate", arguments=arguments)


def test_the_command_says_the_share_and_the_same_seed_writes_the_same_song(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_run(runs / "a", ["durations", "offsets"])
    for name, share in (("x", ["0.5"]), ("y", ["0.5"]), ("z", [])):
        assert call("a", "--mix-ngram", *share, "--events", "30", "--out", f"{name}.mid") == 0
    assert call("a", "--events", "30", "--out", "pure.mid") == 0
    x, y, z, pure = (Path(f"{name}.mid").read_bytes() for name in ("x", "y", "z", "pure"))
    assert x == y
    assert len({x, z, pure}) == 3
    said = capsys.readouterr().out
    assert "mixed with 50.0 % of Kneser-Ney" in said
    assert "(as asked)" in said
    assert "(fitted on validation)" in said


def test_an_ngram_alone_says_what_stands_in_the_training_songs(runs: Path) -> None:
    """At a share of one the heads have nothing to say: nearly all steps are steps of the songs, in some key."""
    _, winners = make_run(runs / "a", HEADS_MIXED)
    shares = shares_of(winners, 1.0)
    assert set(shares) == set(HEADS_MIXED)
    prime = find_prime(winners, None)
    (song,) = new_songs(winners, prime, Settings(events=120), shares=shares)
    chords = song.events().chords()
    heard = {chord for events in demo_songs().events for chord in events.chords()}
    assert np.mean([chord in heard for chord in chords]) > 0.7
    (other,) = new_songs(winners, prime, Settings(events=120, seed=2), shares=shares)
    assert other.events().chords() != chords


def test_a_share_of_one_head_moves_no_draw_of_another(runs: Path) -> None:
    """Heads that see their own column only: what the n-gram says of the offsets changes the offsets alone."""
    _, winners = make_run(runs / "a", HEADS_MIXED, inputs="own")
    prime, shares = find_prime(winners, None), shares_of(winners, 0.5)
    (pure,) = new_songs(winners, prime, Settings(events=40))
    (mixed,) = new_songs(winners, prime, Settings(events=40), shares={"offsets": shares["offsets"]})
    assert pure.events().chords() == mixed.events().chords()
    assert pure.events().onset.tolist() != mixed.events().onset.tolist()


def test_the_share_is_that_of_evaluate(runs: Path) -> None:
    _, winners = make_run(runs / "a", ["notes", "offsets"])
    shares = shares_of(winners, None)
    for head, winner in winners.items():
        mix = fit_mix(winner, demo_songs().column(HEADS[head].column), np.zeros(0, np.int64))
        assert shares[head].weight == mix.weight
        assert shares[head].sampler.ngram == mix.ngram


def test_a_winner_of_all_songs_is_mixed_with_all_of_them_by_the_share_of_the_split(runs: Path) -> None:
    run, winners = make_run(runs / "a", ["notes"])
    whole = make_winner(run.winner("notes", ALL_SONGS), "notes", demo_songs(split="none"))
    save_winner(whole.path, whole.tensors, {**whole.facts, "kind": "all-songs"})
    assert call("a", "--all-songs", "--mix-ngram", "--events", "5") == 0
    split = shares_of(winners, None)["notes"]
    share = shares_of({"notes": load_winner(whole.path)}, None)["notes"]
    assert (share.weight, share.sampler.ngram) == (split.weight, split.sampler.ngram)
    assert len(share.sampler.column.targets(1)) > len(split.sampler.column.targets(1))


def test_a_head_of_note_lengths_is_left_as_it_is(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, _ = make_run(runs / "a", ["offsets"])
    winner = make_winner(run.winner("durations"), "durations", demo_songs(), grain="note")
    assert shares_of({"durations": winner}, 0.5) == {}
    assert call("a", "--mix-ngram", "0.5", "--events", "10") == 0
    assert capsys.readouterr().out.count("mixed with") == 1


@pytest.mark.parametrize("share", ["0", "1.5", "-0.1", "nan"])
def test_a_share_without_meaning_is_refused(runs: Path, capsys: pytest.CaptureFixture[str], share: str) -> None:
    make_run(runs / "a", ["offsets"])
    assert call("a", "--mix-ngram", share) == 2
    assert "must be above 0 and at most 1" in capsys.readouterr().err
    assert call("a", "--mix-ngram", "0.1", "0.2") == 2


def test_songs_that_are_not_here_are_one_line(runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, winners = make_run(runs / "a", ["offsets"])
    Path("taken").mkdir()
    shutil.copy(winners["offsets"].path, "taken/out.safetensors")
    make_run(runs / "b", ["offsets"], split="none")
    facts = json.loads((run.path / "run.json").read_text())
    song = tmp_path / "song.mid"
    for name, paths, digest in (
        ("gone", [str(song)], facts["songs"]),
        ("other", [str(bundled()[0])], facts["songs"]),
        ("read", [str(path) for path in bundled()], "of another reader"),
    ):
        shutil.copytree(run.path, runs / name)
        changed = {**facts, "songs": digest, "data": {**facts["data"], "songs": paths}}
        (runs / name / "run.json").write_text(json.dumps(changed))
    table = json.loads((runs / "read" / "songs.json").read_text())
    table["songs"][0]["events"] += 1
    read = Path(table["songs"][0]["path"]).name
    (runs / "read" / "songs.json").write_text(json.dumps(table))
    for arguments, message in (
        (("--offsets", "taken/out.safetensors"), "is in no run"),
        (("gone",), "cannot be read again"),
        (("other",), "have changed since"),
        (("read",), f"have changed since (with other events, as this version reads them: {read})"),
        (("b",), "nothing was held out to fit its share on; give one"),
    ):
        assert call(*arguments, "--mix-ngram") == 2
        error = capsys.readouterr().err.strip().splitlines()[-1]
        assert error.startswith("error: --mix-ngram")
        assert message in error
    assert call("b", "--mix-ngram", "0.3", "--events", "5") == 0


def test_a_run_whose_songs_are_others_than_the_winners_is_refused(runs: Path) -> None:
    run, winners = make_run(runs / "a", ["notes"])
    make_winner(winners["notes"].path, "notes", demo_songs(split="none"))
    with pytest.raises(UserError, match="trained on other songs"):
        shares_of({"notes": load_winner(run.winner("notes"))}, 0.5)
