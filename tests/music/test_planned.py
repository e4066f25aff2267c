"""`generate --form`: a song by a plan has its sections, on bar lines, and what returns is the same again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from winners_made import demo_songs, make_run, make_winner

from datamodules.errors import UserError
from datamodules.form import finding
from datamodules.form.finding import find_form
from datamodules.midi.reading import read_midi
from datamodules.midi.writing import write_midi
from datamodules.song import Notes, Song, bar_lines, bars_in
from experiments.command_line.cli import main
from experiments.generate import GenerateOptions, generate
from experiments.music.arrangement.keys import key_of
from experiments.music.events.generation import generate as new_songs
from experiments.music.events.settings import EVENTS, Settings
from experiments.music.events.voices import Voice
from experiments.music.form import planned as planned_module
from experiments.music.form import planning
from experiments.music.form.planned import planned
from experiments.music.form.planning import Plan, plan_of, read_plan
from experiments.music.form.varying import Variation
from experiments.music.prime import Prime, find_prime
from experiments.winners import Winner
from songs import bundled

pytestmark = pytest.mark.usefixtures("unseen")

Row = tuple[int, int, int]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Winner]:
    return make_run(tmp_path_factory.mktemp("runs") / "demo")[1]


@pytest.fixture(scope="module")
def prime(demo: dict[str, Winner]) -> Prime:
    return find_prime(demo, bundled()[0])


def write(
    winners: dict[str, Winner], prime: Prime, form: str, variation: float = 0.0, *, seed: int = 1, candidates: int = 1
) -> list[Song]:
    compose = planned(read_plan(form, prime.song.grid), variation)
    return list(new_songs(winners, prime, Settings(seed=seed), candidates=candidates, compose=compose))


def of_bars(song: Song, first: int, count: int) -> list[Row]:
    """(onset, pitch, length) of the notes that begin in some bars, from their first bar line on."""
    lines = bar_lines(song)
    notes = song.notes
    keep = (notes.onset >= lines[first]) & (notes.onset < lines[first + count])
    columns = (notes.onset[keep] - lines[first], notes.pitch[keep], notes.length[keep])
    return sorted(zip(*(column.tolist() for column in columns), strict=True))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("AABA", "A8 A8 B8 A8"),
        ("A16B4A16", "A16 B4 A16"),
        ("intro:4-verse-chorus-verse", "intro:4 verse:8 chorus:8 verse:8"),
        ("verse", "verse:8"),
    ],
)
def test_a_plan_is_read(text: str, told: str) -> None:
    plan = read_plan(text, 24)
    assert str(plan) == told
    assert plan.sections[0].first == 0
    assert plan.bars == sum(section.bars for section in plan.sections)


def test_a_plan_is_like_a_song() -> None:
    plan = read_plan(f"like:{bundled()[0]}", 24)
    assert plan.sections == find_form(read_midi(bundled()[0])).sections


def test_the_longest_song_that_has_a_form_has_it_everywhere(prime: Prime, monkeypatch: pytest.MonkeyPatch) -> None:
    bars = bars_in(prime.song)
    monkeypatch.setattr(finding, "LONGEST_SONG", bars)
    assert plan_of(prime.song, bars) == read_plan(f"like:{bundled()[0]}", 24)
    assert len(planned_module._openings(prime)) > 1
    monkeypatch.setattr(finding, "LONGEST_SONG", bars - 1)
    monkeypatch.setattr(planning, "LONGEST_SONG", bars - 1)
    assert plan_of(prime.song) is None
    with pytest.raises(UserError, match=f"more than {bars - 1} bars"):
        read_plan(f"like:{bundled()[0]}", 24)
    assert planned_module._openings(prime) == [prime.heard()]


WRONG = ("", "aab a", "A0", "A129", "verse:0", "AaB", "intro--verse", "like:none.mid", "A" * 101)


@pytest.mark.parametrize("text", WRONG)
def test_what_is_no_plan_is_one_line(text: str) -> None:
    with pytest.raises(UserError, match=r"^--form .*(write it as|give up to|choose another song)"):
        read_plan(text, 24)


def test_what_returns_is_the_same_again(demo: dict[str, Winner], prime: Prime) -> None:
    """At no variation, note by note; but the last bar, which is an ending."""
    (song,) = write(demo, prime, "A4B4A4B4A4")
    first, second = of_bars(song, 0, 4), of_bars(song, 4, 4)
    assert first != second
    assert [row[:2] for row in of_bars(song, 8, 4)] == [row[:2] for row in first]
    assert [row[:2] for row in of_bars(song, 12, 4)] == [row[:2] for row in second]
    last, end = of_bars(song, 16, 3), 3 * prime.bar  # what rings on is cut by other notes in an ending
    assert [(*row[:2], min(sum(row[::2]), end)) for row in last] == [
        (*row[:2], min(sum(row[::2]), end)) for row in of_bars(song, 0, 3)
    ]


@pytest.mark.parametrize("share", [0.1, 0.2, 0.5, 0.9])
def test_what_changes_is_one_stretch_of_bars_and_never_the_first(share: float) -> None:
    for seed, count in product(range(20), (1, 2, 4, 7, 16)):
        bars = Variation(share, np.random.default_rng(seed)).bars(count)
        assert len(bars) == min(round(share * count), count - 1)
        assert all(1 <= bar < count for bar in bars)


@pytest.mark.parametrize("share", [0.1, 0.2, 0.5, 0.9])
def test_a_bar_keeps_what_is_not_to_change_and_something_does(share: float) -> None:
    for seed in range(20):
        sizes = np.random.default_rng(seed).integers(0, 12, 8).tolist()
        changes = Variation(share, np.random.default_rng(seed)).changes(sizes)
        changing = Variation(share, np.random.default_rng(seed)).bars(len(sizes))
        assert [len(found) <= share * size + 1e-6 for found, size in zip(changes, sizes, strict=True)].count(False) <= 1
        assert all(found <= set(range(size)) for found, size in zip(changes, sizes, strict=True))
        if any(int(share * sizes[bar] + 1e-6) for bar in changing):
            assert [bar for bar, found in enumerate(changes) if found] == [
                bar for bar in changing if int(share * sizes[bar] + 1e-6)
            ]
        else:  # one event of the fullest bar
            (only,) = (bar for bar, found in enumerate(changes) if found)
            assert only > 0
            assert sizes[only] == max(sizes[1:])
            assert len(changes[only]) == 1
    assert not any(Variation(share, np.random.default_rng(1)).changes([9]))
    assert not any(Variation(share, np.random.default_rng(1)).changes([9, 0, 0]))
    assert not any(Variation(0.0, np.random.default_rng(1)).changes([9, 9]))


def test_any_stretch_may_change() -> None:
    chance = np.random.default_rng(1)
    assert {Variation(0.5, chance).bars(8).start for _ in range(100)} == {1, 2, 3, 4}


def test_half_a_variation_changes_half_of_the_chords_of_half_of_the_bars_in_their_rhythm(
    demo: dict[str, Winner], prime: Prime
) -> None:
    for seed in range(3):
        (song,) = write(demo, prime, "A8B4A8B2", 0.5, seed=seed)
        first, again = ([of_bars(song, begin + bar, 1) for bar in range(8)] for begin in (0, 12))
        changed = [bar for bar in range(8) if [row[:2] for row in first[bar]] != [row[:2] for row in again[bar]]]
        assert set(changed) <= set(range(changed[0], changed[0] + 4))  # a bar of one chord keeps it
        assert changed[0] > 0
        for one, other in zip(first, again, strict=True):
            chords = [{on: {row[1] for row in bar if row[0] == on} for on, *_ in bar} for bar in (one, other)]
            assert chords[0].keys() == chords[1].keys()
            differ = [on for on in chords[0] if chords[0][on] != chords[1][on]]
            assert len(differ) in (0, len(chords[0]) // 2)
            kept = [on for on in differ if len(chords[0][on]) > 1]
            assert all(min(chords[0][on]) == min(chords[1][on]) for on in kept)


def test_a_free_section_is_another_one(demo: dict[str, Winner], prime: Prime) -> None:
    (song,) = write(demo, prime, "A4A4B1", 1.0)
    assert of_bars(song, 0, 4) != of_bars(song, 4, 4)


@pytest.mark.parametrize(("form", "variation", "begin", "end"), [("A5A5B1", 1.0, 5, 10), ("A2A7B1", 0.2, 4, 9)])
def test_what_is_drawn_in_a_section_that_returns_knows_no_bar_lines_in_it(
    form: str, variation: float, begin: int, end: int, tmp_path: Path
) -> None:
    """Its offsets are those of the prime, one after another, as no head says others."""
    winners = make_run(tmp_path / "demo", ("notes",))[1]
    prime = find_prime(winners, bundled()[0])
    (song,) = write(winners, prime, form, variation)
    lines = bar_lines(song)
    onsets = np.unique(song.notes.onset)
    steps = np.diff(onsets[(onsets >= lines[begin]) & (onsets < lines[end])]).tolist()
    own = prime.events.offset.tolist()
    own = own[prime.context :] + [prime.way_back, *own[1:]] * 2
    assert len(steps) > 5
    assert any(own[at : at + len(steps)] == steps for at in range(len(own)))


def test_no_head_is_told_of_an_offset_that_goes_back(
    demo: dict[str, Winner], prime: Prime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though a section of the prime begins late in a bar that is longer than those of the new song."""
    late = replace(prime.heard()[-1], place=prime.bar + 18)
    monkeypatch.setattr(planned_module, "_openings", lambda _: [[late]])
    told: list[int] = []
    expect = Voice.expect
    monkeypatch.setattr(Voice, "expect", lambda self, event: (told.append(event.offset), expect(self, event)))
    write(demo, prime, "A1B1A1")
    assert min(told) > 0


