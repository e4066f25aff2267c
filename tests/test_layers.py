"""The house's layers hold: imports point down only, and no two files of tests have one name."""

import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_imports_point_down() -> None:
    command = shutil.which("lint-imports", path=str(Path(sys.executable).parent)) or shutil.which("lint-imports")
    assert command, "import-linter belongs to the test extra"
    done = subprocess.run([command, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 kept, 0 broken" in done.stdout


def test_only_one_file_imports_each_tracker_and_only_search_imports_ray() -> None:
    assert _importers("wandb") == {"tracking/wandb_runs.py"}
    assert _importers("tensorboardX") == {"tracking/tensorboard.py"}
    found = _importers("ray")
    assert found
    assert all(name.startswith("search/") for name in found)


def test_no_two_files_of_tests_have_one_name() -> None:
    names = Counter(file.name for file in (ROOT / "tests").rglob("test_*.py"))
    assert [name for name, files in names.items() if files > 1] == []  # pytest takes one for the other, and stops


def _importers(package: str) -> set[str]:
    pattern = re.compile(rf"^\s*(import|from) {package}\b", re.MULTILINE)
    folder = ROOT / "experiments"
    return {file.relative_to(folder).as_posix() for file in folder.rglob("*.py") if pattern.search(file.read_text())}
