"""The pages are what the figures say, byte for byte; and the registry of figures is one that can be run."""

from __future__ import annotations

import shlex
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest
from pages import ROOT

from benchmarks.learning import RIVAL
from benchmarks.pages.blocks import filled, names
from benchmarks.pages.kept import Kept, dated
from benchmarks.pages.made import pages
from benchmarks.pages.performance import performance_page
from benchmarks.pages.reliability import table
from benchmarks.pages.results import together
from benchmarks.pages.said import SAID, unsaid
from benchmarks.pages.story import STEPS
from benchmarks.reproducing.measuring import kept_files
from benchmarks.reproducing.needs import NEEDS
from benchmarks.reproducing.places import Places
from benchmarks.rows import GROUPS, ROWS, Row
from benchmarks.rows.music import SEARCHES
from benchmarks.rows.reliability import FAULTS
from benchmarks.speed import lightning_epoch
from benchmarks.speed.lightning_epoch import SETTINGS
from datamodules.errors import UserError
from experiments.command_line.cli import parse
from experiments.command_line.completion import options_class
from search_spaces.presets import PRESETS

FULL = Places(ROOT / "benchmarks" / "results", ROOT / "docs", Path("nowhere"), Path("nowhere"), ROOT)


@pytest.fixture(scope="module")
def kept() -> Kept:
    return Kept.read(FULL)


@pytest.mark.parametrize(
    "name", ["results.md", "performance.md", "reliability.md", "form.md", "music.md", "between.md", "story.md"]
)
def test_a_page_is_what_its_figures_say(kept: Kept, name: str) -> None:
    assert (ROOT / "docs" / name).read_text() == pages(kept, ROOT / "docs")[name], (
        "python -m benchmarks.reproduce --pages"
    )


def test_prose_says_what_the_figures_do(kept: Kept) -> None:
    assert list(unsaid(kept, ROOT)) == []


def test_prose_that_says_something_else_is_found(kept: Kept, tmp_path: Path) -> None:
    for said in SAID:
        (tmp_path / said.page).parent.mkdir(exist_ok=True)
        (tmp_path / said.page).write_text("Other figures: 7.77.")
    assert len(list(unsaid(kept, tmp_path))) == sum(kept.rows.keys() >= set(said.rows) for said in SAID) > 5


@pytest.mark.parametrize("name", ROWS)
def test_a_page_tells_each_row_and_where_its_figures_are_from(kept: Kept, name: str) -> None:
    page = (ROOT / ROWS[name].page).read_text()
    assert f"`{name}`" in page
    for found in kept.rows.get(name, []):
        assert dated(found) in page
    if name not in kept.rows:
        assert "ot measured yet" in page


def test_every_file_of_results_is_of_a_row() -> None:
    known = {file for name, row in ROWS.items() for file in kept_files(name, row, FULL)}
    more = {
        file.with_suffix(Path(left).suffix)
        for name, row in ROWS.items()
        for file in kept_files(name, row, FULL)
        for left in row.keeps
    }
    assert {file for file in FULL.results.rglob("*") if file.is_file()} <= known | more


@pytest.mark.parametrize("name", ROWS)
def test_a_row_is_one_that_can_be_run(name: str) -> None:
    row = ROWS[name]
    assert row.group in GROUPS
    assert (ROOT / row.page).exists()
    assert 0 < row.minutes <= 40
    assert set(row.needs) <= set(NEEDS)
    assert set(row.heads) <= set(SEARCHES)
    assert any(end in row.commands[-1] for end in ("{json}", "--out", "evaluate.json"))
    for quick in (False, True):
        for command in [*row.typed(name, 1, quick), *(c for head in row.heads for c in _typed(head, quick))]:
            python, option, module, *words = shlex.split(command)
            assert (python, option) == ("python", "-m")
            assert "{run}" not in command
            assert "{seed}" not in command
            package, _, program = module.partition(".")
            assert (ROOT / f"{module.replace('.', '/')}.py").exists() or (ROOT / package / program).is_dir()
            if package == "experiments":
                parse(options_class(program), words, prog=program)


def _typed(head: str, quick: bool) -> list[str]:
    return Row("", "", SEARCHES[head], 0).typed(head, None, quick)


def test_a_small_version_is_the_same_but_for_its_counts() -> None:
    for name, row in ROWS.items():
        for full, quick in zip(row.typed(name, 1), row.typed(name, 1, quick=True), strict=True):
            words, few = shlex.split(full), shlex.split(quick)
            assert few[:3] == words[:3]
            assert set(words) - set(few) <= set(map(str, range(257)))
            counted = {"--trials", "--epochs", "--events"} & set(words)
            assert few != words or not (counted and words[2].startswith("experiments."))


