"""Bars as points: what was learnt comes back, the ends of a way between two bars are these; bars are songs again."""

from __future__ import annotations

from dataclasses import replace
from itertools import repeat

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from events_made import BAR, events_of, random_song
from torch import Tensor

from datamodules.bars import bar_numbers
from datamodules.batches import Batches
from datamodules.song import Events, Notes, Part, Song
from experiments.music.between.bar_tables import BarTable, joined
from experiments.music.between.bar_tables import events_of as song_events
from experiments.training import quiet_trainer
from lightning_modules.bar_autoencoder import BarAutoencoder, Bars, DrawnEvent, between_points

UPDATES = 600
FIRST = [(60, 64, 67), (62,), (65, 69), (67,)]
SECOND = [(48,), (55, 59), (50, 54), (52,)]


def song(chords: list[tuple[int, ...]], offsets: list[int], bars: int) -> Events:
    """Bars of four events; each bar begins with another of the chords."""
    turned = [chords[(bar + number) % 4] for bar in range(bars) for number in range(4)]
    onsets = [0, *np.cumsum(offsets).tolist()][:4]
    steps = np.diff([bar * BAR + onset for bar in range(bars) for onset in onsets], prepend=0).tolist()
    made = events_of(turned, [12, 24, 12, 36] * bars, steps)
    return replace(made, velocity=np.array([40, 70, 100, 60] * bars, np.int32))


@pytest.fixture(scope="module")
def songs() -> tuple[Events, Events]:
    return song(FIRST, [24, 24, 24], 4), song(SECOND, [12, 12, 48], 4)


@pytest.fixture(scope="module")
def table(songs: tuple[Events, Events]) -> BarTable:
    return BarTable.of(songs, BAR)


@pytest.fixture(scope="module")
def learnt(songs: tuple[Events, Events], table: BarTable) -> BarAutoencoder:
    """One that has learnt eight bars by heart."""
    pl.seed_everything(1, verbose=False)
    network = BarAutoencoder(
        len(table.places), len(table.durations), table.velocities, hidden=48, latent=12, rate=1e-2, updates=UPDATES
    )
    whole = joined([table.bars(events) for events in songs])
    with quiet_trainer(1) as trainer:
        trainer.fit(network, Batches(lambda: repeat(whole._asdict(), UPDATES), UPDATES))
    return network.eval()


def drawn(bars: Bars) -> list[list[DrawnEvent]]:
    """The events of bars as they stand in the tables."""
    rows = []
    for row, count in enumerate(bars.events.tolist()):
        chords = [tuple(chord.nonzero()[:, 0].tolist()) for chord in bars.chord[row]]
        columns = (bars.place[row].tolist(), chords, bars.duration[row].tolist(), bars.velocity[row].tolist())
        rows.append([DrawnEvent(*event) for event in list(zip(*columns, strict=True))[:count]])
    return rows


def test_what_was_learnt_comes_back(learnt: BarAutoencoder, songs: tuple[Events, Events], table: BarTable) -> None:
    for events in songs:
        bars = table.bars(events)
        with torch.no_grad():
            mean, spread = learnt.encode(bars)
            assert learnt.nats(bars, mean).mean() < 1  # of 4 events and some 16 choices
        assert (spread < 1).float().mean() > 0.3  # the point says something
        assert learnt.decode(mean, temperature=0) == drawn(bars)


def test_the_ends_are_the_two_bars_and_the_middle_is_a_bar(
    learnt: BarAutoencoder, songs: tuple[Events, Events], table: BarTable
) -> None:
    first, second = (table.bars(events) for events in songs)
    with torch.no_grad():
        one, two = learnt.encode(first)[0], learnt.encode(second)[0]
    assert learnt.decode(between_points(one, two, 0.0), temperature=0) == drawn(first)
    assert learnt.decode(between_points(one, two, 1.0), temperature=0) == drawn(second)
    near = learnt.decode(between_points(one, two, 0.05), temperature=0)
    assert near == drawn(first)
    for bar in learnt.decode(between_points(one, two, 0.5), generator=torch.Generator().manual_seed(1)):
        places = [event.place for event in bar]
        assert places == sorted(set(places))
        assert all(event.chord for event in bar)


