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
from optuna.trial import FrozenTrial, TrialState

from datamodules.errors import UserError
from experiments.heads import HEADS
from experiments.run_folder import Run, open_run
from experiments.search.plan import Warm
from experiments.search.study.hyperparameters import fixed
from experiments.search.study.optuna_study import LARGEST
from search_spaces import Space

if TYPE_CHECKING:
    from experiments.tune import TuneOptions

__all__ = ["BEST", "earlier_run", "warm_of", "warm_start"]

BEST = 5  # configurations of an earlier search over other songs that are tried first
ORIGIN = "warm_start"  # the attribute of a trial that is another search's

JUDGED_BY = ("metric", "folds", "max_epochs", "init")  # options without which two figures cannot be compared


def earlier_run(options: TuneOptions, head: str) -> Run | None:
    """The run that --warm-start names; None without the option.

    Raises:
        UserError: there is no such run, or it has not searched the head.
    """
    if options.warm_start is None:
        return None
    run = open_run(options.warm_start, options.runs)
    if head not in run.facts["heads"]:
        raise UserError(f"--warm-start {options.warm_start}: that run has not searched {head}")
    return run


def warm_of(options: TuneOptions, head: str, run: Run) -> Warm | None:
    """What a search begins with: figures count if songs, split, parts, grid and what trials are judged by are its own.

    So must be the grain: nats of single notes are none of events.

    Raises:
        UserError: see `earlier_run`.
    """
    earlier = earlier_run(options, head)
    if earlier is None:
        return None
    stored = earlier.facts["heads"][head]
    alike = all(stored.get(name) == getattr(options, name) for name in JUDGED_BY)
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
    finished = _finished(journal, study.study_name)
    fitting = [fitted for trial in finished if (fitted := _fitted(trial, space)) is not None]
    if not fitting:
        raise UserError(f"--warm-start: {journal} has no finished trial that this search could draw")
    left = f"; {len(finished) - len(fitting)} that this search cannot draw are left out"
    left = left if len(fitting) < len(finished) else ""
    if comparable:
        study.add_trials([_known(trial, value) for trial, value in fitting])
        return f"the study begins with {len(fitting)} trials of {journal.parent}{left}"
    fitting.sort(key=lambda pair: pair[1])
    best = [trial for trial, _ in fitting[:BEST]]
    for trial in best:
        study.enqueue_trial(trial.params, user_attrs={ORIGIN: True})
    others = "whose songs, metric or grain are others"
    return f"the best {len(best)} trials of {journal.parent}, {others}, are tried first{left}"


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


def _fitted(trial: FrozenTrial, space: Space) -> tuple[optuna.trial.FixedTrial, float] | None:
    """The trial as the new space draws it, and its value; None if it cannot."""
    fixed = optuna.trial.FixedTrial(dict(trial.params))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # Optuna warns of a value outside of its range
            space(fixed)
    except (ValueError, TypeError, KeyError, IndexError, OverflowError, UserWarning):  # no value, or out of its range
        return None
    return fixed, float(trial.value or 0.0)


def _known(trial: optuna.trial.FixedTrial, value: float) -> FrozenTrial:
    distributions: Mapping[str, Any] = trial.distributions
    return optuna.trial.create_trial(
        params=trial.params, distributions=dict(distributions), value=value, user_attrs={ORIGIN: True}
    )