@pytest.mark.parametrize("variation", [0.3, 1.0])
def test_sections_begin_on_bar_lines_and_it_ends_with_the_tonic(
    variation: float, demo: dict[str, Winner], prime: Prime
) -> None:
    for form in ("A3B2A3A3", "verse:2-chorus:3-outro:1"):
        plan = read_plan(form, 24)
        (song,) = write(demo, prime, form, variation)
        onsets = set(song.notes.onset.tolist())
        bar = prime.bar
        assert all(section.first * bar in onsets for section in plan.sections)
        assert len(bar_lines(song)) - 1 == plan.bars
        line = (plan.bars - 1) * bar
        last = song.notes.onset == line
        assert song.notes.onset.max() == line
        assert (song.notes.length[last] == bar).all()
        assert song.notes.pitch[last].min() % 12 == key_of(prime.song).number % 12


def test_the_same_seed_is_the_same_song_and_candidates_differ(demo: dict[str, Winner], prime: Prime) -> None:
    (one,) = write(demo, prime, "A2B2A2", 0.5)
    again, other = write(demo, prime, "A2B2A2", 0.5, candidates=2)
    assert np.array_equal(one.notes.pitch, again.notes.pitch)
    assert np.array_equal(one.notes.onset, again.notes.onset)
    assert not np.array_equal(one.notes.pitch, other.notes.pitch)