def test_the_same_generator_is_the_same_bar(learnt: BarAutoencoder) -> None:
    points = torch.randn(4, 12, generator=torch.Generator().manual_seed(2))
    one, two = (learnt.decode(points, generator=torch.Generator().manual_seed(3)) for _ in range(2))
    assert one == two


def test_nats_are_those_of_each_bar_alone(
    learnt: BarAutoencoder, songs: tuple[Events, Events], table: BarTable
) -> None:
    """Whatever stands beside it in a batch, and beyond its events."""
    other = BarTable.of([*songs, random_song(np.random.default_rng(1), events=30)], BAR)
    bars = other.bars(random_song(np.random.default_rng(1), events=30))
    network = BarAutoencoder(
        len(other.places), len(other.durations), other.velocities, hidden=8, latent=4, updates=1
    ).eval()
    with torch.no_grad():
        point = network.encode(bars)[0]
        whole = network.nats(bars, point)
        for row in range(len(bars.events)):
            size = max(int(bars.events[row]), 1)
            one = Bars(
                *(column[row : row + 1] if column.ndim == 1 else column[row : row + 1, :size] for column in bars)
            )
            assert torch.allclose(network.encode(one)[0], point[row : row + 1], atol=1e-5)
            assert torch.allclose(network.nats(one, point[row : row + 1]), whole[row : row + 1], atol=1e-4)


@pytest.mark.parametrize("seed", range(3))
def test_bars_are_a_song_again(seed: int) -> None:
    """Events to bars to events: all but the loudness, of which classes are kept, and the longest notes."""
    random = np.random.default_rng(seed)
    events = random_song(random, events=60)
    table = BarTable.of([events], BAR)
    again = song_events(table, drawn(table.bars(events)), int(events.place[-1]))
    assert [event.chords for event in again] == events.chords()
    assert [event.place for event in again] == events.place.tolist()
    assert [event.offset for event in again][1:] == events.offset[1:].tolist()
    assert [event.duration for event in again] == np.minimum(events.duration, 4 * BAR).tolist()


@pytest.mark.parametrize("seed", range(5))
def test_a_bar_that_is_cut_is_a_bar(seed: int) -> None:
    """By a metre that is named anew: its events are not those of the bar after it."""
    random = np.random.default_rng(seed)
    metres = np.array([[0, 4, 4], *([int(tick), 4, 4] for tick in np.cumsum(random.integers(100, 400, 4)))], np.int32)
    onset = np.sort(random.choice(1800, 60, replace=False))
    columns = (onset, random.integers(40, 80, 60), np.full(60, 6), np.full(60, 64), np.zeros(60))
    whole = Song(
        24, (Part("Piano", 0, False, "chords"),), Notes(*(column.astype(np.int32) for column in columns)),
        np.array([[0.0, 120.0]]), metres, np.zeros((0, 3), np.int32),
    )  # fmt: skip
    events, numbers = whole.events(), bar_numbers(whole, onset)
    table = BarTable.of([events], BAR)
    assert table.numbers(events).tolist() == (numbers - numbers[0]).tolist()
    again = song_events(table, drawn(table.bars(events)), 0)
    assert [event.chords for event in again] == events.chords()
    assert [event.place for event in again] == events.place.tolist()


def lengths(points: Tensor) -> list[float]:
    return points.norm(dim=1).tolist()


def test_points_between_lie_on_the_way() -> None:
    generator = torch.Generator().manual_seed(1)
    one, two = (torch.randn(5, 12, generator=generator) for _ in range(2))
    for mix in (0.25, 0.5, 0.75):
        middle = between_points(one, two, mix)
        ends = zip(lengths(one), lengths(two), strict=True)
        assert lengths(middle) == pytest.approx([(1 - mix) * a + mix * b for a, b in ends], abs=1e-4)
    unit = torch.nn.functional.normalize
    middle = unit(between_points(one, two, 0.5), dim=1)
    assert torch.allclose((middle * unit(one, dim=1)).sum(1), (middle * unit(two, dim=1)).sum(1), atol=1e-4)
    assert torch.equal(between_points(one, two, 0.0), one)
    assert torch.equal(between_points(one, two, 1.0), two)
    assert torch.allclose(between_points(one, one, 0.3), one, atol=1e-4)
    assert between_points(one, -one, 0.5).isfinite().all()
