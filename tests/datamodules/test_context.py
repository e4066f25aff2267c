"""What a network is shown of the events around a value - and that it is never shown what is yet to be drawn."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import chain, combinations, pairwise, product
from typing import Any

import numpy as np
import pytest
import torch
from columns_made import GRID, SPECS, before, choices, column_of, framings, lively_songs
from forms_made import lines_of, sections_from
from numpy.typing import NDArray
from torch import Tensor

from datamodules.columns import Column, column_for
from datamodules.context import context_of, known_size, past_size, place_features, tick_features
from datamodules.form.standing import Standing, stands_of
from datamodules.framing import Framing
from datamodules.song import Events
from datamodules.splits import TEST
from datamodules.windows import Batch, Segments, Windows
from experiments.heads import HEADS

SONGS = lively_songs(5, songs=3, events=20, chords=8)
FIELDS = {"offsets": "offset", "notes": "chords", "durations": "duration", "velocity": "velocity"}  # of all columns
WINDOW = 6
MOMENTS = [0, 1, len(SONGS[0]) + 7, len(SONGS[0]) + len(SONGS[1]) - 1]  # firsts, a middle, a last of a song

# features


def _of_ticks(ticks: int) -> list[float]:
    quarters = min(ticks, 16 * GRID) / GRID
    turns = [2 * math.pi * quarters / period for period in (1 / 4, 1 / 3, 1 / 2, 1, 2, 4, 8)]
    level = math.log2(quarters + 1 / 8)
    return [*map(math.sin, turns), *map(math.cos, turns), level / 2, float(level > 3)]


def _of_place(place: int, bar: int) -> list[float]:
    turns = [place / GRID / beat for beat in (1 / 4, 1 / 3, 1 / 2, 1)] + [place / bar * n for n in (1, 2, 3, 4, 6, 8)]
    turns = [2 * math.pi * turn for turn in turns]
    return [*map(math.sin, turns), *map(math.cos, turns), math.log2(bar / GRID / 4)]


def test_past_and_known_equal_a_naive_loop() -> None:
    context = context_of(SONGS, GRID)
    every = ("offsets", "notes", "durations")
    for after in chain.from_iterable(combinations(every, count) for count in range(4)):
        known = context.known(after)
        assert known.shape == (len(context), known_size(after))
        assert known.dtype == np.float32
        for event in range(0, len(context), 3):
            row = _of_ticks(context.offset[event]) if "offsets" in after else []
            row += _of_place(context.place[event], context.bar[event]) if "offsets" in after else []
            row += _of_ticks(context.duration[event]) if "durations" in after else []
            assert known[event].tolist() == pytest.approx(row, abs=1e-5)
    assert context.past.shape == (len(context), past_size())
    assert context.past.dtype == np.float32
    for event in range(len(context)):
        row = _of_ticks(context.duration[event]) + _of_ticks(context.offset[event])
        row += [*_of_place(context.place[event], context.bar[event]), context.velocity[event] / 64 - 1]
        assert context.past[event].tolist() == pytest.approx(row, abs=1e-5)


@pytest.mark.parametrize("grid", [4, 12, 24, 48])
def test_no_two_lengths_or_places_look_alike(grid: int) -> None:
    ticks = np.arange(16 * grid + 1, dtype=np.int32)
    for rows in (tick_features(ticks, grid), place_features(ticks[: 4 * grid], np.full(4 * grid, 4 * grid), grid)):
        assert np.isfinite(rows).all()
        assert len(np.unique(rows.round(3), axis=0)) == len(rows)
    assert np.array_equal(tick_features(ticks[-1:] + 99, grid), tick_features(ticks[-1:], grid))


def test_quarter_notes_look_alike_on_every_grid() -> None:
    quarters = np.arange(16, dtype=np.int32)
    lengths = [tick_features(quarters * grid, grid) for grid in (1, 12, 24, 480)]
    places = [place_features(quarters * grid, np.full(16, 5 * grid, np.int32), grid) for grid in (1, 12, 24, 480)]
    for one, other in chain(pairwise(lengths), pairwise(places)):
        assert np.allclose(one, other, atol=1e-5)


# what is yet to be drawn is never shown


def _changed(songs: list[Events], event: int, column: str) -> list[Events]:
    """The songs, with another value in one column of one event, counted over all songs."""
    number = next(i for i, end in enumerate(np.cumsum([len(song) for song in songs])) if event < end)
    song, at = songs[number], event - sum(len(song) for song in songs[:number])
    here = np.arange(len(song)) == at
    if column == "offsets":
        onset = song.onset + 5 * (np.arange(len(song)) >= at)
        song = replace(song, offset=song.offset + 5 * here, onset=onset, place=onset % song.bar)
    elif column == "notes":
        chord = np.array([11, 99, 126], np.int32)
        a, b = song.starts[at : at + 2]
        song = replace(
            song,
            pitches=np.concatenate([song.pitches[:a], chord, song.pitches[b:]]),
            lengths=np.concatenate([song.lengths[:a], np.full(3, song.duration[at]), song.lengths[b:]]),
            starts=song.starts + (3 - (b - a)) * (np.arange(len(song) + 1) > at),
        )
    elif column == "durations":
        notes = np.repeat(here, np.diff(song.starts))
        song = replace(song, duration=song.duration + 7 * here, lengths=song.lengths + 7 * notes)
    else:
        song = replace(song, velocity=np.where(here, (song.velocity + 50) % 127 + 1, song.velocity))
    return [*songs[:number], song, *songs[number + 1 :]]


def _columns(name: str, event: int, column: str) -> list[Column]:
    """A head's column over the songs, and over the songs with that change; all events are targets but the first."""
    vocabulary = column_of(name, SONGS).vocabulary
    changed = _changed(SONGS, event, column)
    columns = [column_for(SPECS[name], vocabulary, GRID, songs) for songs in (SONGS, changed)]
    return [replace(one, standing=_standing(songs)) for one, songs in zip(columns, (SONGS, changed), strict=True)]


