"""One contract for every backbone: a new one is tested by being registered."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from experiments.heads import HEADS
from lightning_modules.backbones import BACKBONES, BackboneSpec
from lightning_modules.bounds import choice, number
from lightning_modules.config import HeadConfig, TimingConfig, tail_of
from lightning_modules.registry import Registry
from search_spaces.backbone import SPACES, draw_backbone
from search_spaces.fixing import Fixed

EVERY = pytest.mark.parametrize("name", BACKBONES)
SMALL = {"hidden": 12, "embedding": 5, "window": 9, "lstm_layers": 2, "attention_heads": 3}


def small(name: str, **settings: Any) -> HeadConfig:
    settings = SMALL | settings | TimingConfig.implied({"backbone": name})
    return TimingConfig.from_dict({"backbone": name, **settings})


def layers_of(name: str) -> list[nn.Module]:
    """Not as they begin, where some pass on what enters them."""
    torch.manual_seed(3)
    made = nn.ModuleList(BACKBONES[name].build(small(name)))
    for parameter in made.parameters():
        nn.init.normal_(parameter, std=0.5)
    return list(made.eval())


def through(made: list[nn.Module], x: Tensor, kept: int) -> Tensor:
    for layer in made:
        x = layer(x, kept if layer is made[-1] else x.shape[1])
    return x


@EVERY
def test_a_spec_is_one_that_any_package_may_bring(name: str) -> None:
    spec = BACKBONES[name]
    assert (spec.name, spec.problem()) == (name, "")
    assert spec.layer
    assert spec.space is None or name not in SPACES, "two spaces for one"


@EVERY
@torch.no_grad()
def test_layers_give_the_last_positions_that_are_asked_for(name: str) -> None:
    made, x = layers_of(name), torch.randn(4, 9, 5)
    whole = through(made, x, 9)
    assert whole.shape == (4, 9, 12)
    for kept in (1, 4, 9):
        assert torch.allclose(through(made, x, kept), whole[:, -kept:], atol=1e-5)


@EVERY
@torch.no_grad()
def test_a_causal_one_sees_nothing_that_comes_later(name: str) -> None:
    made, x = layers_of(name), torch.randn(2, 9, 5)
    before = through(made, x, 9)
    x[:, 6] += 1
    after = through(made, x, 9)
    assert torch.equal(before[:, :6], after[:, :6]) == BACKBONES[name].causal
    assert (before[:, 6:] != after[:, 6:]).any(dim=2).all(), "and remembers for the rest of the window"


@EVERY
@torch.no_grad()
def test_what_is_carried_stands_for_the_positions_before(name: str) -> None:
    if not BACKBONES[name].carries:
        assert not hasattr(layers_of(name)[0], "follow")
        return
    for layer, x in zip(layers_of(name), (torch.randn(2, 9, 5), torch.randn(2, 9, 12)), strict=True):
        whole, _ = layer.follow(x, None)
        first, memory = layer.follow(x[:, :4], None)
        kept = copy.deepcopy(memory)
        for _ in range(2):  # a memory that is used stays as it was
            then, _ = layer.follow(x[:, 4:], memory)
            assert torch.allclose(torch.cat([first, then], dim=1), whole, atol=1e-5)
        assert all(torch.equal(a, b) for a, b in zip(memory, kept, strict=True))


class Draw:
    """A trial that draws at random, and notes what it was asked for."""

    def __init__(self, seed: int) -> None:
        self.random, self.asked = torch.Generator().manual_seed(seed), dict[str, Any]()

    def _share(self) -> float:
        return float(torch.rand((), generator=self.random))

    def suggest_int(self, name: str, low: int, high: int, **scale: Any) -> int:
        self.asked[name] = low + int(self._share() * (high - low + 1))
        return int(self.asked[name])

    def suggest_float(self, name: str, low: float, high: float, **scale: Any) -> float:
        self.asked[name] = low + self._share() * (high - low)
        return float(self.asked[name])

    def suggest_categorical(self, name: str, choices: Any) -> Any:
        self.asked[name] = choices[int(self._share() * len(choices))]
        return self.asked[name]


@EVERY
def test_its_space_draws_what_it_takes(name: str) -> None:
    for seed in range(50):
        drawn = draw_backbone(Fixed(Draw(seed), {"backbone": name}))
        assert drawn["backbone"] == name
        assert TimingConfig.from_dict(drawn).backbone == name
    odds = [draw_backbone(Draw(seed))["backbone"] for seed in range(400)].count(name) / 400
    assert odds == pytest.approx(BACKBONES[name].odds, abs=0.07)


def _draws(trial: Any) -> dict[str, Any]:
    return {"made.kernel": trial.suggest_int("made.kernel", 2, 4)}


def _odd(values: Mapping[str, object]) -> list[str]:
    return ["hidden must be even"] if isinstance(hidden := values.get("hidden"), int) and hidden % 2 else []


MADE = BackboneSpec(
    "made", "nowhere:layers", "made layer", causal=False, space=_draws, conflicts=_odd,
    options={"kernel": number(3, 1, 9), "share": number(0.5, 0, 1), "kind": choice("a", "a", "b")},
)  # fmt: skip


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> None:
    """A backbone that has options of its own, as an installed package adds it."""
    found = {**BACKBONES, "made": MADE}
    monkeypatch.setattr(Registry, "_all", lambda self: found)


@pytest.mark.usefixtures("made")
def test_options_of_its_own_are_hyperparameters_of_its_heads_alone() -> None:
    config = TimingConfig.from_dict({"backbone": "made", "loss": "last", "made.kernel": 5, "made.share": 1})
    assert config.own == {"kernel": 5, "share": 1.0, "kind": "a"}
    assert TimingConfig.from_dict(config.to_dict()) == config
    assert config.to_dict()["made.kernel"] == 5
    assert "made.kind" in TimingConfig.names()
    assert not any("." in name for name in TimingConfig().to_dict())
    assert TimingConfig.parse(["made.kernel=4", "made.share=0.25"]) == {"made.kernel": 4, "made.share": 0.25}
    assert TimingConfig.implied({"made.kernel": 4}) == {"backbone": "made", "loss": "last"}


@pytest.mark.usefixtures("made")
@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"made.kernel": 10}, "made.kernel must be from 1 to 9"),
        ({"made.kernel": 2.5}, "made.kernel must be a whole number"),
        ({"made.kind": "c"}, "made.kind must be one of a, b"),
        ({"made.kernal": 3}, "did you mean made.kernel"),
        ({"made.kernel": 3}, "made.kernel needs backbone=made, not backbone=lstm"),
        ({"made.kernel": 3, "backbone": "lstm"}, "made.kernel needs backbone=made, not backbone=lstm"),
        ({"backbone": "made"}, "backbone=made needs loss=last"),
        ({"backbone": "made", "loss": "last", "hidden": 7}, "hidden must be even"),
        ({"backbone": ["made"]}, "backbone must be one of"),
    ],
)
def test_what_a_backbone_does_not_take_is_refused(values: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        TimingConfig.from_dict(values)


@pytest.mark.usefixtures("made")
def test_one_that_sees_what_comes_later_predicts_what_follows() -> None:
    assert all(draw_backbone(Draw(seed))["backbone"] != "made" for seed in range(100)), "only when it is asked for"
    drawn = draw_backbone(Fixed(Draw(1), {"backbone": "made"}))
    assert drawn["loss"] == "last"
    assert 2 <= drawn["made.kernel"] <= 4
    assert draw_backbone(Fixed(Draw(1), {"backbone": "made", "made.kernel": 9}))["made.kernel"] == 9


@pytest.mark.parametrize("name", HEADS)
def test_an_update_is_over_as_many_targets_whether_or_not_positions_see_what_comes_later(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backbone that a search draws may be left one target a window of those that half of it had."""
    found = {**BACKBONES, "later": BackboneSpec("later", "nowhere:layers", "layer", causal=False, odds=1.0)}
    monkeypatch.setattr(Registry, "_all", lambda self: found)
    drawn = [HEADS[name].space(Draw(seed)) for seed in range(100)]
    assert {each["backbone"] for each in drawn} == {"lstm", "transformer", "later"}
    for each in drawn:
        targets = each["batch_size"] * tail_of(each["window"], each["loss"])
        assert 100 <= targets <= 600, each
