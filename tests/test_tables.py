"""trials.csv and epochs.csv: whole files, and what is read back is what was written."""

import math
from pathlib import Path

import pytest

from datamodules.errors import UserError
from experiments.tables import EpochTable, TrialRow, TrialTable

HYPERPARAMETERS = ("hidden", "dropout", "weighting")


def make_table(path: Path) -> TrialTable:
    table = TrialTable(path)
    for number, status in enumerate(("done", "stopped early", "failed", "interrupted")):
        table.rows[number] = TrialRow(
            number,
            status=status,
            reason='a, quoted "reason"' if status == "failed" else "",
            hyperparameters={"hidden": 32 + number, "dropout": 0.1 * number, "weighting": "none"},
            best=math.inf if status == "failed" else 3.0 - number / 7,
            best_epoch=number,
            epoch=number + 2,
            updates=50 * number,
            seconds=1.5,
            figures={} if status == "failed" else {"valid": 3.0 - number / 7, "top1": 0.25},
        )
    return table


def test_a_table_is_read_as_it_was_written(tmp_path: Path) -> None:
    table = make_table(tmp_path / "trials.csv")
    table.write()
    again = TrialTable.read(table.path, HYPERPARAMETERS)
    assert again.rows == table.rows


def test_what_counts_as_finished_and_best(tmp_path: Path) -> None:
    table = make_table(tmp_path / "trials.csv")
    assert table.finished() == 3
    assert table.next_row == 4
    best = table.best()
    assert best is not None
    assert best.row == 3  # an interrupted trial's weights are as good as its figures
    table.rows[0].best = best.best
    assert table.best() is table.rows[0]  # of equals the first


def test_no_file_is_an_empty_table(tmp_path: Path) -> None:
    table = TrialTable.read(tmp_path / "none.csv", HYPERPARAMETERS)
    assert (table.rows, table.next_row, table.finished(), table.best()) == ({}, 0, 0, None)


def test_a_damaged_table_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "trials.csv").write_text("row,kind\nx,y\n")
    with pytest.raises(UserError, match="damaged"):
        TrialTable.read(tmp_path / "trials.csv", HYPERPARAMETERS)


def test_a_repeated_epoch_replaces_its_line_and_a_torn_one_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "epochs.csv"
    table = EpochTable(path)
    for epoch, valid in ((1, 3.0), (2, 2.0), (3, 1.5)):
        table.add(0, {"epoch": epoch, "valid": valid})
    with path.open("a") as file:
        file.write("0,4")  # the writer died
    again = EpochTable(path)
    again.add(0, {"epoch": 2, "valid": 1.9})
    again.add(1, {"epoch": 1, "valid": 2.5})
    again.finish()
    assert path.read_text().splitlines() == ["row,epoch,valid", "0,1,3.0", "0,2,1.9", "0,3,1.5", "1,1,2.5"]
