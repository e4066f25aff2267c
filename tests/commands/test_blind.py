"""The blind page: real and written excerpts that only the ear tells apart; rated in a browser, if there is one."""

from __future__ import annotations

import base64
import io
import json
import re
import shlex
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from winners_made import demo_songs, make_run

from experiments.command_line.cli import main
from experiments.generate import GenerateOptions, generate
from experiments.heads import HEADS
from experiments.music.events.sampling import Sampling
from experiments.music.ratings import liked
from experiments.music.sound.wav import PEAK
from experiments.music.training_songs import training_songs
from experiments.report import LARGEST, ReportOptions, report
from experiments.report_page.blind import FADE, LEVEL, SETTINGS, blind_page, real_ones
from experiments.report_page.excerpts import BARS
from songs import bundled

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
CANDIDATES = 3


def call(*arguments: str) -> int:
    return main(ReportOptions, report, prog="report", arguments=arguments)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with its pages; its heads are tiny."""
    runs = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRITONE_CACHE", str(runs / "cache"))
        run, _ = make_run(runs / "a demo")
        for head in HEADS:
            run.note_head(head, {})
        assert call("a demo", "--runs", str(runs), "--blind", str(CANDIDATES)) == 0
    return run.path


@pytest.fixture(scope="module")
def page(folder: Path) -> str:
    return (folder / "blind.html").read_text()


def key_of(page: str) -> dict[str, Any]:
    """What the page saves, but for the ratings."""
    (found,) = re.findall(r'<script type="application/octet-stream" id="key">([^<]*)</script>', page)
    return json.loads(base64.b64decode(found))  # type: ignore[no-any-return]


def sounds_of(page: str) -> list[tuple[np.ndarray[Any, Any], int]]:
    found = re.findall(r'src="data:audio/mpeg;base64,([^"]+)"', page)
    return [soundfile.read(io.BytesIO(base64.b64decode(sound))) for sound in found]


# -- the page


def test_nothing_tells_which_is_which(page: str) -> None:
    key = key_of(page)
    assert Counter(row["kind"] for row in key["excerpts"]) == {"written": CANDIDATES, "real": real_ones(CANDIDATES)}
    shown = re.sub(r"<script.*?</script>|<style.*?</style>|base64,[^\"]*", "", page, flags=re.DOTALL)
    for words in (
        *(path.stem for path in bundled()),
        "0.95",
        "written:",
        "real:",
        *(row["id"] for row in key["excerpts"]),
    ):
        assert words not in shown, words
    cards = re.findall(r"<article.*?</article>", shown, flags=re.DOTALL)
    like = {re.sub(r"[\d.]+", "", card) for card in cards}  # but for their numbers, and how long they last
    assert len(cards) == len(key["excerpts"])
    assert len(like) == 1
    seconds: dict[tuple[str, int], set[int]] = {}
    for row, (samples, rate) in zip(key["excerpts"], sounds_of(page), strict=True):
        seconds.setdefault((row["song"], row["bar"]), set()).add(len(samples))
        loud, peak = float(np.sqrt(np.mean(samples**2))), float(np.abs(samples).max())
        assert loud == pytest.approx(LEVEL, rel=0.03) or (loud < LEVEL and peak == pytest.approx(PEAK, rel=0.1))
        assert not np.abs(samples[-rate // 20 :]).max() > 0.02  # all end softly
        assert row["bars"] == BARS
    assert all(len(lengths) == 1 for lengths in seconds.values())


def test_the_key_says_how_each_was_made(folder: Path, page: str) -> None:
    key, facts = key_of(page), json.loads((folder / "run.json").read_text())
    assert (key["run"], key["songs"], key["seed"]) == ("a demo", facts["songs"], 1)
    assert key["commit"] == facts["made_by"]["commit"]
    assert key["versions"]["torch"] == facts["made_by"]["torch"]
    settings = [row["settings"] for row in key["excerpts"] if row["kind"] == "written"]
    assert {frozenset(one) for one in settings} == {frozenset(HEADS)}
    for head in HEADS:
        assert {(one[head]["temperature"], one[head]["top_p"]) for one in settings} == {
            (one[head].temperature, one[head].top_p) for one in SETTINGS[:CANDIDATES]
        }
    assert len({row["id"] for row in key["excerpts"]}) == len(key["excerpts"])
    lasting = [float(found) for found in re.findall(r'data-seconds="([^"]+)"', page)]
    assert lasting == pytest.approx([len(samples) / rate for samples, rate in sounds_of(page)], abs=0.1)
    assert min(lasting) > FADE


def test_it_needs_nothing_else_and_the_report_leads_to_it(folder: Path, page: str) -> None:
    assert not re.findall(r"https?://", page)
    assert set(re.findall(r'(?:href|src)="([^":]*)', page)) == {"data"}
    assert len(page) < LARGEST
    leads = re.findall(r'href="([^"]*)"', (folder / "report.html").read_text())
    assert [lead for lead in leads if not lead.startswith(("#", "data:"))] == ["blind.html"]


def test_the_seed_says_all_and_training_songs_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, seconds in (("LONGEST", 5.0), ("SHORTEST", 2.0)):  # short excerpts are quickly made
        monkeypatch.setattr(f"experiments.report_page.excerpts.{name}", seconds)
    run, winners = make_run(tmp_path / "runs" / "demo", ["notes"], split="none")
    run.note_head("notes", {})
    assert call("demo", "--blind", "1", "--seed", "5", "--out", str(tmp_path / "my page.html")) == 0
    page = (tmp_path / "my page-blind.html").read_text()
    songs, training = demo_songs(split="none"), training_songs(winners.values())
    again, other = (blind_page(run, winners, songs, training, candidates=1, seed=seed) for seed in (5, 6))
    ids = [[row["id"] for row in key_of(text)["excerpts"]] for text in (page, again, other)]
    assert ids[0] == ids[1] != ids[2]
    assert "to judge by ear, my page-blind.html" in capsys.readouterr().out
    assert 'href="my%20page-blind.html"' in (tmp_path / "my page.html").read_text()
    assert "<b>training songs</b>" in page
    assert "durations: no head, so the prime song" in page
    assert {row["part"] for row in key_of(page)["excerpts"]} == {"training"}


@pytest.mark.parametrize(
    ("known", "songs", "told", "parts"),
    [
        ((), 2, "that no head learned from (", {"test", "validation"}),
        ((0,), 1, "that no head learned from (", {"test", "validation"}),
        ((0, 1), 2, "<b>training songs</b>", {"training"}),
        (None, 2, "<b>what its heads had learned from before it (--init) is not known</b>", {"test", "validation"}),
    ],
)
def test_what_heads_had_learnt_from_before_their_run_is_told(
    known: tuple[int, ...] | None, songs: int, told: str, parts: set[str],
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    for name, seconds in (("LONGEST", 5.0), ("SHORTEST", 2.0)):  # short excerpts are quickly made
        monkeypatch.setattr(f"experiments.report_page.excerpts.{name}", seconds)
    run, winners = make_run(tmp_path / "demo", ["notes", "offsets"])
    dataset = demo_songs()
    rows = None if known is None else [
        {"path": song.name, "sha256": song.digest, "split": "train"}
        for number, song in enumerate(dataset.songs) if number in known
    ]  # fmt: skip
    began = replace(winners["notes"], facts=winners["notes"].facts | {"init": {"songs": rows}})
    training = training_songs(winners.values())
    page = blind_page(run, winners | {"notes": began}, dataset, training, candidates=6, seed=1)
    excerpts = key_of(page)["excerpts"]
    assert told in page
    assert len({row["song"] for row in excerpts}) == songs
    assert {row["part"] for row in excerpts} <= parts


def test_songs_that_are_gone_leave_a_report_without_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, _ = make_run(tmp_path / "runs" / "demo", ["notes"])
    run.note_head("notes", {})
    facts = json.loads((run.path / "run.json").read_text())
    (run.path / "run.json").write_text(json.dumps(facts | {"songs": "others"}))
    assert call("demo") == 0
    assert "no blind page: the songs of" in capsys.readouterr().err
    assert "blind.html" not in (run.path / "report.html").read_text()


# -- in a browser


def heard(tab: Any) -> None:
    """One plays at a time."""
    tab.keyboard.press(" ")
    tab.wait_for_function("document.querySelector('audio').currentTime > 0.2")
    tab.locator(".excerpt .play").nth(1).click()
    tab.wait_for_function("document.querySelectorAll('audio')[0].paused")


def rated(tab: Any, ratings: list[int | None], *, by_key: bool) -> None:
    """Every excerpt gets its rating, or is left out, by mouse or by key."""
    for number, rating in enumerate(ratings):
        card = tab.locator(".excerpt").nth(number)
        if by_key:
            card.locator(".play").focus()
            tab.keyboard.press("0" if rating is None else str(rating))
        else:
            card.locator("label.out" if rating is None else f"label:has([value='{rating}'])").click()
        assert tab.locator("#told").inner_text() == f"{number + 1} of {len(ratings)} judged"


def saved(tab: Any, folder: Path) -> Path:
    """The file that the page gives."""
    with tab.expect_download() as download:
        tab.locator("#save").click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def check_file(path: Path, key: dict[str, Any], ratings: list[int | None]) -> None:
    """It holds the page's key, each rating, and when."""
    found = json.loads(path.read_text())
    assert [row.pop("rating") for row in found["excerpts"]] == ratings
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", found.pop("date"))
    assert found == key


