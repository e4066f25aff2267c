"""Search hyperparameters for the heads, and keep the winners.

Example: python -m experiments.tune notes my_songs/ --trials 64
"""

from __future__ import annotations

import dataclasses
import math
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import tyro

from datamodules.errors import UserError, did_you_mean
from experiments.command_line.cli import main, parse
from experiments.command_line.common_options import ConfigFile, RunsFolder
from experiments.command_line.option_fields import Section, Switch, worded
from experiments.command_line.song_options import FileMegabytes, FileSeconds, Grid, Held, Parts, Songs, Split
from experiments.data_options import DEFAULT_SPLIT, DataOptions
from experiments.files import place
from experiments.heads import ALL, HEADS, HeadName
from experiments.plugins import check_options
from experiments.searchers import DEFAULT, SEARCHERS, SearcherName
from experiments.tracking.mode import Mode
from experiments.tracking.trackers import TRACKERS

__all__ = ["TuneOptions", "tune"]

CAN_CHANGE = {
    *("trials", "confirm", "time_budget", "max_concurrent", "max_failures"),
    *("cpus_per_trial", "gpus_per_trial", "address", "wandb", "tensorboard", "track", "runs", "quiet"),
}
COUNTED = ("trials", "max_epochs", "patience", "max_concurrent", "max_failures")
MANY = 10**6  # of what is counted: a run may come from a stranger, whose options --resume takes
MOST = {"confirm": 100, "folds": 20} | dict.fromkeys(COUNTED, MANY)


HEAD = tyro.conf.arg(
    metavar="HEAD",
    help_behavior_hint="",
    help=f"the head to search: {', '.join(HEADS)}; or {ALL}, one after another; on --resume all unfinished ones",
)


SEARCHER = tyro.conf.arg(
    metavar="NAME",
    help_behavior_hint="",
    help=f"what draws the trials, of {', '.join(SEARCHERS)} (default: {DEFAULT}, which learns from those before)",
)


