"""What the tests of the search share."""

from pathlib import Path

import pytest
from searches_made import SMALL, run


@pytest.fixture(scope="session")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of every head, small, made by the command once for all: copy it before you change it."""
    place = tmp_path_factory.mktemp("searched")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRITONE_CACHE", str(place / "cache"))
        patch.setenv("NETRC", str(place / "none"))
        options = ("--runs", str(place), "--name", "a", "--trials", "2", "--max-epochs", "2", *SMALL)
        options += ("--max-concurrent", "1")  # one worker a head: to start it takes longer than both trials
        assert run("all", *options, "--set", "objective=grid") == 0
    return place / "a"
