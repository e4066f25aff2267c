"""Searches that train the best few again with other seeds: whole, killed, interrupted, gone on with, in time."""

from __future__ import annotations

import csv
import math
import os
import signal
import statistics
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from experiments.command_line.cli import main
from experiments.run_folder import open_run
from experiments.runs import RunsOptions, list_runs
from experiments.search.confirm import choose, seeds
from experiments.search.export import stays
from experiments.tables import FINISHED, TrialTable
from experiments.train import TrainOptions, train
from experiments.tune import TuneOptions, tune
from experiments.winners import load_winner

ROOT = Path(__file__).resolve().parents[2]
SMALL = ("--set", "hidden=16", "--set", "window=5", "--set", "batch_size=64", "--set", "inputs=own")


def run(*arguments: str) -> int:
    return main(TuneOptions, tune, prog="tune", arguments=arguments)


def rows_of(folder: Path, kind: str = "confirm") -> list[dict[str, str]]:
    with (folder / "trials.csv").open(newline="") as file:
        return [row for row in csv.DictReader(file) if row["kind"] == kind]


def agrees(folder: Path, seeds: int) -> None:
    """The winner is the best mean, exported from its best training."""
    facts, rows = load_winner(folder / "winner.safetensors").facts, rows_of(folder)
    rows = [row for row in rows if row["status"] in FINISHED]
    groups = {row["of"]: [float(other["best"]) for other in rows if other["of"] == row["of"]] for row in rows}
    of, values = min(groups.items(), key=lambda item: statistics.fmean(item[1]))
    assert facts["kind"] == "confirm"
    assert facts["confirmed"]["of"] == int(of)
    assert facts["confirmed"]["values"] == pytest.approx(values)
    assert len(values) == seeds
    assert facts["confirmed"]["mean"] == pytest.approx(statistics.fmean(values))
    assert facts["best"] == pytest.approx(min(values)) == pytest.approx(facts["figures"]["valid"])
    exported = next(row for row in rows if row["row"] == str(facts["row"]))
    assert (exported["of"], exported["seed"]) == (of, str(facts["seed"]))


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.usefixtures("one_ray")
def test_confirmed_extended_and_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--name", "c", "--trials", "4", "--max-epochs", "3", "--confirm", "2", "--wandb", "offline", *SMALL)
    assert run("offsets", *options) == 0
    said = capsys.readouterr().out
    assert "confirming: 6 of 6" in said
    assert "mean of 2 seeds" in said
    folder = tmp_path / "runs" / "c" / "offsets"
    rows = rows_of(folder)
    assert len(rows) == 6
    assert {row["status"] for row in rows} <= {"done", "stopped early"}
    assert {int(row["seed"]) for row in rows} == set(seeds(1, 2))
    assert len(rows_of(folder, "search")) == 4  # they are no trials of the study
    assert len({row["best"] for row in rows}) == 6  # other seeds, other networks
    agrees(folder, 2)
    with (folder / "epochs.csv").open(newline="") as file:
        epochs = Counter(row["row"] for row in csv.DictReader(file))
    assert all(epochs[row["row"]] == int(row["epoch"]) for row in rows)
    whole = b"".join(file.read_bytes() for file in (tmp_path / "runs" / "c" / "wandb").glob("offline-run-*/*.wandb"))
    assert whole.count(b"confirm") >= 6

    assert run("--resume", "c") == 0
    assert "confirmed with 2 seeds" in capsys.readouterr().out
    assert run("--resume", "c", "--confirm", "3") == 0
    assert rows_of(folder)[:6] == rows
    agrees(folder, 3)
    assert main(RunsOptions, list_runs, prog="runs", arguments=["c"]) == 0
    assert "mean of 3 seeds" in capsys.readouterr().out

    assert main(TrainOptions, train, prog="train", arguments=["offsets", "--run", "c", "--epochs", "3"]) == 0
    further = load_winner(folder / "winner.safetensors")
    assert further.facts["kind"] == "further"
    assert "confirmed" not in further.facts  # by weights that these are not
    table = TrialTable.read(folder / "trials.csv", further.spec.config.names())
    ranked = choose(table, 3, 1, 10)
    assert stays(further, ranked[0])
    assert not stays(further, ranked[1])  # another configuration, confirmed
    assert run("--resume", "c") == 0  # nothing is left to do, and nothing is undone
    assert load_winner(folder / "winner.safetensors").facts == further.facts
    assert open_run("c", tmp_path / "runs").facts["heads"]["offsets"]["confirm"] == 3


def started(tmp_path: Path, rows: int, *options: str) -> subprocess.Popen[str]:
    """A search in a process of its own; returned once so many confirmations have begun."""
    environment = {**os.environ, "TRITONE_RUNS": str(tmp_path / "runs"), "TRITONE_CACHE": str(tmp_path / "cache")}
    command = [sys.executable, "-m", "experiments.tune", *options, "--wandb", "off", "--address", "local"]
    search = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    epochs, deadline = tmp_path / "runs" / "k" / "offsets" / "epochs.csv", time.monotonic() + 200

    def begun() -> int:
        lines = epochs.read_text().splitlines()[1:] if epochs.exists() else []
        return len({line.split(",")[0] for line in lines} - {"0", "1", "2"})

    while time.monotonic() < deadline and search.poll() is None and begun() < rows:
        time.sleep(0.1)
    assert search.poll() is None, search.communicate()[1]
    return search


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("one_ray")
def test_killed_while_confirming_then_interrupted_then_resumed(tmp_path: Path) -> None:
    options = ("offsets", "--name", "k", "--trials", "3", "--max-epochs", "20", "--patience", "20", "--confirm", "2")
    first = started(tmp_path, 2, *options, *SMALL)
    folder = tmp_path / "runs" / "k" / "offsets"
    first.send_signal(signal.SIGKILL)
    first.communicate()
    planned = [(row["row"], row["of"], row["seed"]) for row in rows_of(folder)]
    assert len(planned) == 6  # what is to be done outlives its driver

    second = started(tmp_path, 4, "--resume", "k")
    second.send_signal(signal.SIGINT)
    _, error = second.communicate(timeout=200)
    assert second.returncode == 1
    assert "--resume" in error
    assert "confirmations are missing" in error
    assert "Traceback" not in error
    assert math.isfinite(load_winner(folder / "winner.safetensors").facts["best"])

    assert run("--resume", "k") == 0
    rows = rows_of(folder)
    assert [(row["row"], row["of"], row["seed"]) for row in rows] == planned
    assert {row["status"] for row in rows} <= {"done", "stopped early"}
    with (folder / "epochs.csv").open(newline="") as file:
        epochs = Counter((row["row"], row["epoch"]) for row in csv.DictReader(file))
    assert max(epochs.values()) == 1
    agrees(folder, 2)


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.usefixtures("one_ray")
def test_a_time_budget_leaves_time_to_confirm(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--trials", "500", "--max-epochs", "4", "--time-budget", "40", "--confirm", "1", "--wandb", "off")
    assert run("offsets", "--name", "b", *options, *SMALL) == 0
    assert "the time budget is used up" in capsys.readouterr().out
    folder = tmp_path / "runs" / "b" / "offsets"
    assert len(rows_of(folder, "search")) > 3
    agrees(folder, 1)
