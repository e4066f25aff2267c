"""docs/reliability.md out of the JSON under benchmarks/results/reliability/: no number of it is typed by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from benchmarks.pages.kept import FIGURES_LACK, Kept, dated, why
from benchmarks.rows.reliability import FAULTS
from datamodules.errors import UserError

__all__ = ["reliability_page", "table"]

HEAD = """# Reliability

What goes wrong in a long search, provoked for real: processes killed, machines cut off, disks filled. Made by
`python -m benchmarks.reproduce` from what `python -m benchmarks.faults` found, kept as JSON under
`benchmarks/results/reliability/`; `python -m benchmarks.reproduce ROW` provokes a row's faults again. The same faults,
fewer times each, are tests: `tests/search/test_faults.py`, `tests/search/test_machines.py`,
`tests/datamodules/test_hostile_files.py`.

After each search that came to its end, by itself or resumed, it was looked at whether every trial stands in
`trials.csv` once, every epoch of each in `epochs.csv` once and none is missing, the study holds no open trial and has
ended each row once, and the winner is the best that the tables tell. *Lost* counts what was not so. Of searches that
were asked to end it was looked whether a winner and a song are there, and of those that were refused whether trials
had begun.
"""
TAIL = """## How

- What is counted does not hang on the machine's speed; seconds do.
- Epochs are made to last half a second, and trials are not stopped early, so that each epoch of each trial can be
  counted (`benchmarks/faults/slow.py`); all else is a search as any other.
- *driver killed* is the measure of Ray's own tests: 8 trials of 8 such epochs, two at a time. Kills come at random
  moments from the command's start on, half of them with the search's whole process group. *In time* is twice the
  undisturbed time and the starts. *Least*, where trainers are killed by chance, is what the epochs take on two workers
  without starts and kills.
- A machine is a network namespace with an address and a disk of its own, and a node that `ray start` started there with
  a Python that lacks this project (`benchmarks/faults/machines.py`).
- After a loss of power, what the disk had not yet taken is gone. Weights of finished trials, winners and tables are
  written through to the disk; `epochs.csv` is not at every line, and a finished trial whose last second is lacking
  there has its best from the study.
