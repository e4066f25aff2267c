"""`generate --between`: the ends are the two songs' own heads, bit by bit; each head has its mix; what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from winners_made import make_run

from datamodules.corpus.reading import read_song
from datamodules.errors import UserError
from datamodules.keys import KEYS
from datamodules.midi.writing import write_midi
from datamodules.song import FASTEST, SLOWEST, Events, Song
from experiments.heads import HEADS
from experiments.music.arrangement.keys import key_of, transposed
from experiments.music.between import learning as learning_module
from experiments.music.between.autoencoder import BarLearning, bar_autoencoder
from experiments.music.between.bar_tables import BarTable
from experiments.music.between.kept import kept_weights, place_of
from experiments.music.between.learning import Learning, source_heads
from experiments.music.between.mix import WAYS, Mix
from experiments.music.between.mixing import Between, between
from experiments.music.between.pair import Pair, read_pair
from experiments.music.events.generation import generate
from experiments.music.events.settings import Settings
from experiments.music.training_songs import TrainingSongs, held_out, training_songs
from experiments.winners import Winner
from lightning_modules.bar_autoencoder import Bars
from songs import bundled

SHORT, BARS = Learning(epochs=1, updates=2), BarLearning(updates=3, batch=4)
A, B = bundled()


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Winner]:
    return make_run(tmp_path_factory.mktemp("runs") / "demo")[1]


@pytest.fixture(scope="module")
def pair(demo: dict[str, Winner]) -> Pair:
    return read_pair(demo, (A, B))


def made(winners: dict[str, Winner], pair: Pair, mix: Mix) -> Between:
    return between(winners, pair, mix, Settings(), learning=SHORT, bars=BARS)


def written(whole: Between, *, seed: int = 1, events: int = 24) -> Song:
    settings = Settings(seed=seed, events=events)
    (song,) = generate(whole.winners, whole.prime, settings, compose=whole.compose, networks=whole.networks)
    return song


def same(one: Song, other: Song) -> bool:
    columns = ("onset", "pitch", "length", "velocity")
    return all(np.array_equal(getattr(one.notes, name), getattr(other.notes, name)) for name in columns)


# the pair


def test_the_second_song_is_in_the_key_and_metre_of_the_first(demo: dict[str, Winner], pair: Pair) -> None:
    first, second = (source.song for source in pair.sources)
    alone = read_song(A, grid=24)
    assert same(first, alone)
    assert transposed(second, key_of(first))[1] == 0  # its notes are those of A's key
    assert second.metres.tolist() == [[0, 4, 4]]
    assert len(second.events()) == len(read_song(B, grid=24).events())
    assert pair.told == (
        f"A: {A}, in D major",
        f"B: {B}, G minor, moved up 4 semitones to B minor, which has the notes of A's key, D major",
        "B: 6/8, brought into 4/4: beat by beat, lengths times 2/3, bars cut anew",
    )


def test_a_key_moves_both(demo: dict[str, Winner]) -> None:
    pair = read_pair(demo, (A, B), key=KEYS["A"])
    assert [key_of(source.song).in_midi for source in pair.sources] == [
        "A",
        "F#m",
    ]  # A major, and F# minor, its relative
    assert "D major, moved down 5 semitones to --key, A major" in pair.told[0]
    assert "G minor, moved down 1 semitone to F# minor, which has the notes of --key, A major" in pair.told[1]


def test_a_key_is_what_the_notes_say(demo: dict[str, Winner], tmp_path: Path) -> None:
    """Not what the file names, which is often C major for nothing."""
    wrong = replace(read_song(B, grid=24), keys=np.array([[0, *KEYS["C"]]], np.int32))
    write_midi(wrong, tmp_path / "b.mid")
    pair = read_pair(demo, (A, tmp_path / "b.mid"))
    assert "G minor, moved up 4 semitones" in pair.told[1]


def test_a_song_with_itself_stays(demo: dict[str, Winner]) -> None:
    pair = read_pair(demo, (A, A))
    assert same(pair.sources[0].song, pair.sources[1].song)
    assert pair.told[1] == f"B: {A}, in D major"


# the mix


@pytest.mark.parametrize("end", [0, 1])
def test_at_an_end_it_is_the_song_of_that_ones_own_heads(demo: dict[str, Winner], pair: Pair, end: int) -> None:
    alone = source_heads(demo, pair, SHORT)[end]
    whole = made(demo, pair, Mix(float(end)))
    prime = pair.sources[end].prime(8)
    assert whole.prime == prime
    assert whole.tempo == pytest.approx(prime.tempo, abs=1e-9)
    (song,) = generate(alone, prime, Settings(events=24))
    assert same(written(whole), song)


def test_the_heads_differ_by_song_and_in_between(demo: dict[str, Winner], pair: Pair) -> None:
    songs = [written(made(demo, pair, Mix(mix))) for mix in (0.0, 0.4, 1.0)]
    assert not any(same(one, other) for one in songs for other in songs if one is not other)


def test_each_head_has_a_mix_of_its_own(demo: dict[str, Winner], pair: Pair) -> None:
    first, second = source_heads(demo, pair, SHORT)
    whole = made(demo, pair, Mix(0.0, {"notes": 1.0, "offsets": 0.5}))
    for head, source in (("notes", second), ("durations", first), ("velocity", first)):
        state = whole.networks[head].state_dict()
        assert all(torch.equal(state[name], tensor) for name, tensor in source[head].tensors.items())
    assert set(whole.networks["offsets"].state_dict()) != set(first["offsets"].tensors)
    assert whole.nearer == 0  # 1.5 of 4
    assert whole.describe()[-1] == (
        "mix: 0, notes 1, offsets 0.5, by mixed predictions (notes 1, durations 0, offsets 0.5, velocity 0);"
        " goes on from A"
    )


@pytest.mark.parametrize("way", WAYS)
def test_the_same_seed_is_the_same_song(demo: dict[str, Winner], pair: Pair, way: str) -> None:
    whole = made(demo, pair, Mix(0.5, way=way))
    again = made(demo, pair, Mix(0.5, way=way))
    assert same(written(whole), written(again))
    assert not same(written(whole), written(whole, seed=2))
    assert written(whole).metres.tolist() == [[0, 4, 4]]


def test_a_vector_between_moves_what_is_said(demo: dict[str, Winner], pair: Pair) -> None:
    networks = [made(demo, pair, Mix(mix, way="embedding")).networks["notes"] for mix in (0.0, 0.5, 1.0)]
    batch = {"chord": torch.zeros(1, 8, 129), "numbers": torch.zeros(1, 8, 39)}
    encoders = [network.encoder for network in networks]
    batch["numbers"] = torch.zeros(1, 8, encoders[0].encoder.numbers.in_features)  # type: ignore[union-attr, operator]
    with torch.no_grad():
        first, middle, last = (encoder(batch) for encoder in encoders)
        told = [encoders[0]({**batch, "song": torch.tensor([song])}) for song in (0, 1)]
    assert torch.equal(first, told[0])
    assert torch.allclose(last, told[1], atol=1e-6)
    assert torch.allclose(middle, (first + last) / 2, atol=1e-6)


def test_the_tempo_lies_between(demo: dict[str, Winner], pair: Pair) -> None:
    ends = [made(demo, pair, Mix(mix)).tempo for mix in (0.0, 1.0)]
    assert made(demo, pair, Mix(0.5)).tempo == pytest.approx((ends[0] * ends[1]) ** 0.5)


@pytest.mark.parametrize("tempo", [2.0, 1500.0])
def test_the_tempo_is_one_that_is_taken(demo: dict[str, Winner], pair: Pair, tempo: float) -> None:
    """Files have others: the reader takes what a player does not."""
    sources = tuple(replace(one, song=replace(one.song, tempos=np.array([[0.0, tempo]]))) for one in pair.sources)
    whole = made(demo, Pair((sources[0], sources[1]), pair.told), Mix(0.5))
    assert whole.tempo == Settings(tempo=whole.tempo).tempo == min(max(tempo, SLOWEST), FASTEST)


# an auto-encoder's bars


def in_metres(path: Path, source: Path, *metres: tuple[int, int, int]) -> Path:
    write_midi(replace(read_song(source, grid=24), metres=np.array(metres, np.int32)), path)
    return path


def test_bars_of_a_song_that_changes_metre_are_cut_anew(demo: dict[str, Winner], tmp_path: Path) -> None:
    """All bars are as long as those of most of it, which the new song has too."""
    changing = in_metres(tmp_path / "a.mid", A, (0, 3, 4), (288, 4, 4))
    pair = read_pair(demo, (changing, B))
    for mix in (0.0, 1.0):
        whole = made(demo, pair, Mix(mix, way="autoencoder"))
        assert whole.pair.told[1] == "A: 2 metres (3/4, 4/4), brought into 4/4: lengths as they were, bars cut anew"
        assert {length for source in whole.pair.sources for length in source.events.bar.tolist()} == {96}
        song = written(whole, events=60)
        assert song.metres.tolist() == [[0, 4, 4]]
        assert (np.diff(song.events().onset) > 0).all()
    other = made(demo, pair, Mix(0.5))
    assert other.pair is pair  # heads hear it as it is
    steady = read_pair(demo, (A, B))
    assert steady.in_one_metre() is steady


def test_of_other_songs_no_bar_is_laid_out_but_those_that_are_learnt(
    demo: dict[str, Winner], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [in_metres(tmp_path / f"{name}.mid", source, (0, 3, 4)) for name, source in (("a", A), ("b", B))]
    other = in_metres(tmp_path / "other.mid", B, (0, 3, 4))
    songs = [
        read_song(path, grid=24) for path in (other, in_metres(tmp_path / "more.mid", A, (0, 3, 4), (72 * 9, 3, 4)))
    ]
    training = TrainingSongs(tuple((replace(song, digest=song.name), song.events()) for song in songs), 2)
    pair, laid = read_pair(demo, (paths[0], paths[1])), []
    bars = BarTable.bars

    def counted(table: BarTable, events: Events) -> Bars:
        found = bars(table, events)
        laid.append(len(found.events))
        return found

    monkeypatch.setattr(BarTable, "bars", counted)
    encoded = bar_autoencoder(pair, training, replace(BARS, others=7))
    assert encoded.others == sum(laid[2:]) == 7
    assert sum(laid[:2]) == sum(len(means) for means in encoded.means)


# what it is compared with


def test_it_is_compared_with_the_two_beside_what_the_run_learnt(demo: dict[str, Winner], tmp_path: Path) -> None:
    """Both whole; of the run's songs the end is held out still, but if one of them is one of the two."""
    training = training_songs(demo.values())
    assert held_out(demo, training).told == "held-out: the last tenth of 2 songs"
    other = in_metres(tmp_path / "other.mid", B, (0, 3, 4))
    for paths, wanted, told in (
        ((A, other), 3, "held-out: the last tenth of 1 song"),
        ((other, other), 3, "held-out: the last tenth of 2 songs"),
        ((A, B), 2, "no held-out songs: some head learnt from each"),
    ):
        whole = Between(read_pair(demo, paths), Mix(0.5), demo, {}, None, 0)
        beside = whole.beside(training)
        assert held_out(demo, beside).told == told
        assert beside.describe() == f"checked against {wanted} training songs"
        lengths = {song.digest: len(events) for song, events in beside.heard}
        own = {source.song.digest: len(source.events) for source in whole.pair.sources}
        learnt = {song.digest: len(events) for song, events in training.heard}
        assert lengths == {**learnt, **own}


