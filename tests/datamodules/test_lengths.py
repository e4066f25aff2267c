"""A length for each note (`grain=note`): its column, its baselines, its network, its winners, its songs, its search."""

from __future__ import annotations

import csv
import math
from collections import Counter
from dataclasses import replace
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from events_made import events_of, random_songs
from torch import Tensor
from winners_made import demo_songs, make_run, make_winner

from datamodules.baselines.averages import baselines
from datamodules.baselines.by_target import baseline_errors, baseline_nats
from datamodules.baselines.floors import floors
from datamodules.baselines.kneser_ney import kneser_ney
from datamodules.batches import in_order
from datamodules.columns import Column, build_column, column_for
from datamodules.framing import Framing
from datamodules.lengths import by_pitch, notes_of, summed, unrolled
from datamodules.midi_windows import MidiWindows
from datamodules.song import Events
from datamodules.splits import FIRST, TEST, TRAIN, VALID, make_split
from datamodules.windows import Segments, Windows
from experiments.command_line.cli import main
from experiments.evaluate import EvaluateOptions, evaluate
from experiments.heads import HEADS
from experiments.initial import initial_of
from experiments.music.events.generation import generate
from experiments.music.events.sampling import Sampling
from experiments.music.events.settings import Settings
from experiments.music.prime import find_prime
from experiments.runs import RunsOptions, list_runs
from experiments.search.study.hyperparameters import search_space, try_space
from experiments.train import TrainOptions, train
from experiments.tune import TuneOptions, tune
from experiments.winners import load_winner
from lightning_modules.config import DurationsConfig
from lightning_modules.head import Head, score
from lightning_modules.outputs.lengths import LengthsOutput
from lightning_modules.outputs.output import Batch
from lightning_modules.outputs.ticks import Ticks
from search_spaces import Trial, complete

DURATIONS = HEADS["durations"]
SPEC = DURATIONS.column_for({"grain": "note"})
GRID = 24


def with_lengths(song: Events, lengths: list[int]) -> Events:
    """The song with these lengths of its notes, low to high, event by event."""
    array = np.array(lengths, np.int32)
    return replace(song, lengths=array, duration=np.maximum.reduceat(array, song.starts[:-1]))


def songs_of(seed: int, songs: int = 3, events: int = 40) -> list[Events]:
    """Random songs whose notes differ in length, some longer than the range."""
    random = np.random.default_rng(seed)
    found = random_songs(seed, songs, events, chords=6)
    chances = [0.3, 0.3, 0.2, 0.19, 0.01]
    return [
        with_lengths(song, random.choice([6, 12, 24, 48, 600], len(song.pitches), p=chances).tolist()) for song in found
    ]


def falling(song: Events) -> list[list[int]]:
    """Each event's lengths, from the highest note to the lowest."""
    return [song.lengths[a:b][::-1].tolist() for a, b in pairwise(song.starts.tolist())]


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


# the network

HIDDEN, LOWEST, HIGHEST = 12, 1, 6
VALUES = [1, 2, 4]  # of the ticks from 1 to 6


def output_of(seed: int = 0) -> LengthsOutput:
    torch.manual_seed(seed)
    weights = torch.tensor([3.0, 2.0, 0.1, 1.0, 0.1, 0.1], dtype=torch.float64)
    return (
        LengthsOutput(HIDDEN, VALUES, Ticks(2, LOWEST, HIGHEST, weights / weights.sum())).eval().requires_grad_(False)
    )


def states(count: int, seed: int = 1) -> Tensor:
    return torch.randn(count, HIDDEN, generator=torch.Generator().manual_seed(seed))


def lengths_of(events: list[dict[int, int]]) -> Tensor:
    """Events, each from pitch to ticks, as `Windows` gives them."""
    lengths = torch.zeros(len(events), 128, dtype=torch.int64)
    for row, event in zip(lengths, events, strict=True):
        for pitch, ticks in event.items():
            row[pitch] = ticks
    return lengths


def batch_of(events: list[dict[int, int]]) -> Batch:
    return {"lengths": lengths_of(events), "weight": torch.linspace(0.5, 1.5, len(events))}


