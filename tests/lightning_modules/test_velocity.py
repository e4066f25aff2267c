"""The fourth head, registered like the others: loudness from 1 to 127 in place of the prime's dynamics."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from columns_made import COLUMNS, GRID, column_of, lively_songs
from winners_made import demo_songs, make_run, make_winner

from datamodules.baselines.averages import median_error, repeat_error
from datamodules.baselines.floors import floors
from datamodules.columns import only_value
from datamodules.midi.writing import write_midi
from datamodules.midi_windows import MidiWindows
from datamodules.song import Notes, Part, Song
from datamodules.splits import TRAIN, VALID, make_split
from datamodules.windows import Windows
from experiments import explore
from experiments.command_line.cli import main
from experiments.data_options import DataOptions
from experiments.dataset import read_dataset
from experiments.generate import GenerateOptions, generate
from experiments.heads import HEADS, HeadSpec
from experiments.music.events import generation
from experiments.music.events.dynamics import Dynamics
from experiments.music.events.sampling import Sampling
from experiments.music.events.settings import Settings
from experiments.music.prime import find_prime
from experiments.search.opening import open_session
from experiments.search.study.hyperparameters import fixed
from experiments.training import fit
from experiments.tune import TuneOptions, tune
from experiments.winners import Winner, load_winner, save_winner
from lightning_modules.head import Head, score
from songs import bundled

ROOT = Path(__file__).resolve().parents[2]
VELOCITY = HEADS["velocity"]
ACCENTS = {0: 110, 24: 60, 48: 85, 72: 60}  # by ticks from the bar line
SMALL: dict[str, Any] = {
    "hidden": 32, "embedding": 16, "window": 8, "dropout_layers": 0, "learning_rate": 0.01, "transpose": "none",
}  # fmt: skip


def write_song(path: Path, loudness: Callable[[int], int], *, events: int = 120, seed: int = 0) -> Path:
    """Chords on and between the beats, each as loud as its tick in the bar says, in 4/4."""
    random = np.random.default_rng(seed)
    onset = np.cumsum(random.choice([24, 48], events)).repeat(2)
    chord = np.stack([random.integers(40, 60, events), random.integers(60, 80, events)], axis=1)
    length = random.choice([12, 24], events).repeat(2)
    velocity = np.array([loudness(int(tick) % 96) for tick in onset])
    columns = (onset, chord.ravel(), length, velocity, np.zeros_like(onset))
    song = Song(
        grid=GRID,
        parts=(Part("Piano", 0, False, "chords"),),
        notes=Notes(*(column.astype(np.int32) for column in columns)),
        tempos=np.array([[0.0, 120.0]]),
        metres=np.array([[0, 4, 4]], np.int32),
        keys=np.zeros((0, 3), np.int32),
    )
    write_midi(song, path)
    return path


def accented(path: Path, **options: Any) -> Path:
    return write_song(path, lambda tick: ACCENTS[tick], **options)


def flat(path: Path, **options: Any) -> Path:
    return write_song(path, lambda tick: 64, **options)


def trained(spec: HeadSpec, path: Path, epochs: int = 4, **hyperparameters: Any) -> tuple[Head, Any]:
    """A head trained on one song, and its column."""
    dataset = read_dataset(DataOptions((str(path),)))
    column = dataset.column(spec.column)
    config = spec.config.from_dict(SMALL | hyperparameters)
    torch.manual_seed(0)
    head = spec.build(config, column.vocabulary, column.grid)
    fit(head, MidiWindows(column, spec.framing(config), batch_size=8), epochs=epochs, callbacks=[])
    return head, column


# what is registered


@pytest.mark.parametrize("name", [name for name, spec in COLUMNS.items() if not spec.chords])
def test_errors_are_counted_in_the_unit_of_the_column(name: str) -> None:
    column = column_of(name, lively_songs(3), "tail")
    assert (column.spec.unit, column.per_unit) == (
        ("quarter notes", GRID) if name != "velocity" else ("velocity steps", 1)
    )
    assert column.highest == (127 if name == "velocity" else 16 * GRID)
    train, valid = column.value[column.targets(TRAIN)].astype(float), column.targets(VALID)
    middle = np.median(train)
    expected = np.abs(column.value[valid] - middle).mean() / column.per_unit, middle / column.per_unit
    assert median_error(column, valid) == pytest.approx(expected)
    before = column.value[valid - 1].astype(float)
    assert repeat_error(column, valid) == pytest.approx(np.abs(column.value[valid] - before).mean() / column.per_unit)
    assert floors(column, TRAIN, window=100)["mae"] == 0  # every window is another


def test_each_columns_values_are_told_in_its_unit() -> None:
    told = {name: spec.told((60, 64) if spec.chords else 64, GRID) for name, spec in COLUMNS.items()}
    assert told == {"notes": "60.64", "durations": "8/3", "offsets": "8/3", "velocity": "64"}


@pytest.mark.parametrize("command", ["tune", "train", "generate"])
def test_the_help_shows_every_head_and_waits_for_no_torch(command: str) -> None:
    code = (
        f"import runpy, sys\nsys.argv = ['{command}', '--help']\n"
        f"try:\n    runpy.run_module('experiments.{command}', run_name='__main__', alter_sys=True)\n"
        "except SystemExit:\n    pass\n"
        "slow = {'torch', 'ray', 'pytorch_lightning', 'optuna', 'wandb', 'matplotlib'} & set(sys.modules)\n"
        "assert not slow, slow\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    names = [f"--{name} RUN" for name in HEADS] if command == "generate" else [*HEADS, "all"]
    told = " ".join(done.stdout.replace("│", " ").split())
    assert all(name in told for name in names)


def test_a_preset_leaves_a_head_free_that_it_does_not_know() -> None:
    assert fixed(HEADS["offsets"], "original", ())["window"] == 5
    assert fixed(VELOCITY, "original", ("hidden=64",)) == {"hidden": 64}


# learning


@pytest.mark.parametrize(("objective", "epochs"), [("grid", 6), ("mae", 16)])
def test_it_learns_accents(tmp_path: Path, objective: str, epochs: int) -> None:
    """The place in the bar tells the loudness, and a head that sees context is told the place."""
    head, column = trained(VELOCITY, accented(tmp_path / "song.mid"), epochs, objective=objective)
    error, _ = median_error(column, column.targets(VALID))
    assert error > 10
    assert head.figures["mae"] < error / 4


@pytest.mark.parametrize("objective", ["grid", "mae"])
@pytest.mark.parametrize("inputs", ["own", "context"])
def test_its_probabilities_sum_to_1_over_1_to_127(inputs: str, objective: str) -> None:
    column = column_of("velocity", lively_songs(5), "tail")
    config = VELOCITY.config.from_dict({**SMALL, "inputs": inputs, "objective": objective, "loss": "last"})
    head = VELOCITY.build(config, column.vocabulary, column.grid)
    windows = Windows(column, VALID, VELOCITY.framing(config))
    batch = windows.batch(windows.in_order()[:1])
    steps = torch.arange(1, 128)
    ids = [column.vocabulary.index.get(step, column.vocabulary.unknown) for step in steps.tolist()]
    assert column.vocabulary.unknown in ids  # what training has not is scored too
    assert column.histogram is not None
    every = {name: rows.expand(127, *rows.shape[1:]) for name, rows in batch.items()}
    every |= {
        "target": torch.tensor(ids),
        "value": steps,
        "true": steps,
        "base": torch.from_numpy(column.histogram).log(),
    }
    nats = score(head, [every], mixture=0.3).nats
    assert float((-nats).exp().sum()) == pytest.approx(1, abs=1e-6)


# generation


def played(winners: dict[str, Winner], path: Path | None, **settings: Any) -> Song:
    prime = find_prime(winners, path)
    (song,) = generation.generate(winners, prime, Settings(**{"events": 60, **settings}))
    return song


def loudness_of(winner: Winner, velocity: int) -> Winner:
    """The winner, made sure of one loudness."""
    tensors = {name: tensor.clone() for name, tensor in winner.tensors.items()}
    tensors["output.layer.bias"][winner.vocabulary.index[velocity]] = 1000.0
    save_winner(winner.path, tensors, winner.facts)
    return load_winner(winner.path)


def test_a_song_is_as_loud_as_the_head_says(tmp_path: Path) -> None:
    _, winners = make_run(tmp_path / "runs" / "demo")
    calm = {name: Sampling(temperature=0) for name in HEADS}
    for velocity in (44, 101):
        sure = winners | {"velocity": loudness_of(winners["velocity"], velocity)}
        song = played(sure, bundled()[0], sampling=calm)
        assert set(song.events().velocity.tolist()) == {velocity}
        notes = song.notes.velocity
        assert velocity * 0.6 - 1 <= notes.min() <= velocity  # what stands under the top note
    song = played(winners, bundled()[0])
    assert len(set(song.events().velocity.tolist())) > 1
    assert set(song.events().velocity.tolist()) <= set(winners["velocity"].vocabulary.values)


def test_it_plays_its_accents_where_the_prime_has_none(tmp_path: Path) -> None:
    head, _ = trained(VELOCITY, accented(tmp_path / "song.mid"), 6)
    winner = make_winner(tmp_path / "w", "velocity", read_dataset(DataOptions((str(tmp_path / "song.mid"),))), **SMALL)
    save_winner(winner.path, head.state_dict(), winner.facts)
    winners = {"velocity": load_winner(winner.path)}
    prime = flat(tmp_path / "flat.mid", seed=1)
    events = played(winners, prime, sampling={"velocity": Sampling(temperature=0)}).events()
    wanted = [ACCENTS[place] for place in events.place.tolist()]
    assert np.mean(events.velocity == wanted) > 0.9
    other = make_winner(tmp_path / "notes", "notes", demo_songs())
    assert set(played({"notes": other}, prime).notes.velocity.tolist()) == {64}


def test_without_the_head_loudness_follows_the_primes_dynamics(tmp_path: Path) -> None:
    _, winners = make_run(tmp_path / "runs" / "demo", [name for name in HEADS if name != "velocity"])
    prime = find_prime(winners, bundled()[0])
    (song,) = generation.generate(winners, prime, Settings(events=60))
    dynamics, events = Dynamics.of(prime), song.events()
    assert events.velocity.tolist() == [dynamics.loudness(*divmod(tick, prime.bar)) for tick in events.onset.tolist()]
    assert len(set(events.velocity.tolist())) > 1


def test_where_the_loudness_comes_from_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_run(tmp_path / "runs" / "demo", ["notes"])
    make_run(tmp_path / "runs" / "loud", ["velocity"])
    options = ("--events", "5", "--out", str(tmp_path / "song.mid"))
    assert main(GenerateOptions, generate, prog="generate", arguments=["demo", *options]) == 0
    assert "velocity: no head, so loudness follows the prime song's dynamics" in capsys.readouterr().out
    assert main(GenerateOptions, generate, prog="generate", arguments=["demo", "--velocity", "loud", *options]) == 0
    assert f"velocity: {tmp_path / 'runs' / 'loud' / 'velocity'}" in capsys.readouterr().out


# songs without dynamics


def test_a_column_of_one_value_is_left_out_of_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    song = flat(tmp_path / "flat.mid")
    _, _, plans = open_session(TuneOptions(head="all", songs=(song,), name="a"))
    assert [plan.spec.name for plan in plans] == [name for name in HEADS if name != "velocity"]
    told = "velocity: every training event has the same loudness (64): nothing to learn, left out"
    assert capsys.readouterr().err.strip().splitlines() == [f"note: {told}"]
    _, _, plans = open_session(TuneOptions(head="all", songs=(accented(tmp_path / "song.mid"),), name="b"))
    assert [plan.spec.name for plan in plans] == list(HEADS)


def test_searching_a_column_of_one_value_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["velocity", str(flat(tmp_path / "flat.mid"))]
    assert main(TuneOptions, tune, prog="tune", arguments=arguments) == 2
    said = capsys.readouterr().err
    assert len(said.strip().splitlines()) == 1
    assert "every training event has the same loudness (64): nothing to learn" in said
    assert not (tmp_path / "runs").exists()


def test_only_training_targets_make_a_value_the_only_one() -> None:
    songs = lively_songs(1, songs=2)
    split = make_split("tail", songs, 0)
    assert only_value(COLUMNS["velocity"], songs, split, GRID) is None
    for song, marks in zip(songs, split.parts, strict=True):
        song.velocity[marks == TRAIN] = 77  # the first events, validation and test stay what they are
    assert only_value(COLUMNS["velocity"], songs, split, GRID) == 77


@pytest.mark.parametrize("loudness", [flat, accented])
def test_explore_shows_loudness(
    tmp_path: Path, loudness: Callable[[Path], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert explore.main([str(loudness(tmp_path / "song.mid")), "--json", "figures.json"]) == 0
    found = json.loads(Path("figures.json").read_text())
    assert set(found["columns"]) == set(HEADS)
    assert set(found["columns"]["velocity"]["counts"]) == ({"64"} if loudness is flat else {"110", "60", "85"})
    assert set(found["leakage_of_validation"]) == {*HEADS, "triples"}
