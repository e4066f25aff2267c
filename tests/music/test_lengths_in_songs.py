"""A length for each note (`grain=note`): its winners, and the songs that they write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from lengths_made import DURATIONS, GRID, SPEC, falling
from torch import Tensor
from winners_made import demo_songs, make_run, make_winner

from datamodules.batches import in_order
from datamodules.splits import TRAIN, VALID
from datamodules.windows import Segments, Windows
from experiments.initial import initial_of
from experiments.music.events.generation import generate
from experiments.music.events.sampling import Sampling
from experiments.music.events.settings import Settings
from experiments.music.prime import find_prime
from experiments.winners import load_winner
from lightning_modules.head import score
from lightning_modules.outputs.output import Batch


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
