"""Tables as a search leaves them, without one."""

from __future__ import annotations

import random

from experiments.run_folder import Run
from experiments.search.study.optuna_study import METRIC
from experiments.tables import EpochTable, TrialRow, TrialTable

BAD = '<script>alert("x")</script>'


def searched(run: Run, head: str, trials: int = 30) -> list[TrialRow]:
    """Tables as a search leaves them, with a failed trial."""
    chance = random.Random(1)
    table, epochs = TrialTable(run.head(head) / "trials.csv"), EpochTable(run.head(head) / "epochs.csv")
    run.note_head(head, {"trials": trials, "metric": "nats", "max_epochs": 6, "set": [], "seed": 1})
    for number in range(trials):
        hidden, rate = chance.choice([32, 64, 128]), 10 ** chance.uniform(-4, -2)
        drawn = {"hidden": hidden, "learning_rate": rate, "dropout_layers": chance.randint(0, 2), "window": 8}
        row = TrialRow(number, status="done" if number % 3 else "stopped early", hyperparameters=drawn)
        for epoch in range(1, 7 if number % 3 else 3):
            value = 2 + 30 / hidden + 3 / epoch + chance.random() / 10
            row.best, row.best_epoch = min((row.best, row.best_epoch), (value, epoch))
            own = {"epoch": epoch, "updates": 50 * epoch, METRIC: row.best, "best_epoch": row.best_epoch}
            row.take(own | {"seconds": float(epoch)}, {"valid": value})
            epochs.add(number, own | {"seconds": float(epoch), "valid": value})
        table.rows[number] = row
    table.rows[trials - 1] = TrialRow(trials - 1, status="failed", reason=BAD, hyperparameters={"hidden": 32})
    table.write()
    return list(table.rows.values())
