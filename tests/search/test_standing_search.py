"""A search over heads that are told the form: fixed with --set, or drawn by a space of the user's own."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from winners_made import demo_songs

from datamodules.batches import in_order
from datamodules.splits import VALID
from experiments.command_line.cli import main
from experiments.heads import HEADS
from experiments.train import TrainOptions, train
from experiments.tune import TuneOptions, tune
from experiments.winners import load_winner
from lightning_modules.head import score


def tuned(*arguments: str) -> int:
    return main(TuneOptions, tune, prog="tune", arguments=arguments)


def test_conflicts_end_before_anything_is_read(capsys: pytest.CaptureFixture[str]) -> None:
    assert tuned("notes", "--set", "form=plan", "--set", "inputs=own") == 2
    assert "form=plan needs inputs=context" in capsys.readouterr().err
    assert tuned("notes", "--preset", "original", "--set", "form=plan") == 2
    assert "form=plan needs inputs=context" in capsys.readouterr().err
    assert tuned("notes", "--set", "form=song") == 2
    assert "form must be one of none, plan" in capsys.readouterr().err


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_search_over_the_form(one_ray: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = tmp_path / "runs"
    small = ("--max-epochs", "2", "--wandb", "off", "--confirm", "0", "--set", "hidden=16")
    assert tuned("offsets", "--name", "set", "--trials", "1", *small, "--set", "form=plan") == 0
    assert "given each song's form, +" in capsys.readouterr().out
    winner = load_winner(runs / "set" / "offsets" / "winner.safetensors")
    column = demo_songs().column(HEADS["offsets"].column, form=True)
    again = score(winner.head(), in_order(column, VALID, winner.framing), winner.mixture).figures
    assert again["valid"] == pytest.approx(winner.facts["figures"]["valid"], rel=1e-5)
    assert again["told"] == pytest.approx(winner.facts["figures"]["told"])
    for more in ((), ("--all-songs",)):
        words = ["offsets", "--run", "set", "--epochs", "1", *more]
        assert main(TrainOptions, train, prog="train", arguments=words) == 0
    assert load_winner(runs / "set" / "offsets" / "winner-all.safetensors").config.form == "plan"

    space = tmp_path / "space.py"
    space.write_text("def mine(trial):\n    return {'form': trial.suggest_categorical('form', ['none', 'plan'])}\n")
    drawing_both = ("--seed", "3", "--trials", "3")
    assert tuned("offsets", "--name", "own", *drawing_both, *small, "--space", f"{space}:mine") == 0
    with (runs / "own" / "offsets" / "trials.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["status"] for row in rows} <= {"done", "stopped"}
    assert {row["form"] for row in rows} == {"none", "plan"}
    assert {bool(row["best_told"]) for row in rows if row["form"] == "plan"} == {True}
    assert {bool(row["best_told"]) for row in rows if row["form"] == "none"} == {False}
