"""How loud new notes are without a velocity head: accents stand where the bars of the prime, and of the song, begin."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from winners_made import make_run

from datamodules.bars import bar_numbers
from datamodules.midi.writing import write_midi
from datamodules.song import Notes, Part, Song
from experiments.music.events.dynamics import Dynamics
from experiments.music.events.generation import generate
from experiments.music.events.settings import Settings
from experiments.music.own_song.accompanying import accompaniment
from experiments.music.own_song.keeping import only, read_kept
from experiments.music.prime import Prime, find_prime

pytestmark = pytest.mark.usefixtures("unseen")

LOUD, SOFT = 110, 60
BASS = Part("Bass", 32, False, "bass")
METRES = [
    [(0, 4, 4)],
    [(0, 1, 4), (24, 4, 4)],
    [(0, 4, 4), (72, 4, 4)],
    [(0, 4, 4), (192, 2, 4), (240, 4, 4)],
    [(0, 3, 4), (144, 4, 4)],
    [(0, 6, 8), (216, 3, 4)],
]


def quarters(metres: list[tuple[int, int, int]], pitch: int = 60, count: int = 36) -> Song:
    """A note a quarter, loud where a bar begins."""
    onset = np.arange(count) * 24
    song = Song(
        24, (BASS,), Notes(*(np.zeros(count, np.int32),) * 5), np.array([[0.0, 120.0]]), np.array(metres, np.int32),
        np.zeros((0, 3), np.int32),
    )  # fmt: skip
    velocity = np.where(song.bar_positions(onset)[0] == 0, LOUD, SOFT)
    columns = (onset, np.full(count, pitch), np.full(count, 24), velocity, np.zeros(count))
    return Song(24, (BASS,), Notes(*(column.astype(np.int32) for column in columns)), song.tempos, song.metres,
                song.keys)  # fmt: skip


def prime_of(song: Song) -> Prime:
    return Prime(song, song.events(), "", len(song.events()))


@pytest.mark.parametrize("metres", METRES)
def test_a_prime_that_only_accents_is_as_loud_again(metres: list[tuple[int, int, int]]) -> None:
    song = quarters(metres)
    dynamics = Dynamics.of(prime_of(song))
    for place in (24, 48):
        assert dynamics.loudness(2, 0) - dynamics.loudness(2, place) == LOUD - SOFT
    assert dynamics.loudness(2, 24 * 40) == round(dynamics.mean)  # no bar is so long
    events = song.events()
    numbers = bar_numbers(song, events.onset).tolist()
    found = [dynamics.loudness(*where) for where in zip(numbers, events.place.tolist(), strict=True)]
    assert found == events.velocity.tolist()


@pytest.mark.parametrize("metres", METRES[:5])
def test_what_is_added_to_a_kept_song_is_loud_where_its_bars_begin(
    metres: list[tuple[int, int, int]], tmp_path: Path
) -> None:
    kept = quarters(metres, pitch=24)
    write_midi(kept, tmp_path / "kept.mid")
    winners = make_run(tmp_path / "demo", ("notes", "offsets"))[1]
    mine = quarters([(0, 4, 4)])
    prime = Prime(mine, mine.events(), "", find_prime(winners, None).context)
    compose = accompaniment(read_kept(f"bass:{tmp_path / 'kept.mid'}", 24))
    (song,) = generate(winners, prime, Settings(bars=8), compose=compose)
    added = only(song, song.notes.part == len(song.parts) - 1).events()
    beat = added.place % 24 == 0  # elsewhere the prime has no event, and no accent
    assert beat.any()
    assert added.velocity[beat].tolist() == np.where(added.place[beat] == 0, LOUD, SOFT).tolist()
