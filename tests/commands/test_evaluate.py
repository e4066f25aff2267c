"""The command: intervals, what it calls different, and what it refuses to compare."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from midi_files import scale
from winners_made import demo_songs, make_run, make_winner

from datamodules.baselines.averages import baselines
from datamodules.baselines.by_target import baseline_errors, baseline_nats, best_ngram
from datamodules.batches import in_order
from datamodules.splits import TEST, VALID
from experiments.command_line.cli import main
from experiments.data_options import DataOptions
from experiments.dataset import Dataset, read_dataset
from experiments.evaluate import EvaluateOptions, evaluate
from experiments.evaluating.bootstrap import SEED, Interval, interval, units_of
from experiments.evaluating.comparing import Difference, column_by, score_winner
from experiments.evaluating.mixing import fit_mix
from experiments.heads import HEADS
from experiments.run_folder import Run, create_run
from experiments.winners import Winner, load_winner, save_winner
from lightning_modules.head import score

Said = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Said:
    """Runs the command: its status, what it said, and its errors and notes."""

    def run(*arguments: str) -> tuple[int, str, str]:
        status = main(EvaluateOptions, evaluate, prog="evaluate", arguments=arguments)
        heard = capsys.readouterr()
        return status, heard.out, heard.err

    return run


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return tmp_path / "runs"


def finished(winner: Winner) -> Winner:
    """The winner as a search leaves it: with the seed."""
    save_winner(winner.path, winner.tensors, {**winner.facts, "seed": 1})
    return load_winner(winner.path)


def a_run(path: Path, *heads: str, split: str = "auto", **options: Any) -> dict[str, Winner]:
    """A run over the bundled songs; each head takes the hyperparameters that it has."""
    run, dataset = make_run(path, [], split=split)[0], demo_songs(split=split)
    winners = {}
    for head in heads:
        given = {name: value for name, value in options.items() if name in (*HEADS[head].config.names(), "seed")}
        winners[head] = finished(make_winner(run.winner(head), head, dataset, **given))
    return winners


def figures_of(call: Said, tmp_path: Path, *arguments: str) -> dict[str, Any]:
    assert call(*arguments, "--json", str(tmp_path / "f.json"))[0] == 0
    found: dict[str, Any] = json.loads((tmp_path / "f.json").read_text())
    return found


def test_what_leaks_is_looked_for_once(runs: Path, call: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is of all columns at once, and of a large corpus takes long."""
    a_run(runs / "a", "notes", "offsets")
    asked: list[int] = []
    plain = Dataset.leakage
    monkeypatch.setattr(Dataset, "leakage", lambda self, part: asked.append(part) or plain(self, part))
    said = call("a")[1]
    assert said.count("leakage: ") == 2
    assert asked == [TEST]


def test_intervals_stand_beside_the_figures(runs: Path, tmp_path: Path, call: Said) -> None:
    winners = a_run(runs / "a", "notes", "offsets")
    found = figures_of(call, tmp_path, "a")
    assert found["bootstrap"] == {
        "method": "expanded percentile bootstrap over blocks of about 16 events within songs",
        "level": 0.95,
        "draws": 2000,
        "seed": SEED,
        "songs": 2,
        "units": 8,
    }
    for head, winner in winners.items():
        column = demo_songs().column(HEADS[head].column)
        row, events = found["heads"][head], column.targets(TEST)
        units = units_of(column.songs()[events])
        whole = score(winner.head(), in_order(column, TEST, winner.framing), winner.mixture)
        low, high = row["intervals"]["nats"]
        assert (low, high) == pytest.approx(interval(units, units.sums(whole.nats.numpy())))
        assert low < row["figures"]["valid"] == whole.figures["valid"] < high
        assert row["baselines"] == baselines(column, TEST, VALID)
        assert ("top5" in row["figures"]) == (head == "notes")
        for figure, gap in row["against_baseline"].items():
            own = row["figures"]["valid" if figure == "nats" else figure]
            others = [rival[figure] for rival in row["baselines"].values() if figure in rival]
            assert row["baselines"][gap["baseline"]][figure] == min(others)
            assert gap["difference"] == pytest.approx(own - min(others))
            assert gap["interval"][0] < gap["difference"] < gap["interval"][1]
    assert set(found["heads"]["offsets"]["intervals"]) == {"nats", "mae"}
    assert found["heads"]["notes"]["against_baseline"]["nats"]["verdict"] == "worse"  # its weights are fresh ones
    said = call("a")[1]
    assert "2 songs are too few for intervals over songs" in said
    assert "notes: worse than Kneser-Ney" in said


