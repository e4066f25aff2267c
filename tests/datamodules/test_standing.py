"""Where events stand in a form: by the plan and by what was heard before, never by what is yet to come."""

from __future__ import annotations

import math
import pickle
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch
from columns_made import COLUMNS, GRID
from events_made import BAR, random_song
from forms_made import lines_of, naive_stand, returning, rows_of, sections_from, together
from winners_made import demo_songs

from datamodules.columns import Column, build_column
from datamodules.form import finding
from datamodules.form.finding import Section, find_form
from datamodules.form.guide import Guide, Stand
from datamodules.form.standing import plan_nats, stand_features, stand_size, standing_of, stands_of
from datamodules.framing import Framing
from datamodules.midi_windows import MidiWindows
from datamodules.song import Events, bar_lines
from datamodules.splits import TRAIN, make_split
from datamodules.windows import Segments, Windows

FORMS = [
    sections_from("ABAB", [4, 4, 4, 4]),
    sections_from("AABA", [3, 5, 2, 8]),
    sections_from("ABCABD", [1, 2, 4, 2, 2, 3]),
    sections_from("AAAA", [4, 4, 4, 4]),
    sections_from("A", [16]),
]
SONGS = [replace(random_song(np.random.default_rng(seed), events=60), velocity=velocity) for seed, velocity in
         ((seed, np.random.default_rng(seed).integers(1, 128, 60).astype(np.int32)) for seed in range(3))]  # fmt: skip
FRAMING = Framing(8, 4, True, True, "window", form=True)


def _column(name: str, songs: list[Events], sections: list[Section], kind: str = "none") -> Column:
    column = build_column(COLUMNS[name], songs, make_split(kind, songs, seed=1), GRID)
    return replace(column, standing=together(songs, sections))


# what is said of a place


@pytest.mark.parametrize("sections", FORMS, ids=lambda form: "".join(section.label for section in form))
@pytest.mark.parametrize("song", SONGS)
def test_a_stand_is_its_definition(song: Events, sections: list[Section]) -> None:
    lines, rows = lines_of(sections), rows_of(song)
    found = stands_of(song, sections, lines)
    bits = np.unpackbits(found.bits, axis=1)
    for row, (tick, *_) in enumerate(rows):
        stand = Stand(*found.table[row].tolist(), tuple(np.flatnonzero(bits[row]).tolist()))
        assert stand == naive_stand(rows[:row], sections, lines, tick), row


def test_the_forms_of_the_test_say_all_there_is_to_say() -> None:
    found = np.concatenate([stands_of(song, form, lines_of(form)).table for song, form in product(SONGS, FORMS)])
    assert set(found[:, 4].tolist()) == {0, 1, 2, 3}
    assert (found[:, 7] > 0).any()
    assert (found[:, 3] == 0).any(), "events behind the end of the plan"


def test_what_is_said_of_the_place_before_is_what_was_said_of_it() -> None:
    """Offsets are drawn when the event before has been heard, and look at its place again."""
    for song, sections in product(SONGS, FORMS):
        guide = Guide(sections, lines_of(sections))
        for tick, chord, duration, velocity in rows_of(song):
            before = guide.stand(tick)
            guide.hear(tick, chord, duration, velocity)
            assert guide.stand(tick) == before


@pytest.mark.parametrize("sections", FORMS[:4])
def test_nothing_that_is_yet_to_come_is_said(sections: list[Section]) -> None:
    song, lines = SONGS[0], lines_of(sections)
    whole = stands_of(song, sections, lines)
    for count in range(1, len(song), 7):
        part = stands_of(song.stretch(0, count), sections, lines)
        assert np.array_equal(part.table, whole.table[:count])
        assert np.array_equal(part.bits, whole.bits[:count])


def test_no_two_places_look_alike_and_none_is_told_zeros() -> None:
    assert not stand_features(np.zeros((3, 8), np.int32), GRID).any()
    rows = [(label, again, bar, 8, *rest) for label, again, bar, rest in product(
        range(6), (0, 1), range(8), [(0, 0, 0, 0), (1, 0, 0, 6), (2, 12, 64, 6), (3, 12, 64, 6), (3, 24, 64, 0)]
    )]  # fmt: skip
    features = stand_features(np.array(rows, np.int32), GRID)
    assert features.shape == (len(rows), stand_size())
    assert np.isfinite(features).all()
    assert len(np.unique(features.round(3), axis=0)) == len(rows)


def test_real_songs_stand_in_the_form_that_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = demo_songs()
    begin = 0
    for song, events in zip(dataset.songs, dataset.events, strict=True):
        form, lines = find_form(song).sections, bar_lines(song)
        own = stands_of(events, form, lines)
        table = dataset.standing.table[begin : begin + len(events)]
        assert np.array_equal(table, own.table)
        bar = np.searchsorted(lines, events.onset, side="right") - 1
        section = np.searchsorted([each.first for each in form], bar, side="right") - 1
        assert table[:, 3].tolist() == [form[number].bars for number in section]
        assert (table[:, 4] == 3).mean() > 0.2, "the bundled songs have sections that come again"
        begin += len(events)
    monkeypatch.setattr(finding, "LONGEST_SONG", 10)
    nowhere = standing_of(dataset.songs, dataset.events)
    assert not any(array.any() for array in (nowhere.table, nowhere.bits, nowhere.nats)), "too long to find a form"


# what it costs


