"""What a search says: all that is to be seen, and nothing wider than the terminal."""

from __future__ import annotations

import shlex
from io import StringIO
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from experiments.command_line.cli import COMMAND, _fitted
from experiments.heads import HEADS
from experiments.search.watching.live import SearchView
from experiments.search.watching.look_on import board_line, study_line
from experiments.tables import CONFIRM, TrialRow, TrialTable

BASELINES = {"unigram": 7.252, "KN": 5.107, "KN transposed": 5.57}
LINES = (
    "winner: trial 0, epoch 4: 1 LSTM of 192, BatchNorm in 1 of 2 slots, window 32; /runs/b/notes/winner.safetensors",
    "next: python -m experiments.evaluate /a/path/that/is/long/in/itself/and/longer, or python -m experiments.tune all",
    "W&B runs are offline; to upload them: wandb sync /tmp/a/folder/of/runs/demo/wandb/offline-run-* --project tritone",
    "  left out: 音楽音楽音楽音楽音楽音楽音楽音楽音楽音楽音楽音楽音楽音楽音楽音楽.mid: it is no MIDI file",
    "a line of thirty characters here\nand another one below it, which goes on for longer than forty cells",
    "short",
    "",
)


def made(count: int = 12) -> TrialTable:
    """A search under way, its cells as wide as they get."""
    table = TrialTable(Path("trials.csv"))
    statuses = ("done", "stopped early", "failed", "running")
    config = {**HEADS["notes"].config().to_dict(), "learning_rate": 0.00012345, "hidden": 1024, "window": 128}
    for row in range(100, 100 + count):
        status = statuses[row % 4]
        table.rows[row] = TrialRow(row, status=status, hyperparameters=config, best=5.19 + row / 1e4, epoch=row % 30)
    table.rows[200] = TrialRow(200, CONFIRM, 100, 7, "running", hyperparameters=config, best=4.9, epoch=3)
    return table


def shown(table: TrialTable, width: int) -> list[str]:
    """The lines of the live table at its end."""
    console = Console(file=StringIO(), force_terminal=True, width=width, height=50, color_system=None)
    with SearchView(console, "notes", 64, "nats", BASELINES) as view:
        view.update(table)
    with console.capture() as captured:
        console.print(view.live.renderable if view.live else "")
    return captured.get().splitlines()


@pytest.mark.parametrize("width", [80, 120])
def test_the_live_table_has_it_all_and_fits(width: int) -> None:
    progress, pace, standing, header, *rows = shown(made(), width)
    assert progress == "notes: 9 of 64 trials, 3 running, 3 done, 3 stopped early, 3 failed"
    assert "epochs and" in pace
    assert "trials a minute" in pace
    assert "left" in pace
    assert standing == "best 5.2000 nats (trial 100); unigram 7.252, KN 5.107, KN transposed 5.570"
    assert header.split() == [
        *("trial", "status", "epoch", "best", "hidden", "lstm", "dense", "norm", "drop", "window", "rate")
    ]
    assert len(rows) == 10, "the best eight, and those that run"
    assert all(cell_len(line) <= width for line in (progress, pace, standing, header, *rows))
    assert "…" not in "".join(rows)
    assert rows[0].split()[:3] == ["200", "as", "100"]


def test_without_a_terminal_it_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    with SearchView(Console(width=80, soft_wrap=True), "notes", 64, "nats", BASELINES) as view:
        view.update(made())
    first, line, _ = capsys.readouterr().out.splitlines()
    assert first == "notes: starting workers ..."
    assert line.startswith("notes: 9 of 64 trials, 3 running, 3 done, 3 stopped early, 3 failed; ")
    assert line.endswith("; best 5.2000 nats (trial 100); unigram 7.252, KN 5.107, KN transposed 5.570")


def test_a_search_that_is_over_has_no_time_left(capsys: pytest.CaptureFixture[str]) -> None:
    table = TrialTable(Path("trials.csv"))
    table.rows[0] = TrialRow(0, status="done", best=2.0, epoch=1)
    with SearchView(Console(width=80), "notes", 1, "nats", {}) as view:
        view.update(table)
    said = capsys.readouterr().out
    assert " in all" in said
    assert "left" not in said


@pytest.mark.parametrize("text", LINES)
@pytest.mark.parametrize("width", [40, 80])
def test_a_line_ends_between_words_and_its_commands_stay_whole(text: str, width: int) -> None:
    console = Console(file=StringIO(), force_terminal=True, width=width)
    lines = _fitted(text, console).split("\n")
    assert " ".join(line.strip() for line in lines).split() == text.split()
    commands = [found[0] for found in COMMAND.finditer(text)]
    assert all(any(command in line for line in lines) for command in commands)
    starts = [line for line in lines if not line.startswith("  ")]
    assert [line.split()[:1] for line in starts] == [
        line.split()[:1] for line in text.split("\n") if not line.startswith("  ")
    ]
    for line in lines:
        whole = any(command in line for command in commands) or len(line.split()) == 1
        assert cell_len(line) <= width or whole
    assert _fitted(text, Console(file=StringIO(), width=width)) == text, "files get whole lines"


def test_how_to_look_on_is_a_command_that_can_be_pasted(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Path("/runs/a run's")
    for line, program, path in (
        (study_line(run / "notes" / "study.journal"), "optuna-dashboard", run / "notes" / "study.journal"),
        (board_line(run), "tensorboard", run),
    ):
        command = line.removeprefix("to look on: ").split(" (needs")[0]
        assert [word for word in shlex.split(command) if word != "--logdir"] == [program, str(path)]
    monkeypatch.setattr("experiments.search.watching.look_on.find_spec", lambda _: None)
    assert board_line(run).endswith("(needs tensorboard: pip install tensorboard)")