def naive_steps(output: LengthsOutput, state: Tensor, event: dict[int, int]) -> list[tuple[Tensor, int]]:
    """Of each note from high to low, the probabilities of the vocabulary's lengths, and its own."""
    steps, above = [], len(VALUES) + 1
    chord = output.chord.weight[:, sorted(event)].sum(dim=1)
    for pitch in sorted(event, reverse=True):
        hidden = output.state(state) + chord + output.pitch.weight[pitch] + output.above.weight[above]
        steps.append((output.layer(hidden.relu()).double().softmax(dim=0), event[pitch]))
        ticks = min(event[pitch], HIGHEST)
        above = min(range(len(VALUES)), key=lambda i: abs(VALUES[i] - ticks))
    return steps


EVENTS = [{60: 1}, {60: 4, 64: 2}, {40: 1, 50: 1, 72: 4}, {60: 2, 64: 2}, {0: 4, 127: 1}]
ODD = [{60: 3, 64: 2}, {60: 9, 61: 6, 62: 1}]  # outside the vocabulary, and of the range


def test_losses_are_the_chain_note_by_note() -> None:
    output, state = output_of(), states(len(EVENTS))
    expected = [
        -sum(math.log(p[VALUES.index(ticks)]) for p, ticks in naive_steps(output, row, event))
        for row, event in zip(state, EVENTS, strict=True)
    ]
    assert output.losses(state, batch_of(EVENTS)).tolist() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("mixture", [0.001, 0.3])
def test_figures_are_those_of_the_mixture_note_by_note(mixture: float) -> None:
    output, events = output_of(), EVENTS + ODD
    state = states(len(events))
    nats, errors, hits, by_length = [], [], [], dict[int, list[float]]()
    for row, event in zip(state, events, strict=True):
        own = 0.0
        for probabilities, true in naive_steps(output, row, event):
            masses = mixture * output.histogram
            for value, mass in zip(VALUES, probabilities, strict=True):
                masses[value - LOWEST] += (1 - mixture) * mass
            ticks = min(true, HIGHEST)
            one = -math.log(masses[ticks - LOWEST])
            by_length.setdefault(ticks, []).append(one)
            own += one
            errors.append(abs(int((masses.cumsum(0) >= 0.5 - 1e-12).int().argmax()) + LOWEST - true) / 2)
            hits.append(int(masses.argmax()) + LOWEST == ticks)
        nats.append(own)
    found = output.score(output.keep(state, batch_of(events)), mixture)
    assert found.nats.tolist() == pytest.approx(nats, rel=1e-5)
    expected = {
        "valid": np.mean(nats),
        "macro_nats": np.mean([np.mean(values) for values in by_length.values()]),
        "mixture": mixture,
        "mae": np.mean(errors),
        "accuracy": np.mean(hits),
    }
    assert {name: found.figures[name] for name in expected} == pytest.approx(expected, rel=1e-5)
    assert found.errors is not None
    assert float(found.errors.mean()) == pytest.approx(expected["mae"])
    known = output.losses(state[: len(EVENTS)], batch_of(EVENTS))  # events of which every length is known
    assert found.figures["cross_entropy"] == pytest.approx(float(known.mean()), rel=1e-5)


@pytest.mark.parametrize("chord", [(60,), (60, 64), (0, 64, 127)])
def test_the_probabilities_of_all_lengths_of_a_chord_sum_to_one(chord: tuple[int, ...]) -> None:
    output = output_of()
    every = [dict(zip(chord, ticks, strict=True)) for ticks in product(range(LOWEST, HIGHEST + 1), repeat=len(chord))]
    state = states(1).expand(len(every), -1)
    nats = output.score(output.keep(state, batch_of(every)), 0.2).nats
    assert float((-nats).exp().sum()) == pytest.approx(1, abs=1e-6)


