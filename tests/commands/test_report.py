"""The page on a run: whole, self-contained, whatever the run says; and it plays, in a browser where there is one."""

from __future__ import annotations

import base64
import io
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from midi_files import scale
from tables_made import BAD, searched
from winners_made import make_run

from datamodules.corpus.reading import read_song
from datamodules.midi.raw_bytes import Limits
from datamodules.midi.reading import read_midi
from datamodules.song import Song
from experiments.command_line.cli import main
from experiments.music.sound.wav import RATE, song_seconds
from experiments.report import LARGEST, ReportOptions, report
from experiments.report_page import music
from experiments.report_page.how_made import how_made
from experiments.run_folder import Run
from experiments.winners import save_winner
from songs import bundled


def call(*arguments: str) -> int:
    return main(ReportOptions, report, prog="report", arguments=arguments)


def short_song() -> Path:
    """The bundled song that fits into a page whole."""
    return min(bundled(), key=lambda path: song_seconds(read_midi(path)))


def made(folder: Path) -> Run:
    """A run with two searched heads, winners with figures, and a song."""
    run, winners = make_run(folder / "demo", dense_layers=1, batchnorm_layers=1, dropout_layers=2)
    for head in ("notes", "offsets"):
        searched(run, head)
        winner = winners[head]
        baselines = {"unigram": {"nats": 5.0}, "kneser_ney_best": {"nats": 3.0, "order": 3}}
        figures = {"valid": 2.5, "mixture": 0.1, "top1": 0.25}
        facts = winner.facts | {"figures": figures, "best": 2.5, "baselines": baselines, "row": 4}
        save_winner(winner.path, winner.tensors, facts)
    shutil.copy(short_song(), run.path / "song.mid")
    return run


