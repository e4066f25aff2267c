"""Figures that are said in prose: what must stand in a page word for word, with the numbers of what is kept.

Where the figures have changed, the sentence is to be written anew by someone who has thought about what they say now.
Where they make no such sentence, that is told too, and all others are looked for nevertheless.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import ceil
from pathlib import Path
from statistics import mean
from typing import NamedTuple

from benchmarks.pages.kept import FIGURES_LACK, Found, Kept, why

__all__ = ["SAID", "Said", "unsaid"]

NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


class Said(NamedTuple):
    """A sentence, or the part of one that has the figures.

    Attributes:
        page: in the repository.
        rows: whose figures it says; it is not looked for where they are not there.
        told: the words, of the JSON of each.
    """

    page: str
    rows: tuple[str, ...]
    told: Callable[..., str]


def _number(value: int) -> str:
    """In words up to ten."""
    return NUMBERS[value] if value < len(NUMBERS) else str(value)


def _minutes(found: Found) -> str:
    """As "two to four minutes": the whole ones around all runs."""
    seconds = found["figures"]["command_s_of_each_run"]
    return f"after {_number(int(min(seconds) / 60))} to {_number(ceil(max(seconds) / 60))} minutes on two cores"


def _worker_seconds(short: Found, own: Found) -> str:
    """What a trial of Ray's documented pattern takes in all, beside what ours trains."""
    theirs, ours = [], []
    for figures in (short["figures"], own["figures"]):
        theirs.append(figures["pattern_seconds_to_end"] * figures["workers"] / figures["trials"])
        ours.append(figures["trial_seconds"])
    return (
        f"takes {theirs[0]:.0f} s of a worker there where ours trains for {ours[0]:.0f} s, and {theirs[1]:.0f} s where"
        f" ours trains for {ours[1]:.0f} s"
    )


def _times_as_long(short: Found, own: Found) -> str:
    times = [one["figures"]["pattern_seconds_to_end"] / one["figures"]["seconds_to_end"] for one in (short, own)]
    short_ones, own_ones = (_number(round(ratio)) for ratio in times)
    return f"takes {short_ones} times as long where trials train for a second, and {own_ones} times"


def _validated(found: Found) -> str:
    return f"with {found['evaluate']['split']['targets']['validation']} validation events"


def _tested(found: Found) -> str:
    return f"Of the notes, {found['evaluate']['heads']['notes']['targets']} events cannot tell"


def _less_likely(*found: Found) -> str:
    """How far the nats under B rise on the way there, where predictions are mixed as probabilities."""
    under = [next(iter(one["figures"].values()))["probabilities"]["nats B"] for one in found]
    rises = dict.fromkeys(f"{max(nats) - nats[0]:.0f}" for nats in under)  # one, where they round alike
    return f"less likely under B's heads, by {' and '.join(rises)} nats, before"


def _to_the_ends(found: Found) -> str:
    """The nats under either song's heads at the ends, where predictions are mixed."""
    pair = found["figures"]["Bach, Mozart"]["predictions"]
    under_a, under_b = ((pair[f"nats {side}"][0], pair[f"nats {side}"][-1]) for side in "AB")
    return f"from {under_a[0]:.2f} to {under_a[1]:.2f}, and from {under_b[0]:.2f} to {under_b[1]:.2f}"


def _copied(*found: Found) -> str:
    pairs = [next(iter(one["figures"].values()))["predictions"] for one in found]
    first, last = ([f"{100 * pair[f'copied {side}'][at]:.0f}" for pair in pairs] for side, at in (("A", 0), ("B", -1)))
    return (
        f"at mix 0 there are {first[0]}, {first[1]} and {first[2]} % in A (predictions; bundled, Freedoom, Bach), at"
        f" mix 1 there are {last[0]}, {last[1]} and {last[2]} % in B"
    )


