"""Winners and runs of strangers: nothing in them runs, waits, fills the memory, or leads a command out of the run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hostile_made import DEEP, ESCAPES, HUGE, call, container
from winners_made import make_run

from datamodules.errors import UserError
from experiments.files import locked, read_json
from experiments.heads import HEADS
from experiments.music.training_songs import first_training_song
from experiments.tune import _merged
from experiments.winner_limits import LARGEST_HEADER
from experiments.winners import load_winner, save_winner

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `generate` writes, it writes here."""
    monkeypatch.chdir(tmp_path)


# -- winners


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with a winner of each head, none of which tells how good it is."""
    place = tmp_path_factory.mktemp("good")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRITONE_CACHE", str(place / "cache"))
        make_run(place / "a")
    return place / "a"


@pytest.fixture
def stranger(good: Path, tmp_path: Path) -> Path:
    """A copy of it, to be made hostile."""
    shutil.copytree(good, tmp_path / "runs" / "a")
    return tmp_path / "runs" / "a"


def floats(count: int) -> dict[str, Any]:
    """How a header announces so many."""
    return {"weight": {"dtype": "F32", "shape": [count], "data_offsets": [0, 4 * count]}}


LOADER = """
import json, resource, sys
from pathlib import Path
from datamodules.errors import UserError
from experiments.winners import load_winner

load_winner(Path(sys.argv[1]))  # all is imported
held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (held + 1_500_000_000,) * 2)
for path in sorted(Path(sys.argv[2]).iterdir()):
    try:
        load_winner(path)
    except UserError as error:
        print(json.dumps([path.name, str(error)]))
