"""A length for each note (`grain=note`): its column, its baselines and its floors."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from events_made import events_of
from lengths_made import DURATIONS, GRID, SPEC, falling, songs_of, with_lengths

from datamodules.baselines.averages import baselines
from datamodules.baselines.by_target import baseline_errors, baseline_nats
from datamodules.baselines.floors import floors
from datamodules.baselines.kneser_ney import kneser_ney
from datamodules.columns import build_column, column_for
from datamodules.framing import Framing
from datamodules.lengths import by_pitch, notes_of, summed, unrolled
from datamodules.song import Events
from datamodules.splits import FIRST, TEST, TRAIN, VALID, make_split
from datamodules.windows import Segments, Windows

# the column


def test_the_column_by_hand() -> None:
    first = with_lengths(events_of([(60, 64), (62,), (60, 67)], [0] * 3, [0, 24, 24]), [6, 24, 12, 12, 500])
    second = with_lengths(events_of([(50,), (50, 52)], [0] * 2, [0, 24]), [48, 6, 7])
    split = make_split("none", [first, second], 0)
    parts = split.parts[0], np.array([FIRST, VALID], np.int8)
    split = replace(split, name="named", parts=parts, songs=("train", "valid"))
    column = build_column(SPEC, [first, second], split, GRID)
    assert column.vocabulary.values == (6, 12, 24, 384)  # 6 and 24 open the song: known, and no targets
    assert column.vocabulary.counts == (0, 2, 0, 1)
    assert column.lexicon == (6, 12, 24, 384, 7, 48)
    assert column.ids.tolist() == [2, 1, 3, 5, 4]  # of the longest
    assert column.value.tolist() == [24, 12, 500, 48, 7]
    ticks = np.full(384, 0.1)
    ticks[[11, 383]] += [2, 1]
    ticks /= ticks.sum()
    assert column.histogram == pytest.approx(ticks)
    log = np.log(ticks)
    expected = [log[5] + log[23], log[11], log[11] + log[383], log[47], log[5] + log[6]]
    assert column.base.tolist() == pytest.approx(expected)
    single = unrolled(column)
    assert single.value.tolist() == [24, 6, 12, 500, 12, 48, 7, 6]  # high to low
    assert [column.lexicon[i] for i in single.ids] == [24, 6, 12, 384, 12, 48, 7, 6]
    assert single.starts.tolist() == [0, 5, 8]
    assert single.part.tolist() == [FIRST, FIRST, TRAIN, TRAIN, TRAIN, FIRST, VALID, VALID]
    assert single.base.tolist() == pytest.approx([log[min(tick, 384) - 1] for tick in single.value.tolist()])
    again = column_for(SPEC, column.vocabulary, GRID, [first, second])
    assert np.array_equal(again.ids, column.ids)
    assert again.base == pytest.approx(column.base)


def test_lengths_lie_at_their_pitches_and_move_with_them() -> None:
    songs = songs_of(1)
    column = build_column(SPEC, songs, make_split("none", songs, 0), GRID)
    random = np.random.default_rng(0)
    events = random.integers(0, len(column), 30)
    notes, row = notes_of(column.context, events)
    plain, moved = by_pitch(column.context, events), by_pitch(column.context, events, np.arange(30) % 4)
    every = [pair for song in songs for pair in zip(song.chords(), falling(song), strict=True)]
    for i, event in enumerate(events.tolist()):
        chord, lengths = every[event][0], every[event][1][::-1]
        expected = np.zeros(128, int)
        expected[list(chord)] = lengths
        assert plain[i].tolist() == expected.tolist()
        assert moved[i].tolist() == np.roll(expected, i % 4).tolist()
        assert column.context.lengths[notes[row == i]].tolist() == lengths
    assert summed(np.ones((2, len(row))), row).tolist() == [[len(every[event][0]) for event in events.tolist()]] * 2


def test_a_batch_holds_the_lengths_of_the_chords_that_are_known() -> None:
    songs = songs_of(2)
    column = build_column(SPEC, songs, make_split("none", songs, 0), GRID)
    windows = Windows(column, TRAIN, Framing(6, 3, context=True, transpose="window"))
    segments = windows.passed(np.random.default_rng(1))
    assert segments.shift.any()
    batch = windows.batch(segments)
    known = batch["known"][:, -3:]
    counted = batch.get("counted", torch.ones(known.shape[:2], dtype=torch.bool))
    assert torch.equal(batch["lengths"] > 0, known[counted] > 0)
    assert torch.equal(batch["lengths"].amax(dim=1), batch["true"])
    still = windows.batch(Segments(segments.last, segments.first, np.zeros_like(segments.shift)))
    for row, other in zip(batch["lengths"], still["lengths"], strict=True):
        assert row[row > 0].tolist() == other[other > 0].tolist()


# baselines and floors


def sequences(songs: list[Events], parts: tuple[Any, ...]) -> tuple[list[Events], list[Any]]:
    """The songs as songs of single notes, high to low, and whose target each note is."""
    chains, marks = [], []
    for song, part in zip(songs, parts, strict=True):
        lengths = [length for event in falling(song) for length in event]
        chains.append(events_of([(60,)] * len(lengths), lengths, [24] * len(lengths)))
        marks.append(np.repeat(part, np.diff(song.starts)).astype(np.int8))
    return chains, marks


@pytest.mark.parametrize("kind", ["tail", "song"])
def test_baselines_are_those_of_the_sequence_of_notes_summed_by_event(kind: str) -> None:
    songs = songs_of(3, songs=5)
    split = make_split(kind, songs, 0)
    column = build_column(SPEC, songs, split, GRID)
    chains, marks = sequences(songs, split.parts)
    single = build_column(DURATIONS.column, chains, replace(split, parts=tuple(marks)), GRID)
    assert single.vocabulary == column.vocabulary
    for part in (VALID, TEST):
        targets, notes = column.targets(part), single.targets(part)
        sizes = np.diff(column.context.starts)[targets]
        event = np.repeat(np.arange(len(targets)), sizes)
        naive = kneser_ney(single, notes)
        expected = np.stack([np.bincount(event, weights=row) for row in naive])
        np.testing.assert_allclose(kneser_ney(column, targets), expected, atol=1e-10)
        found, each = baselines(column, part, VALID), baselines(single, part, VALID)
        for name, figures in each.items():
            more = len(notes) / len(targets) if "nats" in figures else 1.0
            figure = "nats" if "nats" in figures else "mae"
            assert found[name][figure] == pytest.approx(figures[figure] * more)
            assert {k: v for k, v in found[name].items() if k != figure} == pytest.approx(
                {k: v for k, v in figures.items() if k != figure}
            )
            by_event = (baseline_nats if figure == "nats" else baseline_errors)(column, name, found[name], targets)
            assert by_event.shape == targets.shape
            assert by_event.mean() == pytest.approx(found[name][figure])
        lengths = [length for song in songs for event in falling(song) for length in event]
        naive_repeat = np.mean([abs(lengths[i] - lengths[i - 1]) for i in notes.tolist()]) / GRID
        assert found["repeat"]["mae"] == pytest.approx(naive_repeat)


def test_the_probabilities_of_all_lengths_of_a_chord_sum_to_one_under_kneser_ney() -> None:
    grid = 1
    random = np.random.default_rng(5)
    song = events_of([(60, 64)] * 30, [0] * 30, [1] * 30)
    song = with_lengths(song, random.integers(1, 17, 60).tolist())
    endings = [
        with_lengths(events_of([(60, 64)] * 2, [0] * 2, [1] * 2), [3, 4, *pair])
        for pair in product(range(1, 17), repeat=2)
    ]
    split = make_split("none", [song, *endings], 0)
    parts = [split.parts[0], *(np.array([FIRST, VALID], np.int8) for _ in endings)]
    split = replace(split, name="named", parts=tuple(parts), songs=("train", *["valid"] * len(endings)))
    column = build_column(SPEC, [song, *endings], split, grid)
    np.testing.assert_allclose(np.exp(kneser_ney(column, column.targets(VALID))).sum(axis=1), 1, atol=1e-10)
    assert np.exp(column.base[column.targets(VALID)]).sum() == pytest.approx(1)


def test_the_floor_is_the_entropy_of_the_lengths_given_the_chord_and_the_window() -> None:
    songs = songs_of(4)
    column = build_column(SPEC, songs, make_split("none", songs, 0), GRID)
    contexts: dict[Any, Counter[Any]] = {}
    targets = []
    for song in songs:
        shown = ["start", *np.minimum(song.duration, 384).tolist()]
        for i in range(1, len(song)):
            key, lengths = (shown[i], song.chords()[i]), tuple(falling(song)[i])
            contexts.setdefault(key, Counter())[lengths] += 1
            targets.append((key, lengths))
    nats = [-math.log(contexts[key][lengths] / contexts[key].total()) for key, lengths in targets]
    medians = {
        key: [np.median(column_of) for column_of in zip(*counter.elements(), strict=True)]
        for key, counter in contexts.items()
    }
    errors = [abs(a - b) for key, lengths in targets for a, b in zip(lengths, medians[key], strict=True)]
    found = floors(column, TRAIN, 1)
    assert found["nats"] == found["weighted"] == pytest.approx(np.mean(nats))
    assert found["mae"] == pytest.approx(np.mean(errors) / GRID)
