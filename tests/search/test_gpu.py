"""On a GPU: what a CPU learns is learned, again and again alike, and what was begun on one goes on on the other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from heads_made import Settings, cases, data_of, head_of
from midi_files import note_rows
from trials_made import columns, config, settings

from datamodules.midi.reading import read_midi
from datamodules.splits import VALID
from experiments.command_line.cli import main
from experiments.generate import GenerateOptions, generate
from experiments.search.trial import trainable
from experiments.tables import EpochTable
from experiments.training import fit
from experiments.tune import TuneOptions, tune
from lightning_modules.head import Head, score

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")

CASES = pytest.mark.parametrize(("name", "settings"), cases())


def trained(name: str, settings: Settings, epochs: int, *, gpu: bool, **others: Any) -> Head:
    head = head_of(name, settings, batchnorm_layers=1, learning_rate=0.003, **others)
    torch.manual_seed(3)  # dropout
    fit(head, data_of(name, head.config), epochs=epochs, callbacks=[], gpu=gpu)
    return head


@CASES
def test_both_learn_alike(name: str, settings: Settings) -> None:
    on_cpu, on_gpu = (trained(name, settings, 3, gpu=gpu) for gpu in (False, True))
    for figure in ("train_loss", "valid"):
        assert on_gpu.figures[figure] == pytest.approx(on_cpu.figures[figure], rel=0.02, abs=0.02)
    scored = score(on_gpu.cpu(), data_of(name, on_gpu.config).in_order(VALID)).figures
    assert scored["valid"] == pytest.approx(on_gpu.figures["valid"], rel=1e-3)  # its weights mean the same on a CPU


@CASES
def test_one_seed_gives_equal_weights(name: str, settings: Settings) -> None:
    dropout = {"dropout_layers": 1, "dropout": 0.3}
    one, other = (trained(name, settings, 2, gpu=True, **dropout).cpu() for _ in range(2))
    for key, tensor in one.state_dict().items():
        assert torch.equal(tensor, other.state_dict()[key]), key


class KilledError(Exception):
    """Ends a trial in its third epoch."""


class Killing(pl.Callback):
    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.current_epoch == 2:
            raise KilledError


def reported(folder: Path, monkeypatch: pytest.MonkeyPatch, *, gpu: bool) -> list[dict[str, Any]]:
    """The reports of a trial of four epochs; it goes on where the folder's trial was."""
    told: list[dict[str, Any]] = []
    monkeypatch.setattr(trainable, "_send", lambda reports: told.extend(dict(report) for report in reports))
    monkeypatch.setattr(trainable, "LAST_EVERY", 0.0)  # a checkpoint after each
    trainable.train_trial(config(), columns(2)[:1], settings(folder, gpu=gpu, max_epochs=4))
    return told


@pytest.mark.parametrize(("first", "then"), [(True, True), (True, False), (False, True)])
def test_a_trial_goes_on(first: bool, then: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = reported(tmp_path / "whole", monkeypatch, gpu=first)

    def killed(*given: Any, callbacks: list[pl.Callback], **more: Any) -> None:
        fit(*given, callbacks=[*callbacks, Killing()], **more)

    with monkeypatch.context() as patched:
        patched.setattr(trainable, "fit", killed)
        with pytest.raises(KilledError):
            reported(tmp_path / "parts", patched, gpu=first)
    parts = reported(tmp_path / "parts", monkeypatch, gpu=then)
    assert [report["epoch"] for report in parts] == [1, 2, 3, 4]
    apart = [abs(a["figures"]["valid"] - b["figures"]["valid"]) for a, b in zip(parts, whole, strict=True)]
    assert max(apart) == 0 if first and then else max(apart) < 0.1  # other random numbers for dropout


@pytest.mark.slow
@pytest.mark.usefixtures("one_ray")
def test_one_seed_gives_one_search_and_one_song(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    epochs, songs = [], []
    for name in ("one", "two"):
        words = ("--trials", "2", "--max-epochs", "3", "--max-concurrent", "1", "--seed", "1", "--wandb", "off")
        assert main(TuneOptions, tune, prog="tune", arguments=("notes", "--name", name, *words)) == 0
        assert ", 0 GPUs" not in capsys.readouterr().out
        run = tmp_path / "runs" / name
        epochs.append(without_seconds(EpochTable.read(run / "notes" / "epochs.csv")))
        arguments = (name, "--out", str(tmp_path / "song.mid"), "--events", "32", "--seed", "1")
        assert main(GenerateOptions, generate, prog="generate", arguments=arguments) == 0
        songs.append(note_rows(read_midi(tmp_path / "song.mid")))
    for one, other in zip(*epochs, strict=True):
        # the one figure that is summed on the GPU as 32-bit numbers, in whatever order they come
        assert one.pop("train_loss") == pytest.approx(other.pop("train_loss"), rel=1e-6)
        assert one == other
    assert songs[0] == songs[1]


def without_seconds(reports: dict[int, list[dict[str, float]]]) -> list[dict[str, float]]:
    return [{k: v for k, v in epoch.items() if k != "seconds"} for row in sorted(reports) for epoch in reports[row]]