# what is kept


def test_what_was_trained_is_taken_again(
    demo: dict[str, Winner], pair: Pair, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first = source_heads(demo, pair, SHORT)
    folder = place_of("", "").parent
    files = sorted(folder.iterdir())
    assert len(files) == 2 * len(HEADS)
    damaged = files[0]
    data = bytearray(damaged.read_bytes())
    data[-5] ^= 1  # in the weights, which no reader of safetensors would see
    damaged.write_bytes(data)
    again = source_heads(demo, pair, SHORT)
    found = capsys.readouterr()
    told = "".join((found.out + found.err).split())
    assert "".join(f"{damaged.name} is damaged (its checksum is wrong): trained again".split()) in told
    for one, two in zip(first, again, strict=True):
        for head in demo:
            assert all(torch.equal(one[head].tensors[name], two[head].tensors[name]) for name in one[head].tensors)

    def refused(*_: object, **__: object) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr(learning_module, "fit_best", refused)
    source_heads(demo, pair, SHORT)  # all of it is there
    with pytest.raises(AssertionError, match="trained again"):
        source_heads(demo, pair, replace(SHORT, seed=2))  # of another seed there is nothing


def test_weights_of_something_else_are_not_taken(demo: dict[str, Winner], pair: Pair) -> None:
    heads = source_heads(demo, pair, SHORT)[0]
    path = sorted(place_of("", "").parent.iterdir())[0]
    assert kept_weights(path, "another key", heads["notes"].tensors) is None
    path.write_bytes(b"\x80\x04no pickle is ever opened")
    assert kept_weights(path, "key", heads["notes"].tensors) is None


def test_a_head_that_is_not_there_cannot_be_mixed(tmp_path: Path) -> None:
    winners = make_run(tmp_path / "demo", ("notes", "offsets"))[1]
    pair = read_pair(winners, (A, B))
    with pytest.raises(UserError, match="--mix-velocity: there is no velocity head to mix"):
        made(winners, pair, Mix(0.5, {"velocity": 1.0}))
    assert len(written(made(winners, pair, Mix(0.5))).notes)


def test_heads_of_other_kinds_mix(tmp_path: Path) -> None:
    """Of tokens whose weights are tied, of lengths a note, and of another grid."""
    winners = make_run(tmp_path / "fine", ("durations",), grain="note")[1]
    winners |= make_run(tmp_path / "token", ("notes",), grid=12, output="token", tied="yes")[1]
    winners |= make_run(tmp_path / "laplace", ("offsets",), objective="mae", inputs="own")[1]
    winners |= make_run(tmp_path / "planned", ("velocity",), form="plan")[1]
    pair = read_pair(winners, (A, B))
    for way in ("predictions", "embedding"):
        assert len(written(made(winners, pair, Mix(0.5, way=way))).notes)
