"""Real and written excerpts of the blind page: where they begin and end, and that they were held out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from midi_files import scale
from winners_made import demo_songs, make_run

from datamodules.splits import FIRST, TEST, TRAIN, tail_bounds
from experiments.data_options import DataOptions
from experiments.dataset import read_dataset
from experiments.heads import HEADS
from experiments.music.events.sampling import Sampling
from experiments.report_page.excerpts import find_places, real, with_known, written


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("split", ["tail", "none"])
def test_places_are_held_out_and_do_not_overlap(split: str, seed: int) -> None:
    dataset = demo_songs(split=split)
    places = find_places(dataset, 4, seed)
    assert len(places) == 4 if split == "none" else len(places) >= 2
    marks = {song.digest: parts for song, parts in zip(dataset.songs, dataset.split.parts, strict=True)}
    taken: set[tuple[str, int]] = set()
    for place in places:
        prime, events = place.prime, place.prime.events
        there = marks[prime.song.digest][prime.context : place.end]
        assert (there == TRAIN).all() if split == "none" else (there != TRAIN).all()
        assert (place.part == "test") == (there == TEST).all()
        onset = events.onset[prime.context : place.end]
        assert place.begin <= onset[0] < place.begin + prime.bar  # something in the first bar, and in the last
        assert place.begin + (place.bars - 1) * prime.bar <= onset[-1] < place.begin + place.bars * prime.bar
        assert place.begin - prime.bar <= events.onset[prime.context - 1] < place.begin
        assert prime.song.bar_position(place.begin) == 0
        rows = {(prime.song.digest, row) for row in range(prime.context, place.end)}
        assert not rows & taken
        taken |= rows
    assert len({place.prime.song.digest for place in places[:2]}) == 2  # a song's second comes after each one's first
    assert find_places(dataset, 4, seed) == places


def test_where_there_is_no_room_there_is_no_place(tmp_path: Path) -> None:
    (tmp_path / "a.mid").write_bytes(scale(notes=12))
    assert find_places(read_dataset(DataOptions((str(tmp_path / "a.mid"),))), 3, 1) == []


@pytest.mark.parametrize("seed", range(3))
def test_what_heads_had_learnt_from_before_is_not_held_out(seed: int) -> None:
    """As they do that began from another run's winners (`tune --init`)."""
    dataset = demo_songs()
    one, other = (
        {"path": song.name, "sha256": song.digest, "split": use}
        for song, use in zip(dataset.songs, ("none", "tail"), strict=True)
    )
    before = find_places(dataset, 4, seed)
    for unheard in ([], [other], [one | {"split": "valid"}], [one | {"sha256": "elsewhere"}]):
        assert find_places(with_known(dataset, unheard), 4, seed) == before
    places = find_places(with_known(dataset, [one, other]), 4, seed)
    assert {place.prime.song.digest for place in places} == {other["sha256"]}
    everything = with_known(dataset, [one, other | {"split": "train"}])
    assert {place.part for place in find_places(everything, 4, seed)} == {"training"}

    tested = tuple(np.where(np.arange(len(marks)), np.int8(TEST), np.int8(FIRST)) for marks in dataset.split.parts)
    whole = replace(dataset, split=replace(dataset.split, parts=tested))
    ends = [place for place in find_places(with_known(whole, [one, other]), 4, seed) if place.part == "test"]
    assert ends
    assert all(place.prime.context >= tail_bounds(len(place.prime.events))[0] for place in ends)


def test_a_real_excerpt_is_the_song_itself() -> None:
    for place in find_places(demo_songs(), 4, 1):
        song, new, end = place.prime.song, real(place), place.bars * place.prime.bar
        notes = song.notes
        keep = song.chosen() & (notes.onset >= place.begin) & (notes.onset < place.begin + end)
        theirs = {
            (int(on) - place.begin, int(pitch)) for on, pitch in zip(notes.onset[keep], notes.pitch[keep], strict=True)
        }
        assert set(zip(new.notes.onset.tolist(), new.notes.pitch.tolist(), strict=True)) == theirs
        assert (new.notes.onset + new.notes.length <= end).all()
        columns = (notes.onset - place.begin, notes.pitch, notes.length)
        rows = zip(*(column[keep].tolist() for column in columns), strict=True)
        longest = {(on, pitch): length for on, pitch, length in rows}
        own = zip(new.notes.onset.tolist(), new.notes.pitch.tolist(), new.notes.length.tolist(), strict=True)
        same = [length == min(longest[on, pitch], end - on) for on, pitch, length in own]
        assert np.mean(same) > 0.95  # but where two parts play one pitch


def test_a_written_excerpt_has_the_bars_tempo_and_metre_of_the_real_one(tmp_path: Path) -> None:
    _, winners = make_run(tmp_path / "demo")
    place = find_places(demo_songs(), 1, 1)[0]
    theirs, one, same, other = (
        real(place),
        *(written(winners, place, dict.fromkeys(HEADS, Sampling()), seed) for seed in (1, 1, 2)),
    )
    for song in (one, other):
        assert (song.notes.onset >= 0).all()
        assert (song.notes.onset + song.notes.length <= place.bars * place.prime.bar).all()
        assert song.parts == theirs.parts
        for field in ("tempos", "metres", "keys"):
            np.testing.assert_array_equal(getattr(song, field), getattr(theirs, field))
    np.testing.assert_array_equal(one.notes.pitch, same.notes.pitch)
    assert one.notes.pitch.tolist() != other.notes.pitch.tolist()
