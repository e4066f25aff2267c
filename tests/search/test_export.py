"""What is told where a search ends without a choice to export."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from winners_made import make_run

from experiments.search.export import export_winner
from experiments.search.plan import Outcome
from experiments.tables import TrialRow, TrialTable


@pytest.mark.parametrize("best", [math.inf, 2.0])
@pytest.mark.parametrize(
    ("heads", "told"), [([], "there is no winner yet"), (["offsets"], "the winner of before stays")]
)
def test_a_search_that_ends_early_says_whether_there_is_a_winner(
    heads: list[str], told: str, best: float, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, winners = make_run(tmp_path / "runs" / "a", heads)
    before = {head: winner.path.read_bytes() for head, winner in winners.items()}
    table = TrialTable(tmp_path / "trials.csv")
    table.rows[0] = TrialRow(0, status="interrupted", best=best)
    columns: Any = SimpleNamespace(own=SimpleNamespace(spec=SimpleNamespace(name="offsets")))
    options: Any = SimpleNamespace(folds=2)
    plan: Any = None
    dataset: Any = None
    assert export_winner(run, dataset, columns, options, plan, Outcome(table, "interrupted", 1), []) is None
    assert told in capsys.readouterr().err
    assert before == {head: winner.path.read_bytes() for head, winner in winners.items()}
