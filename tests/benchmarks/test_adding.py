"""Files of figures that are added to: figures of other code are never told as of this one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks import adding
from benchmarks.adding import by_what, known_figures, known_rows, tell_each

MODULE = "benchmarks.music.stuck"


def _measure(run: str, known: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield {**known, f"way {len(known)}": run}


def _tell(path: Path) -> dict[str, Any]:
    tell_each("stuck", MODULE, "title", ("a",), _measure, path)
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def test_figures_of_the_same_code_are_added_to(tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    assert _tell(path)["figures"] == {"a": {"way 0": "a"}}
    assert _tell(path)["figures"] == {"a": {"way 0": "a", "way 1": "a"}}
    assert known_figures(None, MODULE) == known_figures(tmp_path / "none.json", MODULE) == {}


def test_figures_of_other_code_get_no_new_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "figures.json"
    _tell(path)
    before = path.read_bytes()
    monkeypatch.setattr(adding, "code_of", lambda module: "other")
    with pytest.raises(SystemExit, match=r"figures\.json is of other code"):
        _tell(path)
    assert path.read_bytes() == before


def test_rows_are_added_to_rows_of_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = tmp_path / "runs" / "raw.jsonl"
    assert known_rows(raw, MODULE, {"winners": "w"}) == []
    with raw.open("a") as file:
        file.write('{"a": 1}\n{"b": 2}\n{"c"')  # the process was killed
    assert known_rows(raw, MODULE, {"winners": "w"}) == [{"a": 1}, {"b": 2}]
    assert raw.read_text().endswith('{"b": 2}\n')
    with pytest.raises(SystemExit, match="of other winners"):
        known_rows(raw, MODULE, {"winners": "x"})
    monkeypatch.setattr(adding, "code_of", lambda module: "other")
    with pytest.raises(SystemExit, match="of other code"):
        known_rows(raw, MODULE, {"winners": "w"})


def test_other_versions_and_machines_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.py").write_text("x = 1")
    told = [by_what(tmp_path, ["a.py"])]
    monkeypatch.setattr(adding, "made_by", lambda: {"torch": "another", "commit": "c"})
    told.append(by_what(tmp_path, ["a.py"]))
    monkeypatch.setattr(adding, "made_by", lambda: {"torch": "another", "commit": "d"})
    assert by_what(tmp_path, ["a.py"]) == told[-1]  # a commit alone changes nothing
    monkeypatch.setattr(adding, "machine", lambda: {"processor": "another", "cores": 1})
    told.append(by_what(tmp_path, ["a.py"]))
    (tmp_path / "a.py").write_text("x = 2")
    told.append(by_what(tmp_path, ["a.py"]))
    assert len(set(told)) == 4
