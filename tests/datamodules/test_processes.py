"""Processes that die: what they were at is told, the others go on at full width, and none outlives its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from datamodules.corpus import workers as song_workers
from datamodules.corpus.processes import answers, each

WORKERS, TASKS, DEADLY = 2, 40, (3, 17, 18)


def _work(task: int) -> int:
    """Runs in a worker, which imports this module for it."""
    if task in DEADLY:
        os._exit(9)
    return -task


def test_each_task_is_answered_once_and_those_that_kill_are_told() -> None:
    sizes: list[int] = []

    def pool(workers: int) -> ProcessPoolExecutor:
        sizes.append(workers)
        return ProcessPoolExecutor(workers, song_workers._context())

    alone: Counter[bool] = Counter()
    found: dict[int, int | None] = {}
    for task, answer in each(pool, _work, range(TASKS), WORKERS):
        assert task not in found
        found[task] = answer
        alone[sizes[-1] == 1] += 1
    assert found == {task: None if task in DEADLY else -task for task in range(TASKS)}
    assert alone[True] <= 2 * WORKERS * len(DEADLY), "one at a time are done only those that were at hand"
    assert alone[False] >= TASKS - 2 * WORKERS * len(DEADLY)


def test_those_that_have_no_answer_were_at_hand_when_a_process_died() -> None:
    found = dict(answers(lambda workers: ProcessPoolExecutor(workers, song_workers._context()), _work, range(20), 1))
    assert all(answer == -task for task, answer in found.items())
    missing = set(range(20)) - set(found)
    assert set(DEADLY) <= missing
    assert len(missing) <= 2 * len(DEADLY)


PARENT = """
import os, time
from concurrent.futures import ProcessPoolExecutor
from datamodules.corpus import music21_songs, workers
from datamodules.midi.raw_bytes import Limits

if __name__ == "__main__":
    pool = {pool}
    print(pool.submit(os.getpid).result(), flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("pool", ["workers._pool(Limits(), 1)", "music21_songs._pool(1)"])
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_a_worker_ends_with_its_parent_however_that_ends(pool: str, end: signal.Signals, tmp_path: Path) -> None:
    (tmp_path / "parent.py").write_text(PARENT.format(pool=pool))
    path = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, str(tmp_path / "parent.py")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": path}) as parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        assert _runs(worker)
        parent.send_signal(end)
    until = time.monotonic() + 30
    while _runs(worker) and time.monotonic() < until:
        time.sleep(0.05)
    assert not _runs(worker)


def _runs(process: int) -> bool:
    """Whether it is there, and no mere entry of one that has ended."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
