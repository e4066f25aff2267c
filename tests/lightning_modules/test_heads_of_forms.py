"""Heads that are told where events stand in a form: what their scores count, what they learn, what they write."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from columns_made import GRID
from forms_made import naive_stand, returning, sections_from, together
from winners_made import demo_songs, make_run, make_winner

from datamodules.columns import build_column
from datamodules.midi_windows import MidiWindows
from datamodules.song import Song
from datamodules.splits import TEST, named_split
from datamodules.windows import Windows
from experiments.figures import in_words, told_in_words
from experiments.heads import HEADS
from experiments.music.events.event import Event
from experiments.music.events.generation import generate, song_of
from experiments.music.events.settings import Settings
from experiments.music.form.planned import planned
from experiments.music.form.planning import read_plan
from experiments.music.prime import Prime, find_prime
from experiments.music.ranking import likelihoods
from experiments.training import fit
from experiments.winners import load_winner, save_winner
from lightning_modules.head import score
from search_spaces import complete
from songs import bundled


@pytest.mark.parametrize("head", HEADS)
def test_a_score_counts_the_plan(head: str, tmp_path: Path) -> None:
    dataset = demo_songs()
    winner = make_winner(tmp_path / "winner", head, dataset, form="plan")
    column = dataset.column_of(winner)
    free = replace(column, standing=replace(dataset.standing, nats=np.zeros(len(column))))
    found, given = (
        score(winner.head(), [windows.batch(windows.in_order())], winner.mixture)
        for windows in (Windows(each, TEST, winner.framing) for each in (column, free))
    )
    told = dataset.standing.nats[column.targets(TEST)]
    assert told.mean() > 0
    assert found.figures["told"] == pytest.approx(told.mean())
    assert torch.allclose(found.nats, given.nats + torch.from_numpy(told))
    assert found.figures["valid"] == pytest.approx(given.figures["valid"] + told.mean())
    assert found.figures["macro_nats"] == pytest.approx(given.figures["macro_nats"] + told.mean())
    assert found.figures["mixture"] == given.figures["mixture"]
    (line,) = told_in_words(found.figures)
    assert f"{given.figures['valid']:.3f}, given each song's form" in line
    assert "form plan" in in_words(winner.config)


def test_evaluate_says_what_the_plan_costs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from experiments.command_line.cli import main
    from experiments.evaluate import EvaluateOptions, evaluate

    make_run(tmp_path / "told", ["notes"], form="plan")
    make_run(tmp_path / "plain", ["notes"])
    monkeypatch.chdir(tmp_path)
    words = ["told", "--runs", str(tmp_path), "--against", "plain", "--mix-ngram"]
    assert main(EvaluateOptions, evaluate, prog="evaluate", arguments=words) == 0
    assert "given each song's form, +" in capsys.readouterr().out
    assert main(EvaluateOptions, evaluate, prog="evaluate", arguments=["plain", *words[1:3]]) == 0
    assert "form" not in capsys.readouterr().out.replace("uniform", "")


@pytest.mark.parametrize("name", HEADS)
def test_a_winner_of_before_loads_and_is_the_same(name: str, tmp_path: Path) -> None:
    winner = make_winner(tmp_path / "new", name, demo_songs())
    assert winner.config.form == "none"
    assert not [tensor for tensor in winner.tensors if "form" in tensor or "again" in tensor]
    older = {key: value for key, value in winner.facts["hyperparameters"].items() if key != "form"}
    facts = {key: value for key, value in winner.facts.items() if key not in ("format", "made_by")}
    save_winner(tmp_path / "old", winner.tensors, {**facts, "hyperparameters": older})
    assert load_winner(tmp_path / "old").config == winner.config


@pytest.mark.parametrize("name", HEADS)
def test_a_form_needs_context_and_is_drawn_by_a_space_of_ones_own_alone(name: str) -> None:
    config = HEADS[name].config
    with pytest.raises(ValueError, match="form=plan needs inputs=context"):
        config.from_dict({"form": "plan", "inputs": "own"})
    held = complete(HEADS[name].space, config, {"form": "plan"})
    drawn: Any = _Any()
    assert held(drawn)["form"] == "plan"
    assert held(drawn)["inputs"] == "context"
    assert complete(HEADS[name].space, config)(drawn)["form"] == "none"
    assert (
        complete(lambda trial: {"form": trial.suggest_categorical("form", ["plan"])}, config)(drawn)["form"] == "plan"
    )


class _Any:
    """A trial that takes the first or least of everything."""

    def suggest_int(self, name: str, low: int, high: int, **_: Any) -> int:
        return low

    def suggest_float(self, name: str, low: float, high: float, **_: Any) -> float:
        return low

    def suggest_categorical(self, name: str, choices: Any) -> Any:
        return choices[0]


def _learnt(head: str, form: str) -> dict[str, float]:
    """The held-out figures of a small head over songs whose sections return."""
    songs, sections = [returning(seed, pitches=5) for seed in range(40)], sections_from("ABAB", [2] * 4)
    spec = HEADS[head]
    config = spec.config.from_dict(
        {"form": form, "window": 6, "hidden": 32, "embedding": 32, "dropout_layers": 0, "learning_rate": 0.01}
    )
    column = build_column(spec.column, songs, named_split(songs[:32], songs[32:]), GRID)
    column = replace(column, standing=together(songs, sections))
    torch.manual_seed(0)
    network = spec.build(config, column.vocabulary, GRID)
    fit(network, MidiWindows(column, spec.framing(config), batch_size=16), epochs=5, callbacks=[])
    return network.figures


# Lightning 2.6.6 asks torch 2.13 in a way that torch gives up
@pytest.mark.filterwarnings("ignore:.*isinstance.treespec, LeafSpec:FutureWarning")
def test_a_head_learns_to_say_again_what_a_section_held() -> None:
    """Half of the notes are those of an earlier section, and chance else, of five pitches."""
    chance, alone, told = math.log(5), _learnt("notes", "none"), _learnt("notes", "plan")
    assert alone["valid"] > chance - 0.05
    assert told["valid"] - told["told"] < chance - 0.4
    assert told["valid"] < chance - 0.05, "the plan counted in"


@pytest.mark.parametrize("variation", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("heads", [tuple(HEADS), ("notes",)], ids=["all", "notes"])
def test_a_song_by_a_plan_is_told_where_it_stands(
    variation: float, heads: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What each event was told is what the definition says of the song as it was written."""
    _, winners = make_run(tmp_path / "run", heads, form="plan")
    prime, plan = find_prime(winners, bundled()[0]), read_plan("A3B2A4B2A2", 24)
    written: list[Event] = []

    def keep(prime: Prime, events: list[Event], settings: Settings) -> Song:
        written.extend(events)
        return song_of(prime, events, settings)

    monkeypatch.setattr("experiments.music.form.planned.song_of", keep)
    list(generate(winners, prime, Settings(seed=3), compose=planned(plan, variation)))
    lines = [prime.bar * bar for bar in range(plan.bars + 1)]
    ticks = np.cumsum([0, *(event.offset for event in written[1:])])  # it begins on its first bar line
    rows = [(tick, event.chords, event.duration, 0) for tick, event in zip(ticks.tolist(), written, strict=True)]
    assert len(rows) > 20
    for number, event in enumerate(written):
        here = naive_stand(rows[:number], plan.sections, lines, rows[number][0])
        assert event.here._replace(velocity=0) == here
        if number and rows[number][0] // prime.bar == rows[number - 1][0] // prime.bar:
            assert event.before == written[number - 1].here
    assert {event.here.known for event in written} >= {0, 3}


def test_heads_that_know_forms_write_without_one_too(tmp_path: Path) -> None:
    _, winners = make_run(tmp_path / "run", form="plan")
    prime = find_prime(winners, bundled()[0])
    (song,) = generate(winners, prime, Settings(events=30))
    assert len(song.events()) == 30
    (likely,) = likelihoods(winners, [song])
    assert math.isfinite(likely.total)
