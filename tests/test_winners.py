"""A winner is data: what is saved is what is loaded, and nothing in a file can run, or ask for what is not there."""

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save

from datamodules.errors import UserError
from datamodules.vocabulary import Vocabulary
from experiments.heads import HEADS
from experiments.winners import Winner, load_winner, newest_winner, save_winner

VOCABULARIES = {
    "notes": Vocabulary(((60,), (60, 64, 67), (62, 65)), (4, 2, 1)),
    "durations": Vocabulary((6, 12, 24), (3, 2, 2)),
    "offsets": Vocabulary((0, 12, 24), (0, 3, 4)),
}


def facts_of(head: str, **changes: Any) -> dict[str, Any]:
    config = HEADS[head].config.from_dict({"hidden": 12, "embedding": 6, "window": 3})
    facts = {
        "head": head,
        "hyperparameters": config.to_dict(),
        "vocabulary": VOCABULARIES[head].to_json(),
        "grid": 24,
        "parts": None,
        "figures": {"valid": 1.5, "mixture": 0.25},
        "label": "validation",
        "kind": "search",
        "metric": "nats",
        "epoch": 1,
        "updates": 50,
    }
    return facts | changes


def make_winner(path: Path, head: str, **changes: Any) -> Winner:
    torch.manual_seed(7)
    facts = facts_of(head)
    network = HEADS[head].build(HEADS[head].config.from_dict(facts["hyperparameters"]), VOCABULARIES[head], 24)
    save_winner(path, network.state_dict(), facts | changes)
    return load_winner(path)


@pytest.mark.parametrize("head", HEADS)
def test_a_winner_predicts_bit_equally_after_a_round_trip(head: str, tmp_path: Path) -> None:
    first = make_winner(tmp_path / "a.safetensors", head)
    save_winner(tmp_path / "b.safetensors", first.tensors, first.facts)
    second = load_winner(tmp_path / "b.safetensors")
    window = torch.randint(0, 5, (8, 3), generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        assert torch.equal(first.head()(window), second.head()(window))
    assert second.config == first.config
    assert second.vocabulary == first.vocabulary
    assert second.mixture == 0.25
    assert second.facts["made_by"]["torch"]


def test_no_pickle_is_ever_opened(tmp_path: Path) -> None:
    class Malice:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "executed",))

    path = tmp_path / "winner.safetensors"
    path.write_bytes(pickle.dumps(Malice()))
    with pytest.raises(UserError, match="damaged or no winner"):
        load_winner(path)
    torch.save({"weights": Malice()}, path)
    with pytest.raises(UserError, match="damaged or no winner"):
        load_winner(path)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("keep", [0, 7, 100, -1])
def test_a_truncated_winner_is_refused(keep: int, tmp_path: Path) -> None:
    path = make_winner(tmp_path / "winner.safetensors", "notes").path
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(UserError, match="damaged or no winner"):
        load_winner(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": 99}, "format 99"),
        ({"head": "velocity"}, "unknown head"),
        ({"grid": 7}, "divide 480"),
        ({"grid": "24"}, "no number"),
        ({"figures": {}}, "mixture"),
        ({"figures": {"mixture": 2.0}}, "no share"),
        ({"vocabulary": {"kind": "ticks", "values": [1], "counts": [1]}}, "vocabulary of ticks"),
        ({"vocabulary": 3}, "vocabulary"),
        ({"hyperparameters": {"hidden": 40_000}}, "hidden"),
        ({"hyperparameters": {"hidden": 4096, "lstm_layers": 3, "embedding": 1024}}, "do not fit"),
        ({"hyperparameters": {"layers": 3}}, "unknown hyperparameter"),
        ({"hyperparameters": []}, "no winner that this version can read"),
    ],
)
def test_wrong_metadata_is_one_clear_line(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    good = make_winner(tmp_path / "good.safetensors", "notes")
    whole = {**good.facts, **changes}
    path = tmp_path / "winner.safetensors"
    path.write_bytes(save(good.tensors, metadata={"tritone": json.dumps(whole)}))
    with pytest.raises(UserError, match=message) as caught:
        load_winner(path)
    assert "\n" not in str(caught.value)


def test_weights_without_metadata_are_no_winner(tmp_path: Path) -> None:
    path = tmp_path / "winner.safetensors"
    path.write_bytes(save({"weight": torch.zeros(3)}))
    with pytest.raises(UserError, match="tritone is missing"):
        load_winner(path)


def test_tensors_that_lack_or_are_too_many_are_refused(tmp_path: Path) -> None:
    good = make_winner(tmp_path / "good.safetensors", "offsets")
    fewer = dict(list(good.tensors.items())[1:])
    more = good.tensors | {"extra": torch.zeros(1)}
    for tensors in (fewer, more):
        save_winner(tmp_path / "winner.safetensors", tensors, good.facts)
        with pytest.raises(UserError, match="do not fit"):
            load_winner(tmp_path / "winner.safetensors")


def test_the_newest_winner_is_found(tmp_path: Path) -> None:
    assert newest_winner(tmp_path, "notes") is None
    import os

    for age, name in enumerate(("c", "a", "b")):
        path = make_winner(tmp_path / name / "notes" / "winner.safetensors", "notes").path
        os.utime(path, (1_000_000 - age, 1_000_000 - age))
    found = newest_winner(tmp_path, "notes")
    assert found is not None
    assert found.parent.parent.name == "c"
