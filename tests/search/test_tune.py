"""The search, through its command and a real Ray of its own."""

import json
import math
import shutil
from collections import Counter
from pathlib import Path

import pytest
import torch
from optuna.trial import TrialState
from searches_made import SMALL, run, table, trials_of
from wandb_server import offline_runs

from datamodules.baselines.averages import baselines
from datamodules.batches import in_order
from datamodules.midi.reading import read_midi
from datamodules.song import bar_lines
from datamodules.splits import TEST, VALID
from experiments.command_line.cli import main
from experiments.evaluate import EvaluateOptions, evaluate
from experiments.heads import HEADS
from experiments.run_folder import open_run
from experiments.runs import RunsOptions, list_runs
from experiments.train import TrainOptions, train
from experiments.tune import _merged
from experiments.winners import load_winner
from lightning_modules.head import score
from songs import bundled

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.usefixtures("one_ray")


@pytest.mark.slow
@pytest.mark.parametrize("head", HEADS)
def test_tables_and_winner_agree(searched: Path, head: str) -> None:
    rows = table(searched / head / "trials.csv")
    assert [row["row"] for row in rows] == ["0", "1"]
    assert {row["kind"] for row in rows} == {"search"}
    winner = load_winner(searched / head / "winner.safetensors")
    best = min(rows, key=lambda row: float(row["best"]))
    assert winner.facts["best"] == pytest.approx(float(best["best"]))
    assert winner.facts["row"] == int(best["row"])
    assert winner.config.hidden == 16
    assert winner.facts["baselines"]["kneser_ney_3"]["nats"] > 0
    epochs = table(searched / head / "epochs.csv")
    assert max(Counter((row["row"], row["epoch"]) for row in epochs).values()) == 1
    assert {row["row"]: row["epoch"] for row in epochs} == {row["row"]: row["epoch"] for row in rows}
    small = {"hidden": 16, "lstm_layers": 1, "dense_layers": 0, "batch_size": 64}
    defaults = HEADS[head].config().to_dict() | small
    assert {name: rows[0][name] for name in defaults} == {name: str(value) for name, value in defaults.items()}
    assert rows[1]["learning_rate"] != rows[0]["learning_rate"]
    for row in rows:
        own = [float(epoch["valid"]) for epoch in epochs if epoch["row"] == row["row"]]
        assert float(row["best"]) == pytest.approx(min(own))


@pytest.mark.slow
def test_a_run_holds_what_the_design_says(searched: Path) -> None:
    facts = json.loads((searched / "run.json").read_text())
    assert facts["heads"]["offsets"]["set"][-1] == "objective=grid"
    assert not any(setting.startswith("objective") for setting in facts["heads"]["notes"]["set"])
    assert facts["made_by"]["torch"]
    songs = json.loads((searched / "songs.json").read_text())
    assert [row["accepted"] for row in songs["songs"]] == [True, True]
    assert set(songs["vocabulary"]) == set(HEADS)
    assert 0 <= songs["leakage"]["validation"]["notes"] <= 1
    tracked = offline_runs(searched)
    assert {run.job_type for run in tracked.values()} == {"trial", "winner", "song"}
    assert tracked[f"{searched.name}/song"].history[0]["songs.nrows"] == 2
    song = read_midi(searched / "song.mid")
    assert len(bar_lines(song)) == len(bar_lines(read_midi(bundled()[1])))  # as the first song that was learnt
    assert (searched / "song.wav").stat().st_size > 100_000
    assert (searched / "song.png").stat().st_size > 10_000


@pytest.mark.slow
def test_the_winner_scores_again_what_its_trial_reported(searched: Path) -> None:
    """Weights, vocabulary and mixture of the winner give the figures of its best epoch, in another process."""
    dataset = open_run(searched, searched.parent).dataset()
    for head, spec in HEADS.items():
        winner = load_winner(searched / head / "winner.safetensors")
        column = dataset.column(spec.column_for(winner.config.to_dict()))
        again = score(winner.head(), in_order(column, column.valid_part, winner.framing), winner.mixture).figures
        for name in ("valid", "macro_nats"):
            assert again[name] == pytest.approx(winner.facts["figures"][name], rel=1e-5)


