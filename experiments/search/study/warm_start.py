"""A new search that begins with what an earlier one found out, over the same songs or others.

Over the same songs, with the same figure to be least, the earlier trials go into the study as they are, as far as the
new space can draw them: the sampler learns from them, and they are not run again. Over other songs their figures say
nothing, so the best few of them are only tried first.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optuna
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FixedTrial, FrozenTrial, TrialState

from datamodules.errors import UserError
from experiments.figures import metric_name
from experiments.heads import HEADS
from experiments.run_folder import Run, open_run
from experiments.search.plan import Warm
from experiments.search.study.hyperparameters import fixed
from experiments.search.study.optuna_study import LARGEST
from search_spaces import Space

if TYPE_CHECKING:
    from experiments.tune import TuneOptions

__all__ = ["BEST", "check_warm", "warm_of", "warm_start"]

BEST = 5  # configurations of an earlier search over other songs that are tried first
ORIGIN = "warm_start"  # the attribute of a trial that is another search's

JUDGED_BY = ("folds", "max_epochs", "init")  # options beside the metric without which figures cannot be compared


def check_warm(name: str, runs: Path | None, head: str, space: Space) -> str:
    """The path of an earlier run that a search of the head can begin with.

    Raises:
        UserError: there is no such run, or nothing in it that the space could draw.
    """
    earlier = _earlier(name, runs, head)
    _fitting(earlier.head(head) / "study.journal", head, space)
    return str(earlier.path)


def _earlier(name: str, runs: Path | None, head: str) -> Run:
    """The run that --warm-start names.

    Raises:
        UserError: there is no such run, or it has not searched the head.
    """
    run = open_run(name, runs)
    if head not in run.facts["heads"]:
        raise UserError(f"--warm-start {name}: that run has not searched {head}")
    return run


def warm_of(options: TuneOptions, head: str, run: Run) -> Warm | None:
    """What a search begins with: figures count if songs, split, parts, grid and what trials are judged by are its own.

    So must be the grain: nats of single notes are none of events.

    Raises:
        UserError: there is no such run, or it has not searched the head.
    """
    if options.warm_start is None:
        return None
    earlier = _earlier(options.warm_start, options.runs, head)
    stored = earlier.facts["heads"][head]
    alike = all(stored.get(name) == getattr(options, name) for name in JUDGED_BY)
    alike = alike and metric_name(head, stored.get("metric", "")) == metric_name(head, options.metric)
    # with one --init for both, its winner has given both its grain
    alike = alike and (options.init is not None or _grain(head, stored) == _grain(head, vars(options)))
    return Warm(earlier.head(head) / "study.journal", alike and earlier.facts["songs"] == run.facts["songs"])


def _grain(head: str, options: Mapping[str, Any]) -> str | None:
    """Of the values that a search's options make its head predict; None if they cannot be read, as a stranger's may."""
    try:
        held = fixed(HEADS[head], options.get("preset"), options.get("set") or ())
        return HEADS[head].column_for(held).grain
    except (UserError, TypeError, AttributeError):
        return None


def warm_start(study: optuna.Study, space: Space, journal: Path, *, comparable: bool) -> str:
    """Put an earlier study's trials into one that has none yet.

    Args:
        journal: of the earlier study, of a head of the same name.
        comparable: whether its figures can be compared with those to come.

    Returns:
        What was done, in words.

    Raises:
        UserError: the earlier study cannot be read, or holds nothing that the space can draw.
    """
    known, others = _fitting(journal, study.study_name, space)
    left = f"; {others} that this search cannot draw are left out" if others else ""
    if comparable:
        study.add_trials([_known(trial, value) for trial, value in known])
        return f"the study begins with {len(known)} trials of {journal.parent}{left}"
    for trial, _ in sorted(known, key=lambda pair: pair[1]):
        if len(study.get_trials(deepcopy=False)) < BEST:
            study.enqueue_trial(trial.params, user_attrs={ORIGIN: True}, skip_if_exists=True)
    tried = len(study.get_trials(deepcopy=False))
    told = f"the best {tried} trials of {journal.parent}, whose songs, metric or grain are others, are tried first"
    return f"{told}{left}"


def _fitting(journal: Path, head: str, space: Space) -> tuple[list[tuple[FixedTrial, float]], int]:
    """The finished trials of an earlier study as a new space draws them, with their values; how many it cannot draw.

    Raises:
        UserError: the earlier study cannot be read, or holds nothing that the space can draw.
    """
    finished = _finished(journal, head)
    found = [fitted for trial in finished if (fitted := _fitted(trial, space)) is not None]
    if not found:
        raise UserError(f"--warm-start: {journal} has no finished trial that this search could draw")
    return found, len(finished) - len(found)


def _finished(journal: Path, head: str) -> list[FrozenTrial]:
    """The finished trials of a study; it may come from a stranger."""
    if not journal.is_file():
        raise UserError(f"--warm-start: there is no {journal}")
    if journal.stat().st_size > LARGEST:
        raise UserError(f"--warm-start: {journal} is damaged: larger than {LARGEST:,} bytes")
    try:
        storage = optuna.storages.JournalStorage(JournalFileBackend(str(journal)))
        study = optuna.load_study(study_name=head, storage=storage)
        trials = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        return [trial for trial in trials if trial.value is not None and math.isfinite(trial.value)]
    except Exception as error:  # Optuna expects no damage: it can raise anything in there
        raise UserError(f"--warm-start: {journal} is damaged ({type(error).__name__}: {error})") from error


def _fitted(trial: FrozenTrial, space: Space) -> tuple[FixedTrial, float] | None:
    """The trial as the new space draws it, and its value; None if it cannot."""
    fixed = FixedTrial(dict(trial.params))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # Optuna warns of a value outside of its range
            space(fixed)
    except (ValueError, TypeError, KeyError, IndexError, OverflowError, UserWarning):  # no value, or out of its range
        return None
    return fixed, float(trial.value or 0.0)


def _known(trial: FixedTrial, value: float) -> FrozenTrial:
    distributions: Mapping[str, Any] = trial.distributions
    return optuna.trial.create_trial(
        params=trial.params, distributions=dict(distributions), value=value, user_attrs={ORIGIN: True}
    )
