"""`--folds`: each song is held out once; a trial trains a network a fold in lock step and reports their mean."""

from __future__ import annotations

import csv
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from columns_made import GRID
from events_made import moved
from trials_made import SONGS, SPLITS, columns, config, settings

from datamodules.columns import build_column
from datamodules.errors import UserError
from datamodules.folds import make_folds
from datamodules.splits import FIRST, TEST, TRAIN, VALID, Split, make_split
from experiments.command_line.cli import main
from experiments.heads import HEADS
from experiments.search.trial import columns as columns_module
from experiments.search.trial import trainable
from experiments.search.trial.columns import Columns
from experiments.search.trial.storage import TrialStore
from experiments.search.trial.trainable import train_trial
from experiments.tune import TuneOptions, tune
from experiments.winners import load_winner


def held_out(fold: Split) -> set[int]:
    return {song for song, marks in enumerate(fold.parts) if (marks == VALID).any()}


@pytest.mark.parametrize("split", SPLITS, ids=lambda split: split.name)
@pytest.mark.parametrize("folds", [2, 3, 5])
def test_each_song_is_held_out_once_and_no_test_target_ever(split: Split, folds: int) -> None:
    found = make_folds(split, SONGS, folds, seed=1)
    held = [held_out(fold) for fold in found]
    learned = {song for song, marks in enumerate(split.parts) if np.isin(marks, (TRAIN, VALID)).any()}
    assert len(found) == folds
    assert sorted(song for songs in held for song in songs) == sorted(learned)
    for fold, songs in zip(found, held, strict=True):
        assert fold.targets(TEST) == split.targets(TEST)
        assert fold.valid_part == VALID
        for song, (marks, before) in enumerate(zip(fold.parts, split.parts, strict=True)):
            kept = np.isin(before, (FIRST, TEST))
            assert marks.dtype == before.dtype
            assert (marks[kept] == before[kept]).all()
            assert (marks[~kept] == (VALID if song in songs else TRAIN)).all()
            assert fold.trains(song) == (song in learned - songs)


def test_folds_depend_on_the_seed_alone_and_are_about_equal() -> None:
    split = make_split("tail", SONGS, 1)
    found = [[held_out(fold) for fold in make_folds(split, SONGS, 3, seed)] for seed in (1, 1, 2, 3, 4)]
    assert found[0] == found[1]
    assert any(other != found[0] for other in found[2:])
    assert all(2 <= len(songs) <= 3 for folds in found for songs in folds)


def test_like_songs_are_in_one_fold_and_too_few_songs_are_refused() -> None:
    songs = [*SONGS[:2], moved(SONGS[0], 3)]
    split = make_split("tail", songs, 1)
    assert sorted(map(sorted, (held_out(fold) for fold in make_folds(split, songs, 2, 1)))) == [[0, 2], [1]]
    with pytest.raises(UserError, match=r"--folds 3: there are only 2 different songs .* or --folds 2$"):
        make_folds(split, songs, 3, 1)
    with pytest.raises(UserError, match=r"--folds 2: there are only 1 different songs .* give more songs$"):
        make_folds(make_split("tail", songs[::2], 1), songs[::2], 2, 1)


def test_baselines_over_folds_tell_how_far_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[int, int]] = []

    @contextmanager
    def bar(what: str) -> Iterator[Callable[[int, int], None]]:
        yield lambda done, of: told.append((done, of))

    monkeypatch.setattr(columns_module, "bar", bar)
    _ = Columns(columns(3)[0], columns(3)).searched_baselines
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_baselines_over_folds_count_each_target_once() -> None:
    found = Columns(build_column(HEADS["offsets"].column, SONGS, SPLITS[0], GRID), columns(3))
    assert found.searched == found.folds
    assert sum(found.targets) == SPLITS[0].targets(TRAIN) + SPLITS[0].targets(VALID)
    assert set(found.searched_baselines) == set(found.baselines)
    each = [Columns(column).baselines["unigram"]["nats"] for column in found.folds]
    assert found.searched_baselines["unigram"] == {"nats": pytest.approx(np.average(each, weights=found.targets))}
    assert Columns(found.own).searched_baselines == found.baselines


# what a trial does, without Ray


class StoppedError(Exception):
    pass


