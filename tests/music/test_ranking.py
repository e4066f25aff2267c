"""The likelihood that orders candidates: what `evaluate` says of the same songs, and a law of likelihoods."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from winners_made import make_run

from datamodules.midi.reading import read_midi
from datamodules.midi.writing import write_midi
from datamodules.song import Song
from experiments.command_line.cli import main
from experiments.evaluate import EvaluateOptions, evaluate
from experiments.music.events.generation import generate
from experiments.music.events.sampling import Sampling
from experiments.music.events.settings import Settings
from experiments.music.prime import find_prime
from experiments.music.ranking import Likelihood, likelihoods
from experiments.run_folder import open_run
from experiments.winners import Winner, load_winner
from songs import bundled

pytestmark = pytest.mark.usefixtures("unseen")


@pytest.fixture(scope="module")
def winners(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Winner]:
    run = tmp_path_factory.mktemp("runs") / "demo"
    make_run(run)
    opened = open_run(str(run), run.parent)
    return {head: load_winner(opened.winner(head)) for head in ("notes", "durations", "offsets")}


@pytest.fixture(scope="module")
def songs() -> list[Song]:
    return [read_midi(path) for path in bundled()]


def test_it_is_what_evaluate_says_of_a_song(winners: dict[str, Winner], songs: list[Song], tmp_path: Path) -> None:
    found = likelihoods(winners, songs)
    run = winners["notes"].path.parent.parent
    for song, likelihood in zip(songs, found, strict=True):
        write_midi(song, tmp_path / "song.mid")
        told = tmp_path / "told.json"
        arguments = [str(run), str(tmp_path / "song.mid"), "--json", str(told)]
        assert main(EvaluateOptions, evaluate, prog="evaluate", arguments=arguments) == 0
        heads = json.loads(told.read_text())["heads"]
        for head in winners:
            assert heads[head]["figures"]["valid"] == pytest.approx(likelihood.nats[head], abs=1e-6)


def test_a_song_alone_is_as_likely_as_among_others(winners: dict[str, Winner], songs: list[Song]) -> None:
    together = likelihoods(winners, songs)
    for song, among in zip(songs, together, strict=True):
        (alone,) = likelihoods(winners, [song])
        assert dict(alone.nats) == pytest.approx(dict(among.nats), abs=1e-6)
        assert alone.total == pytest.approx(sum(alone.nats.values()))


def test_what_is_drawn_colder_is_likelier(winners: dict[str, Winner]) -> None:
    prime = find_prime(winners, None)

    def total(temperature: float) -> float:
        sampling = {head: Sampling(temperature, 1.0) for head in winners}
        settings = Settings(events=40, sampling=sampling)
        drawn = list(generate(winners, prime, settings, candidates=2))
        return sum(found.total for found in likelihoods(winners, drawn))

    assert total(0.3) < total(1.5)


def test_a_song_of_one_event_has_no_likelihood(winners: dict[str, Winner]) -> None:
    (song,) = generate(winners, find_prime(winners, None), Settings(events=1))
    (found,) = likelihoods(winners, [song])
    assert math.isnan(found.total)
    other = Likelihood({"notes": 3.0})
    assert sorted([found, Likelihood({"notes": 5.0}), other], key=lambda each: each.rank)[0] is other
    assert sorted([other, found], key=lambda each: each.rank)[1] is found
