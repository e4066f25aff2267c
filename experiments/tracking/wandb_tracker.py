"""The trials of a search and its winner as W&B runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from experiments.tracking.trackers import Search
from experiments.tracking.wandb_runs import OpenRun, keep

__all__ = ["WandbTracker"]


class WandbTracker:
    """A W&B run a trial of a search, all in one group: a trial that goes on, under a later driver too, does so in its
    own run."""

    def __init__(self, search: Search) -> None:
        self.tracking, self.group, self.identity = search.wandb, search.group, search.identity
        self.tags, self.about = search.tags, {"search": dict(search.about)}

    def start(self, row: int, config: Mapping[str, Any], *, tag: str = "") -> None:
        """Open the run of a trial; one that is no trial of the search has a tag, which says what it is."""
        opening = self._opening(f"{row:05d}", tag or "trial", tag or "search", config)
        self.tracking.do(lambda: self._start(self._id(row), opening))

    def log(self, row: int, report: Mapping[str, Any]) -> None:
        """Log an epoch."""
        figures = dict(report)
        self.tracking.do(lambda: self._log(self._id(row), figures))

    def finish(self, row: int, summary: Mapping[str, Any], *, failed: bool = False) -> None:
        """Close the run of a trial; its summary is the best epoch."""
        final = dict(summary)
        self.tracking.do(lambda: self._finish(self._id(row), final, failed))

    def winner(self, path: Path, facts: Mapping[str, Any]) -> None:
        """Keep the winner as a versioned artifact, in a run of its own."""
        copy = dict(facts)
        self.tracking.do(lambda: self._winner(path, copy))

    def close(self) -> None:
        """The session's W&B goes on with other heads, and closes by itself."""

    def _id(self, row: int) -> str:
        return f"{self.identity}-{row:05d}"

    def _opening(self, name: str, job_type: str, tag: str, config: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "id": f"{self.identity}-{name}",
            "name": f"{self.group}/{name}",
            "group": self.group,
            "job_type": job_type,
            "tags": (*self.tags, tag),
            "config": {**config, **self.about},
        }

    def _start(self, id: str, opening: dict[str, Any]) -> None:
        trial = self.tracking.runs.setdefault(id, OpenRun(opening))
        if trial.run is None:  # else the trial has a new worker
            trial.run = self.tracking.open(**trial.opening)

    def _log(self, id: str, report: dict[str, Any]) -> None:
        trial, epoch = self.tracking.runs[id], int(report["epoch"])
        trial.reports[epoch] = report
        # at once: else the last epoch comes behind the summary, and takes the place of the best one there
        trial.run.log(report, step=epoch, commit=True)

    def _finish(self, id: str, summary: dict[str, Any], failed: bool) -> None:
        trial = self.tracking.runs.get(id)
        if trial is not None:
            trial.run.summary.update(summary)
            trial.run.finish(exit_code=int(failed))
            del self.tracking.runs[id]

    def _winner(self, path: Path, facts: dict[str, Any]) -> None:
        run = self.tracking.open(**self._opening("winner", "winner", "winner", facts))
        run.summary.update({"best": facts.get("best"), "best_epoch": facts.get("epoch"), **facts.get("figures", {})})
        keep(run, f"{self.group}-winner", "model", (path,), facts)
        run.finish()
