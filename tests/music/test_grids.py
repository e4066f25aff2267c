"""Heads of different grids play together: what each says is exact, and what each hears is as on its own grid."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from winners_made import demo_songs, make_run, make_winner

from datamodules.batches import in_order
from datamodules.columns import column_for
from datamodules.midi.reading import read_midi
from datamodules.midi.writing import write_midi
from datamodules.splits import TEST
from experiments.command_line.cli import main
from experiments.generate import GenerateOptions, generate
from experiments.heads import HEADS, WRITING
from experiments.music.events.event import Event
from experiments.music.events.generation import generate as new_songs
from experiments.music.events.grids import common_grid, heard_on
from experiments.music.events.sampling import Sampling
from experiments.music.events.settings import Settings
from experiments.music.events.voices import Voice
from experiments.music.form.planned import planned
from experiments.music.form.planning import read_plan
from experiments.music.prime import find_prime
from experiments.music.ranking import likelihoods
from experiments.winners import Winner
from lightning_modules.backbones import BACKBONES
from lightning_modules.head import score
from songs import bundled

pytestmark = pytest.mark.usefixtures("unseen")


def mixed(folder: Path, **grids: int) -> dict[str, Winner]:
    """Winners of the heads that are named, each on its grid."""
    return {head: make_winner(folder / f"{head}-{grid}", head, demo_songs(grid=grid)) for head, grid in grids.items()}


@pytest.mark.parametrize(
    ("grids", "common"), [((24, 24), 24), ((12, 24), 24), ((16, 24), 48), ((12, 8), 24), ((480, 24), 480)]
)
def test_the_common_grid_holds_every_head_exactly(grids: tuple[int, int], common: int, tmp_path: Path) -> None:
    winners = mixed(tmp_path, offsets=grids[0], durations=grids[1])
    assert common_grid(winners.values()) == common


@pytest.mark.parametrize("head", WRITING)
@pytest.mark.parametrize("backbone", BACKBONES)
def test_a_head_says_on_a_finer_grid_what_it_says_on_its_own(head: str, backbone: str, tmp_path: Path) -> None:
    winner = make_winner(tmp_path / head, head, demo_songs(grid=12), backbone=backbone)
    timed = winner.spec.column.timed
    said = []
    for scale in (1, 4):
        voice = Voice(winner, winner.head(), Sampling(), torch.Generator().manual_seed(3), grid=winner.grid * scale)
        values = []
        for number in range(30):
            event = Event((60, 64 + number % 5), 6 * scale, 12 * scale, 70, number % 4 * 12 * scale, 48 * scale)
            value = voice.say(event)
            event.take(HEADS[head].column.field, value)
            voice.hear(event)
            values.append(value // scale if timed and isinstance(value, int) else value)
        said.append(values)
    assert said[0] == said[1]
    assert len(set(said[0])) > 5


def test_each_note_of_a_chord_gets_its_length_on_a_finer_grid(tmp_path: Path) -> None:
    winner = make_winner(tmp_path / "durations", "durations", demo_songs(grid=12), grain="note")
    voice = Voice(winner, winner.head(), Sampling(), torch.Generator().manual_seed(3), grid=24)
    lengths = voice.say(Event((60, 64, 67), offset=7, place=7, bar=96))
    assert isinstance(lengths, tuple)
    assert len(lengths) == 3
    assert not any(length % 2 for length in lengths)


def test_a_coarse_head_hears_time_rounded_and_none_of_it_lost() -> None:
    event = Event((60,), duration=1, offset=5, place=95, bar=96, lengths=(1, 7))
    assert heard_on(event, 1) is event
    heard = heard_on(event, 4)
    assert (heard.duration, heard.offset, heard.place, heard.bar, heard.lengths) == (1, 1, 0, 24, (1, 2))
    assert heard_on(replace(event, offset=0, place=0), 4).offset == 0  # a song may open on its bar line


@pytest.mark.parametrize("form", [None, "A2B2A2"])
@pytest.mark.parametrize(("notes", "offsets", "durations"), [(24, 12, 8), (12, 24, 16), (24, 24, 3)])
def test_what_each_head_says_stands_in_the_song_exactly(
    notes: int, offsets: int, durations: int, form: str | None, tmp_path: Path
) -> None:
    winners = mixed(tmp_path, notes=notes, offsets=offsets, durations=durations)
    prime = find_prime(winners, bundled()[0])
    grid = prime.song.grid
    compose = None if form is None else planned(read_plan(form, grid), 0.5)
    (song,) = new_songs(winners, prime, Settings(events=60), compose=compose)
    onsets = np.unique(song.notes.onset)
    assert song.grid == grid == common_grid(winners.values())
    assert not (np.diff(onsets) % (grid // offsets)).any()
    ends = song.notes.onset + song.notes.length
    later = ~np.isin(ends, onsets)  # a note is cut where its pitch begins again, on an onset
    assert not (song.notes.length[later] % (grid // durations)).any()
    write_midi(song, tmp_path / "song.mid")
    again = read_midi(tmp_path / "song.mid", grid=480)
    assert np.array_equal(np.unique(again.notes.onset), onsets * (480 // grid))


def test_a_head_judges_a_song_as_it_reads_it_on_its_own_grid(tmp_path: Path) -> None:
    winners = mixed(tmp_path, notes=24, offsets=12)
    prime = find_prime(winners, bundled()[0])
    (song,) = new_songs(winners, prime, Settings(events=60))
    (found,) = likelihoods(winners, [song])
    write_midi(song, tmp_path / "song.mid")
    winner = winners["offsets"]
    events = read_midi(tmp_path / "song.mid", grid=12).events()
    column = column_for(winner.column, winner.vocabulary, 12, [events])
    nats = score(winner.head(), in_order(column, TEST, winner.framing), winner.mixture).nats
    assert found.nats["offsets"] == pytest.approx(float(nats.mean()))


def test_the_command_says_the_grids(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    make_run(tmp_path / "runs" / "demo", ["notes", "durations"])
    make_run(tmp_path / "runs" / "coarse", ["offsets"], grid=16)
    words = ["demo", "--offsets", "coarse", "--bars", "4", "--candidates", "2", "--mix-ngram", "0.5"]
    assert main(GenerateOptions, generate, prog="generate", arguments=words) == 0
    said = capsys.readouterr().out
    assert "grids (ticks a quarter note): notes 24, durations 24, offsets 16; the song is on 48" in said
    assert "checked against 2 training songs" in said
    onsets = np.unique(read_midi(Path("output-1.mid"), grid=480).notes.onset)
    assert not (np.diff(onsets[:-1]) % 30).any()  # sixteenths of a quarter note, but for the ending
