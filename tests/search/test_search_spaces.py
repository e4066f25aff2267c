"""One contract for every space: each draw is a valid config, what is fixed is not drawn."""

from __future__ import annotations

import collections
import dataclasses
import random
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import optuna
import pytest

from experiments.heads import HEADS
from search_spaces import PRESETS, complete
from search_spaces.fixing import Fixed
from search_spaces.leaning import lean

SPACES = {name: spec.space for name, spec in HEADS.items()}
LEFT_ALONE = {"schedule", "form"}  # what our spaces do not draw, and a user's own may

optuna.logging.set_verbosity(optuna.logging.ERROR)


class Draw:
    """A trial that draws at random and remembers what each name could have been."""

    def __init__(self, seed: int = 0) -> None:
        self.random = random.Random(seed)
        self.asked: dict[str, Any] = {}

    def _ask(self, name: str, distribution: Any) -> None:
        assert self.asked.setdefault(name, distribution) == distribution, f"{name} changed its distribution"

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        self._ask(name, (low, high, step, log))
        return self.random.randint(low, high)

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        self._ask(name, (low, high, step, log))
        return self.random.choice([low, high, self.random.uniform(low, high)])

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        self._ask(name, tuple(choices))
        return self.random.choice(list(choices))


HELD: list[dict[str, Any]] = [
    {},
    {"hidden": 512, "weight_decay": 0.1},
    {"batchnorm_layers": 3},
    {"dropout_layers": 5},
    {"batchnorm_layers": 3, "dense_layers": 0},
    {"dropout_layers": 4, "lstm_layers": 1},
    {"dropout_layers": 0, "dropout": 0.2},
    {"lstm_layers": 3, "dense_layers": 1},
    {"hidden": 50, "attention_heads": 3},
    {"hidden": 50, "backbone": "transformer"},
    {"attention_heads": 5, "backbone": "transformer"},
]


@pytest.mark.parametrize("held", HELD, ids=str)
@pytest.mark.parametrize("name", SPACES)
def test_200_draws_are_valid_and_one_name_is_one_distribution(name: str, held: dict[str, Any]) -> None:
    config, trial = HEADS[name].config, Draw()
    space = complete(SPACES[name], config, held)
    for _ in range(200):
        drawn = space(trial)
        assert config.from_dict(drawn).to_dict() == drawn  # whole, valid, plain
        assert drawn.items() >= held.items()
    assert not set(held) & set(trial.asked)


@pytest.mark.parametrize("name", SPACES)
@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_200_trials_of_optuna(name: str, sampler: str) -> None:
    config = HEADS[name].config
    space = complete(SPACES[name], config, {"window": 7})
    samplers: dict[str, optuna.samplers.BaseSampler] = {"random": optuna.samplers.RandomSampler(seed=0)}
    with pytest.warns(optuna.exceptions.ExperimentalWarning):  # both options are, and were for years
        samplers["tpe"] = optuna.samplers.TPESampler(seed=0, multivariate=True, group=True)
    study = optuna.create_study(sampler=samplers[sampler])
    for _ in range(200 if sampler == "random" else 40):
        trial = study.ask()
        drawn = space(trial)
        assert config.from_dict(drawn).window == 7
        study.tell(trial, float(drawn["hidden"]))
    assert "window" not in study.best_params


@pytest.mark.parametrize("name", SPACES)
def test_the_space_is_conditional_and_reaches_every_count(name: str) -> None:
    space, found = SPACES[name], set()
    for seed in range(2000):
        trial = Draw(seed)
        drawn = space(trial)
        assert ("dropout" in drawn) == ("dropout" in trial.asked) == (drawn["dropout_layers"] > 0)
        slots = drawn["lstm_layers"] + drawn["dense_layers"]
        found |= {(slots, kind, drawn[f"{kind}_layers"]) for kind in ("batchnorm", "dropout")}
    expected = {(s, k, n) for s in range(1, 6) for k in ("batchnorm", "dropout") for n in range(s + 1)}
    assert found == expected


@pytest.mark.parametrize("count", range(7))
@pytest.mark.parametrize("name", ["batchnorm_layers", "dropout_layers"])
def test_a_fixed_count_brings_the_slots_it_needs(name: str, count: int) -> None:
    space, trial = complete(SPACES["notes"], HEADS["notes"].config, {name: count}), Draw()
    for _ in range(100):
        drawn = space(trial)
        assert drawn[name] == count <= drawn["lstm_layers"] + drawn["dense_layers"]


