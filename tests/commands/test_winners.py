"""A winner is data: what is saved is what is loaded, and nothing in a file can run, or ask for what is not there."""

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from columns_made import COLUMNS, GRID, SPECS, choices, column_of, lively_songs
from safetensors.torch import save

from datamodules.columns import column_for
from datamodules.errors import UserError
from datamodules.splits import TEST, make_split
from datamodules.windows import Windows
from experiments import winner_limits
from experiments.heads import HEADS
from experiments.winner_limits import check_room
from experiments.winners import Winner, load_winner, newest_winner, save_winner

SONGS = lively_songs(1, songs=3, events=30, chords=5)
VOCABULARIES = {name: column_of(name, SONGS).vocabulary for name in SPECS}
SEEN = ("inputs", "loss", "output", "tied", "objective", "grain", "backbone")
CASES = [(head, settings) for head in HEADS for settings in choices(head, *SEEN)]


def column_name(head: str, settings: dict[str, Any]) -> str:
    grain = settings.get("grain", COLUMNS[head].grain)
    return head if grain == COLUMNS[head].grain else f"{head}-{grain}"


def facts_of(head: str, **settings: Any) -> dict[str, Any]:
    config = HEADS[head].config.from_dict({"hidden": 12, "embedding": 6, "window": 4} | settings)
    return {
        "head": head,
        "hyperparameters": config.to_dict(),
        "vocabulary": VOCABULARIES[column_name(head, settings)].to_json(),
        "grid": GRID,
        "parts": None,
        "figures": {"valid": 1.5, "mixture": 0.25},
        "label": "validation",
        "kind": "search",
        "metric": "nats",
        "epoch": 1,
        "updates": 50,
    }


def make_winner(path: Path, head: str, **settings: Any) -> Winner:
    torch.manual_seed(7)
    facts = facts_of(head, **settings)
    config = HEADS[head].config.from_dict(facts["hyperparameters"])
    network = HEADS[head].build(config, VOCABULARIES[column_name(head, settings)], GRID)
    save_winner(path, network.state_dict(), facts)
    return load_winner(path)


INIT = {
    "from": "\u00fc" * 100,
    "songs": [{"path": f"{i}.mid", "sha256": "0" * 64, "split": "train"} for i in range(50)],
}


@pytest.mark.parametrize("init", [None, INIT])
@pytest.mark.parametrize("head", HEADS)
def test_what_is_let_through_before_a_search_can_be_loaded_after_it(
    head: str, init: dict[str, Any] | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what is refused could not be."""
    made = make_winner(tmp_path / "a.safetensors", head)
    path = tmp_path / "b.safetensors"
    save_winner(path, made.tensors, made.facts | ({} if init is None else {"init": init}))
    growing = sum(len(json.dumps(json.dumps(part))) for part in (made.vocabulary.to_json(), init))
    header = int.from_bytes(path.read_bytes()[:8], "little")
    assert growing < header < growing + winner_limits.OTHERS
    monkeypatch.setattr(winner_limits, "OTHERS", header - growing)
    for room, enough in ((header, True), (header - 1, False)):
        monkeypatch.setattr(winner_limits, "LARGEST_HEADER", room)
        if enough:
            check_room(made.vocabulary, init)
            load_winner(path)
        else:
            with pytest.raises(UserError, match=r"would take .* bytes .*: give fewer songs"):
                check_room(made.vocabulary, init)
            with pytest.raises(UserError, match="its header would be"):
                load_winner(path)


@pytest.mark.parametrize(
    ("head", "settings"), [pytest.param(*case, id="-".join([case[0], *case[1].values()])) for case in CASES]
)
def test_a_winner_predicts_bit_equally_after_a_round_trip(head: str, settings: dict[str, Any], tmp_path: Path) -> None:
    first = make_winner(tmp_path / "a.safetensors", head, **settings)
    save_winner(tmp_path / "b.safetensors", first.tensors, first.facts)
    second = load_winner(tmp_path / "b.safetensors")
    column = column_for(second.column, second.vocabulary, second.grid, lively_songs(2, songs=2, events=10))
    windows = Windows(column, TEST, second.framing)
    batch = windows.batch(windows.in_order())
    with torch.inference_mode():
        assert torch.equal(first.head()(batch), second.head()(batch))
    one, two = (each.head().sample(batch, generator=torch.Generator().manual_seed(1)) for each in (first, second))
    assert one == two
    assert second.config == first.config
    assert second.framing == first.framing == HEADS[head].framing(first.config)
    assert second.framing.tail == first.config.tail
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
        ({"head": "lyrics"}, "unknown head"),
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
        ({"split": "a" * 2_001}, "split is longer than 2000 characters"),
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


def test_a_winner_of_many_songs_in_versions_tells_how_they_were_split(tmp_path: Path) -> None:
    songs = lively_songs(2, songs=600, events=12, chords=5)
    split = make_split("song", songs, 2**32 - 1, [number // 2 for number in range(len(songs))])
    told = f"the split of {'a' * 255} is not used: it names 11,999 of 12,000 songs; {split.describe()}"
    assert len(told) > 400
    winner = make_winner(tmp_path / "made.safetensors", "notes")
    save_winner(tmp_path / "winner.safetensors", winner.tensors, {**winner.facts, "split": told})
    assert load_winner(tmp_path / "winner.safetensors").facts["split"] == told


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
