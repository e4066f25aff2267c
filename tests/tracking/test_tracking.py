"""W&B: runs as its users expect them, offline without a key, and never able to stop or slow a search."""

import contextlib
import io
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pytest
import soundfile
from trackers_made import wandb_tracker
from wandb_server import Received, TrackedRun, hanging, offline_runs, refusing, standing_in

from benchmarks.faults.searches import until
from experiments.music.sound.mp3 import as_mp3
from experiments.tracking.mode import resolve_mode
from experiments.tracking.wandb_runs import SongFiles, Tracking

KEY = "k" * 40
BEST = {"best": 1.2, "best_epoch": 2, "valid": 1.2}  # of three epochs: what follows is worse
VALID = {1: 3.0, 2: 1.2, 3: 1.5}
SONGS = [
    {"path": "a.mid", "accepted": True, "reason": "", "events": 90, "parts": "melody, bass", "split": "tail"},
    {"path": "b.mid", "accepted": False, "reason": "no notes", "events": 0, "parts": "", "split": ""},
]


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that is busy with other tests is waited for."""
    monkeypatch.setattr(Tracking, "PATIENCE", 100.0)
    monkeypatch.setattr(Tracking, "LAST_PATIENCE", 100.0)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Received]:
    with standing_in() as received:
        reach(received.url, monkeypatch)
        yield received


def reach(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", url)
    monkeypatch.setenv("WANDB_API_KEY", KEY)


def search(tracking: Tracking, folder: Path) -> None:
    """Two trials and a winner, as a search tells of them."""
    tracker = wandb_tracker(tracking, "demo/notes", "run-notes", ("notes", "original"), {"head": "notes"})
    tracker.start(0, {"hidden": 32})
    tracker.start(1, {"hidden": 32, "of": 0}, tag="confirm")
    for epoch, valid in VALID.items():
        for row in (0, 1):
            tracker.log(row, {"epoch": epoch, "valid": valid})
    tracker.finish(0, {"status": "done", **BEST})
    tracker.finish(1, {"status": "failed", "reason": "no memory"}, failed=True)
    winner = folder / "winner.safetensors"
    winner.write_bytes(b"weights")
    tracker.winner(winner, {"head": "notes", "best": 1.2, "epoch": 2, "figures": {"valid": 1.2}})


def song(folder: Path) -> SongFiles:
    """A song's files; the picture is a PNG of one pixel."""
    from PIL import Image

    midi, picture = folder / "song.mid", folder / "song.png"
    midi.write_bytes(b"MThd")
    Image.new("RGB", (1, 1)).save(picture)
    sound = as_mp3(np.zeros((44_100, 2), np.float32))
    return SongFiles(midi, picture, sound, {"events": 256}, "0% of its chords stand in the training songs")


def holds(runs: dict[str, TrackedRun]) -> None:
    """The two trials are there, whole."""
    first, second = runs["demo/notes/00000"], runs["demo/notes/00001"]
    assert (first.id, second.id) == ("run-notes-00000", "run-notes-00001")
    for run in (first, second):
        assert (run.project, run.group) == ("tritone", "demo/notes")
        assert [(step["epoch"], step["valid"], step["_step"]) for step in run.history] == [
            (epoch, valid, epoch) for epoch, valid in VALID.items()
        ]
    assert first.config == {"hidden": 32, "search": {"head": "notes"}}
    assert (first.job_type, first.tags) == ("trial", ("notes", "original", "search"))
    assert (second.job_type, second.tags) == ("confirm", ("notes", "original", "confirm"))
    assert first.summary.items() >= {**BEST, "status": "done", "epoch": 3}.items()  # not those of the last epoch
    assert second.summary["reason"] == "no memory"
    assert (first.exit_code, second.exit_code) == (0, 1)
    winner = runs["demo/notes/winner"]
    assert (winner.group, winner.job_type, winner.tags) == ("demo/notes", "winner", ("notes", "original", "winner"))
    assert winner.config["figures"] == {"valid": 1.2}
    assert winner.summary.items() >= BEST.items()


def test_auto_is_offline_without_a_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("WANDB_MODE", raising=False)
    assert resolve_mode("auto") == "offline"
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    assert resolve_mode("auto") == "online"
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert resolve_mode("auto") == "offline"
    monkeypatch.setenv("WANDB_MODE", "disabled")
    assert resolve_mode("auto") == "off"
    assert resolve_mode("online") == "online"


