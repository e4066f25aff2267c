"""Weights & Biases, the only file that imports it: one process for all runs of a session, fed from a thread of its own.

A W&B that is slow, missing or broken costs a search nothing. A server that does not answer is told once: its process is
ended, and what was not uploaded whole is written again, offline. What fails offline too is told once and left out.
"""

from __future__ import annotations

import contextlib
import os
import queue
import re
import shutil
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from datamodules.errors import first_line
from experiments.tracking.mode import Mode, has_key, resolve_mode

__all__ = ["OpenRun", "SongFiles", "Tracking", "keep"]

LONGEST_TAG = 64  # of W&B
LONGEST_REASON = 200  # signs of what a server said: it may be a page of HTML
MOST_SONGS = 10_000  # rows of a table that W&B's pages show


def _reason(error: Exception) -> str:
    line = first_line(error).partition(': {"')[0]  # what a server said in JSON comes behind its status
    return line if len(line) <= LONGEST_REASON else f"{line[:LONGEST_REASON]} ..."


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "-", name)[:100]  # W&B takes no other signs in an artifact's name


@dataclass
class OpenRun:
    """A run that is open, and all that it takes to open it again."""

    opening: dict[str, Any]
    reports: dict[int, dict[str, Any]] = field(default_factory=dict)  # by epoch
    run: Any = None


@dataclass(frozen=True)
class SongFiles:
    """A new song for W&B to show.

    Attributes:
        sound: an MP3 file's bytes; none for a song without one.
        facts: figures of it, which become the run's summary.
        about: in words, shown below the picture.
    """

    midi: Path
    picture: Path
    sound: bytes
    facts: Mapping[str, Any]
    about: str