def test_every_fault_is_in_a_row() -> None:
    from benchmarks.faults.__main__ import FAULTS as PROVOKED

    assert sorted(name for names in FAULTS.values() for name in names) == sorted(PROVOKED)


def test_without_figures_all_pages_say_so(tmp_path: Path) -> None:
    made = pages(Kept.read(replace(FULL, results=tmp_path)), ROOT / "docs")
    assert all("ot measured yet" in text for text in made.values())


def test_a_page_of_quick_figures_says_so(kept: Kept) -> None:
    name, (found,) = "where", kept.rows["where"]
    quick = replace(kept, rows={name: [{**found, "quick": True}]})
    assert all(text.startswith("> **Quick figures.**") for text in pages(quick, ROOT / "docs").values())
    assert not any("Quick figures" in text for text in pages(kept, ROOT / "docs").values())


def test_fewer_trials_on_a_gpu_than_are_compared_are_told_in_the_table_alone(kept: Kept) -> None:
    """As `--quick` times them."""
    (found,) = kept.rows["gpu"]
    rates = {name: rate for name, rate in found["figures"].items() if ": 8 on" not in name}
    page = performance_page(replace(kept, rows={**kept.rows, "gpu": [{**found, "figures": rates}]}))
    assert "A GPU pays" in performance_page(kept)
    assert "A GPU pays" not in page
    assert "| the default: 1 on the GPU |" in page


def test_blocks_are_filled_in_and_the_rest_stays() -> None:
    page = "a\n<!-- table: x -->\nold\n<!-- end -->\nb\n<!-- table: y -->\n<!-- end -->\n"
    made = filled(page, {"x": r"| \1 |", "y": "new"}, "page")
    assert made == "a\n<!-- table: x -->\n\n| \\1 |\n\n<!-- end -->\nb\n<!-- table: y -->\n\nnew\n\n<!-- end -->\n"
    assert filled(made, {"x": r"| \1 |", "y": "new"}, "page") == made
    assert names(made) == ["x", "y"]
    for bad, blocks in ((page, {"x": ""}), ("<!-- table: x -->\n", {"x": ""}), ("", {"x": ""})):
        with pytest.raises(UserError, match="page"):
            filled(bad, blocks, "page")


def test_a_difference_is_told_where_it_was_tested(kept: Kept) -> None:
    found = deepcopy(kept.of_group("learning"))
    (row,) = found["two_songs_from_mutopia"]
    gap = {"difference": -0.1, "interval": [-0.2, 0.05], "verdict": "not told apart"}
    row["evaluate"]["heads"]["notes"]["against"] = {"fresh": {"nats": gap}}
    told = " ".join(together(found))
    assert "and one of fresh weights differ by -0.100 nats (-0.200 to +0.050): not told apart." in told
    gap["interval"] = None  # type: ignore[assignment]
    assert "differ by -0.100 nats: not" in " ".join(together(found))
    row["evaluate"]["heads"]["notes"].pop("against")
    assert "no test of their difference" in " ".join(together(found))
    assert "no test of their difference" in " ".join(together({}))


def test_the_rival_is_searched_as_the_row_that_is_shown_beside_it() -> None:
    (fresh,) = (one for one in ROWS["two_songs_from_mutopia"].commands if f"--name {RIVAL} " in one)
    assert fresh == ROWS["two_songs_notes"].commands[0].replace("{run}", RIVAL)


def test_what_was_not_looked_for_is_not_called_lost_by_nobody() -> None:
    asked = {"winner": 0.3, "song": True, "seconds": 9.0, "status": 1}
    (*_, line) = table({"ctrl-c": asked})
    assert "| a winner and a song are there |" in line
    assert "nothing" not in line
    (*_, line) = table({"ctrl-c": {**asked, "song": False}})
    assert "| no song |" in line


def test_a_design_that_is_not_the_presets_says_so() -> None:
    """The first step of the story has more windows an update than the preset."""
    options = shlex.split(ROWS["jsb_step_original"].commands[0])
    batch = next(word.partition("=")[2] for word in options if word.startswith("batch_size="))
    assert options[options.index("--preset") + 1] == "original"
    assert f"{batch} windows an update" in STEPS["jsb_step_original"]
    assert "preset `original`" in (lightning_epoch.__doc__ or "")
    assert SETTINGS.items() - PRESETS["original"]["notes"].items()
