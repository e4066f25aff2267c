"""What is installed, and what is given away: a wheel and a source distribution of this folder, built offline."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from pages import ROOT

from experiments.search.machines.cluster import PACKAGES  # what travels to the workers is what is installed

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
BESIDE = ("README.md", "LICENSE", "CHANGELOG.md", "CITATION.cff", "MANIFEST.in", "constraints.txt", "pyproject.toml")
FOLDERS = (*sorted(PACKAGES), "benchmarks", "docs", "tests", ".ci")
BUILD = "import sys; from setuptools import build_meta as b; out = sys.argv[1]; b.build_sdist(out); b.build_wheel(out)"


def source_files() -> set[str]:
    found = (path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.is_file())
    return {str(path.relative_to(ROOT)) for path in found if "__pycache__" not in path.parts} | set(BESIDE)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[set[str], set[str]]:
    """The names in the wheel, and in the source distribution below its folder."""
    pytest.importorskip("setuptools", "77", "builds the distributions")
    place = tmp_path_factory.mktemp("build")
    source, out = place / "source", place / "out"
    for name in source_files():  # a copy: a build leaves its own files beside the sources
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, source / name)
    done = subprocess.run([sys.executable, "-c", BUILD, out], cwd=source, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    stem = f"tritone-{PROJECT['project']['version']}"
    with zipfile.ZipFile(out / f"{stem}-py3-none-any.whl") as wheel, tarfile.open(out / f"{stem}.tar.gz") as sources:
        packed = {name.removeprefix(f"{stem}/") for name in sources.getnames()}
        return set(wheel.namelist()), packed


def test_the_wheel_holds_the_packages_and_nothing_else(built: tuple[set[str], set[str]]) -> None:
    ours = {name for name in source_files() if Path(name).parts[0] in PACKAGES}
    assert {name for name in built[0] if ".dist-info/" not in name} == ours
    assert len([name for name in ours if name.endswith(".mid")]) == 2
    assert any(name.endswith(".html.j2") for name in ours)


def test_licences_and_the_program_are_in_the_wheel(built: tuple[set[str], set[str]]) -> None:
    told = {name.split(".dist-info/")[1] for name in built[0] if ".dist-info/" in name}
    assert {"licenses/LICENSE", "licenses/songs/LICENSE", "entry_points.txt"} <= told


def test_the_source_distribution_holds_what_tests_and_pages_need(built: tuple[set[str], set[str]]) -> None:
    assert source_files() <= built[1]
    assert not {name for name in built[1] - source_files() if Path(name).suffix in (".py", ".pyc", ".md")}


def test_one_version_and_date_everywhere() -> None:
    version = PROJECT["project"]["version"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    newest = re.search(r"^## (\S+) \((\d{4}-\d\d-\d\d)\)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest
    assert newest.groups() == (version, citation["date-released"])
    assert citation["version"] == version
    assert {author["name"] for author in citation["authors"]} == {
        each["name"] for each in PROJECT["project"]["authors"]
    }
    assert f"Copyright (c) 2026 {citation['authors'][0]['name']}" in (ROOT / "LICENSE").read_text()


def test_each_dependency_has_a_version_that_fits() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = {as_named(name): version for name, _, version in (line.partition("==") for line in lines if "==" in line)}
    extras = PROJECT["project"]["optional-dependencies"]
    # a Chromium's driver is as new as the Chromium
    wanted = [
        *PROJECT["project"]["dependencies"],
        *(each for name in extras if name != "browser" for each in extras[name]),
    ]
    for requirement in map(Requirement, wanted):
        assert requirement.specifier.contains(pinned[as_named(requirement.name)]), requirement


def as_named(package: str) -> str:
    return re.sub(r"[-_.]+", "-", package).lower()
