"""Figures that are set against each other: both clocks stop at the same work, and what is told of them is so."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks.pages.performance import aims
from benchmarks.speed import memory, ray_pattern, share, sleeping
from benchmarks.speed.bare_loop import Bare, Loop
from benchmarks.speed.command import Search, Timed
from benchmarks.speed.time_to_loss import REFERENCE, WAYS, songs_of, told

TIMED = Timed(Path("run"), began=10.0, won=30.0, ended=40.0)


class Clock:
    """Seconds that pass where something is said to take them."""

    def __init__(self) -> None:
        self.now = 0.0

    def read(self) -> float:
        """The time."""
        return self.now

    def taking(self, seconds: float, result: Any = None) -> Callable[..., Any]:
        """Something that takes so long."""

        def work(*_: object, **__: object) -> Any:
            self.now += seconds
            return result

        return work


def _rows(*epochs: int) -> list[Any]:
    return [
        SimpleNamespace(row=n, epoch=e, updates=50 * e, seconds=1.0 * e, status="done") for n, e in enumerate(epochs)
    ]


def test_a_search_lasts_until_its_command_ends() -> None:
    assert (TIMED.to_winner, TIMED.to_end) == (20, 30)
    found = ray_pattern.figures(TIMED, _rows(4, 6), 60.0, [5, 5], workers=2)
    assert found["ratio_to_end"] == found["ratio_of_epochs_to_end"] == 2
    assert (found["seconds_to_end"], found["pattern_seconds_to_end"]) == (30, 60)


def test_the_share_of_a_bare_loop_is_of_the_whole_search(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(share, "reports", lambda run: {0: [{"valid": 1.0}]})
    found = share.figures(TIMED, _rows(4), Bare((Loop(200, (1.0,), (1.0,)),), (30.0,)), Search(1, 4, workers=2))
    assert found["share_to_end"] == 30 / (2 * 30)
    assert found["share_to_end"] == pytest.approx(found["bare_in_trials"] * found["trials_in_search_to_end"])
    assert found["share_to_end"] < found["share_to_winner"]


def test_the_pattern_lasts_until_its_ray_has_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    clock = Clock()
    results = [SimpleNamespace(metrics={"training_iteration": 3})]
    fitted = type("Results", (list,), {"errors": [], "get_best_result": clock.taking(2)})(results)
    monkeypatch.setattr(ray_pattern.time, "monotonic", clock.read)
    monkeypatch.setattr(ray_pattern, "Run", lambda run: SimpleNamespace(dataset=lambda: SimpleNamespace(column=str)))
    monkeypatch.setattr(ray_pattern, "tuner", lambda *_: SimpleNamespace(fit=clock.taking(50, fitted)))
    monkeypatch.setattr(ray_pattern.ray, "init", clock.taking(100))
    monkeypatch.setattr(ray_pattern.ray, "shutdown", clock.taking(8))
    assert ray_pattern.pattern(Search(1, 3), TIMED, 50, tmp_path) == (60, [3])


def test_our_sleeping_trials_last_until_wandb_is_closed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    clock = Clock()

    @contextmanager
    def tracking(*_: object) -> Iterator[None]:
        yield
        clock.now += 4

    table = SimpleNamespace(count=lambda status: 5)
    monkeypatch.setattr(sleeping.time, "perf_counter", clock.read)
    monkeypatch.setattr("experiments.tracking.wandb_runs.Tracking", tracking)
    monkeypatch.setattr("experiments.search.search.run_search", clock.taking(6, SimpleNamespace(table=table)))
    assert sleeping.ours(tmp_path, 5) == 10


def test_what_sleeps_imports_nothing_that_only_a_benchmark_needs() -> None:
    program = "import sys, benchmarks.speed.sleeper; sys.exit('tyro' in sys.modules or 'rich' in sys.modules)"
    assert sleeping.sleep.__module__ == "benchmarks.speed.sleeper"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


def test_a_reference_that_goes_on_after_its_best_makes_nothing_faster() -> None:
    of = {(REFERENCE, 1): [(10.0, 2.0), (60.0, 1.0), (120.0, 1.0)]}
    of |= {(way, 1): [(3.0, 2.0), (6.0, 0.9)] for way in WAYS}
    found = told(of, seeds=1)
    assert found[f"seconds of {REFERENCE} to that loss"] == 60
    assert found[f"time of half a window to that loss / {REFERENCE}"] == 0.1


def test_chorales_are_validated_on_their_own_part(tmp_path: Path) -> None:
    assert songs_of(tmp_path)[1] == "--split auto"
    for part in ("train", "valid"):
        (tmp_path / part).mkdir()
    options, split = songs_of(tmp_path)
    assert (options.songs, options.valid) == ((str(tmp_path / "train"),), (str(tmp_path / "valid"),))
    assert "valid" in split


def test_a_figure_is_not_rounded_into_its_aim() -> None:
    lines = aims({"bookkeeping": {"figures": {"ratio": 1.031, "ratio_to_end": 1.0501}}})
    end, winner = (next(line for line in lines if part in line) for part in ("command's end", "to the winner"))
    assert end.endswith("| 1.0501 | 1.05 or less | **no** |")
    assert winner.endswith("| 1.03 | 1.05 or less | yes |")


def test_a_figure_that_a_row_does_not_tell_yet_meets_no_aim() -> None:
    (line,) = (line for line in aims({"lightning_epoch": {"figures": {}}}) if "Lightning" in line)
    assert line.endswith("| not measured so yet | 1.15 or less |  |")


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_memory_is_what_a_process_held_at_its_most() -> None:
    program = "held = bytearray(100_000_000); del held; print(flush=True); input()"
    found = memory.Peaks()
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        found.look(process.pid)
        process.kill()
    found.look(process.pid)  # gone: what it held stays
    assert found.resident[process.pid] > 100 > found.alone[process.pid]


def test_what_lies_beyond_imports_is_measured_alike_on_both_sides() -> None:
    """Not as shares of pages, of which a worker among others has fewer than a process that is alone."""
    base = memory.Peaks({1: 500.0}, {1: 450.0})
    found = memory.figures(["s"], base, memory.Peaks({2: 600.0, 3: 700.0}, {2: 300.0, 3: 350.0}))
    assert found["worker_peak_resident_mb"] == 700
    assert found["beyond_imports_resident_mb"] == 200
    assert found["worker_peak_of_its_own_pages_mb"] == 350