def check_results(tab: Any, rows: list[dict[str, Any]], real: int, liked_most: str) -> None:
    """What each excerpt was is told now, and what was rated how; neither changes any more."""
    truths = tab.locator(".truth").all_inner_texts()
    assert all(truth.startswith(row["kind"]) for truth, row in zip(truths, rows, strict=True))
    table = tab.locator("#results tbody tr").all_inner_texts()
    assert table[0].split() == ["real", "5.0", str(real)]
    assert table[1].split() == ["written", "3.0", "2"]
    assert table[2].split("\t") == [liked_most, "4.0", "1"]
    assert tab.locator(".rating input").first.is_disabled()
    for _ in range(2):  # what the first reload keeps, the second finds
        tab.keyboard.press("1")
        tab.reload()
        assert tab.locator("#results tbody tr").all_inner_texts() == table
        assert tab.locator(".rating input").first.is_disabled()


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
@pytest.mark.parametrize(("width", "scheme"), [(1200, "light"), (390, "dark")])
def test_it_is_rated_saved_and_liked_in_a_real_browser(
    width: int, scheme: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright drives the browser (extra: browser)")
    key, said = key_of((folder / "blind.html").read_text()), []
    rows = key["excerpts"]
    tame = [row["kind"] == "written" and row["settings"]["notes"]["temperature"] == 0.8 for row in rows]
    ratings: list[int | None] = [
        5 if row["kind"] == "real" else 4 if t else 2 for row, t in zip(rows, tame, strict=True)
    ]
    ratings[ratings.index(2)] = None  # left out
    told = "; ".join(f"{head} temperature 0.8, top-p {HEADS[head].top_p:g}" for head in HEADS)
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
        )
        tab = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme).new_page()
        tab.on("console", lambda message: said.append(message.text))
        tab.on("pageerror", lambda error: said.append(str(error)))
        tab.on("request", lambda request: said.append(request.url))
        tab.goto((folder / "blind.html").as_uri())
        assert tab.locator("#save").is_disabled()
        heard(tab)
        rated(tab, ratings, by_key=scheme == "dark")
        assert not tab.locator(".truth").all_inner_texts()[0]  # nothing is told yet
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        tab.reload()  # as a phone does
        assert tab.locator("#told").inner_text() == f"{len(rows)} of {len(rows)} judged"
        path = saved(tab, tmp_path)
        check_file(path, key, ratings)
        check_results(tab, rows, ratings.count(5), told)
        command = shlex.split(tab.locator("#next code").inner_text())
        assert command == ["python", "-m", "experiments.generate", str(folder), "--like", path.name]
        tab.screenshot(path=tmp_path / f"{scheme}.png", full_page=True)
        browser.close()
    assert [text for text in said if not text.startswith(("file:", "data:", "blob:"))] == []
    assert liked([path]).sampling == {head: Sampling(0.8, HEADS[head].top_p) for head in HEADS}
    arguments = (str(folder), "--events", "12", "--like", str(path), "--out", str(tmp_path / "x.mid"))
    assert main(GenerateOptions, generate, prog="generate", arguments=arguments) == 0
    assert f"--like: {told}: mean 4.0 of 1 rating" in capsys.readouterr().out


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
def test_the_report_prints_light_and_unfolded(folder: Path) -> None:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright drives the browser (extra: browser)")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        tab = browser.new_page(color_scheme="dark")
        tab.goto((folder / "report.html").as_uri())
        tab.evaluate(
            "addEventListener('beforeprint',"
            " () => { window.unfolded = !document.querySelector('details:not([open])'); })"
        )
        assert tab.locator("details:not([open])").count() == 1
        assert tab.pdf(format="A4").startswith(b"%PDF")
        assert tab.evaluate("window.unfolded")
        assert tab.locator("details:not([open])").count() == 1  # folded again
        tab.emulate_media(media="print")
        assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert tab.locator("nav").is_hidden()
        browser.close()