def _standing(songs: list[Events]) -> Standing:
    """Where events stand in a form whose sections come again every other bar."""
    sections = sections_from("ABAB" * 50, [1] * 200)
    each = [stands_of(song, sections, lines_of(sections, int(song.bar[0]))) for song in songs]
    return Standing(*(np.concatenate([getattr(one, name) for one in each]) for name in ("table", "bits", "nats")))


def _predicted(column: Column, segments: Segments) -> NDArray[np.int64]:
    """The event that each position of each window predicts, (windows, W)."""
    return np.array([[*before(column, event, WINDOW - 1), event] for event in segments.last.tolist()])


def _differs(one: Batch, two: Batch) -> NDArray[np.bool_]:
    """At which positions any input is another, (windows, W); inputs are all that have a row for each position."""
    assert one.keys() == two.keys()
    shape = next(one[key].shape[:2] for key in ("window", "chord") if key in one)
    inputs = [key for key, tensor in one.items() if tensor.shape[:2] == shape]
    assert {"window", "chord", "numbers", "known"} & one.keys() <= set(inputs)
    found = [(one[key] != two[key]).flatten(2).any(2) if one[key].ndim > 2 else one[key] != two[key] for key in inputs]
    return torch.stack(found).any(0).numpy()


def _shown(name: str, framing: Framing, changed: str) -> tuple[bool, bool]:
    """Whether a position may show that column of the event that it predicts, and of the event before that."""
    return framing.context and changed in SPECS[name].after, framing.context or changed == SPECS[name].name


@pytest.mark.parametrize("event", MOMENTS)
@pytest.mark.parametrize("changed", FIELDS)
@pytest.mark.parametrize("name", SPECS)
def test_a_position_shows_what_is_before_its_event_and_what_is_drawn_before_it(
    name: str, changed: str, event: int
) -> None:
    columns = _columns(name, event, changed)
    for framing in framings(name, WINDOW, 2):
        windows = [Windows(column, TEST, framing) for column in columns]
        segments = windows[0].in_order()
        batches = [each.batch(segments) for each in windows]
        differs, predicts = _differs(*batches), _predicted(columns[0], segments)
        its_own, the_one_before = _shown(name, framing, changed)
        song = columns[0].songs()
        assert not differs[predicts < event].any(), "what comes later is shown"
        assert (differs[predicts == event] == its_own).all()
        follows = [event + 1] if event + 1 < len(song) and song[event + 1] == song[event] else []
        assert (differs[np.isin(predicts, follows)] == the_one_before).all()
        if changed != "offsets":  # which move all that follows to other places in the bar
            assert not differs[~np.isin(predicts, [event, *follows])].any()
        others = columns[0].targets(TEST) != event
        for key in {"target", "true", "base", "pitches", "lengths"} & batches[0].keys():
            assert torch.equal(batches[0][key][others], batches[1][key][others]), key


SEEING = [
    (name, settings)
    for name in HEADS
    for settings in choices(name, "inputs", "output", "loss", "backbone", "grain", "form")
]


@pytest.mark.parametrize(
    ("name", "settings"), SEEING, ids=lambda value: "-".join(value.values()) if isinstance(value, dict) else value
)
def test_a_network_sees_no_more(name: str, settings: dict[str, str]) -> None:
    """The states that predict the targets, event by event: a change of a column reaches those that it may reach."""
    torch.manual_seed(0)
    small: dict[str, Any] = {"window": WINDOW, "hidden": 8, "embedding": 8, "lstm_layers": 2, "dropout_layers": 0}
    config = HEADS[name].config(**small, **settings)
    framing = HEADS[name].framing(config)
    column = f"{name}-note" if settings.get("grain") == "note" else name
    head = HEADS[name].build(config, column_of(column, SONGS).vocabulary, GRID).eval()
    for changed, event in product(FIELDS, MOMENTS[1:]):
        columns = _columns(column, event, changed)
        states = [_states(head, column, framing) for column in columns]
        events = columns[0].targets(TEST)
        differs = ~torch.isclose(*states, rtol=1e-4, atol=1e-6).all(dim=1).numpy()
        its_own, the_one_before = _shown(column, framing, changed)
        assert not differs[events < event].any(), "what comes later is seen"
        assert (differs[events == event] == its_own).all()
        song = columns[0].songs()
        follows = (events == event + 1) & (song[events] == song[event])
        assert (differs[follows] == the_one_before).all()
        assert not differs[song[events] != song[event]].any(), "another song is seen"


@torch.inference_mode()
def _states(head: Any, column: Column, framing: Framing) -> Tensor:
    windows = Windows(column, TEST, framing)
    states: Tensor = head(windows.batch(windows.in_order()))
    return states