"""


class Row(NamedTuple):
    """A fault in the table."""

    how: str
    times: Callable[[Mapping[str, Any]], str]
    lost: Callable[[Mapping[str, Any]], str]
    time: Callable[[Mapping[str, Any]], str]


def _lost(found: Mapping[str, Any]) -> str:
    lost = found.get("epochs_lost", 0)
    return "; ".join([*found["problems"], *([f"{lost} epochs"] if lost else [])]) or "nothing"


def _seconds(values: list[float]) -> str:
    return f"{min(values):.0f} to {max(values):.0f} s" if values else "-"


def _lines(found: Mapping[str, Any]) -> str:
    """What was said at the end."""
    count, notes = found["lines_of_error"], found.get("notes", 0)
    return f"{count} line{'s' * (count != 1)}" + (", after a note that TensorBoard is left out" if notes else "")


def _killed(found: Mapping[str, Any]) -> str:
    whole = f"in all {found['with_kills_s']:.0f} s, undisturbed {found['undisturbed_s']:.0f} s"
    return f"{found['start_to_first_epoch_s'][0]:.0f} s (a start); {whole} (in time: {found['at_most_s']:.0f} s)"


def _ended(found: Mapping[str, Any]) -> str:
    lacking = [f"no {name}" for name in ("winner", "song") if not found[name]]
    return ", ".join(lacking) or "a winner and a song are there"


def _disk(found: Mapping[str, Any]) -> str:
    bad = [*found["unreadable"], *found["problems_after_resume"], *(["a traceback"] if found["traceback"] else [])]
    return "; ".join(bad) or "nothing"


DRIVER = Row("SIGKILL of the driver", lambda f: str(f["kills"]), _lost, _killed)
TRAINER = Row(
    "SIGKILL of the processes that train",
    lambda f: str(f["kills"]),
    _lost,
    lambda f: (
        _seconds(f["to_go_on_s"]) if f["to_go_on_s"] else f"{f['seconds']:.0f} s in all, least {f['least_s']:.0f} s"
    ),
)
ENDED = Row("", lambda f: "1", _ended, lambda f: f"ended after {f['seconds']:.1f} s, status {f['status']}")
DISK = Row("", lambda f: "1", _disk, lambda f: f"status {f['status']}, {_lines(f)}; then resumed")
FAILED = Row(
    "",
    lambda f: str(f["failures"]),
    lambda f: "; ".join([*f["problems"], *([f"{f['epochs_lost']} epochs"] if f["epochs_lost"] else [])]) or "nothing",
    lambda f: (
        f"the trial is {f['status']}{': ' * bool(f['reason'])}{f['reason']}; the others: {', '.join(f['others'])}"
    ),
)
MACHINE = Row(
    "",
    lambda f: "1",
    _lost,
    lambda f: f"noticed after {f['noticed_after_s']:.0f} s",
)

ROWS: dict[str, Row] = {
    "driver killed": DRIVER,
    "driver killed ten times": DRIVER._replace(how="the same, 16 trials of 12 epochs"),
    "trainers killed": TRAINER._replace(how="SIGKILL of both that train, every 12 s"),
    "trainers killed by chance": TRAINER._replace(how="each with probability 0.03 every 10 s, 20 trials"),
    "exception": FAILED._replace(how="one trial raises an exception in its third epoch, once"),
    "loss not a number": FAILED._replace(how="one trial's weights become NaN, each time; `--max-failures 2`"),
    "out of memory": FAILED._replace(how="one trial takes 8 GB where the search has 4, once; Ray's monitor kills it"),
    "ctrl-c": ENDED._replace(how="SIGINT to all processes of a terminal"),
    "sigterm": ENDED._replace(how="SIGTERM to the driver, as a job scheduler sends it"),
    "time budget": ENDED._replace(how="`--time-budget`"),
    "disk full": DISK._replace(how="the run's file system filled"),
    "run folder read-only": DISK._replace(how="the run's file system remounted read-only"),
    "storage full": DISK._replace(how="the file system of `--storage` filled"),
    "storage gone": DISK._replace(how="the file system of `--storage` unmounted"),
    "machine killed": MACHINE._replace(how="all processes of one of three machines killed"),
    "machine cut off": MACHINE._replace(how="the cable of one of three machines pulled"),
    "machine joins": Row(
        "a second machine starts a node",
        lambda f: "1",
        _lost,
        lambda f: f"trains there after {f['used_after_s']:.0f} s" if f["used"] else "not used",
    ),
    "storage not shared": Row(
        "`--storage` on a disk of the driver's machine",
        lambda f: "1",
        lambda f: f"{f['trials_begun']} trials begun",
        lambda f: f"refused after {f['seconds']:.0f} s, status {f['status']}, {_lines(f)}",
    ),
    "storage not shared, found later": Row(
        "a machine joins that has another disk there",
        lambda f: "1",
        _lost,
        lambda f: f"ended after {f['seconds']:.0f} s, status {f['status']}, {_lines(f)}; then resumed",
    ),
    "ray job": Row(
        "`ray job submit`; a relative --runs is refused first",
        lambda f: "1",
        _lost,
        lambda f: f"status {f['status']}",
    ),
    "mutated files": Row(
        "bytes flipped, cut, doubled, inserted in good MIDI files",
        lambda f: f"{f['files']:,}",
        lambda f: (
            f"{f['tracebacks']} tracebacks; {f['read']:,} read, {sum(f['rejected'].values()):,} left out with a reason"
        ),
        lambda f: f"slowest file {f['slowest_seconds']:.2f} s, growth at most {f['growth_mb']:.0f} MB",
    ),
}


def table(found: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The faults that were provoked."""
    lines = [
        "| fault | how | times | lost, or what was found | until work went on, or how it ended |",
        "|---|---|---|---|---|",
    ]
    for name, row in ROWS.items():
        if name in found and "skipped" not in found[name]:
            lines.append(f"| {' | '.join([name, row.how, *_cells(name, row, found[name])])} |")
    return lines


def _cells(name: str, row: Row, found: Mapping[str, Any]) -> list[str]:
    try:
        return [row.times(found), row.lost(found), row.time(found)]
    except FIGURES_LACK as error:
        told = f"docs/reliability.md: the line of `{name}` cannot be made of its figures: {why(error)}"
        raise UserError(told, status=1) from error


def reliability_page(kept: Kept) -> str:
    """The page, of what is there."""
    found = kept.of_group("reliability")
    missing = [f"`{name}`" for name in FAULTS if name not in found]
    stands = [
        f"- `{name}` ({', '.join(rows[0]['figures'])}): {rows[0]['machine']['cores']} cores"
        f" ({rows[0]['machine']['processor']}), {dated(rows[0])}"
        for name, rows in found.items()
    ]
    told = [f"- not measured yet: {', '.join(missing)}"] if missing else []
    lines = [HEAD, "## What was provoked", "", *table(kept.figures(*FAULTS)), "", "By rows:", "", *stands, *told]
    return "\n".join([*lines, "", TAIL])
