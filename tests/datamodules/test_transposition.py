"""Windows in another key are the windows of songs in that key; what cannot be moved stays, and so does validation."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from columns_made import COLUMNS, GRID, SPECS, column_of, framings, lively_songs
from events_made import moved
from torch import Tensor

from datamodules.columns import Column, build_column, column_for
from datamodules.framing import Framing
from datamodules.midi_windows import MidiWindows
from datamodules.song import Events
from datamodules.splits import TEST, TRAIN, VALID, make_split
from datamodules.vocabulary import TRANSPOSITIONS
from datamodules.windows import Batch, Segments, Windows
from experiments.heads import HEADS

INPUTS = {"window", "chord", "numbers", "known"}
SONGS = lively_songs(9, songs=4, events=40, chords=6)


def _keyed(column: Column, songs: list[Events], semitones: int) -> Column:
    """The column of the songs in another key, as the vocabulary of the first key sees it."""
    other = column_for(column.spec, column.vocabulary, GRID, [moved(song, semitones) for song in songs])
    return replace(other, part=column.part, opens=column.opens)


@pytest.mark.parametrize("tail", [1, 4])
@pytest.mark.parametrize("kind", ["song", "tail"])
@pytest.mark.parametrize("name", SPECS)
def test_moved_windows_are_those_of_the_moved_songs(name: str, kind: str, tail: int) -> None:
    column = column_of(name, SONGS, kind)
    lost = 0
    for framing in framings(name, 8, tail, "window"):
        windows = Windows(column, TRAIN, framing)
        segments = windows.passed(np.random.default_rng(1))
        for semitones in TRANSPOSITIONS:
            keyed = Windows(_keyed(column, SONGS, semitones), TRAIN, framing)
            found = windows.batch(replace(segments, shift=np.full(len(segments), semitones)))
            expected = keyed.batch(replace(segments, shift=np.zeros(len(segments), np.int64)))
            kept = torch.ones(len(expected["target"]), dtype=torch.bool)
            if column.spec.chords and not framing.spelled:  # a target that the vocabulary lacks in that key is none
                kept = expected["target"] < column.vocabulary.unknown
                assert torch.equal(found["target"], expected["target"][kept])
                lost += int((~kept).sum())
            counted = expected.get("counted", torch.ones(len(segments), tail, dtype=torch.bool)).clone()
            counted[counted.clone()] = kept
            assert ("counted" in found) == (not counted.all())
            assert torch.equal(found.get("counted", counted), counted)
            for key in INPUTS & expected.keys():
                assert torch.equal(found[key], expected[key]), key
            for key in {"pitches", "lengths", "value", "true"} & expected.keys():
                assert torch.equal(found[key], expected[key][kept]), key
    assert lost > 0 or not column.spec.chords, "the test needs a chord that the vocabulary lacks in another key"


@pytest.mark.parametrize("name", SPECS)
def test_windows_of_many_keys_are_those_of_each_key(name: str) -> None:
    column = column_of(name, SONGS)
    for framing in framings(name, 8, 4, "window"):
        windows = Windows(column, TRAIN, framing)
        segments = windows.passed(np.random.default_rng(2))
        assert len(set(segments.shift.tolist())) > 3
        together = windows.batch(segments)
        alone = [windows.batch(segments[[row]]) for row in range(len(segments))]
        for key in INPUTS & together.keys():
            assert torch.equal(together[key], torch.cat([batch[key] for batch in alone])), key
        for key in together.keys() - INPUTS - {"counted"}:
            assert torch.equal(together[key], torch.cat([batch[key] for batch in alone])), key


def test_a_lost_target_leaves_the_weights_of_the_others() -> None:
    column = column_of("notes", SONGS)
    windows = Windows(column, TRAIN, Framing(8, 4, transpose="window"), "balanced")
    segments = windows.in_order()
    plain = windows.batch(segments)
    found = windows.batch(replace(segments, shift=np.ones(len(segments), np.int64)))
    assert 0 < len(found["target"]) < len(plain["target"])
    kept = found["counted"][plain.get("counted", torch.ones_like(found["counted"]))]
    assert torch.equal(found["weight"], plain["weight"][kept])
    assert torch.equal(found["true"], plain["true"][kept])


def _with_pitches(lowest: int, highest: int, seed: int) -> Events:
    """A song that reaches from the one pitch to the other."""
    (song,) = lively_songs(seed, songs=1, events=30)
    pitches = np.interp(song.pitches, (song.pitches.min(), song.pitches.max()), (lowest, highest))
    return replace(song, pitches=pitches.round().astype(np.int32))


@pytest.mark.parametrize("transpose", ["song", "window"])
def test_keys_reach_as_far_as_each_song_allows_and_no_farther(transpose: str) -> None:
    songs = [_with_pitches(*reach) for reach in ((0, 100, 1), (3, 127, 2), (2, 124, 3), (40, 80, 4), (0, 127, 5))]
    allowed = [set(range(7)), set(range(-3, 1)), set(range(-2, 4)), set(TRANSPOSITIONS), {0}]
    column, chords = column_of("notes", songs), [chord for song in songs for chord in song.chords()]
    random = np.random.default_rng(0)
    for framing in framings("notes", 4, 2, transpose):
        windows = Windows(column, TRAIN, framing)
        found: list[set[int]] = [set() for _ in songs]
        for _ in range(150):
            segments = windows.passed(random)
            for song, shift in zip(column.songs()[segments.last].tolist(), segments.shift.tolist(), strict=True):
                found[song].add(shift)
        assert found == allowed
        chord = windows.batch(segments).get("chord", torch.zeros(0, 4, 129))[:, -1, :128]  # of the event before
        for flags, event, shift in zip(chord, segments.last.tolist(), segments.shift.tolist(), strict=False):
            assert flags.nonzero().flatten().tolist() == [pitch + shift for pitch in chords[event - 1]]


def test_held_out_pitches_do_not_keep_training_from_its_keys() -> None:
    """Nor are they an input of it; but a song whose training part fills the range stays where it is."""
    songs = lively_songs(9, songs=4, events=40, chords=6)
    split = make_split("tail", songs, 0)
    held = int(np.flatnonzero(split.parts[0] == VALID)[0])
    pitches = songs[0].pitches.copy()
    pitches[songs[0].starts[held]] = 0
    high = replace(songs[0], pitches=pitches)
    for framing in framings("notes", 4, 2, "window"):
        shifts = [
            Windows(build_column(COLUMNS["notes"], [first, *songs[1:]], split, GRID), TRAIN, framing)
            .passed(np.random.default_rng(0))
            .shift.tolist()
            for first in (songs[0], high)
        ]
        assert shifts[0] == shifts[1]
        assert min(shifts[0]) == TRANSPOSITIONS[0]


def _shifts(windows: Windows, segments: Segments) -> list[set[int]]:
    song = windows.column.songs()[segments.last]
    return [set(segments.shift[song == number].tolist()) for number in range(len(SONGS))]


def test_a_songs_windows_are_moved_alike_or_each_by_itself() -> None:
    column, random = column_of("notes", SONGS), np.random.default_rng(0)
    alike, each, none = (Windows(column, TRAIN, Framing(4, 1, transpose=way)) for way in ("song", "window", "none"))
    passes = [_shifts(alike, alike.passed(random)) for _ in range(20)]
    assert all(len(shifts) == 1 for song in passes for shifts in song)
    assert len({tuple(next(iter(shifts)) for shifts in song) for song in passes}) > 15, "each pass anew"
    assert any(len(set.union(*song)) > 1 for song in passes), "each song by itself"
    assert all(len(shifts) > 8 for shifts in _shifts(each, each.passed(random)))
    assert _shifts(none, none.passed(random)) == [{0}] * len(SONGS)


@pytest.mark.parametrize("part", [TRAIN, VALID, TEST])
@pytest.mark.parametrize("name", SPECS)
def test_what_is_scored_is_never_moved(name: str, part: int) -> None:
    column = column_of(name, SONGS, "tail")
    for framing in framings(name, 8, 4, "window"):
        data = MidiWindows(column, framing, batch_size=64, unknown_rate=1)
        still = MidiWindows(column, replace(framing, transpose="none"), batch_size=64)
        assert _same(list(data.in_order(part)), list(still.in_order(part)))
        if part == VALID:
            assert _same(list(data.val_dataloader()), list(still.in_order(VALID)))


def _same(left: list[Batch], right: list[Batch]) -> bool:
    return len(left) == len(right) and all(
        a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a) for a, b in zip(left, right, strict=True)
    )


@pytest.mark.parametrize("name", HEADS)
def test_only_what_holds_chords_is_moved(name: str) -> None:
    """A head that neither sees nor predicts them would only lose the order of its random numbers."""
    kind = HEADS[name].config
    for inputs in ("own", "context"):
        for way in ("none", "song", "window"):
            framing = HEADS[name].framing(kind(inputs=inputs, transpose=way))
            moves = inputs == "context" or COLUMNS[name].chords
            assert framing.transpose == (way if moves else "none")


def test_a_batch_that_loses_all_its_targets_trains_nothing_and_breaks_nothing() -> None:
    song = lively_songs(0, songs=1, events=30, chords=2)[0]
    lonely = replace(song, pitches=np.full_like(song.pitches, 60), starts=np.arange(len(song) + 1, dtype=np.int32))
    lonely = replace(lonely, pitches=lonely.pitches[: len(song)], lengths=lonely.lengths[: len(song)])
    column = column_of("notes", [lonely])
    settings: dict[str, Any] = {"window": 4, "output": "token", "hidden": 8, "embedding": 4, "dropout_layers": 0}
    config = HEADS["notes"].config(**settings)
    head = HEADS["notes"].build(config, column.vocabulary, GRID)
    windows = Windows(column, TRAIN, HEADS["notes"].framing(config))
    segments = windows.in_order()
    batch = windows.batch(replace(segments, shift=np.ones(len(segments), np.int64)))
    assert len(batch["target"]) == 0
    losses: Tensor = head.output.losses(head(batch), batch)
    (losses * batch["weight"]).mean().backward()  # type: ignore[no-untyped-call]
    assert all(bool((p.grad == 0).all()) for p in head.parameters() if p.grad is not None)
