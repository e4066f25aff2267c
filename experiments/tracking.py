"""Weights & Biases, the only file that imports it: one process for all runs of a search, fed from a thread of its own.

A W&B that is slow, missing or broken costs the search nothing: what it raises is told once, and the search goes on.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, Self

from experiments.background import Background, first_line

__all__ = ["Mode", "Tracker", "resolve_mode"]

Mode = Literal["auto", "online", "offline", "off"]


def resolve_mode(mode: Mode) -> Literal["online", "offline", "off"]:
    """What "auto" means here: WANDB_MODE if it is set, online with a key, else offline."""
    if mode != "auto":
        return mode
    told = os.environ.get("WANDB_MODE")
    if told in ("online", "offline"):
        return told  # type: ignore[return-value]
    if told in ("disabled", "dryrun"):
        return "off" if told == "disabled" else "offline"
    return "online" if _has_key() else "offline"


def _has_key() -> bool:
    if os.environ.get("WANDB_API_KEY"):
        return True
    netrc = Path(os.environ.get("NETRC", "~/.netrc")).expanduser()
    try:
        return "wandb" in netrc.read_text()
    except (OSError, ValueError):
        return False


class Tracker:
    """A run a trial, in the group RUN/HEAD.

    Args:
        mode: "off" makes every call do nothing.
        folder: where offline runs are written (`folder/wandb/`).
        group: RUN/HEAD.
        tell: called once, with one line, if W&B fails.
        identity: of the search, for W&B: a trial that goes on, under a later driver too, does so in its own run.
    """

    INIT_TIMEOUT = 15.0  # seconds that a server has to answer; then runs are offline
    PATIENCE = 20.0  # seconds that `close` waits for what is still to be written

    def __init__(self, mode: Mode, folder: Path, group: str, tell: Callable[[str], None], identity: str) -> None:
        self.mode, self.folder, self.group, self.tell = resolve_mode(mode), folder, group, tell
        self.identity = identity
        self.runs: dict[int, Any] = {}
        self.work = Background("W&B", tell) if self.mode != "off" else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self, row: int, config: Mapping[str, Any], *, tag: str = "") -> None:
        """Open the run of a trial; one that is no trial of the search has a tag, which says what it is."""
        self._do(lambda: self._start(row, dict(config), tag))

    def log(self, row: int, report: Mapping[str, Any]) -> None:
        """Log an epoch."""
        figures = dict(report)
        self._do(lambda: self.runs[row].log(figures, step=int(figures["epoch"])))

    def finish(self, row: int, summary: Mapping[str, Any], *, failed: bool = False) -> None:
        """Close the run of a trial; its summary is the best epoch."""
        final = dict(summary)
        self._do(lambda: self._finish(row, final, failed))

    def winner(self, path: Path, facts: Mapping[str, Any]) -> None:
        """Keep the winner as a versioned artifact."""
        copy = dict(facts)
        self._do(lambda: self._winner(path, copy))

    def close(self) -> None:
        """Wait a while for what is still to be written, never for ever."""
        if self.work is not None:
            self.work.close(self.PATIENCE)

    def _do(self, action: Callable[[], None]) -> None:
        if self.work is not None:
            self.work.do(action)

    def _settings(self) -> Any:
        import wandb

        return wandb.Settings(
            silent=True,
            console="off",
            x_disable_stats=True,
            disable_git=True,
            save_code=False,
            init_timeout=self.INIT_TIMEOUT,
        )

    def _open(self, name: str, config: dict[str, Any], job_type: str, tag: str = "", id: str | None = None) -> Any:
        try:
            return self._init(name, config, job_type, tag, id)
        except Exception as error:
            if self.mode != "online":
                raise
            self.mode = "offline"
            self.tell(f"W&B does not answer ({first_line(error)}); its runs are offline from here on")
            return self._init(name, config, job_type, tag, id)

    def _init(self, name: str, config: dict[str, Any], job_type: str, tag: str, id: str | None) -> Any:
        import wandb

        return wandb.init(
            project=os.environ.get("WANDB_PROJECT", "tritone"),
            group=self.group,
            name=name,
            id=id,
            resume="allow" if id and self.mode == "online" else None,  # offline: what is synced last is whole
            job_type=job_type,
            tags=[tag] if tag else None,
            config=config,
            dir=str(self.folder),
            mode=self.mode if self.mode != "off" else "disabled",
            reinit="create_new",  # many runs in this one process
            settings=self._settings(),
        )

    def _start(self, row: int, config: dict[str, Any], tag: str) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if row not in self.runs:  # else the trial has a new worker
            id = f"{self.identity}-{row:05d}"
            self.runs[row] = self._open(f"{self.group}/{row:05d}", config, tag or "trial", tag, id)

    def _finish(self, row: int, summary: dict[str, Any], failed: bool) -> None:
        run = self.runs.pop(row, None)
        if run is not None:
            run.summary.update(summary)
            run.finish(exit_code=int(failed))

    def _winner(self, path: Path, facts: dict[str, Any]) -> None:
        import wandb

        run = self._open(f"{self.group}/winner", facts, "winner")
        plain = re.sub(r"[^A-Za-z0-9_.-]", "-", self.group)[:100]  # W&B takes no other signs in a name
        artifact = wandb.Artifact(f"{plain}-winner", type="model", metadata=facts)
        artifact.add_file(str(path))
        run.log_artifact(artifact)
        run.finish()
