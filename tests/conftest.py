"""What many tests use: a cache and runs folder of their own; and how they share a machine when several run at once."""

import ast
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from xdist.scheduler import LoadScopeScheduling

from experiments.command_line import cli

HERE = Path(__file__).parent


def _starts_ray(path: Path) -> set[str]:
    """The tests of a file that are marked slow, each alone or all of them, as pytest names them."""
    body = ast.parse(path.read_text()).body
    whole = any("pytestmark" in (text := ast.unparse(node)) and "mark.slow" in text for node in body)
    tests = [node for node in body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
    slow = [test for test in tests if whole or any("mark.slow" in ast.unparse(mark) for mark in test.decorator_list)]
    return {f"tests/{path.relative_to(HERE).as_posix()}::{test.name}" for test in slow}


STARTS_RAY = set().union(*map(_starts_ray, HERE.rglob("test_*.py")))


class RayInOne(LoadScopeScheduling):  # type: ignore[misc]  # xdist ships no types
    """`pytest -n`: all that start a Ray in one process, one after another; beside it, file by file, the others.

    xdist's own marks for that do nothing under pytest 9.2, which no longer lets it rename a test.
    """

    def _split_scope(self, nodeid: str) -> str:
        test = nodeid.partition("[")[0]
        return "ray" if test in STARTS_RAY else test.partition("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> RayInOne:
    return RayInOne(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What starts a Ray comes first, as it lasts longest."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """The others give way to that."""
    if "PYTEST_XDIST_WORKER" in os.environ and not item.get_closest_marker("slow"):
        os.nice(19)
        if "torch" in sys.modules:
            sys.modules["torch"].set_num_threads(1)


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the user's cache, runs, key or cluster."""
    monkeypatch.setenv("TRITONE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TRITONE_RUNS", str(tmp_path / "runs"))
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "no-netrc"))
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(cli.console, "_width", 120)


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the runs (what TRITONE_RUNS names); the working directory is an empty one."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "runs"


@pytest.fixture
def unseen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures and sound are left empty: they take seconds, and no test that asks for this looks at them or listens."""
    from experiments.exploring import distributions
    from experiments.music import writing
    from experiments.music.sound.wav import RATE
    from experiments.report_page import music

    monkeypatch.setattr(distributions, "draw", lambda summary: b"")
    monkeypatch.setattr(writing, "piano_roll", lambda song, path, *_: path.write_bytes(b""))
    monkeypatch.setattr(writing, "write_wav", lambda song, path: path.write_bytes(b""))
    monkeypatch.setattr(music, "render", lambda song: np.zeros((RATE, 2), np.float32))


@pytest.fixture(scope="module")
def one_ray() -> Iterator[None]:
    """The commands of a file share a Ray, as they would share a cluster: starting one takes seconds."""
    from experiments.search.machines import cluster

    with cluster.connected("local"):
        yield