def test_draws_follow_the_chain() -> None:
    output = output_of()
    chord = {60: 1, 64: 1, 67: 1}
    known = (lengths_of([chord, {50: 1}]) > 0).float()
    batch = {"known": torch.stack([torch.zeros_like(known), known], dim=1)}  # the last position counts
    state = states(2)
    pair = output.draw(state, batch, 0.0, 1.0, None)
    likeliest: dict[int, int] = {}
    for number, pitch in enumerate(sorted(chord, reverse=True)):
        steps = naive_steps(output, state[0], {**chord, **likeliest})
        likeliest[pitch] = VALUES[int(steps[number][0].argmax())]
    assert pair[0] == tuple(likeliest[pitch] for pitch in sorted(chord))
    assert isinstance(pair[1], tuple)
    assert len(pair[1]) == 1

    count, generator = 4000, torch.Generator().manual_seed(0)
    many = {"known": known[:1].expand(count, -1)[:, None]}
    drawn = Counter(output.draw(state[:1].expand(count, -1), many, 1.0, 1.0, generator))
    for ticks in product(VALUES, repeat=3):
        event = dict(zip(chord, ticks, strict=True))
        share = math.prod(float(p[VALUES.index(length)]) for p, length in naive_steps(output, state[0], event))
        assert drawn[ticks] / count == pytest.approx(share, abs=4 * math.sqrt(share / count) + 1e-3)
    with pytest.raises(ValueError, match="temperature"):
        output.draw(state, batch, -1.0, 1.0, None)


def network(column: Column, **settings: Any) -> tuple[Head, DurationsConfig]:
    small = {"grain": "note", "hidden": 24, "embedding": 16, "window": 4, "batch_size": 16, "dropout_layers": 0}
    config = DurationsConfig.from_dict(small | {"learning_rate": 0.01, "transpose": "none"} | settings)
    torch.manual_seed(0)
    return DURATIONS.build(config, column.vocabulary, column.grid), config


def test_it_learns_a_melody_over_a_held_chord() -> None:
    """The highest note of a chord is short, those under it are long; a note alone is in between."""
    from experiments.training import fit

    random = np.random.default_rng(0)
    known = [(60,), (64,), (48, 72), (52, 67), (48, 55, 71), (50, 57, 62)]
    chords = [known[i] for i in random.integers(len(known), size=200)]
    lengths = [length for chord in chords for length in ([24] if len(chord) == 1 else [96] * (len(chord) - 1) + [6])]
    song = with_lengths(events_of(chords, [0] * 200, [0] + [24] * 199), lengths)
    column = build_column(SPEC, [song], make_split("tail", [song], 0), GRID)
    head, config = network(column)
    data = MidiWindows(column, DURATIONS.framing(config), batch_size=16, seed=0)
    fit(head, data, epochs=4, callbacks=[])
    found = head.figures
    against = baselines(column, VALID)
    assert found["accuracy"] > 0.95
    assert found["mae"] < 0.1 < against["median"]["mae"]
    assert found["valid"] < 0.5 < against["kneser_ney_best"]["nats"]
    assert found["cross_entropy"] <= found["valid"] + 0.05
    again = score(head, in_order(column, VALID, DURATIONS.framing(config)), float(head.mixture))
    assert again.figures["valid"] == pytest.approx(found["valid"])
    assert again.nats.shape == column.targets(VALID).shape


# hyperparameters


def test_what_grain_note_needs() -> None:
    assert DurationsConfig().grain == "event"
    assert DurationsConfig.from_dict({"grain": "note"}).inputs == "context"
    for wrong in ({"inputs": "own"}, {"objective": "mae"}):
        (name,) = wrong
        with pytest.raises(ValueError, match=f"grain=note needs {name}="):
            DurationsConfig.from_dict({"grain": "note"} | wrong)
        assert DurationsConfig.from_dict(wrong).grain == "event"


