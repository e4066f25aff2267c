"""What a song begins with: its prime, whose columns are taken where a head lacks, however short or odd it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from midi_files import meta, midi_file, on, track
from winners_made import demo_songs, make_run, make_winner
from written_songs import assert_playable, one

from datamodules.errors import UserError
from datamodules.midi.writing import write_midi
from experiments.music.events.settings import Settings
from experiments.music.prime import find_prime
from experiments.winners import Winner
from songs import bundled


@pytest.fixture
def winners(tmp_path: Path) -> dict[str, Winner]:
    return make_run(tmp_path / "runs" / "demo")[1]


def test_a_song_goes_on_in_the_metre_where_its_context_ends(winners: dict[str, Winner], tmp_path: Path) -> None:
    """Not in that of the pickup, nor in one that the prime has left by then."""
    path = tmp_path / "changes.mid"
    quarter = [(0, on(60)), (480, on(60, 0))]

    def metre(numerator: int) -> tuple[int, bytes]:
        return 0, meta(0x58, bytes([numerator, 2, 24, 8]))

    path.write_bytes(midi_file(track(metre(1), *quarter, metre(3), *quarter * 3, metre(4), *quarter * 16)))
    assert find_prime(winners, path).metre == (4, 4)
    prime = replace(find_prime(winners, path), context=3)
    assert prime.metre == (3, 4)
    assert (prime.place, prime.bar) == (24, 72)
    assert replace(prime, context=1).metre == (3, 4)
    assert one(winners, prime, Settings(events=5)).metres.tolist() == [[0, 3, 4]]
    longer = metre(3), *quarter * 6, metre(5), *quarter * 5, metre(3), *quarter * 9  # a bar alone is no metre
    path.write_bytes(midi_file(track(*longer)))
    prime = replace(find_prime(winners, path), context=11)
    assert prime.metre == (3, 4)
    song = one(winners, prime, Settings(bars=3))
    assert song.metres.tolist() == [[0, 3, 4]]
    assert song.notes.onset.min() < 72
    assert (song.notes.onset + song.notes.length).max() <= 3 * 72


def test_lacking_timing_heads_are_the_primes_own_columns(winners: dict[str, Winner]) -> None:
    prime = find_prime(winners, bundled()[0])
    length = prime.context
    song = one({"notes": winners["notes"]}, prime, Settings(events=100))
    events, own = song.events(), prime.events
    assert np.array_equal(np.diff(events.onset), own.offset[length + 1 : length + 100])
    assert events.onset[0] == prime.song.bar_position(int(own.onset[length]))  # its own place in the bar
    assert (events.duration <= own.duration[length : length + 100]).all()  # less only where a pitch comes again


def test_a_lacking_notes_head_is_the_primes_chords(winners: dict[str, Winner]) -> None:
    prime = find_prime(winners, bundled()[1])
    song = one({"offsets": winners["offsets"]}, prime, Settings(events=30))
    assert song.events().chords() == prime.events.chords()[8:38]


def test_a_short_prime_is_repeated_from_its_start_in_its_place_in_the_bar(
    winners: dict[str, Winner], tmp_path: Path
) -> None:
    # four quarters, the first on the second beat; the repetition begins on a second beat again, after the last note
    path = tmp_path / "short.mid"
    notes = [(480, on(60)), (480, on(60, 0)), (0, on(62)), (480, on(62, 0)), (0, on(64)), (480, on(64, 0))]
    path.write_bytes(midi_file(track(*notes, (0, on(65)), (480, on(65, 0)))))
    prime = find_prime(winners, path)
    assert prime.context == 4
    song = one({"notes": winners["notes"]}, prime, Settings(events=9))
    assert song.events().onset.tolist() == [24, 48, 72, 96, 120, 144, 168, 192, 216]
    chords = one({"offsets": winners["offsets"]}, prime, Settings(events=9)).events().chords()
    assert chords == [(60,), (62,), (64,), (65,), (60,), (62,), (64,), (65,), (60,)]


def test_a_prime_of_one_event_is_enough(winners: dict[str, Winner], tmp_path: Path) -> None:
    path = tmp_path / "one.mid"
    path.write_bytes(midi_file(track((0, on(60)), (480, on(60, 0)))))
    for heads in (winners, {"notes": winners["notes"]}):
        song = one(heads, find_prime(heads, path), Settings(events=20))
        assert_playable(song)
        assert len(song.events()) == 20


def test_tempo_comes_from_the_prime_unless_asked_for(winners: dict[str, Winner]) -> None:
    prime = find_prime(winners, bundled()[0])
    assert one(winners, prime, Settings(events=3)).tempos[:, 1].tolist() == pytest.approx([112], abs=1e-3)
    assert one(winners, prime, Settings(events=3, tempo=90.0)).tempos.tolist() == [[0, 90]]


def test_the_prime_is_read_in_the_parts_that_the_notes_head_learnt(tmp_path: Path) -> None:
    winner = make_winner(tmp_path / "notes", "notes", demo_songs(parts=("melody",)))
    prime = find_prime({"notes": winner}, bundled()[0])
    assert all(len(chord) <= 2 for chord in prime.events.chords())
    drums = tmp_path / "drums.mid"
    song = prime.song
    kept = song.notes.part == next(i for i, part in enumerate(song.parts) if part.drums)
    columns = {name: getattr(song.notes, name)[kept] for name in ("onset", "pitch", "length", "velocity", "part")}
    write_midi(replace(song, notes=type(song.notes)(**columns)), drums)
    with pytest.raises(UserError, match=r"no pitched notes in the parts .*melody.*Drums \(drums\)"):
        find_prime({"notes": winner}, drums)


def test_a_prime_that_is_no_midi_file_is_refused(winners: dict[str, Winner], tmp_path: Path) -> None:
    for path in (tmp_path / "gone.mid", tmp_path / "text.mid"):
        (tmp_path / "text.mid").write_text("no music")
        with pytest.raises(UserError, match="--prime"):
            find_prime(winners, path)
