"""The machines of benchmarks/faults: their Python has what this one has, but not the project."""

from __future__ import annotations

from pathlib import Path

import pytest
from pages import ROOT

from benchmarks.faults.machines import bare_python


def test_their_python_has_no_project_wherever_ours_comes_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    assert bare_python(tmp_path / "python").exists()