class Draws:
    """Answers each question with its last choice or its highest value; `asked` are the questions."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        self.asked.append(name)
        return high

    def suggest_float(self, name: str, low: float, high: float, *, step: Any = None, log: bool = False) -> float:
        self.asked.append(name)
        return high

    def suggest_categorical(self, name: str, choices: Any) -> Any:
        self.asked.append(name)
        return choices[-1]


def test_a_search_fixes_the_grain_and_what_follows_from_it() -> None:
    free, held = Draws(), Draws()
    assert complete(DURATIONS.space, DurationsConfig)(free)["grain"] == "event"
    drawn = complete(DURATIONS.space, DurationsConfig, {"grain": "note"})(held)
    assert (drawn["grain"], drawn["inputs"], drawn["objective"]) == ("note", "context", "grid")
    assert not [name for name in free.asked + held.asked if name.startswith("grain")]
    assert not [name for name in held.asked if name.startswith(("inputs", "objective"))]
    for setting in ("inputs=own", "objective=mae"):
        with pytest.raises(Exception, match=f"--set: grain=note needs .*, not {setting}"):
            search_space(DURATIONS, None, ["grain=note", setting], None)
    with pytest.raises(Exception, match="grain=note needs inputs=context"):
        search_space(DURATIONS, "original", ["grain=note"], None)

    def drawing(trial: Trial) -> dict[str, Any]:
        return {"grain": "note", "inputs": "context"}

    with pytest.raises(Exception, match="grain is fixed for a whole search, never drawn: --set grain=note"):
        try_space(complete(drawing, DurationsConfig), "mine.py:space")
    try_space(complete(drawing, DurationsConfig, {"grain": "note"}), "mine.py:space")


# winners and songs


def test_a_winner_of_notes_comes_back_whole(tmp_path: Path) -> None:
    winner = make_winner(tmp_path / "winner.safetensors", "durations", demo_songs(), grain="note")
    assert winner.column == SPEC
    assert winner.column.title == "durations (of each note)"
    assert "all its notes" in winner.column.nats
    column = demo_songs().column(winner.column)
    assert column.vocabulary == winner.vocabulary
    events = make_winner(tmp_path / "other.safetensors", "durations", demo_songs())
    assert events.column == DURATIONS.column
    one, two = (
        score(load_winner(winner.path).head(), in_order(column, VALID, winner.framing), winner.mixture)
        for _ in range(2)
    )
    assert torch.equal(one.nats, two.nats)


def test_further_songs_may_bring_further_lengths(tmp_path: Path) -> None:
    winner = make_winner(tmp_path / "winner.safetensors", "durations", demo_songs(), grain="note")
    new = next(value for value in range(5, 120) if value not in winner.vocabulary.index)
    column = demo_songs().column(winner.column, also=(new,))
    fresh = winner.spec.build(winner.config, column.vocabulary, GRID).state_dict()
    tensors = initial_of(winner, GRID).start(fresh, column.vocabulary)
    place = column.vocabulary.index[new]
    for name in ("output.layer.weight", "output.above.weight"):
        assert torch.equal(tensors[name][place], fresh[name][place])
        assert torch.equal(tensors[name][:place], winner.tensors[name][:place])
        assert torch.equal(tensors[name][place + 1 :], winner.tensors[name][place:])


def different(song: Any) -> int:
    """How many events of a song have notes of different lengths."""
    events = song.events()
    return sum(len(set(lengths)) > 1 for lengths in falling(events))


def test_a_new_song_has_notes_of_different_lengths_in_one_event(tmp_path: Path) -> None:
    winners = make_run(tmp_path / "runs" / "demo")[1]
    prime = find_prime(winners, None)
    settings = Settings(events=60, sampling={"durations": Sampling(temperature=1.0, top_p=1.0)})
    (held,) = generate(winners, prime, settings)
    notes = winners | {"durations": make_winner(tmp_path / "w.safetensors", "durations", demo_songs(), grain="note")}
    one, again = (next(iter(generate(notes, prime, settings))) for _ in range(2))
    assert np.array_equal(one.notes.length, again.notes.length)
    assert len(one.events()) == 60
    assert different(one) > 10  # of weights that nobody trained
    known = set(notes["durations"].vocabulary.values)
    cut = [
        length not in known  # a pitch that begins again
        for length in one.notes.length.tolist()
    ]
    assert sum(cut) < len(cut) / 2
    assert different(held) < different(one)
    (alone,) = generate({"durations": notes["durations"]}, prime, settings)  # over the prime's own notes
    assert different(alone) > 10
    (short,) = generate(notes, prime, Settings(bars=2))
    assert (short.notes.onset + short.notes.length).max() <= 2 * prime.bar


def test_the_head_hears_in_a_song_what_it_was_trained_on(tmp_path: Path) -> None:
    """What it reads of its window is that of `Windows`, as for every head."""
    from experiments.music.events.event import Event
    from experiments.music.events.voices import Voice

    winner = make_winner(tmp_path / "w.safetensors", "durations", demo_songs(), grain="note", window=5, loss="last")
    column = demo_songs().column(winner.column)
    head = winner.head()
    seen: list[Batch] = []

    def draw(state: Tensor, batch: Batch, **_: Any) -> list[tuple[int, ...]]:
        seen.append({name: tensor.clone() for name, tensor in batch.items()})
        return [(1,)]

    head.draw = draw  # type: ignore[assignment]
    voice = Voice(winner, head, Sampling(), torch.Generator())
    events = demo_songs().events[0]
    rows = np.stack([events.duration, events.offset, events.velocity, events.place, events.bar], axis=1).tolist()
    for chord, row in zip(events.chords()[:9], rows, strict=False):
        event = Event(chord, *row)
        voice.say(event)
        voice.hear(event)
    windows = Windows(column, TRAIN, winner.framing)
    expected = windows.batch(Segments(np.array([8]), np.array([8]), np.array([0])))
    for name, tensor in seen[-1].items():
        assert torch.allclose(tensor, expected[name]), name


# the search


def tuned(*arguments: str) -> int:
    return main(TuneOptions, tune, prog="tune", arguments=arguments)


def test_conflicts_end_before_anything_is_read(capsys: pytest.CaptureFixture[str]) -> None:
    assert tuned("durations", "--set", "grain=note", "--set", "inputs=own") == 2
    assert "grain=note needs inputs=context" in capsys.readouterr().err
    assert tuned("durations", "--set", "grain=bar") == 2
    assert "grain must be one of event, note" in capsys.readouterr().err
    assert tuned("offsets", "--set", "grain=note") == 2
    assert "unknown hyperparameter 'grain'" in capsys.readouterr().err


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_search_over_the_lengths_of_notes(one_ray: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = tmp_path / "runs"
    small = ("--trials", "2", "--max-epochs", "2", "--wandb", "off", "--confirm", "0", "--set", "hidden=16")
    assert tuned("durations", "--name", "n", *small, "--set", "grain=note") == 0
    told = capsys.readouterr().out
    assert "durations (of each note)" in told
    assert "nats an event, all its notes" in told
    with (runs / "n" / "durations" / "trials.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {(row["grain"], row["inputs"], row["objective"]) for row in rows} == {("note", "context", "grid")}
    winner = load_winner(runs / "n" / "durations" / "winner.safetensors")
    assert winner.column == SPEC
    column = demo_songs().column(SPEC)
    assert winner.vocabulary == column.vocabulary
    assert winner.facts["baselines"] == baselines(column, VALID)
    again = score(winner.head(), in_order(column, VALID, winner.framing), winner.mixture).figures
    assert again["valid"] == pytest.approx(winner.facts["figures"]["valid"], rel=1e-5)

    assert tuned("durations", "--name", "n", *small) == 2  # another grain needs another run
    assert "has searched durations already" in capsys.readouterr().err
    assert tuned("--resume", "n", "--trials", "3") == 0
    assert main(EvaluateOptions, evaluate, prog="evaluate", arguments=["n", "--mix-ngram"]) == 0
    assert "durations (of each note) on test" in capsys.readouterr().out
    assert main(TrainOptions, train, prog="train", arguments=["durations", "--run", "n", "--epochs", "1"]) == 0
    assert "the floor, given" in capsys.readouterr().out
    assert main(TrainOptions, train, prog="train", arguments=["durations", "--run", "n", "--all-songs"]) == 0
    assert load_winner(runs / "n" / "durations" / "winner-all.safetensors").column == SPEC
    assert main(RunsOptions, list_runs, prog="runs", arguments=["n"]) == 0
    assert "durations (of each note): winners" in capsys.readouterr().out
