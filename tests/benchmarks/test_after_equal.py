"""What comes behind equal events, on songs whose runs are known."""

from __future__ import annotations

import numpy as np
import pytest
from events_made import events_of

from benchmarks.music.after_equal import counts, shares
from datamodules.song import Events

C, F, G = (60, 64, 67), (65, 69), (67,)


def naive(song: Events, length: int) -> list[int]:
    """By looking at each event and those before it."""
    all_three = list(zip(song.chords(), song.duration.tolist(), song.offset.tolist(), strict=True))
    found = [0, 0, 0, 0]
    for at in range(length, len(all_three)):
        if len(set(all_three[at - length : at])) == 1:
            (chord, duration, _), before = all_three[at], all_three[at - 1]
            again = [True, chord == before[0], (chord, duration) == before[:2], all_three[at] == before]
            found = [count + one for count, one in zip(found, again, strict=True)]
    return found


@pytest.mark.parametrize("length", [1, 2, 3, 50])
@pytest.mark.parametrize("seed", range(4))
def test_counts_are_those_of_a_naive_search(seed: int, length: int) -> None:
    random = np.random.default_rng(seed)
    chords = [(C, F, G)[i] for i in random.choice(3, 50, p=[0.8, 0.1, 0.1])]
    durations, offsets = random.choice([6, 12], (2, 50), p=[0.2, 0.8]).tolist()
    song = events_of(chords, durations, offsets)
    assert counts(song, length).tolist() == naive(song, length)
    assert length > 3 or counts(song, 1).all()


def test_shares_are_of_the_events_that_have_all_before() -> None:
    still = events_of([C] * 6, [12] * 6, [0] + [12] * 5)
    longer = events_of([C, C, C, F], [12, 12, 24, 24], [12] * 4)
    found = shares([still, longer, events_of([C], [12], [0])], 2)
    assert found["events"] == 3 + 1  # the first event of all stands at its place in the bar: 0 is not 12
    assert [found[name][0] for name in ("chord", "duration", "offset")] == [1, 0.75, 1]
    assert all(low <= share <= high for share, low, high in (found[name] for name in ("chord", "duration", "offset")))


def test_songs_without_a_run_have_no_shares() -> None:
    found = shares([events_of([C, F, G], [12] * 3, [0, 12, 12])], 2)
    assert found == {"events": 0, "chord": None, "duration": None, "offset": None}