def _given(found: Found, head: str) -> tuple[float, float]:
    """Mean nats without the form, and with it when it is given."""
    figures, seeds = found["figures"], (1, 2, 3)
    none = mean(figures[f"nottingham, {head}, none, seed {seed}"]["nats"] for seed in seeds)
    plans = [figures[f"nottingham, {head}, plan, seed {seed}"] for seed in seeds]
    return none, mean(plan["nats"] - plan["told"] for plan in plans)


def _rhythm_given(found: Found) -> str:
    durations, offsets = _given(found, "durations"), _given(found, "offsets")
    return (
        f"nottingham's durations fall from {durations[0]:.3f} to {durations[1]:.3f} nats, its offsets from"
        f" {offsets[0]:.3f} to {offsets[1]:.3f}"
    )


def _longer(found: Found) -> str:
    nats = mean(found["figures"][f"nottingham, notes, window 128, seed {seed}"]["nats"] for seed in (1, 2, 3))
    return f"does not learn to in as many epochs ({nats:.3f})"


def _without(found: Found) -> str:
    figures = found["figures"]
    plan, none = (
        mean(figures[f"nottingham, notes, {way}, seed {seed}"][figure] for seed in (1, 2, 3))
        for way, figure in (("plan", "told_nothing"), ("none", "nats"))
    )
    return f"as good as those of form=none (notes {plan:.3f} against {none:.3f})"


def _near_its_plan(found: Found) -> str:
    """The largest difference of what comes again, in steps of 0.05."""
    figures = found["figures"]
    names = ("tin_roof_morning", "the_last_ferry_north")
    ways = ("variation 0.2 (20)", "real (1)")
    pairs = ([figures[f"repeated, like {name}, {way}"][0] for way in ways] for name in names)
    return f"within {0.05 * ceil(max(abs(new - song) for new, song in pairs) / 0.05):.2f} of the song whose plan it has"


def _real_again(found: Found) -> str:
    nottingham, mutopia = (
        found["figures"][f"repeated, corpora/{name}, real (50)"][0] for name in ("nottingham", "mutopia_pd")
    )
    return f"{nottingham:.2f} of their bars come again, of mutopia_pd's {mutopia:.2f}"


def _copied_by_plan(forms: Found, like: Found) -> str:
    """Of what is copied without a plan, the share that is with one."""
    ways = ("variation 0.2", "no plan")
    shares = []
    for grams in (4, 8):
        for kind, found in (("forms", forms), ("like", like)):
            planned, free = (found["figures"][f"copied, {kind}, {way}, chords: {grams}-grams"][0] for way in ways)
            shares.append(planned / free)
    four, four_like, eight, eight_like = shares
    return (
        f"of sequences of four chords {four:.2f} of that, like a song {four_like:.2f}; of eight {eight:.2f} and"
        f" {eight_like:.2f}"
    )


def _alike(forms: Found, like: Found) -> str:
    """How far shares with rhythm, and against the prime alone, are from those of chords in the training songs."""
    apart = []
    for kind, found in (("forms", forms), ("like", like)):
        figures = found["figures"]
        for way in ("variation 0.2", "variation 0.5", "no plan"):
            for grams in (4, 8, 16):
                of = (f"{kind}, {way}, {{}}: {grams}-grams").format
                whole = figures[f"copied, {of('chords')}"][0]
                others = [figures[f"copied, {of('rhythm')}"], figures[f"of prime, {of('chords')}"]]
                apart += [100 * abs(share - whole) for share, *_ in others]
    return f"the figures are the same within {0.5 * ceil(max(apart) / 0.5):.1f} points"


def _again_and_again(found: Found) -> str:
    figures = found["figures"]["nottingham"]
    share = 100 * float(figures["ways"]["default"]["equal"][0])
    times = _number(int(figures["longest"]["equal"]) + 1)
    return f"say one event {times} times in a row, and {share:.1f} in 100 of the new ones do"


def _returns(found: Found) -> str:
    (figures,) = found["figures"].values()
    new, held = ([100 * figures[kind][name][0] for name in ("chord", "duration")] for kind in ("new", "held-out"))
    few = round(figures["held-out"]["events"] * held[0] / 100)
    return (
        f"({new[0]:.1f} % against {held[0]:.1f}), but with its duration in {new[1]:.0f} % of these events, where"
        f" held-out songs have it in {held[1]:.0f}. Those are few, {few} events"
    )


