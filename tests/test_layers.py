"""The house's layers hold: imports point down only."""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_imports_point_down() -> None:
    command = shutil.which("lint-imports", path=str(Path(sys.executable).parent)) or shutil.which("lint-imports")
    assert command, "import-linter belongs to the test extra"
    done = subprocess.run([command, "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 kept, 0 broken" in done.stdout


def test_only_one_file_imports_wandb_and_only_search_imports_ray() -> None:
    def importers(package: str) -> set[str]:
        found = set()
        for file in (ROOT / "experiments").rglob("*.py"):
            words = (line.split() for line in file.read_text().splitlines())
            if any(
                line[:1] in (["import"], ["from"]) and line[1].split(".")[0] == package
                for line in words
                if len(line) > 1
            ):
                found.add(file.relative_to(ROOT / "experiments").as_posix())
        return found

    assert importers("wandb") == {"tracking.py"}
    assert importers("ray") and all(name.startswith("search/") for name in importers("ray"))