def test_the_key_of_a_server_of_ones_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("WANDB_MODE", raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    (tmp_path / "netrc").write_text(f"machine tracking.example\n  login user\n  password {KEY}\n")
    assert resolve_mode("auto") == "offline"
    monkeypatch.setenv("WANDB_BASE_URL", "https://tracking.example:8080")
    assert resolve_mode("auto") == "online"


def test_online_without_a_key_is_offline_and_asks_for_none(tmp_path: Path) -> None:
    said: list[str] = []
    with Tracking("online", tmp_path, said.append) as tracking:
        assert tracking.mode == "offline"
    assert said == ["W&B has no key here (WANDB_API_KEY, or `wandb login`); its runs are offline"]


def test_online(tmp_path: Path, server: Received) -> None:
    said: list[str] = []
    with Tracking("online", tmp_path, said.append) as tracking:
        search(tracking, tmp_path)
        tracking.song("demo/song", "run-song", lambda: song(tmp_path), SONGS)
    assert said == []
    assert server.unknown == []
    holds({run.name: run for run in server.runs.values()})
    shown(server)


def shown(server: Received) -> None:
    """The winner, the song and the table of songs have arrived."""
    kept = {artifact.name: artifact for artifact in server.artifacts.values()}
    assert all(artifact.committed for artifact in kept.values())
    winner = kept["demo-notes-winner"]
    assert (winner.type, winner.metadata["best"], winner.aliases) == ("model", 1.2, ("latest",))
    assert winner.files == {"winner.safetensors": b"weights"}
    assert kept["demo-song-midi"].files == {"song.mid": b"MThd"}
    run = server.named("demo/song")
    assert (run.group, run.job_type, run.tags) == ("demo/song", "song", ("song",))
    assert run.summary.items() >= {"events": 256, "songs_accepted": 1, "songs_rejected": 1}.items()
    (step,) = run.history
    assert {name: step[name]["_type"] for name in ("piano_roll", "sound", "songs")} == {
        "piano_roll": "image-file",
        "sound": "audio-file",
        "songs": "table-file",
    }
    assert step["piano_roll"]["caption"].startswith("0% of its chords")
    assert run.files[step["piano_roll"]["path"]][1:4] == b"PNG"
    samples, _ = soundfile.read(io.BytesIO(run.files[step["sound"]["path"]]))
    assert len(samples) >= 44_100
    table = json.loads(run.files[step["songs"]["path"]])
    assert (table["columns"], table["data"]) == (list(SONGS[0]), [list(row.values()) for row in SONGS])


def test_offline_runs_are_whole_and_can_be_synced(
    tmp_path: Path, server: Received, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_DATA_DIR", str(tmp_path / "data"))
    runs = tmp_path / "a run"
    said: list[str] = []
    with Tracking("offline", runs, said.append) as tracking:
        search(tracking, tmp_path)
        tracking.song("demo/song", "run-song", lambda: song(tmp_path), SONGS)
    assert said == []
    holds(offline_runs(runs))
    assert server.asked == []
    (tmp_path / "winner.safetensors").write_bytes(b"of a later search")  # before the upload
    (tmp_path / "song.mid").unlink()
    command = [sys.executable, "-m", "wandb", "sync", str(runs / "wandb")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    holds({run.name: run for run in server.runs.values()})
    shown(server)
    copies = [file.read_bytes() for file in (tmp_path / "data").rglob("*") if file.is_file()]
    assert not {b"weights", b"MThd"} & set(copies)  # W&B's own copies would stay there


def test_a_trial_that_goes_on_does_so_in_its_own_run(tmp_path: Path, server: Received) -> None:
    said: list[str] = []
    for epochs in ((1, 2), (1, 2, 3)):  # the second time under another driver, which is told of all epochs
        for mode in ("offline", "online"):
            with Tracking(mode, tmp_path, said.append) as tracking:
                tracker = wandb_tracker(tracking, "demo/notes", "run-notes")
                tracker.start(7, {"hidden": 32})
                for epoch in epochs:
                    tracker.log(7, {"epoch": epoch, "valid": 3.0 / epoch})
                    tracker.start(7, {"hidden": 32})  # it has a new worker
                tracker.finish(7, {"best": 1.0}, failed=True)
    assert said == []
    files = list((tmp_path / "wandb").glob("offline-run-*/run-*.wandb"))
    assert {file.name for file in files} == {"run-run-notes-00007.wandb"}
    assert len(files) == 2
    (offline,) = offline_runs(tmp_path).values()
    (online,) = server.runs.values()
    for run in (offline, online):
        assert [step["epoch"] for step in run.history] == [1, 2, 3]
        assert run.summary["best"] == 1.0


@contextlib.contextmanager
def not_there() -> Iterator[str]:
    """The address of a port that nobody listens at."""
    with hanging() as url:
        pass
    yield url


@pytest.mark.parametrize("broken", [hanging, not_there, lambda: refusing(401), lambda: refusing(500)])
def test_a_server_that_does_not_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: Callable[[], AbstractContextManager[str]]
) -> None:
    monkeypatch.setattr(Tracking, "INIT_TIMEOUT", 0.5)
    said: list[str] = []
    with broken() as url:
        reach(url, monkeypatch)
        with Tracking("online", tmp_path, said.append) as tracking:
            search(tracking, tmp_path)
    (line,) = said
    assert line.startswith("W&B does not answer (")
    assert line.endswith("; its runs are offline from here on")
    assert len(line) < 300
    holds(offline_runs(tmp_path))


def test_a_server_that_stops_answering(tmp_path: Path, server: Received, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Tracking, "FINISH_TIMEOUT", 0.5)
    said: list[str] = []
    with Tracking("online", tmp_path, said.append) as tracking:
        tracker = wandb_tracker(tracking, "demo/notes", "run-notes")
        tracker.start(0, {"hidden": 32})
        tracker.log(0, {"epoch": 1, "valid": 2.0})
        assert until(lambda: "run-notes-00000" in server.runs, 60)
        server.hangs = True
        tracker.log(0, {"epoch": 2, "valid": 1.0})
        tracker.finish(0, {"best": 1.0})
    assert len(said) == 1
    (run,) = offline_runs(tmp_path).values()
    assert run.id == "run-notes-00000"
    assert [step["epoch"] for step in run.history] == [1, 2]
    assert (run.summary["best"], run.exit_code) == (1.0, 0)


def test_the_end_does_not_wait_for_a_server_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Tracking, "PATIENCE", 0.5)
    for own in ("INIT_TIMEOUT", "FINISH_TIMEOUT"):
        monkeypatch.setattr(Tracking, own, 1000.0)  # W&B would wait that long: only its own end ends that
    said: list[str] = []
    with hanging() as url:
        reach(url, monkeypatch)
        tracking = Tracking("online", tmp_path, said.append)
        search(tracking, tmp_path)
        assert until(lambda: any(tmp_path.glob("wandb/run-*/run-*.wandb")), 60)  # it waits for the server
        tracking.close()  # comes back, though the server has not answered yet
    assert len(said) == 1
    holds(offline_runs(tmp_path))  # what it could not upload is here


def test_a_failing_wandb_is_told_once_and_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []

    def refuse(**_: object) -> None:
        raise RuntimeError("no room\nand a long story")

    with Tracking("offline", tmp_path, said.append) as tracking:
        monkeypatch.setattr(tracking, "open", refuse)
        for _ in range(2):
            search(tracking, tmp_path)
        tracking.song("demo/song", "run-song", lambda: song(tmp_path), SONGS)
    assert said == ["W&B is left out from here on: no room"]


def test_a_song_that_cannot_be_shown_is_told_once(tmp_path: Path) -> None:
    said: list[str] = []
    none = tmp_path / "none"
    with Tracking("offline", tmp_path, said.append) as tracking:
        tracking.song("demo/song", "run-song", lambda: SongFiles(none, none, b"", {}, ""), SONGS)
    assert len(said) == 1
    assert said[0].startswith("W&B is left out from here on: ")


def test_a_hanging_wandb_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    answers = threading.Event()
    tracking = Tracking("offline", tmp_path, said.append)
    monkeypatch.setattr(tracking, "open", lambda **_: answers.wait())
    monkeypatch.setattr(tracking, "PATIENCE", 0.1)
    monkeypatch.setattr(tracking, "LAST_PATIENCE", 0.1)
    search(tracking, tmp_path)
    tracking.close()  # comes back, though there is no answer yet
    answers.set()
    assert said == ["W&B is left out from here on: it does not answer"]


def test_off_does_nothing(tmp_path: Path) -> None:
    with Tracking("off", tmp_path / "none", pytest.fail) as tracking:
        wandb_tracker(tracking, "demo/notes", "x").start(0, {})
        tracking.song("demo/song", "run-song", pytest.fail, SONGS)
    assert not (tmp_path / "none").exists()