class Tracking:
    """W&B for a session.

    Args:
        mode: "off" makes every call do nothing.
        folder: where runs are written (`folder/wandb/`).
        tell: called with a line, once if the server fails, and once if W&B does.
    """

    INIT_TIMEOUT = 15.0  # seconds that a server has to answer when a run begins
    FINISH_TIMEOUT = 60.0  # seconds that it has to take the rest of a run; the search goes on meanwhile
    PATIENCE = 20.0  # seconds that `close` waits for a server, of all that is still to be uploaded
    LAST_PATIENCE = 10.0  # seconds that `close` waits after that, of all that is written offline instead

    def __init__(self, mode: Mode, folder: Path, tell: Callable[[str], None]) -> None:
        self.mode, self.folder, self.tell = resolve_mode(mode), folder, tell
        self.failed = self.mode == "off"
        self.runs: dict[str, OpenRun] = {}
        self.work: queue.Queue[Callable[[], None] | None] = queue.Queue()
        self.thread = threading.Thread(target=self._serve, name="wandb", daemon=True)
        if self.mode == "online" and not has_key():  # W&B would ask for one on the terminal
            self.mode = "offline"
            tell("W&B has no key here (WANDB_API_KEY, or `wandb login`); its runs are offline")
        if not self.failed:
            os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # it would wait for a server when Python ends
            self.thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def song(
        self, group: str, identity: str, files: Callable[[], SongFiles], songs: Sequence[Mapping[str, Any]]
    ) -> None:
        """Show a new song, and the songs that were read, in a run of their own.

        Args:
            files: makes what is shown; called in W&B's thread, for that takes a moment.
            songs: a row a song, all of the same columns, `accepted` among them.
        """
        self.do(lambda: self._song(group, identity, files(), songs))

    def close(self) -> None:
        """Wait a while for what is still to be written, never for ever."""
        if not self.thread.is_alive():
            return
        self.work.put(None)
        try:
            self.thread.join(self.PATIENCE)
            if self.thread.is_alive() and self.mode == "online":
                _kill_service()  # what the thread waits for raises, and it goes on offline
            self.thread.join(self.LAST_PATIENCE)
        finally:  # also after Ctrl-C: W&B would wait when Python ends
            if self.thread.is_alive():
                self._fail("it does not answer")
                _kill_service()
                _end_service()

    def do(self, action: Callable[[], None]) -> None:
        """Have the thread do something that can be done again."""
        if not self.failed:
            self.work.put(action)

    def _serve(self) -> None:
        while (action := self.work.get()) is not None:
            if not self.failed:
                self._try(action)
        _end_service()

    def _try(self, action: Callable[[], None]) -> None:
        try:
            try:
                action()
            except Exception as error:
                if self.mode != "online":
                    raise
                self._go_offline(_reason(error))
                action()
        except Exception as error:
            self._fail(_reason(error))

    def _go_offline(self, reason: str) -> None:
        """Give up the server, and write the open runs again, whole, under the same ids, so that each stays one run."""
        self.mode = "offline"
        self.tell(f"W&B does not answer ({reason}); its runs are offline from here on")
        _kill_service()
        _end_service()
        for one in self.runs.values():
            one.run = self.open(**one.opening)
            for epoch, report in one.reports.items():
                one.run.log(report, step=epoch, commit=True)

    def _fail(self, reason: str) -> None:
        if not self.failed:
            self.failed = True
            self.tell(f"W&B is left out from here on: {reason}")

    def open(
        self, *, id: str, name: str, group: str, job_type: str, tags: Sequence[str], config: Mapping[str, Any]
    ) -> Any:
        """A W&B run."""
        import wandb

        self.folder.mkdir(parents=True, exist_ok=True)
        return wandb.init(
            project=os.environ.get("WANDB_PROJECT") or "tritone",
            group=group,
            name=name,
            id=id,
            resume="allow" if self.mode == "online" else None,  # offline: what is synced last is whole
            job_type=job_type,
            tags=[tag[:LONGEST_TAG] for tag in dict.fromkeys(tags)],
            config=dict(config),
            dir=str(self.folder),
            mode=self.mode if self.mode != "off" else "disabled",
            reinit="create_new",  # many runs in this one process
            settings=wandb.Settings(
                silent=True,
                console="off",
                x_disable_stats=True,
                disable_git=True,
                save_code=False,
                init_timeout=self.INIT_TIMEOUT,
                finish_timeout=self.FINISH_TIMEOUT,
                finish_timeout_raises=True,
            ),
        )

    def _song(self, group: str, identity: str, song: SongFiles, rows: Sequence[Mapping[str, Any]]) -> None:
        import wandb

        accepted = sum(bool(row["accepted"]) for row in rows)
        run = self.open(id=identity, name=group, group=group, job_type="song", tags=("song",), config={})
        shown: dict[str, Any] = {"piano_roll": wandb.Image(str(song.picture), caption=song.about)}
        if song.sound:
            sound = _beside(run) / "sound.mp3"
            sound.write_bytes(song.sound)
            shown["sound"] = wandb.Audio(str(sound), caption=song.midi.name)
        if rows:
            columns: list[str | int] = list(rows[0])
            shown["songs"] = wandb.Table(columns, [list(row.values()) for row in rows[:MOST_SONGS]])
        run.log(shown)
        run.summary.update({**song.facts, "songs_accepted": accepted, "songs_rejected": len(rows) - accepted})
        keep(run, f"{group}-midi", "midi", (song.midi,), song.facts)
        run.finish()


def keep(run: Any, name: str, kind: str, files: Sequence[Path], facts: Mapping[str, Any]) -> None:
    """Keep files as a versioned artifact of a run.

    They are copied beside the run's own: what they were may be replaced before an offline run is uploaded, and W&B's
    copies would stay in the home folder.
    """
    import wandb

    artifact = wandb.Artifact(_plain(name), type=kind, metadata=dict(facts))
    for file in files:
        copy = _beside(run) / file.name
        shutil.copyfile(file, copy)
        artifact.add_file(str(copy), policy="immutable", skip_cache=True)
    run.log_artifact(artifact)


def _beside(run: Any) -> Path:
    """The folder of a run's own on this disk."""
    return Path(run.dir).parent


def _kill_service() -> None:
    """End W&B's own process, which would wait for a server that hangs: whatever waits for it raises."""
    from wandb.sdk import wandb_setup

    with contextlib.suppress(Exception):  # W&B has no call for it
        wandb_setup.singleton()._connection._proc._process.kill()  # type: ignore[union-attr]


def _end_service() -> None:
    """End W&B's own process here and not when Python ends, where what it raises would be printed."""
    if "wandb" in sys.modules:
        import wandb

        with contextlib.suppress(Exception, SystemExit):  # it ends the program if its process has failed
            wandb.teardown()