@dataclass(frozen=True)
class TuneOptions:
    """Search hyperparameters for the heads, and keep the winners.

    A head is one network, which says one thing of the next event: its notes, its
    duration, its offset (the time since the event before) or its velocity
    (loudness). A search ends with the best network of each, and a song to hear.
    Ctrl-C ends it early, with the best so far.

    Exit status: 0 done, 1 failed, 2 wrong arguments, 130 stopped with nothing kept.

    Example: python -m experiments.tune notes my_songs/ --trials 64
    """

    head: Annotated[tyro.conf.Positional[HeadName | None], HEAD] = None
    songs: Songs = ()
    name: Annotated[str | None, worded("NAME")] = None
    """the run's name (default: date and time); the name of a run over the same songs joins that run"""
    runs: RunsFolder = None
    trials: Annotated[int, tyro.conf.arg(metavar="N"), Section("how much it searches")] = 20
    """how many configurations a head tries"""
    confirm: Annotated[int, tyro.conf.arg(metavar="N")] = 0
    """train the best three configurations N times more, with other seeds; the best mean wins (3 is good; 0: the best
    trial wins)"""
    folds: Annotated[int, tyro.conf.arg(metavar="K")] = 1
    """judge each trial by its mean over K folds of the songs, one network each (for few songs; 1: by the split)"""
    max_epochs: Annotated[int, tyro.conf.arg(metavar="N")] = 40
    """the most epochs that a trial trains; an epoch is at least 50 updates"""
    patience: Annotated[int, tyro.conf.arg(metavar="N")] = 10
    """epochs without a better best after which a trial stops by itself"""
    time_budget: Annotated[float | None, worded("SECONDS")] = None
    """the search ends after this time, in all (default: never)"""
    seed: Annotated[int, tyro.conf.arg(metavar="N")] = DataOptions.seed
    """decides the split, the sampler's draws, the weights and the order of the windows"""
    max_concurrent: Annotated[int | None, worded("N"), Section("on which machines")] = None
    """trials at once (default: as many as the cluster holds); 1 makes a search repeatable"""
    max_failures: Annotated[int, tyro.conf.arg(metavar="N")] = 3
    """how often a trial that fails, or whose worker dies, goes on from its last checkpoint; then it counts as failed"""
    cpus_per_trial: Annotated[float, tyro.conf.arg(metavar="X")] = 1.0
    """CPUs, and so threads, of a trial"""
    gpus_per_trial: Annotated[float | None, worded("X")] = None
    """GPUs of a trial, a share of one too (default: 1, but down to 0.25 where more trials than GPUs train at once)"""
    address: Annotated[str | None, worded("ADDRESS")] = None
    """a Ray cluster (default: $RAY_ADDRESS, else one running here, else a local Ray); local forces that"""
    storage: Annotated[str | None, worded("PATH-OR-URI")] = None
    """where trials keep their weights: a path, or a URI as s3://bucket/folder (default: inside the run)"""
    split: Annotated[Split, Section("songs: held out, and read")] = DEFAULT_SPLIT
    valid: Held = ()
    """songs to validate on, in place of --split"""
    test: Held = ()
    """songs that only `evaluate` scores"""
    parts: Parts = None
    grid: Grid = DataOptions.grid
    file_seconds: FileSeconds = DataOptions.file_seconds
    file_megabytes: FileMegabytes = DataOptions.file_megabytes
    set: Annotated[tuple[str, ...], worded("NAME=VALUE"), tyro.conf.UseAppendAction, Section("what is searched")] = ()
    """fix a hyperparameter, as hidden=64 (repeatable; a wrong name lists them all)"""
    space: Annotated[str | None, worded("FILE.py:FUNCTION")] = None
    """a search space of your own: trial -> hyperparameters (default: the head's)"""
    searcher: Annotated[SearcherName, SEARCHER] = DEFAULT
    preset: Annotated[str | None, worded("NAME")] = None
    """fix the hyperparameters of a preset; there is: original (the first version's design)"""
    init: Annotated[str | None, worded("RUN")] = None
    """go on from the winners of another run: its weights and architecture, on these songs (default: fresh weights)"""
    warm_start: Annotated[str | None, worded("RUN")] = None
    """begin with what another run's search found: its trials, or, over other songs, its best few configurations"""
    metric: Literal["nats", "mae", "macro"] = "nats"
    """what is minimised: nats per event, MAE (not of notes; their nats), or nats averaged over classes"""
    wandb: Annotated[Mode, Section("tracking, resuming, files of options")] = "auto"
    """Weights & Biases: auto is online with a key, else offline"""
    tensorboard: bool = True
    """an event file a trial, for `tensorboard --logdir RUN`, while the search runs too"""
    track: Annotated[tuple[str, ...], worded("NAME"), tyro.conf.UseAppendAction] = ()
    """a tracker of an installed package (docs/extending.md), beside these (repeatable)"""
    resume: Annotated[str | None, worded("RUN")] = None
    """go on with a run: its options are taken from it, and a larger --trials or --confirm extends it"""
    config: ConfigFile = None
    quiet: Switch = False
    """say nothing but what is wrong"""

    def __post_init__(self) -> None:
        counts = ("trials", "max_epochs", "patience", "max_concurrent", "folds")
        for low, names in ((1, counts), (0, ("time_budget", "seed", "confirm", "max_failures"))):
            for name in names:
                value = getattr(self, name)
                if value is not None and value < low:
                    raise UserError(f"--{name.replace('_', '-')} {value}: must be at least {low}")
        for name, most in MOST.items():
            if (getattr(self, name) or 0) > most:
                raise UserError(f"--{name.replace('_', '-')} {getattr(self, name)}: must be at most {most}")
        if self.seed >= 2**32:
            raise UserError(f"--seed {self.seed}: must be below 2 to the power of 32")
        for name in ("time_budget", "cpus_per_trial", "gpus_per_trial"):
            if not math.isfinite(getattr(self, name) or 0):
                raise UserError(f"--{name.replace('_', '-')} {getattr(self, name)}: must be a finite number")
        if self.name is not None and (len(self.name) > 200 or self.name in (".", "..") or set(self.name) & set("/\\")):
            raise UserError(f"--name {self.name}: must be the name of a folder, of at most 200 characters")
        for name in self.track:
            if name not in TRACKERS:
                raise UserError(f"--track {name}: there is {', '.join(TRACKERS)}{did_you_mean(name, TRACKERS)}")
        if self.cpus_per_trial <= 0 or (self.gpus_per_trial or 0) < 0:
            raise UserError("--cpus-per-trial must be above 0, and --gpus-per-trial at least 0")


