"""TensorBoard, the only file that imports tensorboardX: an event file a trial.

    tensorboard --logdir runs/NAME

shows every trial's curves (Time series) and its hyperparameters beside its figures (HParams), while a search runs too.

tensorboardX gives the records' form. Its SummaryWriter has a queue and two threads for every trial, and waits for the
disk at every flush: here a record is appended in one call, and the system writes it when it likes.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from experiments.tables import SEARCH
from experiments.tracking.trackers import Search

__all__ = ["FOLDER", "Board"]

FOLDER = "tensorboard"  # in a head's folder
FILES = "events.out.tfevents.*"
NOT_SHOWN = ("epoch", "updates", "best_epoch", "seconds")  # of a report: how far it is, and not how well it does


@dataclass
class _Trial:
    """A trial's file.

    Attributes:
        began: when its training began, in seconds since 1970.
        told: epoch -> what is written of it.
    """

    path: Path
    began: float
    told: dict[int, dict[str, float]] = field(default_factory=dict)

    def add(self, event: Any) -> None:
        """Append a record: its length and its bytes, each with a checksum."""
        from tensorboardX.record_writer import masked_crc32c

        data = event.SerializeToString()
        length = struct.pack("<Q", len(data))
        record = length + struct.pack("<I", masked_crc32c(length)) + data + struct.pack("<I", masked_crc32c(data))
        with self.path.open("ab", buffering=0) as file:
            if file.write(record) < len(record):
                raise OSError(f"cannot write {self.path}: the disk is full")


class Board:
    """HEAD/tensorboard/TRIAL/: one event file each.

    A trial that goes on under another driver reports all its epochs again, and gets a new file in the place of the old
    one. Under the same driver an epoch that comes again with other figures (its worker died, and the checkpoint was of
    an earlier one) takes back what was written from there on, as TensorBoard's `purge_step` does.
    """

    def __init__(self, search: Search) -> None:
        self.folder, self.now = search.folder / FOLDER, search.now
        self.trials: dict[int, _Trial] = {}

    def start(self, row: int, config: Mapping[str, Any], *, tag: str = "") -> None:
        """Open the file of a trial; one that is no trial of the search has a tag, which says what it is."""
        self._start(row, {**config, "kind": tag or SEARCH}, self.now())

    def log(self, row: int, report: Mapping[str, Any]) -> None:
        """Write an epoch."""
        self._log(row, report, self.now())

    def finish(self, row: int, summary: Mapping[str, Any], *, failed: bool = False) -> None:
        """Close the file of a trial."""
        self._finish(row, failed, self.now())

    def winner(self, path: Path, facts: Mapping[str, Any]) -> None:
        """It is among the trials."""

    def close(self) -> None:
        """Every record is written when it comes."""

    def _start(self, row: int, config: dict[str, Any], now: float) -> None:
        if row in self.trials:  # it has a new worker
            return
        from tensorboardX.proto.event_pb2 import Event

        folder, before = self._clear(row)
        path = folder / f"events.out.tfevents.{int(now)}.{os.getpid()}"
        path.open("xb").close()
        self.trials[row] = trial = _Trial(path, now)
        trial.add(Event(wall_time=now, file_version="brain.Event:2"))
        if before:  # a TensorBoard that runs has read those
            self._take_back(trial, 1, now)
        trial.add(_event(_hyperparameters(config, now), now))

    def _clear(self, row: int) -> tuple[Path, bool]:
        """The trial's folder, empty of event files; whether there were any. No link in a stranger's run is followed."""
        for folder in (self.folder, own := self.folder / f"{row:05d}"):
            if folder.is_symlink():
                folder.unlink()
            folder.mkdir(exist_ok=True)
        old = list(own.glob(FILES))
        for path in old:
            path.unlink()
        return own, bool(old)

    def _log(self, row: int, report: Mapping[str, Any], now: float) -> None:
        trial, epoch = self.trials[row], int(report["epoch"])
        figures = {name: float(value) for name, value in report.items() if name not in NOT_SHOWN}
        if not trial.told:
            trial.began = now - report["seconds"]
        if trial.told.get(epoch) == figures:
            return
        if epoch in trial.told:
            self._take_back(trial, epoch, now)
        trial.told[epoch] = figures
        # reports come several at once: the time is that of the training, not of the message
        trial.add(_event(_scalars(figures), min(trial.began + report["seconds"], now), epoch))

    @staticmethod
    def _take_back(trial: _Trial, epoch: int, now: float) -> None:
        """TensorBoard forgets what it has read of this epoch and later ones."""
        from tensorboardX.proto.event_pb2 import Event, SessionLog

        for known in [known for known in trial.told if known >= epoch]:
            del trial.told[known]
        trial.add(Event(wall_time=now, step=epoch, session_log=SessionLog(status=SessionLog.START)))

    def _finish(self, row: int, failed: bool, now: float) -> None:
        trial = self.trials.pop(row, None)
        if trial is not None:
            trial.add(_event(_ending(failed, now), now))


def _event(summary: Any, now: float, epoch: int = 0) -> Any:
    from tensorboardX.proto.event_pb2 import Event

    return Event(wall_time=now, step=epoch, summary=summary)


def _scalars(figures: Mapping[str, float]) -> Any:
    """An epoch's figures, all in one record."""
    from tensorboardX.proto.summary_pb2 import Summary

    summary = Summary()
    for name, value in figures.items():
        summary.value.add(tag=name, simple_value=value)
    return summary


def _hyperparameters(config: Mapping[str, Any], now: float) -> Any:
    """What the HParams plugin knows of a trial that begins."""
    from tensorboardX.proto.plugin_hparams_pb2 import HParamsPluginData, SessionStartInfo

    session = SessionStartInfo(start_time_secs=now)
    for name, value in config.items():
        if isinstance(value, bool):
            session.hparams[name].bool_value = value
        elif isinstance(value, int | float):
            session.hparams[name].number_value = value
        elif value is not None:
            session.hparams[name].string_value = str(value)
    return _of_plugin("_hparams_/session_start_info", HParamsPluginData(version=0, session_start_info=session))


def _ending(failed: bool, now: float) -> Any:
    """What it knows of one that has ended."""
    from tensorboardX.proto.api_pb2 import Status
    from tensorboardX.proto.plugin_hparams_pb2 import HParamsPluginData, SessionEndInfo

    status = Status.Value("STATUS_FAILURE" if failed else "STATUS_SUCCESS")
    session = SessionEndInfo(status=status, end_time_secs=now)
    return _of_plugin("_hparams_/session_end_info", HParamsPluginData(version=0, session_end_info=session))


def _of_plugin(tag: str, content: Any) -> Any:
    from tensorboardX.proto.summary_pb2 import Summary, SummaryMetadata

    data = SummaryMetadata.PluginData(plugin_name="hparams", content=content.SerializeToString())
    return Summary(value=[Summary.Value(tag=tag, metadata=SummaryMetadata(plugin_data=data))])