@pytest.mark.parametrize("head", HEADS)
def test_baselines_target_by_target_have_their_mean(head: str) -> None:
    column = demo_songs().column(HEADS[head].column)
    events = column.targets(TEST)
    for name, figures in baselines(column, TEST, VALID).items():
        for figure, values in (("nats", baseline_nats), ("mae", baseline_errors)):
            if figure in figures:
                assert values(column, name, figures, events).mean() == pytest.approx(figures[figure])


def song_files(folder: Path, seeds: range) -> Path:
    folder.mkdir()
    for seed in seeds:
        (folder / f"{seed}.mid").write_bytes(scale(seed, notes=12 + seed))
    return folder


def test_from_five_songs_on_songs_are_drawn(runs: Path, tmp_path: Path, call: Said) -> None:
    a_run(runs / "a", "offsets")
    folder = song_files(tmp_path / "six", range(6))
    found = figures_of(call, tmp_path, "a", str(folder))
    assert found["on"] == "songs of your choice"
    assert (found["bootstrap"]["songs"], found["bootstrap"]["units"]) == (6, 6)
    assert found["bootstrap"]["method"] == "expanded percentile bootstrap over songs"
    assert "2,000 draws of 6 songs" in call("a", str(folder))[1]
    few = figures_of(call, tmp_path, "a", str(folder / "1.mid"))
    assert few["heads"]["offsets"]["intervals"] == {}
    assert few["heads"]["offsets"]["against_baseline"]["nats"]["interval"] is None
    assert "too few events to tell" in call("a", str(folder / "1.mid"))[1]


def test_other_songs_may_lack_a_part_of_the_run(runs: Path, tmp_path: Path, call: Said) -> None:
    """Nobody named it for them: what they have of the run's parts is scored."""
    make_run(runs / "a", ["offsets"], parts=("melody", "bass"))
    folder = song_files(tmp_path / "melodies", range(2))
    found = figures_of(call, tmp_path, "a", str(folder))
    assert found["heads"]["offsets"]["targets"] == 12 + 13 - 2


def test_a_run_is_no_different_from_its_copy(runs: Path, tmp_path: Path, call: Said) -> None:
    a_run(runs / "a", "notes", "offsets")
    a_run(runs / "b", "notes", "offsets")
    found = figures_of(call, tmp_path, "a", "--against", "b")
    for head in ("notes", "offsets"):
        gap = found["heads"][head]["against"]["b"]["nats"]
        assert gap == {"difference": 0, "interval": [0, 0], "verdict": "not told apart"}
    assert found["against"] == {"b": {"trained_on": 0, "chosen_on": 0, "complete": True, "refused": {}}}
    assert "notes: no difference from b beyond the noise" in call("a", "--against", "b")[1]


def test_several_runs_are_compared_each_by_its_own_vocabulary(runs: Path, tmp_path: Path, call: Said) -> None:
    own = a_run(runs / "a", "notes", "offsets", inputs="own", output="token")
    whole = a_run(runs / "b", "notes", "offsets", split="none", inputs="own", output="token", seed=3)
    a_run(runs / "c", "notes")
    assert own["notes"].vocabulary != whole["notes"].vocabulary
    found = figures_of(call, tmp_path, "a", "--against", "b", "--against", str(runs / "c"))
    for head, row in found["heads"].items():
        for rival in row["against"].values():
            assert rival["nats"]["difference"] == pytest.approx(row["figures"]["valid"] - rival["figures"]["valid"])
        assert set(row["against"]) == ({"b", str(runs / "c")} if head == "notes" else {"b"})
    assert found["against"]["b"]["trained_on"] == 2
    notes = call("a", "--against", "b", "--against", "c")[2]
    assert "b was trained on 2 of these 2 songs: its figures here are not held out" in notes
    assert "c has no winner of the offsets head" in notes


