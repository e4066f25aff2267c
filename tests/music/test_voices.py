"""A voice, event by event, reads what training showed of the same events, as far back, and so says what it learnt."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, count, islice, repeat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from columns_made import choices
from heads_made import cases
from torch import Tensor
from winners_made import demo_songs, make_winner

from datamodules.columns import column_for
from datamodules.form.finding import find_form
from datamodules.form.guide import UNTOLD, Guide
from datamodules.form.standing import standing_of
from datamodules.song import bar_lines
from datamodules.splits import TEST
from datamodules.vocabulary import Value
from datamodules.windows import Batch, Segments, Windows
from experiments.heads import HEADS, WRITING
from experiments.music.events.event import Event
from experiments.music.events.sampling import Sampling
from experiments.music.events.voices import Voice
from experiments.music.prime import Prime
from experiments.winners import Winner
from lightning_modules.backbones import BACKBONES
from lightning_modules.head import Head
from lightning_modules.stack import Memory

INPUTS = ("window", "chord", "numbers", "known", "form", "again")
SEEN = ("inputs", "loss", "output", "grain", "form")
CASES = [(head, settings) for head in WRITING for settings in choices(head, *SEEN)]
WINDOW = 6


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """As generation has it: on a busy machine two wait for each other at every step."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


class Recorder:
    """A head that keeps what it reads, its states, and what it answers."""

    def __init__(self, head: Head) -> None:
        self.head = head
        self.batches: list[Batch] = []
        self.states: list[Tensor] = []
        self.values: list[Value] = []

    def follow(self, batch: Batch, memory: Memory | None) -> tuple[Tensor, Memory]:
        self.batches.append({name: tensor.clone() for name, tensor in batch.items()})
        state, after = self.head.follow(batch, memory)
        self.states.append(state)
        return state, after

    def draw(self, state: Tensor, batch: Batch, **options: Any) -> list[Value]:
        found = self.head.draw(state, batch, **options)
        self.values += found
        return found


class Speaker:
    """An n-gram model that speaks at certain events, and says what stands there."""

    def __init__(self, values: list[Value], turns: set[int]) -> None:
        self.values, self.turns = values, turns
        self.history: list[Value] = []

    def say(self) -> Value | None:
        number = len(self.history)
        return self.values[number] if number in self.turns else None


def contexts(winner: Winner) -> Iterator[int]:
    """Of values said one after another: how many positions each is drawn from."""
    window, tail = winner.framing.window, winner.framing.tail
    if not BACKBONES[winner.config.backbone].carries:
        return repeat(window)
    return chain([window], chain.from_iterable(range(window - tail + 1, window + 1) for _ in count()))


def cut(batch: Batch, positions: int) -> Batch:
    """The inputs of the last positions."""
    return {name: batch[name][:, -positions:] for name in INPUTS if name in batch}


def positions_of(batch: Batch) -> int:
    (positions,) = {tensor.shape[1] for tensor in batch.values()}
    return positions


def started(event: Event, after: tuple[str, ...]) -> Event:
    """The event as it is when a head's turn comes: of the other columns there is nothing yet, or nonsense."""
    begun = Event(chords=(1, 2), duration=77, offset=3, velocity=1, place=50, bar=event.bar)
    for name in after:
        field = HEADS[name].column.field
        setattr(begun, field, getattr(event, field))
    if "durations" in after:
        begun.lengths = event.lengths
    if "offsets" in after:
        begun.place, begun.here = event.place, event.here
    begun.before = event.before
    return begun


def by_its_form(prime: Prime) -> list[Event]:
    """The prime's events, as one tells them who writes by the song's form."""
    guide = Guide(find_form(prime.song).sections, bar_lines(prime.song))
    events, before = prime.heard(), None
    for tick, event in zip(prime.events.onset.tolist(), events, strict=False):
        event.before = UNTOLD if before is None else guide.stand(before)
        event.here = guide.stand(tick)
        guide.hear(tick, event.chords, event.duration, event.velocity)
        before = tick
    return events


