"""trials.csv and epochs.csv: whole files, and what is read back is what was written."""

import csv
import math
import resource
import signal
from pathlib import Path

import pytest

from datamodules.errors import UserError
from experiments.tables import CONFIRM, FINAL, SEARCH, EpochTable, TrialRow, TrialTable

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
    table.rows[9] = TrialRow(9, CONFIRM, of=1, seed=10_000_020, status="waiting", hyperparameters={"hidden": 33})
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


def test_repetitions_are_no_trials_of_the_search(tmp_path: Path) -> None:
    table = make_table(tmp_path / "trials.csv")
    for number, kind in ((7, CONFIRM), (5, FINAL)):
        table.rows[number] = TrialRow(number, kind, of=0, seed=number, status="done", best=0.1)
    assert table.finished() == 3
    best = table.best()
    assert best is not None
    assert best.row == 3
    assert table.next_row == 8
    assert [row.row for row in table.of_kind(SEARCH)] == [0, 1, 2, 3]
    assert [row.row for row in table.of_kind(CONFIRM)] == [7]


def test_a_table_of_before_confirmations_is_read(tmp_path: Path) -> None:
    table = make_table(tmp_path / "trials.csv")
    table.write()
    with table.path.open(newline="") as file:
        rows = [
            {name: cell for name, cell in row.items() if name not in ("of", "seed")} for row in csv.DictReader(file)
        ]
    with table.path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    assert TrialTable.read(table.path, HYPERPARAMETERS).rows == table.rows


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


def test_on_a_full_disk_a_line_is_added_whole_or_not_at_all(tmp_path: Path) -> None:
    table = EpochTable(tmp_path / "epochs.csv")
    table.add(0, {"epoch": 1, "valid": 3.0})
    before = table.path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    kept = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:  # room for three bytes more, as on a disk that is about to be full
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 3, limits[1]))
        with pytest.raises(UserError, match=r"cannot write .*epochs\.csv"):
            table.add(0, {"epoch": 2, "valid": 2.0})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, kept)
    assert table.path.read_bytes() == before
    table.add(0, {"epoch": 2, "valid": 2.0})
    assert [report["epoch"] for report in EpochTable(table.path).reports()[0]] == [1, 2]