@pytest.mark.parametrize(
    ("held", "message"),
    [
        ({"hiden": 3}, "unknown hyperparameter 'hiden'; known: inputs, window"),
        ({"hidden": 99999}, "hidden must be from"),
        ({"batchnorm_layers": 4, "lstm_layers": 1, "dense_layers": 2}, "batchnorm_layers=4: there are at most 3 slots"),
        ({"dropout_layers": 5, "dense_layers": 1}, "dropout_layers=5: there are at most 4 slots"),
        ({"backbone": "transformer", "hidden": 50, "attention_heads": 3}, "attention_heads=3 must divide hidden=50"),
    ],
)
def test_what_cannot_be_fixed_is_refused_at_once(held: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        complete(SPACES["notes"], HEADS["notes"].config, held)


@pytest.mark.parametrize("name", SPACES)
def test_every_choice_is_drawn_the_usual_one_most_often(name: str) -> None:
    """Each choice of the config can be drawn (but what is left alone), its default more often than any other."""
    config, found = HEADS[name].config, [complete(SPACES[name], HEADS[name].config)(Draw(seed)) for seed in range(3000)]
    choices = {f.name: f.metadata["bounds"].choices for f in dataclasses.fields(config) if f.metadata["bounds"].choices}
    default = config().to_dict()
    for field in set(choices) - LEFT_ALONE - set(config.never_drawn):
        counts = collections.Counter(draw[field] for draw in found)
        assert set(counts) == set(choices[field]), field
        if field != "tied":  # asked only beside a token softmax, and then as likely as not
            assert counts.most_common(1)[0][0] == default[field], field


@pytest.mark.parametrize("name", SPACES)
def test_a_short_window_has_one_target_a_longer_one_half_of_it(name: str) -> None:
    space = complete(SPACES[name], HEADS[name].config)
    for seed in range(300):
        drawn = space(Draw(seed))
        assert (drawn["loss"] == "last") == (drawn["window"] <= 5)
        tail = HEADS[name].config.from_dict(drawn).tail
        assert 100 <= drawn["batch_size"] * tail <= 600 or drawn["batch_size"] == 2  # targets an update
    held = complete(SPACES[name], HEADS[name].config, {"loss": "last", "window": 40})
    assert all(held(Draw(seed))["loss"] == "last" for seed in range(20))


def test_odds_are_those_that_are_given() -> None:
    odds = {"a": 0.5, "b": 0.3, "c": 0.2}

    class Uniform(Draw):
        def suggest_float(self, *_: Any, **__: Any) -> float:
            return self.random.random()

    trial = Uniform(1)
    counts = collections.Counter(lean(trial, "x", odds) for _ in range(10_000))
    assert {name: count / 10_000 for name, count in counts.items()} == pytest.approx(odds, abs=0.02)
    assert lean(Fixed(Draw(), {"x": "c"}), "x", odds) == "c"


def test_a_space_of_a_users_own_is_checked() -> None:
    config = HEADS["offsets"].config
    own = complete(lambda trial: {"hidden": trial.suggest_int("hidden", 8, 16)}, config, {"objective": "mae"})
    assert own(Draw())["hidden"] <= 16
    wrong = complete(lambda trial: {"nodes": trial.suggest_int("nodes", 8, 16)}, config)
    with pytest.raises(ValueError, match="unknown hyperparameter 'nodes'"):
        wrong(Draw())


def test_fixed_answers_every_kind() -> None:
    trial = Fixed(Draw(), {"a": 3, "b": 1, "c": "x"})
    assert (trial.suggest_int("a", 5, 9), trial.suggest_float("b", 5, 9)) == (3, 1.0)
    assert trial.suggest_categorical("c", ("y", "z")) == "x"
    assert 5 <= trial.suggest_int("d", 5, 9) <= 9


@pytest.mark.parametrize(("preset", "name"), [(p, n) for p, heads in PRESETS.items() for n in heads])
def test_presets_are_valid_and_hold(preset: str, name: str) -> None:
    held = PRESETS[preset][name]
    drawn = complete(SPACES[name], HEADS[name].config, held)(Draw())
    assert drawn.items() >= dict(held).items()


def test_drawing_needs_no_torch() -> None:
    code = "import sys, search_spaces; assert not {'torch', 'optuna', 'pytorch_lightning'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_registries_are_frozen() -> None:
    for registry in (PRESETS, PRESETS["original"], PRESETS["original"]["notes"], HEADS):
        with pytest.raises(TypeError):
            registry["new"] = None  # type: ignore[index]
