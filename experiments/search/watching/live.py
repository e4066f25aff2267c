"""What a search shows while it runs: one live table in a terminal, or a line now and then where there is none."""

from __future__ import annotations

import time
from collections.abc import Mapping, Set
from types import TracebackType
from typing import Any, Self

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from experiments.tables import CONFIRM, FINAL, FINISHED, SEARCH, TrialRow, TrialTable

__all__ = ["SearchView"]

WIDE = 100  # columns of a terminal from which the table has more air; it fits into 80
SHOWN = 8  # trials in the table: the best ones and those that run
LINE_EVERY = 10.0  # seconds between two lines without a terminal
BUILD_EVERY = 0.5  # seconds between two tables in one
PLAIN = ("hidden", "lstm_layers", "dense_layers", "batchnorm_layers", "dropout_layers", "window", "learning_rate")
REPEATING = {CONFIRM: "confirming", FINAL: "training the winner"}  # what comes after the search
SHORT = {"lstm_layers": "lstm", "dense_layers": "dense", "batchnorm_layers": "norm", "dropout_layers": "drop"}


class SearchView:
    """Progress of one search; a context manager.

    Args:
        head: its name.
        trials: how many there will be.
        metric: what `best` is the least of, with its unit.
        baselines: name -> value of the same figure, for comparison.
        deadline: of `time.monotonic`, or None.
    """

    def __init__(
        self,
        console: Console,
        head: str,
        trials: int,
        metric: str,
        baselines: Mapping[str, float],
        deadline: float | None = None,
    ) -> None:
        self.console, self.head, self.trials, self.metric = console, head, trials, metric
        self.baselines, self.deadline = dict(baselines), deadline
        self.began = time.monotonic()
        self.before: int | None = None  # trials and epochs that an earlier driver had done
        self.epochs_before = 0
        self.kind, self.repeats = "", frozenset[int]()  # what is repeated after the search, and its rows
        self.line_at = 0.0
        self.last: TrialTable | None = None
        self.live = (
            Live(console=console, refresh_per_second=1 / BUILD_EVERY, transient=False) if console.is_terminal else None
        )

    def __enter__(self) -> Self:
        if self.live:
            self.live.start()
            self.live.update(Text(f"{self.head}: starting workers ..."))
        else:
            self.console.print(f"{self.head}: starting workers ...")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.live:
            if self.last is not None:
                self._build(self.last)
            self.live.stop()
        elif self.last is not None and kind is None:
            self._print_line(self.last)

    def repeating(self, kind: str, rows: Set[int]) -> None:
        """From here on these rows are counted, which repeat some of the search's."""
        if not self.live and self.last is not None:
            self._print_line(self.last)
        self.kind, self.repeats, self.before, self.line_at = kind, frozenset(rows), None, 0.0
        self.began = time.monotonic()

    def update(self, table: TrialTable) -> None:
        """Show the state of the search."""
        self.last = table
        if self.before is None:
            self.before, self.epochs_before = self._done(table), self._epochs(table)
        now = time.monotonic()
        if now - self.line_at > (BUILD_EVERY if self.live else LINE_EVERY):
            self.line_at = now
            self._build(table) if self.live else self._print_line(table)

    def _build(self, table: TrialTable) -> None:
        assert self.live is not None
        parts = (self._progress(table), self._pace(table), self._standing(table), self._trials(table))
        self.live.update(Group(*parts))

    def _print_line(self, table: TrialTable) -> None:
        parts = (self._progress(table), self._pace(table), self._standing(table))
        self.console.print(Text("; ").join(part for part in parts if part))

    def _progress(self, table: TrialTable) -> Text:
        what, unit = (f"{REPEATING[self.kind]}: ", "") if self.kind else ("", " trials")
        text = Text(f"{self.head}: {what}{self._done(table)} of {self._total}{unit}")
        statuses = [row.status for row in self._counted(table)]
        for status in ("running", "done", "stopped early", "failed"):
            if count := statuses.count(status):
                text.append(f", {count} {status}", style="red" if status == "failed" else "")
        return text

    def _pace(self, table: TrialTable) -> Text:
        seconds = max(time.monotonic() - self.began, 1e-9)
        epochs, trials = self._epochs(table) - self.epochs_before, self._done(table) - (self.before or 0)
        text = Text(f"{60 * epochs / seconds:.0f} epochs and {60 * trials / seconds:.1f} trials a minute, ")
        return text.append(
            f"{_clock(seconds)} in all" if self._done(table) >= self._total else self._left(table, seconds)
        )

    def _standing(self, table: TrialTable) -> Text:
        best, text = table.best(), Text()
        if best is not None:
            text.append(f"best {best.best:.4f} {self.metric} (trial {best.row})", style="bold green")
        against = [f"{name} {value:.3f}" for name, value in self.baselines.items()]
        return text.append(("; " if best is not None and against else "") + ", ".join(against), style="dim")

    def _left(self, table: TrialTable, seconds: float) -> str:
        done = self._done(table) - (self.before or 0)
        left = self._total - self._done(table)
        guess = left * seconds / done if done else None
        if self.deadline is not None:
            to_deadline = max(self.deadline - time.monotonic(), 0.0)
            guess = to_deadline if guess is None else min(guess, to_deadline)
        return "time left unknown yet" if guess is None else f"about {_clock(guess)} left"

    @property
    def _total(self) -> int:
        return len(self.repeats) if self.kind else self.trials

    def _counted(self, table: TrialTable) -> list[TrialRow]:
        """The rows that progress is the progress of."""
        return table.of_kind(SEARCH) if not self.kind else [table.rows[row] for row in sorted(self.repeats)]

    def _done(self, table: TrialTable) -> int:
        return sum(row.status in FINISHED for row in self._counted(table))

    @staticmethod
    def _epochs(table: TrialTable) -> int:
        return sum(row.epoch for row in table.rows.values())

    def _trials(self, table: TrialTable) -> Table:
        # a final training is on another split than the search over folds, and not to be ranked with it
        rows = sorted(table.rows.values(), key=lambda row: (row.kind == FINAL, row.best, row.row))
        shown = rows[:SHOWN]
        shown += [row for row in rows[SHOWN:] if row.status == "running"]
        names = [name for name in PLAIN if any(name in row.hyperparameters for row in shown)]
        gap = 2 if self.console.width >= WIDE else 1
        view = Table(box=None, padding=(0, gap, 0, 0), pad_edge=False, header_style="dim")
        for name in ("trial", "status", "epoch", "best"):
            view.add_column(name, justify="left" if name == "status" else "right", no_wrap=True)
        for name in names:
            view.add_column(SHORT.get(name, name.replace("learning_rate", "rate")), justify="right", no_wrap=True)
        for row in shown:
            view.add_row(*_cells(row, names), style="bold green" if row is shown[0] and row.epoch else "")
        return view


def _cells(row: TrialRow, names: list[str]) -> list[str]:
    def show(value: Any) -> str:
        return f"{value:.2g}" if isinstance(value, float) else str(value)

    best = f"{row.best:.4f}" if row.epoch else "-"
    return [
        str(row.row) if row.of is None else f"{row.row} as {row.of}",
        row.status,
        str(row.epoch),
        best,
        *(show(row.hyperparameters.get(name, "")) for name in names),
    ]


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