"""


@pytest.mark.parametrize("lists", [10**6, pytest.param(10**7, marks=pytest.mark.long)])
def test_winners_that_would_fill_the_memory_are_refused_in_little(lists: int, good: Path, tmp_path: Path) -> None:
    whole = load_winner(good / "durations" / "winner.safetensors").facts
    many = {"kind": "ticks", "values": list(range(1, 1_500_000)), "counts": [1] * 1_499_999}
    texts = {
        "a deep one": (DEEP, "no winner that this version can read"),
        "b wide hidden": ({"hyperparameters": whole["hyperparameters"] | {"hidden": 10**9}}, "hidden must be from"),
        "c long window": ({"hyperparameters": whole["hyperparameters"] | {"window": 10**9}}, "window must be from"),
        "d many values": ({"vocabulary": many}, "ticks must be from"),
        "e empty lists": ("[" + "[]," * lists + "[]]", "no winner"),
        "f too many": ({"junk": "0" * LARGEST_HEADER}, "its header would be"),
        "g long label": ({"label": "x" * 10_000_000}, "label is longer"),
    }
    (tmp_path / "winners").mkdir()
    for name, (changes, _) in texts.items():
        text = changes if isinstance(changes, str) else json.dumps({**whole, **changes})
        container(tmp_path / "winners" / name, text)
    container(tmp_path / "winners" / "h announced", json.dumps(whole), floats(10**12))
    (tmp_path / "winners" / "i endless").write_bytes((2**60).to_bytes(8, "little") + b"{}")
    command = [sys.executable, "-c", LOADER, str(good / "durations" / "winner.safetensors"), str(tmp_path / "winners")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    words = [words for _, words in texts.values()] + ["damaged or no winner", "its header would be"]
    assert len(told) == len(words)
    for (name, message), expected in zip(told, words, strict=True):
        assert expected in message, name
        assert "\n" not in message


def test_weights_are_not_looked_at_before_their_sizes_fit(
    good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = load_winner(good / "durations" / "winner.safetensors").facts
    path = container(tmp_path / "w.safetensors", json.dumps(whole), floats(900_000_000), 3_600_000_000)
    monkeypatch.setattr(torch.Tensor, "isfinite", lambda _: pytest.fail("weights were looked at"))
    with pytest.raises(UserError, match="do not fit"):
        load_winner(path)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("epoch", HUGE, "epoch is out of range"),
        ("updates", "-1", "updates is out of range"),
        ("best", "1e400", "1e400 is no number"),
        ("best", "NaN", "NaN is no number"),
        ("seed", '"7"', "seed '7' is of a wrong type"),
        ("split", "3", "split 3 is of a wrong type"),
        ("figures", '{"mixture": 0.1, "valid": "low"}', "figures cannot be read"),
        ("baselines", '{"unigram": {"nats": []}}', "figures cannot be read"),
        ("baselines", "7", "no winner that this version can read"),
        ("head", "[]", "no winner that this version can read"),
        ("vocabulary", DEEP, "no winner that this version can read"),
    ],
)
def test_facts_that_no_command_could_use_are_refused(
    name: str, value: str, words: str, good: Path, tmp_path: Path
) -> None:
    whole = load_winner(good / "offsets" / "winner.safetensors").facts
    text = json.dumps({**whole, name: None}).replace(f'"{name}": null', f'"{name}": {value}')
    with pytest.raises(UserError, match=words):
        load_winner(container(tmp_path / "w.safetensors", text))


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: path.symlink_to(os.devnull)])
def test_what_is_no_file_is_no_winner(make: Callable[[Path], None], stranger: Path) -> None:
    path = stranger / "offsets" / "winner.safetensors"
    path.unlink()
    make(path)
    with pytest.raises(UserError, match="not a regular file"):
        load_winner(path)
    assert call("evaluate", "a") == 2
    assert call("train", "offsets", "--run", "a") == 2
    assert call("runs", "a") == 0


def test_a_winner_that_does_not_say_how_good_it_is_can_be_scored_and_listed_but_not_trained(
    stranger: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("runs", "a") == 0
    assert call("evaluate", "a") == 0
    capsys.readouterr()
    assert call("train", "offsets", "--run", "a", "--epochs", "1") == 2
    assert "does not say how good it is" in capsys.readouterr().err


def test_what_it_began_from_may_be_named_by_a_stranger(stranger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(stranger / "pipe")
    winner = load_winner(stranger / "offsets" / "winner.safetensors")
    for place in (str(stranger / "pipe"), "/dev/zero", "zero\0byte", "/etc/passwd"):
        facts = {**winner.facts, "init": {"from": place, "sha256": "0", "songs": None}}
        save_winner(winner.path, winner.tensors, facts)
        assert call("train", "offsets", "--run", "a", "--all-songs") == 2
        assert len(capsys.readouterr().err.splitlines()) == 1


# -- runs


def set_data(**changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda facts: facts["data"].update(changes)


def set_head(**changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda facts: facts["heads"].update(offsets={"trials": 2, "max_epochs": 1, **changes})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (set_data(songs=["/etc/passwd"]), "not a MIDI file"),
        (set_data(songs=["/dev/zero"]), "neither a file nor a folder"),
        (set_data(songs=["pipe"]), "neither a file nor a folder"),
        (set_data(songs=["zero\0byte"]), "does not exist"),
        (set_data(songs=7), "damaged"),
        (set_data(grid=10**400), "--grid"),
        (set_data(grid=float("inf")), "damaged"),
        (set_data(file_seconds=1e9), "--file-seconds"),
        (set_data(split="../.."), "--split"),
        (set_head(trials=int(HUGE)), "--trials"),
        (set_head(trials=10**7), "--trials"),
        (set_head(cpus_per_trial=int(HUGE)), "too large"),
        (set_head(time_budget=int(HUGE)), "too large"),
        (set_head(max_failures=10**9), "--max-failures"),
        (set_head(metric="evil"), "no choice"),
        (set_head(wandb=["online"]), "no choice"),
        (set_head(storage="s3://192.0.2.1/x"), "give it again, as --storage s3://192.0.2.1/x"),
        (set_head(storage="/"), "give it again, as --storage /"),
        (set_head(init="pipe"), "pipe"),
        (set_head(init="/etc"), "/etc"),
        (lambda facts: facts.update(id="../../x"), "damaged: id"),
        (lambda facts: facts.update(id=""), "damaged: id"),
        (lambda facts: facts.update(id=7), "damaged: id"),
        (lambda facts: facts.update(heads={"offsets": DEEP}), "damaged: heads"),
    ],
)
def test_what_run_json_names_is_refused_in_a_line(
    change: Callable[[dict[str, Any]], None],
    words: str,
    stranger: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    os.mkfifo(tmp_path / "pipe")
    facts = json.loads((stranger / "run.json").read_text())
    set_head()(facts)
    change(facts)
    (stranger / "run.json").write_text(json.dumps(facts))
    assert call("tune", "--resume", "a") in (1, 2)
    said = capsys.readouterr().err
    assert words in said
    assert len(said.splitlines()) == 1
    assert call("runs") == 0


def test_a_storage_is_taken_from_the_command_line_alone() -> None:
    before = {"trials": 2, "storage": "/somewhere"}
    assert _merged("notes", before, ["--resume", "a", "--storage", "/somewhere"]).storage == "/somewhere"
    for arguments in (["--storage", "/elsewhere"], []):
        with pytest.raises(UserError, match="--storage"):
            _merged("notes", before, ["--resume", "a", *arguments])
    with pytest.raises(UserError, match="--storage cannot change"):
        _merged("notes", {"trials": 2}, ["--resume", "a", "--storage", "/elsewhere"])


@pytest.mark.parametrize("content", [DEEP.encode(), b"\xff\xfe", b"[]", HUGE.encode() * 2, None])
def test_files_of_a_run_that_are_no_json_or_no_files_are_told(
    content: bytes | None, stranger: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("run.json", "songs.json"):
        kept = (stranger / name).read_bytes()
        (stranger / name).unlink()
        if content is None:
            os.mkfifo(stranger / name)
        else:
            (stranger / name).write_bytes(content)
        assert call("runs") == 0
        said = " ".join(capsys.readouterr().out.split())  # a long line is broken
        assert any(word in said for word in ("is damaged", "cannot read", "is not of a run")), said
        call("evaluate", "a")
        call("generate", "a", "--events", "3")
        (stranger / name).unlink()
        (stranger / name).write_bytes(kept)


def test_songs_that_a_stranger_names_are_not_waited_for(stranger: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with (tmp_path / "endless").open("wb") as file:
        file.truncate(1 << 42)
    paths = [str(tmp_path / "pipe"), str(tmp_path / "endless"), "/dev/zero", "zero\0byte", "/proc/kmsg", "/proc/kcore"]
    rows = [{"path": path, "sha256": "0" * 64, "accepted": True, "split": "tail"} for path in paths]
    (stranger / "songs.json").write_text(json.dumps({"songs": rows}))
    assert first_training_song(load_winner(stranger / "offsets" / "winner.safetensors")) is None
    assert call("generate", "a", "--events", "5") == 0


def test_nothing_that_a_terminal_obeys_comes_out_of_a_run(stranger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    facts = json.loads((stranger / "run.json").read_text())
    facts["created"] = ESCAPES
    facts["heads"] = {head: {"trials": ESCAPES} for head in HEADS}
    (stranger / "run.json").write_text(json.dumps(facts))
    for head in HEADS:
        winner = load_winner(stranger / head / "winner.safetensors")
        save_winner(winner.path, winner.tensors, {**winner.facts, "label": ESCAPES, "split": ESCAPES})
    (stranger / "notes" / "winner.safetensors").write_bytes(b"no winner")
    named = stranger.rename(stranger.with_name(ESCAPES.replace("/", "")))
    for name, *arguments in (("runs",), ("runs", str(named)), ("generate", str(named), "--notes", str(named))):
        call(name, *arguments)
    call("generate", "--offsets", str(named), "--events", "3")
    said = capsys.readouterr()
    assert "owned" in said.out
    assert not set(said.out + said.err) & set("\x1b\x07\u202e")


def test_locks_and_json_wait_for_no_pipe_and_follow_no_link(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    for name in ("pipe", "link"):
        with pytest.raises(UserError, match="cannot write"), locked(tmp_path / name):
            pass
    assert not (tmp_path / "target").exists()
    with pytest.raises(UserError, match="cannot read"):
        read_json(tmp_path / "pipe")
    with (tmp_path / "endless").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(UserError, match="larger than"):
        read_json(tmp_path / "endless")


@pytest.mark.parametrize("name", ["\udcff", "a\x1b[2J", "a\nb"])
def test_a_run_has_a_plain_name(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("tune", "offsets", "--name", name) == 2
    assert "must be plain text" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()
