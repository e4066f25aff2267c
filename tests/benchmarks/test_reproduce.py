"""Figures made again: the command measures rows, and nothing stands outside of its folders."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pages import ROOT
from toy_row import TOY

from benchmarks import reproduce
from benchmarks.reproducing.measuring import kept_files
from benchmarks.reproducing.needs import NEEDS
from benchmarks.reproducing.places import Places
from benchmarks.rows import ROWS, Row
from benchmarks.rows.music import SEARCHES
from experiments.command_line.cli import main


@pytest.fixture
def with_toy(places: Places, monkeypatch: pytest.MonkeyPatch) -> Places:
    """The command with a row more, which is all that --stale finds, and with folders of its own."""
    monkeypatch.setitem(ROWS, "toy", TOY)
    monkeypatch.setattr(reproduce, "stale_rows", lambda rows, places: ["toy"])
    monkeypatch.setattr(reproduce.Options, "places", lambda self: places.quick() if self.quick else places)
    return places


def run(*words: str) -> int:
    return main(reproduce.Options, reproduce.reproduce, prog="reproduce", arguments=words, package="benchmarks")


def test_quick_rows_touch_nothing_but_the_working_folder(with_toy: Places) -> None:
    assert run("toy") == 0
    before = {file: file.read_bytes() for file in _files(with_toy)}
    assert run("toy", "--quick") == 0
    assert {file: file.read_bytes() for file in _files(with_toy)} == before
    (file,) = kept_files("toy", TOY, with_toy.quick())
    found = json.loads(file.read_text())
    assert found["quick"] is True
    assert found["figures"]["quick"] is True
    assert (with_toy.quick().docs / "results.md").read_text().startswith("> **Quick figures.**")


def _files(places: Places) -> list[Path]:
    return [file for folder in (places.results, places.docs) for file in folder.rglob("*") if file.is_file()]


def test_what_quick_shows_needs_no_corpora() -> None:
    rows = [ROWS[name] for name in reproduce.SHOWN]
    assert {row.group for row in rows} == {row.group for row in ROWS.values()}
    read = Row("", "", tuple(command for row in rows for name in row.heads for command in SEARCHES[name]), 0).corpora
    assert not read
    assert not any(row.corpora for row in rows)


def test_a_failed_row_is_told_and_its_figures_stay(with_toy: Places, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("toy") == 0
    (file,) = kept_files("toy", TOY, with_toy)
    good = file.read_bytes()
    (with_toy.work.parent / "die").write_text("None")
    assert run("toy") == 1
    assert file.read_bytes() == good
    assert "failed: toy" in capsys.readouterr().err


def test_what_is_stopped_says_how_to_go_on(
    with_toy: Places, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(ROWS, "toy_2", TOY)

    def measured(name: str, *_: object) -> None:
        if name == "toy_2":
            raise KeyboardInterrupt

    monkeypatch.setattr(reproduce, "measure", measured)
    assert run("toy", "toy_2", "--work", "some where") == 130
    assert "python -m benchmarks.reproduce --work 'some where' toy_2\n" in capsys.readouterr().out


def test_the_list(with_toy: Places, capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == 0
    assert "as it was" not in capsys.readouterr().out
    assert run("--stale") == 0
    capsys.readouterr()
    assert run() == 0
    told = capsys.readouterr().out
    assert re.search(r"toy .* min  as it was", told)
    assert re.search("share .* not measured; needs quiet", told)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("toi",), "there is no row toi; did you mean toy?"),
        (("--stale", "toy"), "leave out the rows"),
        (("--pages", "--quick"), "nothing else"),
        (("--stail",), "did you mean --stale?"),
    ],
)
def test_bad_words(with_toy: Places, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str) -> None:
    assert run(*words) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error


def test_a_row_that_cannot_be_measured_here(
    with_toy: Places, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(ROWS, "toy", replace(TOY, needs=("gpu",)))
    monkeypatch.setitem(NEEDS, "gpu", lambda: "it needs a GPU")
    assert run("--stale") == 0  # chosen by the command: left out
    assert run("toy") == 1  # asked for
    assert "not measured: toy" in capsys.readouterr().err


# pages and figures that are others than they say


@pytest.fixture
def others(with_toy: Places) -> Callable[[str, Callable[[dict[str, Any]], None]], None]:
    """Changes the figures of a row that is kept, beside all others."""
    shutil.copytree(ROOT / "benchmarks" / "results", with_toy.results)

    def change(name: str, how: Callable[[dict[str, Any]], None]) -> None:
        (file, *_) = kept_files(name, ROWS[name], with_toy)
        found = json.loads(file.read_text())
        how(found["figures"])
        file.write_text(json.dumps(found))

    return change


Change = Callable[[str, Callable[[dict[str, Any]], None]], None]


def _pages(capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    status = run("--pages")
    told = capsys.readouterr()
    assert "Traceback" not in told.out + told.err
    return status, told.out + told.err


def test_figures_that_round_otherwise_are_told_with_page_and_sentence(
    others: Change, capsys: pytest.CaptureFixture[str]
) -> None:
    def steeper(figures: dict[str, Any]) -> None:
        (pair,) = figures.values()
        pair["probabilities"]["nats B"][1] += 7

    def longer(figures: dict[str, Any]) -> None:
        figures["command_s_of_each_run"] = [601.0, 700.0]

    others("between_bundled", steeper)
    others("first_song", longer)
    status, told = _pages(capsys)
    assert status == 1
    assert re.search(r"docs/between\.md no longer says what the figures do: less likely .* by \d+ and \d+ nats", told)
    assert "README.md no longer says what the figures do: after ten to 12 minutes on two cores" in told


def test_figures_that_are_lacking_are_told_and_the_other_pages_are_written(
    others: Change, with_toy: Places, capsys: pytest.CaptureFixture[str]
) -> None:
    others("faults_processes", lambda figures: figures["driver killed"].pop("start_to_first_epoch_s"))
    others("traps_nottingham", lambda figures: figures["nottingham"].pop("longest"))
    status, told = _pages(capsys)
    assert status == 1
    assert "docs/reliability.md: the line of `driver killed` cannot be made of its figures: KeyError" in told
    assert "docs/music.md cannot be made of the figures that are kept: KeyError: 'longest'" in told
    assert "docs/music.md no longer says what the figures do: the figures of traps_nottingham make no sentence" in told
    assert (with_toy.docs / "performance.md").exists()
    assert not (with_toy.docs / "reliability.md").exists()


def test_pages_that_say_what_the_figures_do_are_no_failure(others: Change, capsys: pytest.CaptureFixture[str]) -> None:
    assert _pages(capsys)[0] == 0