def test_the_code_of_plans_is_one() -> None:
    """No two plans share a code word: the probabilities of all that may come next sum to at most 1."""
    for before in ([], sections_from("ABA", [8, 5, 8])):
        labels = sorted({section.label for section in before})
        total = math.exp(-math.log(len(labels) + 2))  # the end
        for label, bars in product([*labels, "Z"], range(1, 200)):
            plan = [*before, Section(label, 0, bars)]
            after = len({section.label for section in plan})
            own = plan_nats(plan)[-1] - math.log(after + 2)  # without the end that it has as the last
            total += math.exp(-own)
        assert 0.5 < total <= 1 + 1e-9


def test_a_plan_that_repeats_itself_is_cheap() -> None:
    square, odd = plan_nats(sections_from("ABAB", [8] * 4)), plan_nats(sections_from("ABCD", [7, 9, 6, 11]))
    assert square[0] == pytest.approx(math.log(2) + math.log(16))
    assert sum(square) < 0.7 * sum(odd)


@pytest.mark.parametrize(("rest", "gap"), [(0, 0), (0, 4), (4, 0), (4, 4), (9, 0), (9, 4)])
def test_the_whole_cost_is_shared_out_but_none_to_the_first_event(rest: int, gap: int) -> None:
    """Whichever section the first event stands in after so many bars of rest, and however long it is alone there."""
    later = BAR * np.array([rest] + [rest + gap] * 59, np.int32)
    for song, sections in product(SONGS, FORMS):
        nats = stands_of(replace(song, onset=song.onset + later), sections, lines_of(sections)).nats
        assert nats.sum() == pytest.approx(sum(plan_nats(sections)))
        assert nats[0] == 0
        assert (nats >= 0).all()


# windows


@pytest.mark.parametrize("name", COLUMNS)
def test_a_position_shows_the_place_of_its_event_or_of_the_one_before(name: str) -> None:
    column = _column(name, SONGS, FORMS[0])
    standing, song = column.standing, column.songs()
    assert standing is not None
    features = stand_features(standing.table, GRID)
    windows = Windows(column, TRAIN, replace(FRAMING, spelled=COLUMNS[name].chords))
    segments = windows.in_order()
    batch = windows.batch(segments)
    for row, last in enumerate(segments.last.tolist()):
        for position in range(8):
            event = last - 7 + position - (name == "offsets")
            inside = event >= 0 and song[event] == song[last]
            told = features[event] if inside else np.zeros(stand_size())
            assert batch["form"][row, position].tolist() == pytest.approx(told.tolist())
            bits = np.unpackbits(standing.bits[event]) if inside else np.zeros(128)
            assert batch["again"][row, position].tolist() == bits.tolist()
    assert torch.equal(batch["told"], torch.from_numpy(standing.nats[column.targets(TRAIN)]))


@pytest.mark.parametrize("semitones", [-5, 0, 6])
def test_what_was_there_moves_with_the_window(semitones: int) -> None:
    songs = [replace(song, pitches=song.pitches) for song in SONGS]
    other = [replace(song, pitches=song.pitches + np.int32(semitones)) for song in SONGS]
    columns = [_column("notes", each, FORMS[0]) for each in (songs, other)]
    last = np.arange(10, 50, 4)
    there, moved = (
        Windows(column, TRAIN, FRAMING).batch(Segments(last, last - 3, np.full(len(last), shift)))
        for column, shift in zip(columns, (semitones, 0), strict=True)
    )
    assert there["again"].any()
    for name in ("chord", "again", "form", "pitches"):
        assert torch.equal(there[name], moved[name]), name


def test_a_column_that_no_form_was_found_for_is_no_column_of_zeros() -> None:
    column = replace(_column("notes", SONGS, FORMS[0]), standing=None)
    windows = Windows(column, TRAIN, FRAMING)
    with pytest.raises(ValueError, match="was not looked for"):
        windows.batch(windows.in_order())


def test_a_prepared_column_travels_whole() -> None:
    column = pickle.loads(pickle.dumps(_column("notes", SONGS, FORMS[0]).prepared()))
    assert {"form", "again"} <= column.__dict__.keys()
    assert "form" not in replace(column, standing=None).prepared().__dict__


@pytest.mark.parametrize("name", ["notes", "offsets"])
def test_some_training_windows_are_told_nothing_or_not_from_their_beginning(name: str) -> None:
    songs = [returning(seed) for seed in range(400)]
    column = _column(name, songs, sections_from("ABAB", [2] * 4))
    framing = Framing(8, 4, True, name == "notes", form=True)

    def trained(rate: float) -> dict[str, torch.Tensor]:
        data = MidiWindows(
            column, framing, batch_size=64, seed=3, unknown_rate=0, untold_rate=rate, updates_per_epoch=1
        )
        return _joined(list(data.train_dataloader()))

    plain, found = trained(0), trained(0.1)
    for key in plain.keys() - {"form", "again"}:
        assert torch.equal(plain[key], found[key]), key
    told = (plain["form"] == found["form"]).all(2) & (plain["again"] == found["again"]).all(2)
    for key in ("form", "again"):
        assert not found[key][~told].any()
    was = plain["form"].any(2)
    hidden = was & ~told
    assert (hidden[:, 1:] <= (hidden[:, :-1] | ~was[:, :-1])).all(), "told from somewhere on, to the end"
    full = was.all(1)
    assert 0.08 < hidden[full].all(1).float().mean() < 0.12
    assert 0.16 < hidden[full].any(1).float().mean() < 0.21
    valid = _joined(list(MidiWindows(column, framing, batch_size=64, untold_rate=1).val_dataloader()))
    windows = Windows(column, column.valid_part, framing)
    assert torch.equal(valid["form"], windows.batch(windows.in_order())["form"])


def _joined(batches: list[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    return {name: torch.cat([batch[name] for batch in batches]) for name in ("form", "again", "numbers", "chord")}