@pytest.mark.parametrize("options", [{}, {"inputs": "own", "output": "token"}], ids=["spelled", "token"])
def test_the_column_by_a_winners_own_vocabulary_is_its_own(tmp_path: Path, options: dict[str, str]) -> None:
    """Scored as if it were another run's, a winner has the figures that it has."""
    dataset = demo_songs()
    for head in ("notes", "offsets"):
        given = options if head == "notes" else {}
        winner = make_winner(tmp_path / head, head, dataset, **given)
        column = dataset.column(winner.column)
        units = units_of(column.songs()[column.targets(TEST)])
        ours = score_winner(winner, column, TEST, units)
        theirs = score_winner(winner, column_by(winner, column, dataset), TEST, units)
        np.testing.assert_allclose(ours.nats, theirs.nats, rtol=1e-12)
        assert ours.intervals == theirs.intervals
        assert ours.sums["nats"].sum() == pytest.approx(ours.figures["valid"] * len(ours.nats))
        if head == "offsets":
            assert ours.sums["mae"].sum() == pytest.approx(ours.figures["mae"] * len(ours.nats))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nowhere", "no run nowhere"),
        ("coarse", "it is on --grid 12, a on 24: other targets"),
        ("melody", "it is over melody, a over all pitched parts: other targets"),
        ("empty", "nothing to compare (empty has no winner of the durations head"),
        ("notewise", "durations of notewise: of grain note, the run's own of grain event: other targets"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_one_line(runs: Path, call: Said, name: str, message: str) -> None:
    a_run(runs / "a", "durations")
    make_run(runs / "coarse", ["durations"], grid=12)
    make_run(runs / "melody", ["durations"], parts=("melody",))
    make_run(runs / "empty", [])
    run, _ = make_run(runs / "notewise", [])
    make_notewise(run)
    status, _, error = call("a", "--against", name)
    assert status == 2
    assert error.startswith("error:")
    assert message in error
    assert "\n" not in error.strip()


def make_notewise(run: Run) -> Winner:
    """A durations winner that gives each note a length."""
    return make_winner(run.winner("durations"), "durations", demo_songs(), grain="note")


def test_heads_of_other_grain_are_left_out_of_a_comparison(runs: Path, tmp_path: Path, call: Said) -> None:
    a_run(runs / "a", "durations", "offsets")
    a_run(runs / "b", "offsets")
    make_notewise(Run(runs / "b"))
    found = figures_of(call, tmp_path, "a", "--against", "b")
    assert found["heads"]["durations"]["against"] == {}
    assert "b" in found["heads"]["offsets"]["against"]
    assert "grain note" in found["against"]["b"]["refused"]["durations"]


def test_songs_that_the_other_run_saw_are_told(runs: Path, tmp_path: Path, call: Said) -> None:
    """Twelve songs, split anew: what one run tests on, the other may have trained or been chosen on."""
    folder = song_files(tmp_path / "twelve", range(12))
    for name, seed in (("a", 1), ("b", 2), ("c", 3), ("d", 4)):
        dataset = read_dataset(DataOptions((str(folder),), seed=seed))
        run = create_run(runs / name, dataset)
        finished(make_winner(run.winner("offsets"), "offsets", dataset))
    uses = {
        name: _uses(read_dataset(DataOptions((str(folder),), seed=seed)))
        for name, seed in zip("abcd", range(1, 5), strict=True)
    }
    tested = {song for song, use in uses["a"].items() if use == "test"}
    found = figures_of(call, tmp_path, "a", "--against", "b", "--against", "c", "--against", "d")
    for name in "bcd":
        there = [uses[name][song] for song in tested]
        assert found["against"][name]["trained_on"] == there.count("train")
        assert found["against"][name]["chosen_on"] == there.count("valid")
    assert any(found["against"][name]["trained_on"] for name in "bcd")


def test_of_songs_of_choice_those_of_the_runs_own_test_are_held_out(runs: Path, tmp_path: Path, call: Said) -> None:
    folder = song_files(tmp_path / "twelve", range(12))
    dataset = read_dataset(DataOptions((str(folder),)))
    finished(make_winner(create_run(runs / "a", dataset).winner("offsets"), "offsets", dataset))
    paths = {
        use: [song.name for song in dataset.songs if dataset.uses[song.digest] == use] for use in dataset.uses.values()
    }
    assert set(paths) == {"train", "valid", "test"}
    assert "not held out" not in call("a", *paths["test"])[2]
    for use in ("train", "valid"):
        told = (
            f"the run itself learnt from, or was chosen on, {len(paths[use])} of these songs: the figures are not held"
        )
        assert told in call("a", *paths[use], *paths["test"])[2]


def _uses(dataset: Dataset) -> dict[str, str]:
    return {song.digest: use for song, use in zip(dataset.songs, dataset.split.songs, strict=True)}


def test_a_mixture_is_fitted_on_validation_and_changes_nothing(runs: Path, tmp_path: Path, call: Said) -> None:
    winners = a_run(runs / "a", "notes", "offsets")
    before = {head: winner.path.read_bytes() for head, winner in winners.items()}
    found = figures_of(call, tmp_path, "a", "--mix-ngram")
    for head, winner in winners.items():
        column = demo_songs().column(HEADS[head].column)
        row = found["heads"][head]["mix_ngram"]
        ngram, chosen, scored = best_ngram(column, column.targets(VALID), column.targets(TEST))
        own = [
            np.exp(-score(winner.head(), in_order(column, part, winner.framing), winner.mixture).nats.numpy())
            for part in (VALID, TEST)
        ]
        every = np.linspace(0.001, 0.999, 999)
        valid = [-np.log((1 - w) * own[0] + w * np.exp(chosen)).mean() for w in every]
        assert row["weight"] == pytest.approx(every[int(np.argmin(valid))], abs=2e-3)
        mixed = -np.log((1 - row["weight"]) * own[1] + row["weight"] * np.exp(scored))
        assert row["nats"] == pytest.approx(mixed.mean())
        assert (row["order"], row["transposed"], row["fitted_on"]) == (ngram.order, ngram.transposed, "validation")
        assert row["against_winner"]["difference"] == pytest.approx(mixed.mean() + np.log(own[1]).mean())
        assert row["nats_interval"][0] < row["nats"] < row["nats_interval"][1]
        assert winner.path.read_bytes() == before[head]
        assert "mix_ngram" not in figures_of(call, tmp_path, "a")["heads"][head]
    said = call("a", "--mix-ngram")[1]
    assert "winner and n-gram mixed" in said
    assert "(fitted on validation): better than the winner alone by" in said


def test_the_best_ngram_is_the_best_of_all_on_what_it_is_chosen_on() -> None:
    column = demo_songs().column(HEADS["notes"].column)
    ngram, chosen, scored = best_ngram(column, column.targets(VALID), column.targets(TEST))
    rows = baselines(column, VALID, VALID)
    best = [row for name, row in rows.items() if name.startswith("kneser_ney_best")]
    assert -chosen.mean() == pytest.approx(min(row["nats"] for row in best))
    assert ngram.order in {row["order"] for row in best}
    assert len(scored) == len(column.targets(TEST))
    assert ngram.describe().startswith(f"Kneser-Ney {ngram.order}")


def test_mixing_grain_note_is_mixing_whole_events(tmp_path: Path) -> None:
    winner = make_winner(tmp_path / "durations", "durations", demo_songs(), grain="note")
    column = demo_songs().column(winner.column)
    mix = fit_mix(winner, column, column.targets(TEST))
    assert mix.logs.shape == column.targets(TEST).shape
    assert np.isfinite(mix.nats(np.full(len(mix.logs), 5.0))).all()


def test_nothing_held_out_is_said_of_the_mixture_too(runs: Path, call: Said) -> None:
    a_run(runs / "a", "offsets", split="none")
    said = call("a", "--mix-ngram")[1]
    assert "offsets on training songs" in said
    assert "(fitted on training songs)" in said


def test_a_difference_in_words() -> None:
    better = Difference("nats", -0.85, Interval(-0.99, -0.71))
    assert better.sentence("Kneser-Ney best, transposed") == (
        "better than Kneser-Ney best, transposed by 0.850 nats (0.710 to 0.990)"
    )
    worse = Difference("mae", 0.2, Interval(0.1, 0.3), "quarter notes")
    assert worse.sentence("b") == "worse than b by 0.200 quarter notes (0.100 to 0.300)"
    same = Difference("nats", -0.1, Interval(-0.3, 0.1))
    assert same.sentence("b") == "no difference from b beyond the noise: -0.100 nats (-0.300 to +0.100)"
    assert Difference("nats", -0.1, None).sentence("b") == "-0.100 nats against b: too few events to tell"