def _few_excerpts(found: Found) -> str:
    figures = found["figures"]["bundled"]
    return f"{figures['training excerpts']} training and {figures['held-out']['excerpts']} held-out excerpts"


def _missed(found: Found) -> str:
    (figures,) = found["figures"].values()
    ways = figures["ways"]
    new, one, held = (
        100 * float(rates["any"][0]) for rates in (ways["default"], ways["default, one prime"], figures["held-out"])
    )
    return f"by {new:.1f} against {held + 2:.1f} (with one prime {one:.1f})"


def _unlikely(found: Found) -> str:
    nats = {way: found["figures"]["jsb"][way]["nats of notes"] for way in ("held-out", "default")}
    return f"less likely than real ones by {nats['default'] - nats['held-out']:.1f} nats"


def _of_spelling(two_songs: Found, chorales: Found, mutopia: Found, bundled: Found) -> str:
    """The weight of Q, by which a head that spells chords is completed."""
    weights = []
    for found in (two_songs, chorales, mutopia, bundled):
        winner = found["winners"]["notes"]
        if winner["hyperparameters"]["output"] != "factored":
            raise ValueError("a winner does not spell its chords")
        weights.append(f"{winner['figures']['mixture']:.3f}")
    return (
        f"`l` is {weights[0]} on two rock songs, its least, {weights[1]} on the chorales, {weights[2]} on mutopia_pd"
        f" and {weights[3]} on the bundled songs"
    )


PATTERN = ("ray_pattern_short", "ray_pattern")
PLANNED = ("planned_forms", "planned_like")
SPELLED = ("two_songs_notes", "jsb_notes", "mutopia_notes", "bundled")
BETWEEN = ("between_bundled", "between_freedoom", "between_mutopia")
SAID = (
    Said("README.md", ("first_song",), _minutes),
    Said("README.md", ("bundled",), _validated),
    Said("docs/tutorial.md", ("bundled_original",), _tested),
    Said("docs/design.md", SPELLED, _of_spelling),
    Said("docs/performance.md", PATTERN, _worker_seconds),
    Said("docs/story.md", PATTERN, _times_as_long),
    Said("docs/form.md", ("worth_of_form_nottingham",), _rhythm_given),
    Said("docs/form.md", ("worth_of_form_nottingham",), _longer),
    Said("docs/form.md", ("worth_of_form_nottingham",), _without),
    Said("docs/form.md", ("planned_like",), _near_its_plan),
    Said("docs/form.md", ("planned_like",), _real_again),
    Said("docs/form.md", PLANNED, _copied_by_plan),
    Said("docs/form.md", PLANNED, _alike),
    Said("docs/music.md", ("traps_nottingham",), _again_and_again),
    Said("docs/music.md", ("after_equal_nottingham",), _returns),
    Said("docs/music.md", ("traps_bundled",), _few_excerpts),
    Said("docs/music.md", ("traps_jsb",), _missed),
    Said("docs/music.md", ("traps_nottingham",), _missed),
    Said("docs/music.md", ("likeness_jsb",), _unlikely),
    Said("docs/between.md", ("between_mutopia",), _to_the_ends),
    Said("docs/between.md", BETWEEN[:2], _less_likely),
    Said("docs/between.md", BETWEEN, _copied),
)


def unsaid(kept: Kept, root: Path) -> Iterator[tuple[str, str]]:
    """The pages that do not say what the figures do, each with the words that it should have."""
    for page, rows, told in SAID:
        if kept.rows.keys() >= set(rows):
            try:
                words = told(*(kept.rows[row][0] for row in rows))
            except FIGURES_LACK as error:
                yield page, f"the figures of {', '.join(rows)} make no sentence: {why(error)}"
                continue
            if " ".join(words.split()) not in " ".join((root / page).read_text().split()):
                yield page, words
