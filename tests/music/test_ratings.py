"""--like: the sampling that was rated best, out of files that may be anything."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from winners_made import make_run

from datamodules.errors import UserError
from experiments.command_line.cli import main
from experiments.generate import GenerateOptions, _settings, generate
from experiments.heads import HEADS
from experiments.music.events.sampling import Sampling
from experiments.music.ratings import FORMAT, MOST_BYTES, liked

pytestmark = pytest.mark.usefixtures("unseen")

Rated = tuple[float, float, int | None]  # temperature, top-p, rating


def row(temperature: Any, top_p: Any, rating: Any, heads: tuple[str, ...] = tuple(HEADS)) -> dict[str, Any]:
    how = {"temperature": temperature, "top_p": top_p}
    return {"kind": "written", "settings": dict.fromkeys(heads, how), "seed": 1, "rating": rating}


def real(rating: Any) -> dict[str, Any]:
    return {"kind": "real", "rating": rating}


def saved(path: Path, *excerpts: Any, **others: Any) -> Path:
    whole = {"format": FORMAT, "kind": "tritone ratings", "excerpts": list(excerpts), **others}
    path.write_text(json.dumps(whole))
    return path


def call(*arguments: str) -> int:
    return main(GenerateOptions, generate, prog="generate", arguments=arguments)


@pytest.mark.parametrize(
    ("files", "best", "told"),
    [
        ([[(0.8, 0.9, 5), (1, 0.95, 4)]], (0.8, 0.9), "mean 5.0 of 1 rating, the best of 2 settings"),
        ([[(0.8, 0.9, 5), (1, 0.95, 4)], [(0.8, 0.9, 1), (1, 0.95, 3)]], (1, 0.95), "mean 3.5 of 2 ratings"),
        ([[(0.8, 0.9, 4), (1, 0.95, 4), (0.8, 0.9, 4)]], (0.8, 0.9), "mean 4.0 of 2 ratings"),  # more ratings
        ([[(0.8, 0.9, 4), (1.2, 1, 4), (1, 1, 4)]], (1, 1), "mean 4.0 of 1 rating"),  # nearest to the default
        ([[(1.2, 1, 5), (1.2, 1, None), (1, 1, 4)]], (1.2, 1), "mean 5.0 of 1 rating"),  # left out counts nothing
        ([[(0, 0.5, 1)]], (0, 0.5), "mean 1.0 of 1 rating, the only setting"),
    ],
)
def test_the_best_mean_wins(tmp_path: Path, files: list[list[Rated]], best: tuple[float, float], told: str) -> None:
    paths = [
        saved(tmp_path / f"{number}.json", *(row(*one) for one in rows), real(4), real(5), real(None), real(number + 1))
        for number, rows in enumerate(files)
    ]
    found = liked(paths)
    assert found.sampling == dict.fromkeys(HEADS, Sampling(*best))
    assert told in found.told
    count = 3 * len(files)
    mean = sum(4 + 5 + number + 1 for number in range(len(files))) / count
    assert found.told.startswith(f"--like: temperature {best[0]:g}, top-p {best[1]:g}: mean")
    assert found.told.endswith(f"; real excerpts {mean:.1f} of {count}")
    assert liked(paths[::-1]) == found  # whatever their order
    assert liked([*paths, paths[0]]) == found  # a file that is given twice counts once


def test_heads_have_settings_of_their_own(tmp_path: Path) -> None:
    one = row(0.8, 0.9, 5, ("notes", "offsets"))
    one["settings"]["offsets"] = {"temperature": 1.2, "top_p": 1}
    found = liked([saved(tmp_path / "a.json", one, row(1, 1, 2, ("notes",)))])
    assert found.sampling == {"notes": Sampling(0.8, 0.9), "offsets": Sampling(1.2, 1.0)}
    assert "notes temperature 0.8, top-p 0.9; offsets temperature 1.2, top-p 1" in found.told
    assert found.told.endswith("no real excerpt is rated")
    assert "top-p 1 (notes): mean 2" in liked([saved(tmp_path / "b.json", row(1, 1, 2, ("notes",)))]).told


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not JSON"),
        ("\x00\xff", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "holds no ratings"),
        ('{"kind": "tritone ratings"}', "another format"),
        ('{"kind": "tritone ratings", "format": 2, "excerpts": []}', "another format"),
        ('{"kind": "tritone ratings", "format": true, "excerpts": []}', "another format"),
        ('{"kind": "tritone ratings", "format": 1, "excerpts": {}}', "no list"),
        ('{"kind": "tritone ratings", "format": 1, "excerpts": []}', "no written excerpt is rated"),
        (json.dumps({"kind": "tritone ratings", "format": 1, "excerpts": [0] * 1001}), "no list of up to 1,000"),
        (" " * (MOST_BYTES + 1), "larger than"),
    ],
)
def test_what_is_no_ratings_is_told(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "ratings.json"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(UserError, match="--like") as found:
        liked([path])
    assert words in str(found.value)
    assert str(path) in str(found.value)


@pytest.mark.parametrize(
    ("excerpt", "words"),
    [
        (7, "excerpt 2 is neither"),
        ({"kind": ["real"], "rating": 3}, "excerpt 2 is neither"),
        (real(6), "the rating of excerpt 2"),
        (real(0), "the rating of excerpt 2"),
        (real(True), "the rating of excerpt 2"),
        (real(3.5), "the rating of excerpt 2"),
        (real(10**4000), "the rating of excerpt 2"),
        (row("1", 0.9, 3), "the temperature of notes in excerpt 2"),
        (row(-0.1, 0.9, 3), "the temperature of notes"),
        (row(float("nan"), 0.9, 3), "the temperature of notes"),
        (row(float("inf"), 0.9, 3), "the temperature of notes"),
        (row(10**4000, 0.9, 3), "the temperature of notes"),
        (row(1, 0, 3), "the top-p of notes"),
        (row(1, 1.01, 3), "the top-p of notes"),
        (row(1, None, 3), "the top-p of notes"),
        (row(1, 1, 3, ("notes", "\x1b[2Jtrumpet")), "are not those of heads"),
        (row(1, 1, 3, ()), "are not those of heads"),
        ({"kind": "written", "settings": {"notes": 3}, "rating": 3}, "the temperature of notes"),
        ({"kind": "written", "rating": 3}, "are not those of heads"),
    ],
)
def test_a_row_that_cannot_be_is_told(tmp_path: Path, excerpt: Any, words: str) -> None:
    path = saved(tmp_path / "ratings.json", row(1, 1, 3), excerpt)
    with pytest.raises(UserError) as found:
        liked([path])
    assert words in str(found.value)
    assert "\x1b" not in str(found.value)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, tmp_path / "none.json"):
        with pytest.raises(UserError, match="cannot be read"):
            liked([path])


def test_a_song_is_written_as_was_liked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    make_run(tmp_path / "runs" / "demo", ["notes"])
    one = saved(tmp_path / "one.json", row(0.8, 0.9, 5), row(1, 1, 4), real(4))
    two = saved(tmp_path / "two.json", row(0.8, 0.9, 4), real(5), run="\x1b[2J", versions=None)
    assert call("demo", "--events", "12", "--like", str(one), str(two), "--out", "liked.mid") == 0
    said = capsys.readouterr().out
    assert (
        "--like: temperature 0.8, top-p 0.9: mean 4.5 of 2 ratings, the best of 2 settings; real excerpts 4.5 of 2"
        in said
    )
    assert "temperature 0.8, top-p 0.9)" in said  # of the head
    assert call("demo", "--events", "12", "--temperature", "0.8", "--top-p", "0.9", "--out", "given.mid") == 0
    assert Path("liked.mid").read_bytes() == Path("given.mid").read_bytes()
    capsys.readouterr()
    sampling = _settings(GenerateOptions(like=(one,), temperature=("1.1", "notes=0.5"))).sampling
    assert "(--temperature as given here)" in capsys.readouterr().out
    assert sampling == dict.fromkeys(HEADS, Sampling(1.1, 0.9)) | {"notes": Sampling(0.5, 0.9)}  # the command line wins
    assert call("demo", "--like", str(tmp_path / "none.json")) == 2
    assert capsys.readouterr().err.startswith("error: --like")
