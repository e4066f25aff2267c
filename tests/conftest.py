"""What many tests use: a cache and runs folder of their own; and how they share a machine when several run at once."""

import os
import sys
from collections import Counter
from pathlib import Path

import pytest

from experiments import cli


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with the most tests that start a Ray come first: they last longest. `pytest -n` hands out whole files."""
    slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
    items.sort(key=lambda item: -slow[item.path])


def pytest_runtest_setup(item: pytest.Item) -> None:
    """The others give way to those, which come first."""
    if "PYTEST_XDIST_WORKER" in os.environ and not item.get_closest_marker("slow"):
        os.nice(10)
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