@pytest.mark.parametrize("heads", [("notes",), ("offsets",), ("durations", "velocity"), ("notes", "offsets")])
def test_every_head_may_be_lacking(heads: tuple[str, ...], tmp_path: Path) -> None:
    winners = make_run(tmp_path / "demo", heads)[1]
    (song,) = write(winners, find_prime(winners, bundled()[1]), "A2B2A2", 0.5)
    assert len(bar_lines(song)) - 1 == 6


def test_heads_of_tokens(tmp_path: Path) -> None:
    winner = make_winner(tmp_path / "notes.safetensors", "notes", demo_songs(), output="token")
    (song,) = write({"notes": winner}, find_prime({"notes": winner}, bundled()[0]), "A2B2A2B1", 0.5)
    assert of_bars(song, 1, 1) != of_bars(song, 5, 1)
    assert [row[:2] for row in of_bars(song, 0, 1)] == [row[:2] for row in of_bars(song, 4, 1)]


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    make_run(tmp_path / "runs" / "demo")
    monkeypatch.chdir(tmp_path)
    return lambda *words: main(GenerateOptions, generate, prog="generate", arguments=["demo", *words])


def starts_of_sections(song: Song, plan: Plan) -> list[bool]:
    """Whether an event stands on the bar line of each section."""
    lines = bar_lines(song)
    return [lines[section.first] in song.notes.onset for section in plan.sections]


