"""Starting from another run's winner: known values keep their weights, new ones gain fresh rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from events_made import random_songs
from winners_made import demo_songs, make_run, make_winner

from datamodules.baselines.averages import baselines
from datamodules.batches import in_order
from datamodules.columns import build_column
from datamodules.errors import UserError
from datamodules.splits import VALID, make_split
from datamodules.vocabulary import Vocabulary
from experiments.command_line.cli import main
from experiments.evaluate import EvaluateOptions, evaluate
from experiments.heads import HEADS
from experiments.initial import FREE, grown, initial_of, say_heard
from experiments.run_folder import open_run
from experiments.train import TrainOptions, train
from experiments.tune import TuneOptions, tune
from experiments.winners import ALL_SONGS, load_winner, save_winner
from lightning_modules.head import score
from songs import bundled

CASES: list[tuple[str, dict[str, Any]]] = [
    ("notes", {"output": "factored"}),
    ("notes", {"output": "token", "tied": "no"}),
    ("notes", {"output": "token", "tied": "yes"}),
    ("durations", {"objective": "grid"}),
    ("offsets", {"objective": "mae", "inputs": "own"}),
]


@pytest.mark.parametrize(("head", "settings"), CASES, ids=str)
def test_the_same_songs_score_as_before_under_a_larger_vocabulary(
    head: str, settings: dict[str, Any], tmp_path: Path
) -> None:
    winner = make_winner(tmp_path / "winner.safetensors", head, demo_songs(), **settings)
    before = demo_songs().column(winner.spec.column)
    new: tuple[Any, ...] = ((1,), (3, 90)) if winner.spec.column.chords else (7, 301)
    column = demo_songs().column(winner.spec.column, also=new)
    assert len(column.vocabulary) == len(before.vocabulary) + 2
    assert sum(column.vocabulary.counts) == sum(before.vocabulary.counts)
    assert column.vocabulary.own == before.vocabulary.values
    assert np.array_equal(column.base, before.base)  # what another corpus knows is no part of it
    assert baselines(column, VALID) == baselines(before, VALID)

    initial = initial_of(winner, 24)
    network = winner.spec.build(winner.config, column.vocabulary, 24)
    network.load_state_dict(initial.start(network.state_dict(), column.vocabulary))
    network.eval()
    batch = next(iter(in_order(column, column.valid_part, winner.framing)))
    same = next(iter(in_order(before, before.valid_part, winner.framing)))
    with torch.no_grad():
        assert torch.equal(network(batch), winner.head()(same))  # the states: what was known is seen as before
    if settings.get("output") == "factored":
        scored, expected = score(network, [batch], 0.1).figures, score(winner.head(), [same], 0.1).figures
        assert scored["cross_entropy"] == pytest.approx(expected["cross_entropy"])


@pytest.mark.parametrize("head", [name for name in HEADS if not HEADS[name].column.chords])
def test_each_known_class_keeps_its_row(head: str, tmp_path: Path) -> None:
    winner = make_winner(tmp_path / "winner.safetensors", head, demo_songs())
    new = next(value for value in range(5, 120) if value not in winner.vocabulary.index)
    column = demo_songs().column(winner.spec.column, also=(new,))
    fresh = winner.spec.build(winner.config, column.vocabulary, 24).state_dict()
    started = initial_of(winner, 24).start(fresh, column.vocabulary)
    for value, row in winner.vocabulary.index.items():
        there = column.vocabulary.index[value]
        assert torch.equal(started["encoder.ids.weight"][there], winner.tensors["encoder.ids.weight"][row])
        assert torch.equal(started["output.layer.weight"][there], winner.tensors["output.layer.weight"][row])
    own = column.vocabulary.index[new]
    assert torch.equal(started["encoder.ids.weight"][own], fresh["encoder.ids.weight"][own])
    for name in ("unknown", "start"):
        old, now = getattr(winner.vocabulary, name), getattr(column.vocabulary, name)
        assert torch.equal(started["encoder.ids.weight"][now], winner.tensors["encoder.ids.weight"][old])


def test_what_shapes_the_weights_is_fixed_and_the_rest_is_free(tmp_path: Path) -> None:
    winner = make_winner(tmp_path / "winner.safetensors", "notes", demo_songs())
    fixed = initial_of(winner, 24).fixed
    assert fixed["hidden"] == winner.config.hidden
    assert set(fixed) | set(FREE) == set(winner.config.to_dict())
    assert not set(fixed) & set(FREE)


@pytest.mark.parametrize(
    ("parts", "trained"),
    [(("bass",), 0), (("chords",), 2), (("bass", "chords"), 2), (None, 2)],
)
def test_the_ends_of_songs_are_held_out_only_from_heads_of_the_same_parts(
    parts: tuple[str, ...] | None, trained: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A tail is a share of the events, and those of other parts stand elsewhere in the song."""
    _, winners = make_run(tmp_path / "bass", ["offsets"], parts=("bass",))
    initial, dataset = initial_of(winners["offsets"], 24), demo_songs(parts=parts)
    say_heard(initial, dataset)
    told = f"learnt from {trained} of the songs that are held out here: their figures say little"
    assert (told in capsys.readouterr().err) == bool(trained)

    run, after = make_run(tmp_path / "after", ["offsets"], parts=parts)  # what it tells once it is a winner
    facts = after["offsets"].facts | {"init": initial.to_json(parts)}
    save_winner(after["offsets"].path, after["offsets"].tensors, facts)
    assert main(EvaluateOptions, evaluate, prog="evaluate", arguments=[str(run.path)]) == 0
    told = f"offsets: it learnt from {trained} of these songs before this run (--init)"
    assert (told in capsys.readouterr().err) == bool(trained)