@pytest.mark.slow
def test_resume_extends(searched: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "runs" / "a"
    shutil.copytree(searched, folder)
    assert run("notes", "--name", "a", "--trials", "3") == 2
    assert "has searched notes already" in capsys.readouterr().err
    assert run("--resume", "a", "--grid", "12") == 2
    assert "--grid cannot change" in capsys.readouterr().err
    before = load_winner(folder / "notes" / "winner.safetensors").facts
    assert run("--resume", "a", "notes", "--trials", "3", "--storage", str(folder)) == 2
    assert run("--resume", "a", "notes", "--trials", "3") == 0
    rows = table(folder / "notes" / "trials.csv")
    assert [row["row"] for row in rows] == ["0", "1", "2"]
    assert {row["hidden"] for row in rows} == {"16"}
    assert Counter(trial.state for trial in trials_of(folder / "notes")) == {TrialState.COMPLETE: 3}
    after = load_winner(folder / "notes" / "winner.safetensors").facts
    assert after["best"] <= before["best"]
    assert after["best"] == pytest.approx(min(float(row["best"]) for row in rows))
    assert len(table(folder / "offsets" / "trials.csv")) == 2


@pytest.mark.slow
def test_evaluate_scores_the_test_part_beside_its_baselines(searched: Path, tmp_path: Path) -> None:
    arguments = [str(searched), "--json", str(tmp_path / "figures.json")]
    assert main(EvaluateOptions, evaluate, prog="evaluate", arguments=arguments) == 0
    found = json.loads((tmp_path / "figures.json").read_text())
    assert found["on"] == "test"
    dataset = open_run(searched, searched.parent).dataset()
    for head, spec in HEADS.items():
        column = dataset.column(spec.column)
        assert found["heads"][head]["targets"] == len(column.targets(TEST)) > 0
        assert found["heads"][head]["baselines"] == baselines(column, TEST, VALID)
        assert math.isfinite(found["heads"][head]["figures"]["valid"])
    other = [str(searched), str(bundled()[0]), "--json", str(tmp_path / "other.json")]
    assert main(EvaluateOptions, evaluate, prog="evaluate", arguments=other) == 0
    assert json.loads((tmp_path / "other.json").read_text())["on"] == "songs of your choice"


@pytest.mark.slow
def test_train_goes_on_from_the_winner(searched: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "runs" / "a"
    shutil.copytree(searched, folder)
    before = {head: load_winner(folder / head / "winner.safetensors").facts for head in HEADS}
    further = ["all", "--run", "a", "--epochs", "3", "--weighting", "none"]
    assert main(TrainOptions, train, prog="train", arguments=further) == 0
    assert "the floor, given" in capsys.readouterr().out
    improved = 0
    for head, facts in before.items():
        after = load_winner(folder / head / "winner.safetensors").facts
        assert after["best"] <= facts["best"]
        if after["kind"] == "further":
            improved += 1
            assert after["best"] < facts["best"]
            assert after["updates"] > facts["updates"]
            assert after["further"] == {"seed": 1, "weighting": "none"}
        else:
            assert after == facts
    assert improved  # two epochs are too few for any head
    assert run("--resume", "a") == 0  # nothing is left to do, and nothing is undone
    assert [load_winner(folder / head / "winner.safetensors").facts["kind"] for head in HEADS].count(
        "further"
    ) == improved

    assert main(TrainOptions, train, prog="train", arguments=["notes", "--run", "a", "--all-songs"]) == 0
    whole = load_winner(folder / "notes" / "winner-all.safetensors")
    winner = load_winner(folder / "notes" / "winner.safetensors")
    assert len(whole.vocabulary) > len(winner.vocabulary)
    assert whole.mixture == winner.mixture
    assert set(whole.facts["figures"]) == {"mixture"}  # no figure of it is held out
    assert "baselines" not in whole.facts
    assert abs(whole.facts["updates"] - winner.facts["updates"]) <= whole.facts["updates"] / whole.facts["epoch"]


@pytest.mark.slow
def test_runs_lists_and_compares(searched: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(RunsOptions, list_runs, prog="runs", arguments=["--runs", str(searched.parent)]) == 0
    said = capsys.readouterr().out
    assert all(head in said for head in HEADS)
    assert "2 of 2" in said
    assert main(RunsOptions, list_runs, prog="runs", arguments=[str(searched)]) == 0
    assert "learning_rate" in capsys.readouterr().out
    assert main(RunsOptions, list_runs, prog="runs", arguments=["--runs", str(searched / "none")]) == 2


@pytest.mark.slow
def test_nothing_held_out_is_said_everywhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--name", "n", "--trials", "1", "--max-epochs", "1", "--wandb", "off", "--preset", "original")
    assert run("durations", *options, "--split", "none", *SMALL) == 0
    said = capsys.readouterr()
    assert "durations on training songs" in said.out
    assert "--split none" in said.err
    winner = load_winner(tmp_path / "runs" / "n" / "durations" / "winner.safetensors")
    assert (winner.config.to_dict()["objective"], winner.config.window, winner.config.weighting) == (
        "mae",
        5,
        "balanced",
    )
    assert winner.label == "training songs"
    assert main(EvaluateOptions, evaluate, prog="evaluate", arguments=["n"]) == 0
    assert "durations on training songs" in capsys.readouterr().out


@pytest.mark.slow
def test_same_seed_one_worker_same_trials_winner_and_song(tmp_path: Path) -> None:
    found = []
    for name in ("a", "b"):
        options = ("--name", name, "--trials", "3", "--max-epochs", "2", "--seed", "5", "--max-concurrent", "1")
        assert run("offsets", *options, "--set", "hidden=16", "--wandb", "off") == 0
        folder = tmp_path / "runs" / name
        rows = [
            {name: cell for name, cell in row.items() if name != "seconds"}
            for row in table(folder / "offsets" / "trials.csv")
        ]
        winner = load_winner(folder / "offsets" / "winner.safetensors")
        found.append((rows, winner, (folder / "song.mid").read_bytes()))
    (rows_a, winner_a, song_a), (rows_b, winner_b, song_b) = found
    assert rows_a == rows_b
    assert len({row["learning_rate"] for row in rows_a}) == 3
    assert winner_a.tensors.keys() == winner_b.tensors.keys()
    assert all(torch.equal(winner_a.tensors[name], winner_b.tensors[name]) for name in winner_a.tensors)
    assert song_a == song_b


@pytest.mark.long
@pytest.mark.slow
def test_a_damaged_run_is_one_clear_line(searched: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    damages: list[tuple[str, bytes]] = [
        ("run.json", b"[]"),
        ("run.json", b"{"),
        ("run.json", b'{"format": 1, "id": "a", "songs": "b", "created": "c", "data": {}, "heads": {"notes": []}}'),
        ("songs.json", b'{"songs": [3]}'),
        ("notes/trials.csv", b"row,kind\nx,y,z\n"),
        ("notes/trials.csv", b"\xff\xfe"),
        ("notes/epochs.csv", b"row,valid\n0,1\n"),
        ("notes/study.journal", b"garbage\n"),
        ("notes/study.journal", b"{}\n"),
        ("notes/winner.safetensors", b"PK"),
    ]
    for number, (name, content) in enumerate(damages):
        folder = tmp_path / "runs" / str(number)
        shutil.copytree(searched, folder)
        (folder / name).write_bytes(content)
        run("--resume", str(number), "notes", "--trials", "3")  # what it raises would fail the test
        main(RunsOptions, list_runs, prog="runs", arguments=[str(number)])
        main(EvaluateOptions, evaluate, prog="evaluate", arguments=[str(number)])
        said = capsys.readouterr()
        assert "Traceback" not in said.out + said.err, name
        assert "damaged" in said.out + said.err or "cannot" in said.out + said.err or name == "songs.json", name


@pytest.mark.slow
def test_a_strangers_run_names_no_cluster_and_no_code(searched: Path, tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "a"
    shutil.copytree(searched, folder)
    facts = json.loads((folder / "run.json").read_text())
    marker = tmp_path / "executed"
    (tmp_path / "evil.py").write_text(f"open({str(marker)!r}, 'w')\ndef space(trial):\n    return {{}}\n")
    for head in facts["heads"].values():
        head["space"], head["address"] = f"{tmp_path / 'evil.py'}:space", "192.0.2.1:6379"
    (folder / "run.json").write_text(json.dumps(facts))
    assert run("--resume", "a", "--trials", "3") == 2
    assert not marker.exists()
    for head in facts["heads"].values():
        head["space"] = None
    (folder / "run.json").write_text(json.dumps(facts))
    given = _merged("notes", facts["heads"]["notes"], ["--resume", "a"])
    assert given.address is None