def test_the_form_of_the_prime_is_the_plan(call: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    whole = read_midi(bundled()[1])
    some = whole.notes.onset < bar_lines(whole)[12]
    columns = (getattr(whole.notes, name)[some] for name in ("onset", "pitch", "length", "velocity", "part"))
    prime = Path("prime.mid")
    write_midi(replace(whole, notes=Notes(*columns)), prime)
    own = Plan(find_form(read_midi(prime)).sections)
    assert len(own.sections) > 1
    assert call("--prime", str(prime), "--out", "a.mid") == 0
    assert f"form: {own}, as {prime.name} has it; found" in capsys.readouterr().out
    song = read_midi(Path("a.mid"))
    assert len(bar_lines(song)) - 1 == own.bars
    assert all(starts_of_sections(song, own))
    assert call("--prime", str(prime), "--out", "b.mid", "--form", "none", "--tempo", "1000") == 0
    assert "form:" not in capsys.readouterr().out
    assert len(read_midi(Path("b.mid")).events()) == EVENTS


@pytest.mark.parametrize("bars", [1, 30, 100])
def test_a_plan_is_cut_or_begun_again_to_the_bars(bars: int, prime: Prime, demo: dict[str, Winner]) -> None:
    own = Plan(find_form(prime.song).sections)
    plan = plan_of(prime.song, bars)
    assert plan is not None
    assert plan.bars == bars
    labels = [(section.label, section.first % own.bars) for section in plan.sections]
    assert labels == ([(section.label, section.first) for section in own.sections] * 2)[: len(labels)]
    (song,) = new_songs(demo, prime, Settings(bars=bars), compose=planned(plan, 0.2))
    assert len(bar_lines(song)) - 1 == bars
    assert all(starts_of_sections(song, plan))


@pytest.mark.parametrize("events", [1, 7, 200])
def test_events_are_counted_with_a_plan_too(events: int, prime: Prime, demo: dict[str, Winner]) -> None:
    (song,) = new_songs(demo, prime, Settings(events=events), compose=planned(read_plan("A1B2A1", 24), 0.5))
    assert len(song.events()) == events
    (other,) = new_songs(demo, prime, Settings(events=events + 20), compose=planned(read_plan("A1B2A1", 24), 0.5))
    assert np.array_equal(other.notes.pitch[: len(song.notes)], song.notes.pitch)


def test_a_song_of_one_section_is_no_plan(prime: Prime) -> None:
    few = {name: getattr(prime.song.notes, name)[:20] for name in ("onset", "pitch", "length", "velocity", "part")}
    assert plan_of(replace(prime.song, notes=Notes(**few))) is None


def test_the_command_says_the_form_and_what_is_found(
    call: Callable[..., int], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert call("--form", "A4B4A4", "--variation", "0", "--out", "a.mid") == 0
    said = capsys.readouterr().out
    assert f"form: A4 B4 A4, as asked; found again in it: {find_form(read_midi(Path('a.mid')))}" in said
    monkeypatch.setattr(finding, "LONGEST_SONG", 11)
    assert call("--form", "A4B4A4", "--out", "a.mid") == 0
    said = capsys.readouterr().out
    assert "form: A4 B4 A4, as asked; found again in it: not looked for in more than 11 bars" in said
    for words in (("--bars", "4"), ("--events", "9"), ("--continue", "a.mid"), ("--keep", "melody:a.mid")):
        assert call("--form", "AABA", *words) == 2
        assert f"{words[0]}: a --form has its own bars" in capsys.readouterr().err
    assert call("--form", "AABA", "--variation", "1.5") == 2
    assert "--variation 1.5: must be from 0 to 1" in capsys.readouterr().err
