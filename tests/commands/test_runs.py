"""`runs`: what stands in one row are figures of one thing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from winners_made import demo_songs, make_run

from experiments.command_line.cli import main
from experiments.heads import HEADS
from experiments.runs import RunsOptions, list_runs
from experiments.winners import load_winner, save_winner

FIGURES = {"valid": 1.25, "mae": 0.125, "macro_nats": 1.75}
KN = 2.5


def row_of(runs: Path, capsys: pytest.CaptureFixture[str], head: str, **facts: Any) -> str:
    """A head's row where its winner tells these facts of itself."""
    run, winners = make_run(runs / "a", [head])
    run.note_head(head, {"trials": 1})
    winner = winners[head]
    baselines = {"kneser_ney_best": {"nats": KN}, "unigram": {"nats": 0.5}, "median": {"mae": 0.25}}
    figures = {**winner.facts["figures"], **FIGURES}
    save_winner(
        winner.path,
        load_winner(winner.path).tensors,
        {**winner.facts, **facts, "figures": figures, "baselines": baselines},
    )
    assert main(RunsOptions, list_runs, prog="runs", arguments=["--runs", str(runs)]) == 0
    header, row = capsys.readouterr().out.splitlines()
    assert row[: header.index("KN") + 2].split()[-2:] == ["1.250", "2.500"]  # whatever it was chosen by
    return row


@pytest.mark.parametrize("head", HEADS)
def test_nats_stand_beside_the_nats_of_n_grams(tmp_path: Path, capsys: pytest.CaptureFixture[str], head: str) -> None:
    row = row_of(tmp_path, capsys, head, metric="nats", best=FIGURES["valid"])
    assert row.rstrip().endswith(demo_songs().split.valid_label)


@pytest.mark.parametrize(
    ("metric", "best", "told"),
    [
        ("mae", 0.125, "chosen by mae, 0.125 quarter notes"),
        ("macro", 1.75, "chosen by macro, 1.750 nats (mean of classes)"),
    ],
)
def test_another_metric_is_told_with_its_unit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], metric: str, best: float, told: str
) -> None:
    assert told in row_of(tmp_path, capsys, "offsets", metric=metric, best=best)


def test_a_metric_that_is_none_is_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "chosen" not in row_of(tmp_path, capsys, "offsets", metric="luck", best=0.5)