@pytest.fixture
def reports(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the trials report, epoch by epoch, whatever goes in one message."""
    found: list[dict[str, Any]] = []

    def receive(message: dict[str, Any]) -> None:
        told = message.pop("reports")
        assert message == {name: told[-1][name] for name in ("epoch", "best")}
        found.extend(told)

    monkeypatch.setattr(trainable.tune, "report", receive)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return found


def timeless(reports: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in report.items() if name != "seconds"} for report in reports]


def test_a_trial_over_folds_reports_the_weighted_mean(
    tmp_path: Path, reports: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[dict[str, float]]] = []
    mean = trainable._mean

    def noted(figures: Any, targets: Any) -> dict[str, float]:
        seen.append([dict(one) for one in figures])
        return mean(figures, targets)

    monkeypatch.setattr(trainable, "_mean", noted)
    folds = columns(3)
    train_trial(config(), folds, settings(tmp_path))
    counts = Columns(folds[0], folds).targets
    assert [report["epoch"] for report in reports] == [1, 2, 3, 4]
    for report, figures in zip(reports, seen, strict=True):
        assert len(figures) == 3
        assert report["figures"]["valid"] == pytest.approx(
            np.average([one["valid"] for one in figures], weights=counts)
        )
    best = min(report["figures"]["valid"] for report in reports)
    assert reports[-1]["best"] == best
    assert reports[-1]["updates"] > 4 * 3 * 5 - 1
    assert TrialStore(str(tmp_path)).read(0, "best") is None  # no network of a fold is a winner's


def test_an_epoch_at_a_time_is_the_same_training(
    tmp_path: Path, reports: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under a Trainer an epoch, optimizer, learning rate and batches go on where they were."""
    own = columns(2)[:1]
    train_trial(config(), own, settings(tmp_path / "a"))
    whole = timeless(reports)
    reports.clear()
    monkeypatch.setattr(
        trainable, "_train_one", lambda network, trial, settings: trainable._train_folds([network], trial, settings)
    )
    train_trial(config(), own, settings(tmp_path / "b"))
    assert [report["figures"] for report in timeless(reports)] == [
        pytest.approx(report["figures"], rel=1e-5) for report in whole
    ]


@pytest.mark.parametrize("folds", [1, 2])
def test_a_trial_goes_on_from_its_last_epoch(
    tmp_path: Path, reports: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, folds: int
) -> None:
    on = columns(2)[:folds]
    train_trial(config(seed=5), on, settings(tmp_path / "a"))
    whole = timeless(reports)
    reports.clear()

    receive = trainable.tune.report

    def report_then_die(message: dict[str, Any]) -> None:
        if message["epoch"] == 2:
            raise StoppedError
        receive(message)

    monkeypatch.setattr(trainable, "LAST_EVERY", 0.0)
    with monkeypatch.context() as patch:
        patch.setattr(trainable.tune, "report", report_then_die)
        with pytest.raises(StoppedError):
            train_trial(config(seed=5), on, settings(tmp_path / "b", rungs=frozenset((1, 2, 3))))
    assert [report["epoch"] for report in reports] == [1]
    reports.clear()
    train_trial(config(seed=5), on, settings(tmp_path / "b"))  # it tells of all its epochs: its driver may be a new one
    assert [report["epoch"] for report in reports] == [1, 2, 3, 4]
    for report, expected in zip(timeless(reports), whole, strict=True):
        assert report.pop("figures") == pytest.approx(expected["figures"], rel=1e-5)
        assert report == {name: pytest.approx(value) for name, value in expected.items() if name != "figures"}
    reports.clear()
    train_trial(config(seed=5), on, settings(tmp_path / "b"))  # its driver died between the last two steps
    assert reports[-1]["epoch"] == 4
    reports.clear()
    train_trial(config(seed=6), on, settings(tmp_path / "b"))  # another seed is not its to go on from
    assert [report["epoch"] for report in reports] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    "damage",
    [
        lambda tensors, facts: tensors.pop("random"),
        lambda tensors, facts: tensors.update(random=torch.zeros(3, dtype=torch.uint8)),
        lambda tensors, facts: tensors.pop(next(key for key in tensors if ".head." in key)),
        lambda tensors, facts: tensors.pop("0.optimizer.0.exp_avg"),
        lambda tensors, facts: tensors.update({"0.optimizer.1.exp_avg": torch.zeros(1)}),
        lambda tensors, facts: tensors.update({"0.optimizer.x.exp_avg": torch.zeros(1)}),
        lambda tensors, facts: facts.pop("best"),
        lambda tensors, facts: facts.update(epoch="3"),
        lambda tensors, facts: facts.update(best_epoch=2**80),
        lambda tensors, facts: facts.update(seconds=None),
        lambda tensors, facts: facts.update(reports=3),
        lambda tensors, facts: facts["reports"][0].pop("figures"),
        lambda tensors, facts: facts["reports"][0]["figures"].update(valid=[]),
        lambda tensors, facts: facts["reports"].append("x"),
    ],
)
def test_a_trial_whose_last_checkpoint_is_damaged_starts_anew(
    tmp_path: Path, reports: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, damage: Callable[..., object]
) -> None:
    monkeypatch.setattr(trainable, "LAST_EVERY", 0.0)
    own, store = columns(2)[:1], TrialStore(str(tmp_path))
    train_trial(config(), own, settings(tmp_path, max_epochs=2))
    whole = timeless(reports)
    found = store.read(0, "last")
    assert found is not None
    damage(*found)
    store.write(0, "last", *found)
    reports.clear()
    train_trial(config(), own, settings(tmp_path, max_epochs=2))
    assert timeless(reports) == [
        {**report, "figures": pytest.approx(report["figures"], rel=1e-5)} | {"best": pytest.approx(report["best"])}
        for report in whole
    ]


