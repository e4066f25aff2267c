"""What the user fixes of a search: --set, --preset, and a --space of their own."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path

import optuna

from datamodules.errors import UserError, did_you_mean
from experiments.heads import HEADS, HeadSpec
from experiments.initial import Initial
from lightning_modules.config import Plain
from search_spaces import PRESETS, Space, complete

__all__ = ["fixed", "search_space", "settings_of", "try_space"]


def search_space(
    spec: HeadSpec,
    preset: str | None,
    settings: Sequence[str],
    own: str | None,
    initial: Initial | None = None,
) -> Space:
    """What a search draws from: the head's space or the user's own, with what is fixed held.

    Args:
        preset: a name in `PRESETS`, or None.
        settings: NAME=VALUE each; they win over the preset's.
        own: FILE.py:FUNCTION, or None.
        initial: weights to go on from, which fix what shapes them.

    Raises:
        UserError: an unknown preset or hyperparameter, a value out of its bounds, or a file that holds no space.
    """
    held = fixed(spec, preset, settings)
    if initial is not None:
        other = [name for name, value in held.items() if initial.fixed.get(name, value) != value]
        if other:
            told = ", ".join(f"{name}={initial.fixed[name]}" for name in other)
            raise UserError(f"--init {initial.path} has {told}, which its weights are made for: leave it as it is")
        held |= initial.fixed
    try:
        return complete(load_space(own) if own else spec.space, spec.config, held)
    except ValueError as error:
        raise UserError(f"--set: {error}") from error


def fixed(spec: HeadSpec, preset: str | None, settings: Sequence[str]) -> dict[str, Plain]:
    """The hyperparameters that a preset and settings fix; a head that a preset does not know is left free.

    Raises:
        UserError: an unknown preset, or a setting that cannot be read.
    """
    if preset is not None and preset not in PRESETS:
        raise UserError(f"--preset {preset}: there is {', '.join(PRESETS)}{did_you_mean(preset, PRESETS)}")
    held = dict(PRESETS[preset].get(spec.name, {})) if preset is not None else {}
    try:
        return held | spec.config.parse(settings)
    except ValueError as error:
        raise UserError(f"--set: {error}") from error


def settings_of(spec: HeadSpec, settings: Sequence[str]) -> tuple[str, ...]:
    """Those of the settings that are not only other heads': `all` takes them for all heads at once."""

    def name(setting: str) -> str:
        return setting.partition("=")[0].strip()

    others = {known for head in HEADS.values() for known in head.config.names()} - set(spec.config.names())
    return tuple(setting for setting in settings if name(setting) not in others)


def try_space(space: Space, place: str) -> None:
    """Draw once from the user's own space, before anything is started.

    Raises:
        UserError: what it raises.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    try:
        space(study.ask())
    except Exception as error:  # whatever the user's code raises
        raise UserError(f"--space {place}: {type(error).__name__}: {error}") from error


def load_space(place: str) -> Space:
    """The function that --space FILE.py:FUNCTION names. It is the user's own code, and is run.

    Raises:
        UserError: there is no such file or function, or the file cannot be imported.
    """
    file, _, function = place.rpartition(":")
    if not file or not Path(file).is_file():
        raise UserError(f"--space {place}: must be FILE.py:FUNCTION, and the file must exist")
    module_spec = importlib.util.spec_from_file_location("space_of_the_user", file)
    if module_spec is None or module_spec.loader is None:
        raise UserError(f"--space {place}: {file} is no Python file")
    module = importlib.util.module_from_spec(module_spec)
    try:
        module_spec.loader.exec_module(module)
    except Exception as error:  # whatever the user's file raises
        raise UserError(f"--space {place}: {file} cannot be imported ({type(error).__name__}: {error})") from error
    found = getattr(module, function, None)
    if not callable(found):
        raise UserError(f"--space {place}: {file} has no function {function}")
    return found  # type: ignore[no-any-return]
