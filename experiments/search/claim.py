"""Whose a head's search is: its options stand in run.json, written and looked at again under the head's lock.

Several drivers may be at work on one run, each on another head. Who comes to a head second is told so: two searches
of other options never mix in one study.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datamodules.corpus.finding import absolute
from experiments.command_line.cli import note
from experiments.command_line.config_file import as_toml
from experiments.figures import metric_name
from experiments.files import TakenError, locked, place, write_text
from experiments.run_folder import Run, resume_command

if TYPE_CHECKING:
    from experiments.search.one_head import HeadPlan
    from experiments.tune import TuneOptions

__all__ = ["check_ours", "claim", "holding", "stored"]


def holding(run: Run, head: str) -> AbstractContextManager[None]:
    """Held while a head is searched, and while its options are written.

    Raises:
        TakenError: another driver holds it.
    """
    folder = run.head(head)
    return locked(folder / "lock", f"{folder}: another search of this head is running; wait for it or stop it first")


def claim(run: Run, plan: HeadPlan, init: Mapping[str, str], before: Mapping[str, Any]) -> None:
    """Write a head's options into run.json, which --resume goes on by, and into a file that would repeat its search.

    Args:
        init: the digest of the winner that it begins from, as run.json has it; none if there is no such winner.
        before: what run.json had of the head when this session was opened; {} for nothing.

    Raises:
        TakenError: another driver is at the head, or has been since.
    """
    head = plan.spec.name
    with holding(run, head):
        if _begun(run, plan) or (plan.options.resume is not None and run.noted(head) != before):
            raise TakenError(_taken(run, head))
        run.note_head(head, {**stored(plan.options), **init})
        _note_config(run, plan)


def check_ours(run: Run, plan: HeadPlan) -> None:
    """Refuse to search a head that another driver was at since `claim`; its lock is held.

    Raises:
        TakenError: it has begun its search, or has options of its own.
    """
    if _begun(run, plan) or not stored(plan.options).items() <= run.noted(plan.spec.name).items():
        raise TakenError(_taken(run, plan.spec.name))


def _begun(run: Run, plan: HeadPlan) -> bool:
    """Whether there are trials already where this session means to begin anew."""
    return plan.options.resume is None and (run.head(plan.spec.name) / "study.journal").exists()


def _taken(run: Run, head: str) -> str:
    return (
        f"{run.head(head)}: another command has begun to search this head meanwhile;"
        f" `{resume_command(run.path)}` goes on with its search"
    )


def stored(options: TuneOptions) -> dict[str, Any]:
    """The options as run.json keeps them: plain data, from which `--resume` makes equal ones."""

    def plain(value: Any) -> Any:
        if isinstance(value, Path):
            return absolute(value)
        return [plain(item) for item in value] if isinstance(value, tuple) else value

    whole = {field.name: plain(getattr(options, field.name)) for field in dataclasses.fields(options)}
    of_this_call = {"resume": None, "config": None, "quiet": False}
    return whole | of_this_call | {"storage": options.storage and place(options.storage)}


def _note_config(run: Run, plan: HeadPlan) -> None:
    """Write the file that would repeat a head's search alone, in a run of another name."""
    head, path = plan.spec.name, run.head(plan.spec.name) / "tune.toml"
    alone: dict[str, Any] = {"head": head, "metric": metric_name(head, plan.options.metric)}
    told = as_toml(dataclasses.replace(plan.options, **alone), without=("name", "runs", "resume", "config", "quiet"))
    try:
        told.encode()
    except UnicodeEncodeError:  # a path can be bytes that are no text; TOML cannot
        path.unlink(missing_ok=True)
        note(f"{head}: {path.name} is not written: the name of a file among its options is no UTF-8, as TOML must be")
        return
    command = "python -m experiments.tune --config FILE --name NAME"
    write_text(path, f"# again: {command}\n{told}")