def tune(options: TuneOptions, arguments: Sequence[str]) -> None:
    """The command: each head's search in turn, then a song to hear."""
    from experiments.search.one_head import HeadPlan
    from experiments.search.opening import open_session, resume_plans
    from experiments.search.session import run_session

    began = time.monotonic()
    if options.resume is None:
        if options.head is None:
            first, *others = (*HEADS, ALL)
            raise UserError(f"which head? python -m experiments.tune {first} (or {', '.join(others)})")
        run, dataset, plans = open_session(options)
    else:
        if options.config is not None:
            raise UserError("--config: a run has its own options; give what changes on the command line")
        run, stored = resume_plans(options.resume, options.runs, options.head)
        alone = len(stored) == 1
        plans = [
            HeadPlan(HEADS[head], _merged(head, before, arguments, alone=alone)) for head, before in stored.items()
        ]
        dataset = run.dataset()
    run_session(run, dataset, plans, began=began)


def _merged(head: str, before: dict[str, Any], arguments: Sequence[str], *, alone: bool = True) -> TuneOptions:
    """A head's options of before, with those that the command line gives again.

    Args:
        alone: whether they are given for this head only.

    Raises:
        UserError: it gives one that cannot change any more.
    """
    fields = get_type_hints(TuneOptions)
    check_options(before)
    try:
        stored = TuneOptions(**{name: _option(fields[name], value) for name, value in before.items() if name in fields})
    except (TypeError, UserError) as error:
        raise UserError(f"run.json is damaged: the options of {head} cannot be read ({error})") from error
    # A run may come from a stranger: what it names is never executed, its cluster never connected to, and nothing is
    # written outside of it.
    where = stored.storage
    stored = dataclasses.replace(stored, space=None, address=None, storage=None)
    given = parse(TuneOptions, arguments, prog="tune", default=dataclasses.replace(stored, head=head))
    if before.get("space") and given.space is None:
        raise UserError(f"{head} was searched in a --space of your own: give it again, as --space {before['space']}")
    if where and given.storage is None:
        raise UserError(f"{head} keeps its weights in a --storage of your own: give it again, as --storage {where}")
    if given.storage is not None and (not where or place(given.storage) != where):
        raise UserError(
            f"--storage cannot change on --resume: the weights of {head} are where they were{_apart('storage')}"
        )
    if given.space is not None and not before.get("space"):
        raise UserError(f"--space cannot change on --resume: {head} was searched in its own space{_apart('space')}")
    if given.set != stored.set:
        given = _with_settings(head, given, stored, alone=alone)
    for name in sorted(fields):
        changed = getattr(given, name) != getattr(stored, name)
        if changed and name not in CAN_CHANGE | {"resume", "head", "space", "storage"}:
            raise UserError(f"--{name.replace('_', '-')} cannot change on --resume: start a new run for that")
    return given


def _with_settings(head: str, given: TuneOptions, stored: TuneOptions, *, alone: bool) -> TuneOptions:
    """The options, with the settings of before, if those behind them, which are given again, fix nothing else."""
    from experiments.search.study.hyperparameters import fixed, settings_of

    spec = HEADS[head]
    settings = given.set if alone else settings_of(spec, given.set)
    same = fixed(spec, None, settings) == fixed(spec, None, stored.set)
    return dataclasses.replace(given, set=stored.set) if same else given


def _apart(name: str) -> str:
    """What to do where an option is for one head of several."""
    return f"; if the --{name} is that of another head, name that one: tune HEAD --resume RUN --{name} ..."


def _option(kind: Any, value: Any) -> Any:
    """A value of run.json as the option that it was.

    Raises:
        TypeError: it is of another type; the file may come from a stranger.
    """
    kinds = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
    if value is None and NoneType in kinds:
        return None
    kind = next(one for one in kinds if one is not NoneType)
    if get_origin(kind) is Literal:
        if value not in get_args(kind):
            raise TypeError(f"{value!r} is no choice")
        return value
    if get_origin(kind) is tuple:
        if not (isinstance(value, list) and all(isinstance(item, str) for item in value)):
            raise TypeError(f"{value!r} is no list of texts")
        return tuple(map(get_args(kind)[0], value))
    wanted: tuple[type, ...] = {float: (int, float), int: (int,), bool: (bool,)}.get(kind, (str,))
    if not isinstance(value, wanted) or isinstance(value, bool) != (kind is bool):
        raise TypeError(f"{value!r} is no {wanted[-1].__name__}")
    if kind is float and isinstance(value, int) and abs(value) > sys.float_info.max:
        raise TypeError("a number is too large")
    return Path(str(value)) if kind is Path else value


if __name__ == "__main__":
    sys.exit(main(TuneOptions, tune, prog="tune"))
