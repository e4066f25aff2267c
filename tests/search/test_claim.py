"""The file that repeats a head's search (`tune --config`), as it is written when a head is claimed."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from midi_files import scale
from winners_made import make_run

from experiments.command_line.cli import parse
from experiments.data_options import DataOptions
from experiments.dataset import read_dataset
from experiments.figures import metric_name
from experiments.heads import HEADS
from experiments.run_folder import create_run
from experiments.search.claim import claim, stored
from experiments.search.one_head import HeadPlan
from experiments.search.opening import check
from experiments.tune import TuneOptions


@pytest.mark.parametrize("metric", ["nats", "mae", "macro"])
@pytest.mark.parametrize("head", HEADS)
def test_a_head_of_all_is_searched_again_alone(head: str, metric: str, tmp_path: Path) -> None:
    run, _ = make_run(tmp_path / "runs" / "a", [])
    plan = HeadPlan(HEADS[head], parse(TuneOptions, ["all", "--metric", metric, "--trials", "3"], prog="tune"))
    claim(run, plan, {}, {})
    again = parse(TuneOptions, ["--config", str(run.head(head) / "tune.toml")], prog="tune")
    check(HeadPlan(HEADS[head], again), alone=True)
    assert again.metric == metric_name(head, metric)
    told = {"head", "metric", "config"}
    assert replace(again, **dict.fromkeys(told)) == replace(plan.options, **dict.fromkeys(told))  # type: ignore[arg-type]


def test_songs_whose_names_are_no_text_are_searched(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A name on a disk is bytes, as an old archive's in Latin-1; TOML is UTF-8."""
    song = tmp_path / os.fsdecode(b"caf\xe9.mid")
    song.write_bytes(scale(1, 40))
    run = create_run(tmp_path / "runs" / "a", read_dataset(DataOptions((str(song),))))
    (run.path / "offsets").mkdir()
    path = run.head("offsets") / "tune.toml"
    path.write_text("of songs before")
    plan = HeadPlan(HEADS["offsets"], TuneOptions(head="offsets", songs=(song,)))
    claim(run, plan, {}, {})
    assert not path.exists()
    assert "tune.toml is not written" in capsys.readouterr().err
    assert run.noted("offsets").items() >= stored(plan.options).items()
    assert Path(run.noted("offsets")["songs"][0]).is_file()
