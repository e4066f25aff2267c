"""A repository of one module, and folders for rows that run it."""

from __future__ import annotations

from pathlib import Path

import pytest
from toy_row import git

from benchmarks.reproducing import needs, steps
from benchmarks.reproducing.places import Places


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository of one module, which writes what it was told, and dies once where a file says so."""
    root = tmp_path / "root"
    root.mkdir()
    (root / "toy.py").write_text(
        "import json, os, pathlib, signal, sys\n"
        "with open('ran.txt', 'a') as file: print(sys.argv[1], file=file)\n"
        "die = pathlib.Path('../../die')\n"
        "if sys.argv[1] == '--json' and die.exists() and die.read_text() == sys.argv[3]:\n"
        "    die.unlink(); os.kill(os.getpid(), signal.SIGKILL)\n"
        "if sys.argv[1] == '--json':\n"
        "    machine = {'processor': 'toy', 'cores': 1}\n"
        "    figures = {'quick': '--quick' in sys.argv, 'ran': pathlib.Path('ran.txt').read_text().split()}\n"
        "    told = {'name': 'toy', 'title': 'A toy', 'figures': figures, 'machine': machine}\n"
        "    pathlib.Path(sys.argv[2]).write_text(json.dumps(told))\n"
        "    pathlib.Path('raw.jsonl').write_text(json.dumps({'songs': sys.argv[3:]}))\n"
    )
    (root / "other.py").write_text("")
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-qm", "one")
    return root


@pytest.fixture
def places(checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    for module in (needs, steps):
        monkeypatch.setattr(module, "LOOK", 0.02)
    return Places(tmp_path / "results", tmp_path / "docs", tmp_path / "work", tmp_path / "corpora", checkout)