def test_the_order_of_parts_is_no_other_choice(tmp_path: Path) -> None:
    _, winners = make_run(tmp_path / "two", ["offsets"], parts=("bass", "chords"))
    initial = initial_of(winners["offsets"], 24)
    assert initial.heard_over(("chords", "bass")) == initial.heard


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    winner = make_winner(tmp_path / "winner.safetensors", "durations", demo_songs())
    with pytest.raises(UserError, match="--grid 24"):
        initial_of(winner, 12)
    other = Vocabulary((3, 5), (1, 1))
    with pytest.raises(UserError, match="not part"):
        grown(winner.tensors, winner.tensors, winner.vocabulary, other)
    wider = make_winner(tmp_path / "wider.safetensors", "durations", demo_songs(), hidden=20)
    with pytest.raises(UserError, match=r"is \(.*\) there and \(.*\) here"):
        grown(winner.tensors, wider.tensors, winner.vocabulary, wider.vocabulary)


def test_values_beside_those_of_training_are_known_and_no_targets() -> None:
    events = random_songs(3, songs=2)
    spec = HEADS["durations"].column
    split = make_split("tail", events, 1)
    plain, more = build_column(spec, events, split, 24), build_column(spec, events, split, 24, also=(1, 13))
    assert set(more.vocabulary.values) == set(plain.vocabulary.values) | {1, 13}
    assert [more.lexicon[i] for i in more.ids] == [plain.lexicon[i] for i in plain.ids]
    for value, count in zip(plain.vocabulary.values, plain.vocabulary.counts, strict=True):
        assert more.vocabulary.counts[more.vocabulary.index[value]] == count


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.usefixtures("one_ray")
def test_a_search_goes_on_from_another_runs_winners(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    songs, runs = list(map(str, bundled())), str(tmp_path)
    few = ["--runs", runs, "--trials", "1", "--max-epochs", "1", "--wandb", "off"]

    def run(*arguments: str) -> int:
        return main(TuneOptions, tune, prog="tune", arguments=[*arguments, *few])

    assert run("durations", songs[0], "--name", "many", "--set", "hidden=24", "--set", "window=6") == 0
    assert run("durations", songs[1], "--name", "mine", "--init", "many") == 0
    first, mine = (load_winner(open_run(name, tmp_path).winner("durations")) for name in ("many", "mine"))
    assert (mine.config.hidden, mine.config.window) == (24, 6)
    assert set(first.vocabulary.values) <= set(mine.vocabulary.values)
    began = mine.facts["init"]
    assert began["from"] == str(first.path)
    assert [Path(song["path"]).name for song in began["songs"]] == [bundled()[0].name]
    moved = (mine.tensors["stack.backbone.0.weight_hh_l0"] - first.tensors["stack.backbone.0.weight_hh_l0"]).abs()
    assert 0 < moved.max() < 0.2  # an epoch away from there, not from chance
    assert main(EvaluateOptions, evaluate, prog="evaluate", arguments=["mine", "--runs", runs]) == 0

    for options in (["--epochs", "1"], ["--all-songs"]):  # what `train` rebuilds knows the first song's values too
        arguments = ["durations", "--run", "mine", "--runs", runs, *options]
        assert main(TrainOptions, train, prog="train", arguments=arguments) == 0
    whole = load_winner(open_run("mine", tmp_path).winner("durations", ALL_SONGS))
    assert whole.vocabulary.values == mine.vocabulary.values
    assert whole.facts["init"] == began

    capsys.readouterr()
    assert run("durations", songs[0], "--name", "again", "--init", "many") == 0
    assert "held out here" not in capsys.readouterr().err  # the same tail is held out in both
    assert run("durations", songs[1], "--valid", songs[0], "--name", "known", "--init", "mine") == 0
    assert "learnt from 1 of the songs that are held out here" in capsys.readouterr().err
    assert main(EvaluateOptions, evaluate, prog="evaluate", arguments=["known", "--runs", runs]) == 0
    assert "learnt from 1 of these songs before this run" in capsys.readouterr().err

    first.path.write_bytes(load_winner(open_run("again", tmp_path).winner("durations")).path.read_bytes())
    assert main(TuneOptions, tune, prog="tune", arguments=["--resume", "mine", "--runs", runs, "--trials", "2"]) == 2
    assert "has changed since this search began from it" in capsys.readouterr().err
    arguments = ["durations", "--run", "mine", "--runs", runs, "--all-songs"]
    assert main(TrainOptions, train, prog="train", arguments=arguments) == 2
    assert "tune again" in capsys.readouterr().err
    for wrong, message in [
        (("notes", "--init", "many"), "there is no winner of the notes head"),
        (("durations", "--init", "nowhere"), "no run nowhere"),
        (("durations", "--init", "many", "--set", "hidden=32"), "has hidden=24, which its weights are made for"),
        (("durations", "--init", "many", "--grid", "12"), "--grid 24, these songs are on 12"),
    ]:
        assert run(*wrong, "--name", "wrong") == 2
        assert message in capsys.readouterr().err
    assert not (tmp_path / "wrong").exists()
