"""The charts of the page on a run, and the drawing of its network: of little and of much."""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

import pytest
from tables_made import searched
from winners_made import make_run

from experiments.report_page.architecture import boxes
from experiments.report_page.charts import curves, history, importances, parallel, weighed
from experiments.tables import TrialRow


def test_a_drawing_has_every_layer_and_every_weight(tmp_path: Path) -> None:
    given: list[dict[str, Any]] = [
        {"lstm_layers": 2, "dense_layers": 1, "batchnorm_layers": 1, "dropout_layers": 3, "loss": "half"},
        {"backbone": "transformer", "hidden": 16, "lstm_layers": 1, "inputs": "own", "dropout_layers": 0}
        | {"dense_layers": 0, "batchnorm_layers": 0},
    ]
    for number, hyperparameters in enumerate(given):
        _, winners = make_run(tmp_path / f"r{number}", **hyperparameters)
        for winner in winners.values():
            drawn, trained = boxes(winner), sum(p.numel() for p in winner.head().parameters())
            assert sum(box.weights for box in drawn) == trained
            kinds = [box.kind for box in drawn]
            assert (kinds[0], kinds[1], kinds[-1]) == ("input", "embedding", "output")
            assert kinds.count("lstm") == hyperparameters["lstm_layers"]
            assert kinds.count("dense") == hyperparameters.get("dense_layers", 0)
            assert kinds.count("norm") == hyperparameters.get("batchnorm_layers", 0)
            assert kinds.count("dropout") == hyperparameters["dropout_layers"]
    assert [box.kind for box in boxes(winners["notes"])] == ["input", "embedding", "lstm", "output"]


def test_charts_of_little_and_of_much(tmp_path: Path) -> None:
    run, _ = make_run(tmp_path / "demo", [])
    rows = searched(run, "notes")
    few, none = rows[:1], [TrialRow(0, status="failed"), TrialRow(1)]
    assert history(none, {}, "nats") == parallel(none, "nats") == importances(none) == ""
    assert history(few, {"KN": 3.0}, "nats").startswith("<svg")
    assert parallel(few, "nats") == importances(few) == curves({}, "valid", 0, "nats") == ""
    assert curves({3: [{"epoch": 1.0, "valid": math.nan}]}, "valid", 3, "nats") == ""
    many = [
        TrialRow(n, status="done", best=2 + (n * 37 % 101) / 50, epoch=3, hyperparameters=rows[n % 25].hyperparameters)
        for n in range(5000)
    ]
    for chart in (history(many, {"KN": 3.0}, "nats"), parallel(many, "nats")):
        assert len(chart) < 400_000
    assert history(rows, {}, "nats") == history(rows, {}, "nats")


@pytest.mark.parametrize(
    ("status", "label"),
    [
        ("done", "trained in full"),
        ("stopped early", "stopped early"),
        *((status, "failed, interrupted or running") for status in ("failed", "interrupted", "running")),
    ],
)
def test_a_trial_of_the_history_is_called_what_became_of_it(status: Any, label: str) -> None:
    chart = history([TrialRow(0, status=status, best=2.0), TrialRow(1, status=status, best=3.0)], {}, "nats")
    told = ("trained in full", "stopped early", "failed, interrupted or running")
    assert [words for words in told if words in chart] == [label]


def test_importances_name_what_matters() -> None:
    chance, rows = random.Random(1), []
    for number in range(60):
        drawn = {"hidden": chance.choice([32, 64, 128, 256]), "dropout": chance.random(), "inputs": "own"}
        rows.append(
            TrialRow(number, status="done", best=10 / drawn["hidden"] + 0.001 * chance.random(), hyperparameters=drawn)
        )
    found = weighed(rows)
    assert next(iter(found)) == "hidden"
    assert sum(found.values()) == pytest.approx(1)
    assert set(found) == {"hidden", "dropout"}
    assert weighed(rows[:5]) == {}