def test_no_epoch_is_lost_that_a_dead_driver_was_not_told_of(
    tmp_path: Path, reports: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(message: dict[str, Any]) -> None:
        told.wait(60)
        raise StoppedError

    told = threading.Event()
    end_epoch = trainable._Trial.end_epoch

    def end(trial: Any, figures: Any, updates: int) -> bool:
        if trial.epoch == 2:  # two epochs wait for the driver, and a third is about to
            told.set()
        return end_epoch(trial, figures, updates)

    monkeypatch.setattr(trainable, "LAST_EVERY", 0.0)
    own = columns(2)[:1]
    with monkeypatch.context() as patch:
        patch.setattr(trainable.tune, "report", die)
        patch.setattr(trainable._Trial, "end_epoch", end)
        with pytest.raises(StoppedError):
            train_trial(config(), own, settings(tmp_path))
    kept = TrialStore(str(tmp_path)).read(0, "last")
    assert kept is not None
    assert [report["epoch"] for report in kept[1]["reports"]] == list(range(1, kept[1]["epoch"] + 1))
    train_trial(config(), own, settings(tmp_path))
    assert [report["epoch"] for report in reports] == [1, 2, 3, 4]


def test_seeds_make_other_networks_and_the_same_seed_the_same(tmp_path: Path, reports: list[dict[str, Any]]) -> None:
    own, found = columns(2)[:1], []
    for row, seed in ((0, None), (1, None), (2, 77), (3, 77), (4, 78)):
        reports.clear()
        train_trial(config(row) if seed is None else config(row, seed=seed), own, settings(tmp_path, max_epochs=2))
        weights = TrialStore(str(tmp_path)).read(row, "best")
        assert weights is not None
        found.append(torch.cat([weights[0][name].flatten().double() for name in sorted(weights[0])]))
    assert torch.equal(found[2], found[3])
    assert all(not torch.equal(found[a], found[b]) for a, b in ((0, 1), (0, 2), (2, 4), (1, 4)))


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.usefixtures("one_ray")
def test_searched_over_folds_then_trained_on_the_split(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def run(*arguments: str) -> int:
        return main(TuneOptions, tune, prog="tune", arguments=["offsets", *arguments])

    small = ("--set", "hidden=16", "--set", "window=5", "--set", "inputs=own", "--wandb", "off")
    options = ("--name", "f", "--trials", "2", "--max-epochs", "2", "--confirm", "1")
    assert run(*options, "--folds", "3", *small) == 2
    assert "--folds 2" in capsys.readouterr().err
    assert not (tmp_path / "runs" / "f").exists()
    assert run(*options, "--folds", "2", *small) == 0
    said = capsys.readouterr().out
    assert "training the winner: 1 of 1" in said
    assert "mean of 1 seed" in said
    assert "each of 2 folds" in said
    folder = tmp_path / "runs" / "f" / "offsets"
    with (folder / "trials.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["kind"] for row in rows] == ["search", "search", "confirm", "confirm", "final"]
    facts = load_winner(folder / "winner.safetensors").facts
    assert (facts["kind"], facts["row"], facts["label"]) == ("final", 4, "validation")
    assert facts["best"] == pytest.approx(float(rows[4]["best"]))
    assert facts["folds"]["of"] == facts["confirmed"]["of"] == int(rows[4]["of"])
    assert facts["folds"]["mean"] == pytest.approx(min(float(row["best"]) for row in rows[2:4]))
    assert len(facts["folds"]["targets"]) == 2
    assert run("--resume", "f") == 0
    assert "are finished and confirmed" in capsys.readouterr().out
    assert run("--resume", "f", "--folds", "3") == 2
    assert "--folds cannot change" in capsys.readouterr().err
    assert run("--resume", "f", "--trials", "3") == 0
    with (folder / "trials.csv").open(newline="") as file:
        assert [row["kind"] for row in csv.DictReader(file)][:6] == [row["kind"] for row in rows] + ["search"]