def windows_of(winner: Winner, prime: Prime) -> Windows:
    column = column_for(winner.column, winner.vocabulary, winner.grid, [prime.events])
    standing = standing_of([prime.song], [prime.events]) if winner.framing.form else None
    return Windows(replace(column, standing=standing), TEST, winner.framing)


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
    events = by_its_form(prime) if winner.framing.form else prime.heard()
    asked = {*range(1, 12), len(events) // 2, *range(len(events) - 3, len(events))}
    lengths = contexts(winner)
    for number, event in enumerate(events):
        if number in asked:
            recorder.batches, recorder.values = [], []
            said = voice.say(started(event, winner.column.after))
            batch = one_target(windows, number)
            (read,) = recorder.batches
            assert set(read) <= set(INPUTS)
            assert_same_inputs(read, cut(batch, positions_of(read)))
            assert recorder.values[0] == recorder.head.sample(cut(batch, next(lengths)), temperature=0)[0]
            assert said == recorder.values[0] or recorder.values[0] == 0, "an offset of 0 would stop time"
        else:
            voice.expect(event)
            lengths = contexts(winner)
        voice.hear(event)


def spoken(winner: Winner, events: list[Event], speaker: Speaker | None = None) -> Recorder:
    """Of a head that is asked for each of the events in turn, whatever it says."""
    recorder = Recorder(winner.head())
    voice = Voice(winner, recorder, Sampling(), torch.Generator().manual_seed(0), speaker)  # type: ignore[arg-type]
    for event in events:
        voice.say(started(event, winner.column.after))
        voice.hear(event)
    return recorder


@pytest.mark.parametrize(("head", "settings"), [case for case in cases() if case.values[0] in WRITING])
def test_a_state_has_read_as_much_as_one_that_is_scored(head: str, settings: dict[str, Any], tmp_path: Path) -> None:
    """In however many steps it was read: over four windows, from a song's first event on."""
    dataset = demo_songs()
    deep = {"lstm_layers": 2, "dense_layers": 1, "batchnorm_layers": 2}
    winner = make_winner(tmp_path / "winner", head, dataset, window=WINDOW, **deep, **settings)
    prime = Prime(dataset.songs[0], dataset.events[0], context=4 * WINDOW + 1)
    recorder, windows = spoken(winner, prime.heard()), windows_of(winner, prime)
    states = torch.cat(recorder.states)
    assert len(states) == len(prime.heard()) == 4 * WINDOW + 1
    for number, context in enumerate(islice(contexts(winner), len(states))):
        afresh, _ = recorder.head.follow(cut(one_target(windows, number), context), None)
        assert torch.allclose(states[number], afresh[0], atol=1e-5), number
    tail = winner.framing.tail
    carries = BACKBONES[winner.config.backbone].carries
    if not carries or tail == 1:
        assert set(map(positions_of, recorder.batches)) == {WINDOW}
    else:
        read = [WINDOW, *([WINDOW - tail + 1] + [1] * (tail - 1)) * len(states)]
        assert list(map(positions_of, recorder.batches)) == read[: len(states)]
    if carries:  # as scoring cuts a song that begins with the last target of a window
        last = np.arange(0, len(states), tail)
        assert last[-1] == len(states) - 1
        first = np.r_[0, last[:-1] + 1]
        batch = windows.batch(Segments(last, first, np.zeros_like(last)))
        with torch.inference_mode():
            assert torch.allclose(states, recorder.head(batch), atol=1e-5)


@pytest.mark.parametrize("loss", ["half", "last"])
@pytest.mark.parametrize("head", WRITING)
def test_what_an_ngram_says_is_read_like_what_the_head_says(head: str, loss: str, tmp_path: Path) -> None:
    dataset = demo_songs()
    winner = make_winner(tmp_path / "winner", head, dataset, window=WINDOW, loss=loss)
    prime = Prime(dataset.songs[0], dataset.events[0], context=50)
    events = prime.heard()
    values: list[Value] = [getattr(event, winner.column.field) or 1 for event in events]
    turns = {0, 3, 5, 6, 10, 11, 12, *range(20, 22 + 2 * WINDOW)}
    alone, mixed = spoken(winner, events), spoken(winner, events, Speaker(values, turns))
    own = [state for number, state in enumerate(alone.states) if number not in turns]
    assert torch.allclose(torch.cat(own), torch.cat(mixed.states), atol=1e-5)


@pytest.mark.parametrize("head", WRITING)
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
    for head in WRITING:
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
