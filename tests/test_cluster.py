"""Which Ray a search runs on."""

from pathlib import Path

import pytest

from datamodules.errors import UserError
from experiments.search import cluster


def test_another_commands_private_ray_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    assert cluster._running_here() is None
    (tmp_path / "ray").mkdir()
    (tmp_path / "ray" / "ray_current_cluster").write_text("127.0.0.1:6379\n")  # what `ray start` notes
    assert cluster._running_here() == "127.0.0.1:6379"


def test_an_address_where_nothing_is_ends_at_once() -> None:
    with pytest.raises(UserError, match="nothing answers there"), cluster.connected("127.0.0.1:1"):
        pass
