"""`train`: what Ctrl-C leaves, and what the command refuses."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from winners_made import make_run

from datamodules.midi_windows import MidiWindows
from experiments import retraining
from experiments.command_line.cli import main
from experiments.run_folder import Run
from experiments.train import TrainOptions, train
from experiments.winner_limits import LARGEST_HEADER
from experiments.winners import ALL_SONGS, WINNER, load_winner, save_winner
from lightning_modules.head import Head

ROOT = Path(__file__).resolve().parents[2]
HEADS = ("durations", "offsets")


def call(*arguments: str) -> int:
    return main(TrainOptions, train, prog="train", arguments=arguments)


@pytest.fixture
def demo(runs: Path) -> Run:
    """A run of two winners that say how good they are: very bad."""
    run, winners = make_run(runs / "demo", HEADS)
    for winner in winners.values():
        figures = winner.facts["figures"] | {"valid": 99.0}
        facts = {"figures": figures, "best": 99.0, "baselines": {}, "updates": 120}
        save_winner(winner.path, winner.tensors, winner.facts | facts)
    return run


@pytest.fixture(params=[signal.SIGINT, signal.SIGTERM])
def ctrl_c(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Press it in the first epoch of the n-th head that is trained, or in its last; or end it as a scheduler does."""

    def after(heads: int, *, last: bool = False) -> None:
        trained: list[Any] = []
        fit_best = retraining.fit_best

        def pressed(head: Any, data: Any, *, progress: Callable[[int, int], None], **more: Any) -> Any:
            trained.append(head)

            def advance(done: int, of: int) -> None:
                if len(trained) == heads and done == (of if last else 1):
                    signal.raise_signal(request.param)
                progress(done, of)

            return fit_best(head, data, progress=advance, **more)

        monkeypatch.setattr(retraining, "fit_best", pressed)

    return after


def test_ctrl_c_ends_the_command_with_the_best_so_far(
    demo: Run, ctrl_c: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = load_winner(demo.winner("offsets")).facts
    ctrl_c(1)
    assert call("all", "--run", "demo", "--epochs", "5", "--json", str(tmp_path / "figures.json")) == 1
    said = capsys.readouterr().err
    assert "durations: stopped after 1 of 5 epochs" in said
    assert said.endswith("stopped before the end; what was trained of durations is kept\n")
    facts = load_winner(demo.winner("durations")).facts
    assert (facts["kind"], facts["epoch"]) == ("further", 2)
    assert facts["best"] < 99
    assert load_winner(demo.winner("offsets")).facts == other
    assert list(json.loads((tmp_path / "figures.json").read_text())["heads"]) == ["durations"]


def test_epochs_that_ctrl_c_left_out_are_not_counted(
    demo: Run, ctrl_c: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    winner = load_winner(demo.winner("offsets"))
    save_winner(winner.path, winner.tensors, winner.facts | {"best": 0.0})
    ctrl_c(1)
    assert call("offsets", "--run", "demo", "--epochs", "5") == 1
    assert "after 1 more epochs no better: the winner stays" in capsys.readouterr().out
    assert load_winner(winner.path).facts["kind"] == "search"


@pytest.mark.parametrize("heads", [1, 2])
def test_weights_over_all_songs_are_whole_or_not_written(
    demo: Run, ctrl_c: Callable[..., None], capsys: pytest.CaptureFixture[str], heads: int
) -> None:
    ctrl_c(heads)
    assert call("all", "--run", "demo", "--all-songs") == (130 if heads == 1 else 1)
    said = capsys.readouterr()
    end = "stopped\n" if heads == 1 else "stopped before the end; what was trained of durations is kept\n"
    assert said.err.endswith(end)
    assert said.out.count("trained on all 2 songs") == heads - 1
    assert [demo.winner(name, ALL_SONGS).exists() for name in HEADS] == [heads == 2, False]


@pytest.mark.parametrize("heads", [1, 2])
@pytest.mark.parametrize("words", [("--all-songs",), ("--epochs", "2")])
def test_a_head_whose_epochs_are_all_trained_when_ctrl_c_comes_is_whole(
    demo: Run, ctrl_c: Callable[..., None], capsys: pytest.CaptureFixture[str], words: tuple[str, ...], heads: int
) -> None:
    """The next one is not begun; after the last one there is nothing that was left out."""
    ctrl_c(heads, last=True)
    assert call("all", "--run", "demo", *words) == (1 if heads == 1 else 0)
    end = "error: stopped before the end; what was trained of durations is kept\n" if heads == 1 else ""
    noted = "note: no winner of notes, velocity in this run: left out\n"
    assert capsys.readouterr().err == noted + end
    kind = ALL_SONGS if "--all-songs" in words else WINNER
    made = [demo.winner(name, kind) for name in HEADS]
    facts = [load_winner(path).facts["kind"] if path.exists() else None for path in made]
    done, left = ("all-songs", None) if kind == ALL_SONGS else ("further", "search")
    assert facts == [done, done if heads == 2 else left]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--epochs", "0"), "--epochs 0: must be at least 1"),
        (("--seed", "-1"), "--seed -1: must be at least 0"),
        (("--seed", str(2**32), "--all-songs"), f"--seed {2**32}: must be below 2 to the power of 32"),
    ],
)
def test_what_is_out_of_range_is_one_line(
    demo: Run, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], told: str
) -> None:
    assert call("offsets", "--run", "demo", *words) == 2
    assert capsys.readouterr().err == f"error: {told}\n"


def test_weights_over_all_songs_are_judged_by_none(demo: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is held out: a pass over all songs after each epoch would tell nothing, and take its time."""

    def refused(*_: Any) -> None:
        raise AssertionError("validated")

    monkeypatch.setattr(MidiWindows, "val_dataloader", refused)
    monkeypatch.setattr(Head, "validation_step", refused)
    assert call("offsets", "--run", "demo", "--all-songs") == 0
    assert load_winner(demo.winner("offsets", ALL_SONGS)).facts["updates"] >= 100


def test_weights_that_no_file_could_hold_are_not_trained(
    demo: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(retraining, "fit_best", lambda *_, **__: pytest.fail("trained"))
    monkeypatch.setattr("experiments.winner_limits.OTHERS", LARGEST_HEADER)
    assert call("offsets", "--run", "demo", "--all-songs") == 2
    assert "ticks would take" in capsys.readouterr().err


def test_weights_over_all_songs_have_no_figures(demo: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("offsets", "--run", "demo", "--all-songs", "--json", "figures.json") == 2
    assert "--json: weights over --all-songs have no figures" in capsys.readouterr().err
    assert not Path("figures.json").exists()


SEEING = """
import os, runpy, sys

class Seeing:
    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            print("torch is imported where it is", os.environ.get("OMP_WAIT_POLICY"))
            sys.exit()  # the rest of the command tells no more

sys.meta_path.insert(0, Seeing())
runpy.run_module("experiments.train", run_name="__main__", alter_sys=True)
"""


@pytest.mark.parametrize(("told", "policy"), [({}, "PASSIVE"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE")])
def test_threads_that_wait_leave_the_cores_to_others(told: dict[str, str], policy: str, demo: Run) -> None:
    """libgomp asks for it when it is loaded, with torch."""
    words = ("durations", "--run", str(demo.path), "--epochs", "1")
    given = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"} | told
    command = [sys.executable, "-c", SEEING, *words]
    done = subprocess.run(command, cwd=ROOT, env=given, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stdout.splitlines() if "imported" in line] == [
        f"torch is imported where it is {policy}"
    ]
