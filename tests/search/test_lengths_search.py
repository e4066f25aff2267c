"""A length for each note (`grain=note`): what a search fixes with it, and a whole search."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from lengths_made import DURATIONS, SPEC
from midi_files import midi_file, off, on, track
from winners_made import demo_songs, make_winner

from datamodules.baselines.averages import baselines
from datamodules.batches import in_order
from datamodules.errors import UserError
from datamodules.splits import VALID
from experiments.command_line.cli import main
from experiments.evaluate import EvaluateOptions, evaluate
from experiments.runs import RunsOptions, list_runs
from experiments.search.opening import open_session
from experiments.search.study.hyperparameters import search_space, try_space
from experiments.train import TrainOptions, train
from experiments.tune import TuneOptions, tune
from experiments.winners import load_winner
from lightning_modules.config import DurationsConfig
from lightning_modules.head import score
from search_spaces import Trial, complete


def test_what_grain_note_needs() -> None:
    assert DurationsConfig().grain == "event"
    assert DurationsConfig.from_dict({"grain": "note"}).inputs == "context"
    for wrong in ({"inputs": "own"}, {"objective": "mae"}):
        (name,) = wrong
        with pytest.raises(ValueError, match=f"grain=note needs {name}="):
            DurationsConfig.from_dict({"grain": "note"} | wrong)
        assert DurationsConfig.from_dict(wrong).grain == "event"


class Draws:
    """Answers each question with its last choice or its highest value; `asked` are the questions."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        self.asked.append(name)
        return high

    def suggest_float(self, name: str, low: float, high: float, *, step: Any = None, log: bool = False) -> float:
        self.asked.append(name)
        return high

    def suggest_categorical(self, name: str, choices: Any) -> Any:
        self.asked.append(name)
        return choices[-1]


def test_a_search_fixes_the_grain_and_what_follows_from_it() -> None:
    free, held = Draws(), Draws()
    assert complete(DURATIONS.space, DurationsConfig)(free)["grain"] == "event"
    drawn = complete(DURATIONS.space, DurationsConfig, {"grain": "note"})(held)
    assert (drawn["grain"], drawn["inputs"], drawn["objective"]) == ("note", "context", "grid")
    assert not [name for name in free.asked + held.asked if name.startswith("grain")]
    assert not [name for name in held.asked if name.startswith(("inputs", "objective"))]
    for setting in ("inputs=own", "objective=mae"):
        with pytest.raises(Exception, match=f"--set: grain=note needs .*, not {setting}"):
            search_space(DURATIONS, None, ["grain=note", setting], None)
    with pytest.raises(Exception, match="grain=note needs inputs=context"):
        search_space(DURATIONS, "original", ["grain=note"], None)

    def drawing(trial: Trial) -> dict[str, Any]:
        return {"grain": "note", "inputs": "context"}

    with pytest.raises(Exception, match="grain is fixed for a whole search, never drawn: --set grain=note"):
        try_space(complete(drawing, DurationsConfig), "mine.py:space")
    try_space(complete(drawing, DurationsConfig, {"grain": "note"}), "mine.py:space")


@pytest.fixture
def even(tmp_path: Path) -> Path:
    """A song whose events all sound a quarter note, and whose other notes half of one or all of it."""
    chord = ((0, on(48)), (0, on(64)))
    short, long = ((240, off(64)), (240, off(48))), ((480, off(64)), (0, off(48)))
    lengths = (*chord, *short, *chord, *long) * 20
    path = tmp_path / "even.mid"
    path.write_bytes(midi_file(track(*lengths)))
    return path


@pytest.mark.parametrize("begun", ["set", "init"])
def test_there_is_something_to_learn_where_single_notes_differ(begun: str, even: Path, tmp_path: Path) -> None:
    options = TuneOptions(head="durations", songs=(even,), name="a", runs=tmp_path)
    with pytest.raises(UserError, match="every training event has the same duration"):
        open_session(options)
    init = make_winner(tmp_path / "winner.safetensors", "durations", demo_songs(), grain="note").path
    given = {"set": {"set": ("grain=note",)}, "init": {"init": str(init)}}
    _, _, plans = open_session(replace(options, **given[begun]))
    assert [plan.spec.name for plan in plans] == ["durations"]


def tuned(*arguments: str) -> int:
    return main(TuneOptions, tune, prog="tune", arguments=arguments)


def test_conflicts_end_before_anything_is_read(capsys: pytest.CaptureFixture[str]) -> None:
    assert tuned("durations", "--set", "grain=note", "--set", "inputs=own") == 2
    assert "grain=note needs inputs=context" in capsys.readouterr().err
    assert tuned("durations", "--set", "grain=bar") == 2
    assert "grain must be one of event, note" in capsys.readouterr().err
    assert tuned("offsets", "--set", "grain=note") == 2
    assert "unknown hyperparameter 'grain'" in capsys.readouterr().err


@pytest.mark.long
@pytest.mark.slow
def test_a_search_over_the_lengths_of_notes(one_ray: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = tmp_path / "runs"
    small = ("--trials", "2", "--max-epochs", "2", "--wandb", "off", "--confirm", "0", "--set", "hidden=16")
    assert tuned("durations", "--name", "n", *small, "--set", "grain=note") == 0
    told = capsys.readouterr().out
    assert "durations (of each note)" in told
    assert "nats an event, all its notes" in told
    with (runs / "n" / "durations" / "trials.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {(row["grain"], row["inputs"], row["objective"]) for row in rows} == {("note", "context", "grid")}
    winner = load_winner(runs / "n" / "durations" / "winner.safetensors")
    assert winner.column == SPEC
    column = demo_songs().column(SPEC)
    assert winner.vocabulary == column.vocabulary
    assert winner.facts["baselines"] == baselines(column, VALID)
    again = score(winner.head(), in_order(column, VALID, winner.framing), winner.mixture).figures
    assert again["valid"] == pytest.approx(winner.facts["figures"]["valid"], rel=1e-5)

    assert tuned("durations", "--name", "n", *small) == 2  # another grain needs another run
    assert "has searched durations already" in capsys.readouterr().err
    assert tuned("--resume", "n", "--trials", "3") == 0
    assert main(EvaluateOptions, evaluate, prog="evaluate", arguments=["n", "--mix-ngram"]) == 0
    assert "durations (of each note) on test" in capsys.readouterr().out
    assert main(TrainOptions, train, prog="train", arguments=["durations", "--run", "n", "--epochs", "1"]) == 0
    assert "the floor, given" in capsys.readouterr().out
    assert main(TrainOptions, train, prog="train", arguments=["durations", "--run", "n", "--all-songs"]) == 0
    assert load_winner(runs / "n" / "durations" / "winner-all.safetensors").column == SPEC
    assert main(RunsOptions, list_runs, prog="runs", arguments=["n"]) == 0
    assert "durations (of each note): winners" in capsys.readouterr().out
