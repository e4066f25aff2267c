"""A voice, event by event, builds the batch that training built of the same events, and so says what it learnt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from columns_made import choices
from torch import Tensor
from winners_made import demo_songs, make_winner

from datamodules.columns import column_for
from datamodules.splits import TEST
from datamodules.vocabulary import Value
from datamodules.windows import Batch, Segments, Windows
from experiments.heads import HEADS
from experiments.music.prime import Prime
from experiments.music.voices import Event, Sampling, Voice
from experiments.winners import Winner
from lightning_modules.head import Head

INPUTS = ("window", "chord", "numbers", "known")
SEEN = ("inputs", "loss", "output", "grain")
CASES = [(head, settings) for head in HEADS for settings in choices(head, *SEEN)]
WINDOW = 6


class Recorder:
    """A head that keeps what it is asked and what it answers."""

    def __init__(self, head: Head) -> None:
        self.head = head
        self.batches: list[Batch] = []
        self.values: list[Value] = []

    def sample(self, batch: Batch, **options: Any) -> list[Value]:
        self.batches.append({name: tensor.clone() for name, tensor in batch.items()})
        found = self.head.sample(batch, **options)
        self.values += found
        return found


def started(event: Event, after: tuple[str, ...]) -> Event:
    """The event as it is when a head's turn comes: of the other columns there is nothing yet, or nonsense."""
    begun = Event(chords=(1, 2), duration=77, offset=3, velocity=1, place=50, bar=event.bar)
    for name in after:
        field = HEADS[name].column.field
        setattr(begun, field, getattr(event, field))
    if "durations" in after:
        begun.lengths = event.lengths
    if "offsets" in after:
        begun.place = event.place
    return begun


def windows_of(winner: Winner, prime: Prime) -> Windows:
    column = column_for(winner.column, winner.vocabulary, winner.grid, [prime.events])
    return Windows(column, TEST, winner.framing)


def one_target(windows: Windows, event: int) -> Batch:
    """The window that ends at one event, which is its only target."""
    at = np.array([event])
    return windows.batch(Segments(last=at, first=at, shift=np.zeros(1, np.int64)))


def assert_same_inputs(one: Batch, two: Batch) -> None:
    assert set(one) & set(INPUTS) == set(two) & set(INPUTS)
    for name in set(one) & set(INPUTS):
        assert one[name].dtype == two[name].dtype, name
        assert torch.allclose(one[name].double(), two[name].double(), atol=1e-6), name


@pytest.mark.parametrize("song", [0, 1])
@pytest.mark.parametrize(
    ("head", "settings"), [pytest.param(*case, id="-".join([case[0], *case[1].values()])) for case in CASES]
)
def test_a_voice_sees_what_training_shows(head: str, settings: dict[str, Any], song: int, tmp_path: Path) -> None:
    dataset = demo_songs()
    winner = make_winner(tmp_path / "winner", head, dataset, window=WINDOW, **settings)
    prime = Prime(dataset.songs[song], dataset.events[song], context=len(dataset.events[song]))
    recorder, windows = Recorder(winner.head()), windows_of(winner, prime)
    voice = Voice(winner, recorder, Sampling(temperature=0), torch.Generator())  # type: ignore[arg-type]
    events = prime.heard()
    asked = {*range(1, 12), len(events) // 2, *range(len(events) - 3, len(events))}
    for number, event in enumerate(events):
        if number in asked:
            recorder.batches, recorder.values = [], []
            said = voice.say(started(event, winner.column.after))
            batch = one_target(windows, number)
            assert set(recorder.batches[0]) <= set(INPUTS)
            assert_same_inputs(recorder.batches[0], batch)
            assert recorder.values[0] == recorder.head.sample(batch, temperature=0)[0]
            assert said == recorder.values[0] or recorder.values[0] == 0, "an offset of 0 would stop time"
        else:
            voice.expect(event)
        voice.hear(event)


@pytest.mark.parametrize("head", HEADS)
def test_the_likeliest_is_what_scoring_calls_likeliest(head: str, tmp_path: Path) -> None:
    """The same state, from a window of one target and from one that holds others too."""
    dataset = demo_songs()
    winner = make_winner(tmp_path / "winner", head, dataset, window=WINDOW)
    windows, network = windows_of(winner, Prime(dataset.songs[0], dataset.events[0])), winner.head()
    assert winner.framing.tail > 1
    segments = windows.in_order()
    batch = windows.batch(segments)
    alone = windows.batch(Segments(segments.last, segments.last, segments.shift))
    with torch.inference_mode():
        states: Tensor = network(batch)
        last = (segments.last - segments.first + 1).cumsum() - 1
        assert torch.allclose(states[last], network(alone), atol=1e-6)
    assert network.sample(batch, temperature=0) == network.sample(alone, temperature=0)


def test_two_voices_of_the_same_seed_say_the_same(tmp_path: Path) -> None:
    dataset = demo_songs()
    for head in HEADS:
        winner = make_winner(tmp_path / head, head, dataset)
        said = []
        for seed in (1, 1, 2):
            voice = Voice(winner, winner.head(), Sampling(temperature=2, top_p=1), torch.Generator().manual_seed(seed))
            values = []
            for event in Prime(dataset.songs[0], dataset.events[0], context=20).heard():
                values.append(voice.say(started(event, winner.column.after)))
                voice.hear(event)
            said.append(values)
        assert said[0] == said[1] != said[2]


def test_an_offset_that_would_stop_time_is_never_said(tmp_path: Path) -> None:
    dataset = demo_songs()
    winner = make_winner(tmp_path / "winner", "offsets", dataset)
    network = winner.head()
    assert winner.vocabulary.index[0] == 0
    with torch.no_grad():
        network.get_parameter("output.layer.bias")[0] += 1000
    voice = Voice(winner, network, Sampling(), torch.Generator().manual_seed(0))
    assert voice.say(Event()) == winner.vocabulary.values[1]
