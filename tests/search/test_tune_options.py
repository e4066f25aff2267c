"""What tune is told: options that are wrong, a budget, a space, a storage; and a trial that fails."""

from pathlib import Path

import pytest
from optuna.trial import TrialState
from searches_made import SMALL, run, table, trials_of

from experiments.winners import load_winner

pytestmark = pytest.mark.usefixtures("one_ray")


@pytest.mark.long
@pytest.mark.slow
def test_a_failing_trial_ends_alone_and_is_told(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    options = ("--name", "a", "--trials", "1", "--max-epochs", "2", "--wandb", "off", *SMALL)
    assert run("notes", *options, "--storage", str(tmp_path / "store")) == 0
    (trial,) = (tmp_path / "store").rglob("00000")
    (trial.parent / "00001").touch()  # a file where trial 1 wants its folder
    store = ("--storage", str(tmp_path / "store"))
    assert run("--resume", "a", "--trials", "3", "--max-failures", "1", *store) == 0
    folder = tmp_path / "runs" / "a" / "notes"
    rows = table(folder / "trials.csv")
    assert [row["status"] == "failed" for row in rows] == [False, True, False]
    assert [row["failures"] for row in rows] == ["0", "1", "0"]
    assert "00001" in rows[1]["reason"]
    states = {trial.user_attrs["row"]: trial.state for trial in trials_of(folder)}
    assert states == {0: TrialState.COMPLETE, 1: TrialState.FAIL, 2: TrialState.COMPLETE}
    assert load_winner(folder / "winner.safetensors").facts["row"] in (0, 2)
    said = capfd.readouterr()
    assert "1 of 3 trials failed" in said.err
    assert "Traceback" not in said.err + said.out


def test_bad_arguments_are_one_line_and_status_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    cases = [
        ((), "which head"),
        (("notes", "--trials", "0"), "--trials 0"),
        (("notes", str(tmp_path / "none.mid")), "does not exist"),
        (("notes", str(tmp_path / "empty")), "no .mid or .midi file"),
        (("notes", "--set", "hiden=3"), "hiden"),
        (("notes", "--set", "hidden=many"), "hidden"),
        (("notes", "--preset", "modern"), "original"),
        (("notes", "--space", "none.py:f"), "--space"),
        (("notes", "--metric", "mae"), "--metric mae"),
        (("notes", "--grid", "7"), "divide 480"),
        (("notes", "--parts", "tuba"), "no song has a part tuba"),
        (("notes", "--split", "song"), "three different songs"),
        (("--resume", "none"), "no run none"),
        (("notes", "--cpus-per-trial", "0"), "--cpus-per-trial"),
        (("notes", "--time-budget", "inf"), "--time-budget"),
        (("notes", "--name", "../x"), "--name"),
        (("notes", "--seed", str(2**32)), "--seed"),
        (("notes", "--confirm", "-1"), "--confirm -1: must be at least 0"),
        (("notes", "--confirm", "1000"), "--confirm 1000: must be at most"),
        (("notes", "--folds", "0"), "--folds 0: must be at least 1"),
        (("notes", "--folds", "21"), "--folds 21: must be at most 20"),
        (("notes", "--folds", "3"), "--folds 3: there are only 2 different songs"),
    ]
    for arguments, words in cases:
        assert run(*arguments) == 2, arguments
        said = capsys.readouterr().err
        assert words in said, arguments
        assert len(said.strip().splitlines()) == 1, said


@pytest.mark.long
@pytest.mark.slow
def test_a_time_budget_ends_the_search_with_a_winner(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--trials", "500", "--max-epochs", "50", "--time-budget", "60", "--wandb", "off", *SMALL)
    assert run("offsets", "--name", "b", *options) == 0
    assert "the time budget is used up" in capsys.readouterr().out
    assert load_winner(tmp_path / "runs" / "b" / "offsets" / "winner.safetensors").config.hidden == 16


@pytest.mark.long
@pytest.mark.slow
def test_a_space_and_a_storage_of_ones_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    space = tmp_path / "space.py"
    space.write_text("def mine(trial):\n    return {'hidden': trial.suggest_int('hidden', 9, 11), 'window': 3}\n")
    own = ("--space", f"{space}:mine")
    options = ("--trials", "1", "--max-epochs", "1", "--wandb", "off", "--storage", str(tmp_path / "store"))
    assert run("durations", "--name", "s", *options, *own) == 0
    folder = tmp_path / "runs" / "s"
    assert {row["hidden"] for row in table(folder / "durations" / "trials.csv")} <= {"9", "10", "11"}
    assert len(list((tmp_path / "store").rglob("best.safetensors"))) == 1
    folder.rename(tmp_path / "runs" / "renamed")
    capsys.readouterr()
    store = ("--storage", str(tmp_path / "store"))
    for given in ((), own, store):  # a run's own space is never executed by itself, nor its storage written to
        assert run("--resume", "renamed", "--trials", "2", *given) == 2
        assert "give it again" in capsys.readouterr().err
    assert run("--resume", "renamed", "--trials", "2", *own, *store) == 0
    assert len(list((tmp_path / "store").rglob("best.safetensors"))) == 2
    space.write_text("def mine(trial):\n    return trial.suggest_nothing()\n")
    assert run("durations", "--name", "t", *options, *own) == 2
    assert "AttributeError" in capsys.readouterr().err
