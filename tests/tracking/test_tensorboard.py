"""TensorBoard: what it reads in the event files is what epochs.csv has, and no file can stop or slow a search."""

from __future__ import annotations

import resource
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from trackers_made import board

from experiments.heads import HEADS
from experiments.tables import EpochTable
from experiments.tracking.tensorboard import FILES, FOLDER

CONFIG = HEADS["offsets"].config().to_dict()
OWN = ("epoch", "updates", "best_epoch", "seconds")


def report(row: int, epoch: int, valid: float) -> dict[str, Any]:
    own = {"epoch": epoch, "updates": 50 * epoch, "best": valid, "best_epoch": epoch, "seconds": 0.5 * epoch}
    return {**own, "valid": valid, "train_loss": 2 * valid + row, "mae": valid / 3}


def search(folder: Path, told: list[tuple[int, int, float]], *, ends: bool = True) -> None:
    """A driver that is told of these (row, epoch, valid), puts them into epochs.csv, and into event files."""
    writer, epochs = board(folder, pytest.fail), EpochTable(folder / "epochs.csv")
    writer.begin()
    for row in dict.fromkeys(row for row, _, _ in told):
        writer.start(row, {**CONFIG, "hidden": 16 + row})
    for row, epoch, valid in told:
        writer.log(row, report(row, epoch, valid))
        epochs.add(row, report(row, epoch, valid))
    for row in dict.fromkeys(row for row, _, _ in told) if ends else ():
        writer.finish(row, {}, failed=row == 1)
    writer.close()
    epochs.finish()


def read(folder: Path) -> Any:
    """What TensorBoard reads of a trial."""
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    return reader.EventAccumulator(str(folder), size_guidance={reader.SCALARS: 0}).Reload()


def agrees(folder: Path) -> None:
    """TensorBoard and epochs.csv tell the same."""
    table = EpochTable.read(folder / "epochs.csv")
    assert {path.name for path in (folder / FOLDER).iterdir()} == {f"{row:05d}" for row in table}
    for row, reports in table.items():
        shown = read(folder / FOLDER / f"{row:05d}")
        assert set(shown.Tags()["scalars"]) == set(reports[0]) - set(OWN)
        for name in shown.Tags()["scalars"]:
            curve = shown.Scalars(name)
            assert [point.step for point in curve] == [told["epoch"] for told in reports]
            assert [point.value for point in curve] == pytest.approx([told[name] for told in reports], rel=1e-6)
            assert sorted(point.wall_time for point in curve) == [point.wall_time for point in curve]


def test_tensorboard_shows_what_the_table_of_epochs_has(tmp_path: Path) -> None:
    search(tmp_path, [(row, epoch, 3.0 / epoch + row) for epoch in range(1, 6) for row in (0, 1, 12345)])
    agrees(tmp_path)


def test_a_trial_that_goes_on_under_another_driver_is_shown_once(tmp_path: Path) -> None:
    search(tmp_path, [(row, epoch, 3.0 / epoch) for epoch in range(1, 6) for row in (0, 1)], ends=False)
    running = read(tmp_path / FOLDER / "00000")
    assert len(running.Scalars("valid")) == 5
    search(tmp_path, [(0, epoch, 3.0 / epoch + (epoch > 3)) for epoch in range(1, 8)])
    agrees(tmp_path)
    assert len(list((tmp_path / FOLDER / "00000").glob(FILES))) == 1


def test_an_epoch_that_is_trained_again_replaces_what_was_written(tmp_path: Path) -> None:
    first = [(0, epoch, 3.0 / epoch) for epoch in range(1, 6)]
    search(tmp_path, [*first, *first[:3], *((0, epoch, 2.9 / epoch) for epoch in range(4, 8))])
    agrees(tmp_path)


def test_hyperparameters_and_how_a_trial_ended(tmp_path: Path) -> None:
    hparams = pytest.importorskip("tensorboard.plugins.hparams.plugin_data_pb2")
    status = pytest.importorskip("tensorboard.plugins.hparams.api_pb2").Status
    search(tmp_path, [(0, 1, 2.0), (1, 1, 2.0)])
    for row, ended in ((0, status.STATUS_SUCCESS), (1, status.STATUS_FAILURE)):
        shown = read(tmp_path / FOLDER / f"{row:05d}")
        found = {
            tag: hparams.HParamsPluginData.FromString(data) for tag, data in shown.PluginTagToContent("hparams").items()
        }
        values = found["_hparams_/session_start_info"].session_start_info.hparams
        assert {name: getattr(value, value.WhichOneof("kind")) for name, value in values.items()} == {
            **{name: value for name, value in CONFIG.items() if value is not None},
            "hidden": 16 + row,
            "kind": "search",
        }
        assert found["_hparams_/session_end_info"].session_end_info.status == ended


def test_what_is_told_before_it_may_begin_is_written_after(tmp_path: Path) -> None:
    writer = board(tmp_path, pytest.fail)
    writer.start(0, CONFIG)
    writer.log(0, report(0, 1, 2.0))
    time.sleep(0.1)
    assert not (tmp_path / FOLDER).exists()
    writer.close()
    assert len(list((tmp_path / FOLDER / "00000").glob(FILES))) == 1


def test_no_link_of_a_strangers_run_is_followed(tmp_path: Path) -> None:
    ours = tmp_path / "ours"
    (ours / "00000").mkdir(parents=True)
    kept = ours / "00000" / "events.out.tfevents.1.x"
    kept.write_text("ours")
    for link in (tmp_path / "run" / FOLDER, tmp_path / "other" / FOLDER / "00000"):
        link.parent.mkdir(parents=True)
        link.symlink_to(ours if link.name == FOLDER else ours / "00000")
        writer = board(tmp_path / link.relative_to(tmp_path).parts[0], pytest.fail)
        writer.start(0, CONFIG)
        writer.close()
        assert not link.is_symlink()
    assert [(path.name, path.read_text()) for path in (ours / "00000").iterdir()] == [(kept.name, "ours")]


def test_a_full_disk_is_told_once_and_the_search_goes_on(tmp_path: Path) -> None:
    said: list[str] = []
    writer = board(tmp_path, said.append)
    writer.start(0, CONFIG)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    kept = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
        for epoch in range(1, 4):
            writer.log(0, report(0, epoch, 2.0))
        writer.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, kept)
    (line,) = said
    assert line.startswith("TensorBoard is left out from here on: cannot write ")
    assert line.endswith("the disk is full")


def test_64_trials_of_30_epochs_are_a_small_file_each(tmp_path: Path) -> None:
    writer = board(tmp_path, pytest.fail)
    reports = [report(0, epoch, 3.0 / epoch) for epoch in range(1, 31)]
    writer.begin()
    for row in range(64):
        writer.start(row, CONFIG)
        for told in reports:
            writer.log(row, told)
        writer.finish(row, {})
    writer.close()
    sizes = [path.stat().st_size for path in tmp_path.glob(f"*/*/{FILES}")]
    assert len(sizes) == 64
    assert max(sizes) < 10_000