class Page(HTMLParser):
    """Tags that are open, and what leads somewhere."""

    VOID = ("meta", "img", "input", "link", "br")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.leads: list[tuple[str, str]] = []
        self.shown: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.leads += [(tag, value or "") for name, value in attrs if name in ("src", "href", "xlink:href", "action")]
        assert not any(name.startswith("on") for name, _ in attrs)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.leads += [(tag, value or "") for name, value in attrs if name in ("src", "href", "xlink:href")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.shown.append(data)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of such a run, whose own texts are malicious."""
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRITONE_CACHE", str(folder / "cache"))
        run = made(folder)
        songs = json.loads((run.path / "songs.json").read_text())
        songs["split"]["label"] = BAD
        songs["leakage"] = {"validation": {"notes": 0.18, "velocity": None, BAD: "x"}}
        songs["songs"].append({"path": f"{BAD}.mid", "sha256": "", "accepted": False, "reason": BAD, "events": 0})
        (run.path / "songs.json").write_text(json.dumps(songs))
        assert call("demo", "--runs", str(folder), "--blind", "0") == 0
    found = run.path / "report.html"
    assert found.stat().st_size < LARGEST
    return found.read_text()


def test_it_is_whole_and_needs_nothing_else(page: str) -> None:
    found = Page(page)
    assert found.open == []
    assert all(lead.startswith(("data:", "#")) for _, lead in found.leads)
    assert len([1 for tag, _ in found.leads if tag == "audio"]) == 2  # the new song, and its prime
    assert "url(http" not in page
    assert not re.findall(r"https?://(?!www\.w3\.org/)", page)


def test_what_a_run_says_is_text(page: str) -> None:
    assert BAD not in page
    assert page.count("&lt;script&gt;alert(") >= 4  # split, name, reason, a trial's failure
    assert page.count("<script>") == 1


def test_it_tells_of_songs_searches_winners_and_music(page: str) -> None:
    shown = " ".join(Page(page).shown)
    for words in (
        "the_last_ferry_north.mid", "30 trials (19 done, 10 stopped early, 1 failed)", "stopped early", "Kneser-Ney",
        "2.500", "25.0 %", "best so far", "the winner, trial 4", "Embedding", "LSTM", "Dense, ReLU", "BatchNorm",
        "Dropout", "git commit", "leakage", "New song: song.mid",
        "Copied: how much of song.mid", "16 in a row", "with rhythm", "melody alone", "the last tenth of 2 songs",
    ):  # fmt: skip
        assert words.lower() in shown.lower(), words
    assert page.count("<figure>") == 8  # two heads, four charts each
    assert "#2f6691" not in page  # signal colours have become the page's own


def test_its_music_is_that_of_the_files(page: str) -> None:
    midis = re.findall(r'href="data:audio/midi;base64,([^"]+)"', page)
    assert base64.b64decode(midis[0]) == short_song().read_bytes()
    sounds = [base64.b64decode(sound) for sound in re.findall(r'src="data:audio/mpeg;base64,([^"]+)"', page)]
    song = read_midi(short_song())
    samples, rate = soundfile.read(io.BytesIO(sounds[0]))
    (seconds, *_) = map(float, re.findall(r'data-seconds="([^"]+)"', page))
    assert len(samples) / rate == pytest.approx(seconds, abs=0.1)
    assert seconds == pytest.approx(song_seconds(song) + 1.5, abs=0.1)
    assert 0.3 < abs(samples).max() <= 1.0
    rolls = re.findall(r'<svg viewBox="[^"]*" preserveAspectRatio="none".*?</svg>', page, re.DOTALL)
    boxes_drawn = rolls[0].count("opacity=")
    assert boxes_drawn == int(song.chosen().sum())


def test_what_is_missing_or_damaged_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, _ = make_run(tmp_path / "runs" / "demo", [])
    searched(run, "notes", 3)
    run.note_head("velocity", {})
    (run.head("notes") / "trials.csv").write_text("row\nx\n")
    (run.head("notes") / "epochs.csv").write_text("row,epoch\nx,y\n")
    facts = json.loads((run.path / "run.json").read_text())
    (run.path / "run.json").write_text(json.dumps(facts | {"songs": "others"}))
    before = (run.head("notes") / "epochs.csv").read_bytes()
    assert call("demo", "--blind", "1") == 0
    assert not (run.path / "blind.html").exists()
    shown = " ".join(Page((run.path / "report.html").read_text()).shown)
    for words in ("trials.csv is damaged", "epochs.csv is damaged", "No winner:", "No trial yet", "have changed since"):
        assert words in shown, words
    assert (run.head("notes") / "epochs.csv").read_bytes() == before
    assert "Music" not in shown
    capsys.readouterr()
    for arguments, words in (
        (("none",), "no run none"),
        (("demo", "--song", "none.mid"), "--song none.mid"),
        (("demo", "--out", "page.txt"), "name an HTML file"),
        (("demo", "--out", "/proc/x/page.html", "--blind", "0"), "cannot write"),
        (("demo", "--blind", "100"), "--blind 100: must be from 0 to 27"),
        (("demo", "--seed", "-1"), "--seed -1"),
    ):
        assert call(*arguments) in (1, 2)
        said = capsys.readouterr().err
        assert words in said
        assert len(said.strip().splitlines()) == 1


def test_named_songs_are_heard_and_a_long_one_from_its_beginning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run, _ = make_run(tmp_path / "runs" / "demo", [])
    (tmp_path / "a.mid").write_bytes(scale())
    monkeypatch.setattr(music, "MOST_BYTES", 60_000)
    chance = np.random.default_rng(0)  # in place of minutes of music: what lasts a part of them is too long as well

    def render(song: Song) -> np.ndarray[Any, Any]:
        return chance.normal(0, 0.1, (int(min(song_seconds(song), 20) * RATE), 2)).astype(np.float32)

    monkeypatch.setattr(music, "render", render)
    songs = ("--song", str(tmp_path / "a.mid"), str(bundled()[0]))
    assert call("demo", *songs, "--out", str(tmp_path / "p.html"), "--blind", "0") == 0
    assert "is long: the page plays its first" in capsys.readouterr().err
    page = (tmp_path / "p.html").read_text()
    assert page.index("New song: a.mid") < page.index(f"New song: {bundled()[0].name}")
    assert "heard here: its beginning" in page
    assert not (run.path / "report.html").exists()


def test_how_it_was_made_is_all_that_a_repeat_needs(tmp_path: Path) -> None:
    run, _ = make_run(tmp_path / "demo", [])
    own = run.facts["made_by"]
    options = {"trials": 3, "seed": 0, "confirm": 0, "set": [], "space": "mine.py:space", "warm_start": "/runs/before"}
    run.note_head("notes", options)
    run.note_head("offsets", options)
    made = json.loads((run.path / "run.json").read_text())
    made["heads"]["offsets"]["made_by"] = own | {"commit": "another", "torch": "9.9"}
    (run.path / "run.json").write_text(json.dumps(made))
    found = dict(how_made(Run(run.path)))
    assert found["options of notes"] == "trials 3, seed 0, space mine.py:space, warm_start /runs/before"
    assert (found["git commit"], found["git commit of offsets"]) == (own["commit"] or "not known", "another")
    assert "torch 9.9" in found["versions of offsets"]
    assert not {"git commit of notes", "versions of notes"} & set(found)


@pytest.mark.usefixtures("unseen")
@pytest.mark.parametrize("parts", [("violin",), None])
def test_what_cannot_be_heard_and_nobody_asked_for_is_left_out_and_told(
    parts: tuple[str, ...] | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A prime without the parts that the heads learnt; and the run's own song, damaged."""
    run, winners = make_run(tmp_path / "runs" / "demo", ["offsets"])
    run.note_head("offsets", {})
    winner = winners["offsets"]
    save_winner(winner.path, winner.tensors, winner.facts | {"parts": parts})
    (run.path / "song.mid").write_bytes(scale() if parts else b"no song")
    assert call("demo", "--blind", "0") == 0
    page, said = (run.path / "report.html").read_text(), capsys.readouterr().err
    assert "What a new song goes on from" not in page
    assert ("New song: song.mid" in page) == bool(parts)
    if parts:
        assert "the page is without what that goes on from: the prime" in said
    else:
        assert "the page is without song.mid: the run's own" in said
        assert "--song" not in said


@pytest.mark.usefixtures("unseen")
def test_songs_are_read_within_the_limits_of_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, _ = make_run(tmp_path / "runs" / "demo", ["offsets"])
    run.note_head("offsets", {})
    facts = json.loads((run.path / "run.json").read_text())
    facts["data"]["file_seconds"] = 60
    (run.path / "run.json").write_text(json.dumps(facts))
    (tmp_path / "a.mid").write_bytes(scale())
    given = []

    def read(path: Path, *, limits: Limits, **options: Any) -> Song:
        given.append(limits.seconds)
        return read_song(path, limits=limits, **options)

    monkeypatch.setattr("datamodules.corpus.reading.read_song", read)
    assert call("demo", "--song", str(tmp_path / "a.mid"), "--blind", "0") == 0
    assert set(given) == {60}


def test_of_many_long_songs_each_is_heard_for_less_than_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    song, many = read_midi(short_song()), 1000
    chance = np.random.default_rng(0)
    monkeypatch.setattr(music, "render", lambda _: chance.normal(0, 0.1, (3 * RATE, 2)).astype(np.float32))
    sound, seconds = music._mp3(song, "a song", music.MOST_BYTES // many)
    assert 0 < len(sound) <= 2 * music.MOST_BYTES // many
    assert 0 < seconds < 1


# -- in a browser

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
def test_it_plays_in_a_real_browser(page: str, tmp_path: Path) -> None:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright drives the browser (extra: browser)")
    (tmp_path / "page.html").write_text(page)
    said: list[str] = []
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
        )
        for width, scheme in ((1280, "light"), (390, "dark")):
            tab = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
            tab.on("console", lambda message: said.append(message.text))
            tab.on("pageerror", lambda error: said.append(str(error)))
            tab.on("request", lambda request: said.append(request.url))
            tab.goto((tmp_path / "page.html").as_uri())
            player = tab.locator(".player").first
            assert tab.evaluate("document.documentElement.scrollWidth") <= width  # nothing hangs over
            player.locator(".play").click()
            tab.wait_for_function("document.querySelector('audio').currentTime > 0.5")
            assert player.locator(".play").inner_text() == "Pause"
            x = tab.evaluate("new DOMMatrix(getComputedStyle(document.querySelector('.cursor')).transform).e")
            assert x > 0
            player.locator(".play").click()
            tab.wait_for_function("document.querySelector('audio').paused")
            player.locator(".seek").fill("10")
            assert tab.evaluate("document.querySelector('audio').currentTime") == pytest.approx(10, abs=0.1)
            player.locator(".roll").click(position={"x": 320, "y": 50})
            now = tab.evaluate("document.querySelector('audio').currentTime")
            assert now == pytest.approx(20, abs=0.5)  # a second is 16 pixels wide
            with tab.expect_download() as download:
                player.locator(".wav").click()
            samples, rate = soundfile.read(download.value.path())
            assert len(samples) / rate == pytest.approx(float(player.get_attribute("data-seconds") or 0), abs=0.2)
            outside = [text for text in said if not text.startswith(("file:", "data:", "blob:"))]
            assert outside == []
            tab.screenshot(path=tmp_path / f"{scheme}.png", full_page=True)
        browser.close()
