"""Figures that are said in prose: what must stand in a page word for word, with the numbers of what is kept.

Where the figures have changed, the sentence is to be written anew by someone who has thought about what they say now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import mean
from typing import NamedTuple

from benchmarks.pages.kept import Found, Kept

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


def _minutes(found: Found) -> str:
    """As "three to four minutes"."""
    least = int(found["figures"]["command_minutes"])
    return f"after {NUMBERS[least]} to {NUMBERS[least + 1]} minutes on two cores"


def _validated(found: Found) -> str:
    return f"with {found['evaluate']['split']['targets']['validation']} validation events"


def _ends(found: Found) -> str:
    pair = found["figures"]["Bach, Mozart"]
    return f"0.3 nats off ({pair['predictions']['nats A'][0]:.2f}, alone {pair['alone']['nats A'][0]:.2f})"


def _copied(*found: Found) -> str:
    pairs = [next(iter(one["figures"].values()))["predictions"] for one in found]
    first, last = ([f"{100 * pair[f'copied {side}'][at]:.0f}" for pair in pairs] for side, at in (("A", 0), ("B", -1)))
    return (
        f"at mix 0, {first[0]}, {first[1]} and {first[2]} % in A (predictions; bundled, Freedoom, Bach), at mix 1"
        f" {last[0]}, {last[1]} and {last[2]} % in B"
    )


def _flat(found: Found) -> str:
    first, second, third, *_ = found["figures"]["Bach, Mozart"]["predictions"]["nats A"]
    return f"({first:.2f}, {second:.2f}, {third:.2f}, each"


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


def _one_prime(found: Found, name: str) -> float:
    return 100 * float(found["figures"][name]["ways"]["default, one prime"]["any"][0])


def _missed(found: Found) -> str:
    figures = found["figures"]["nottingham"]
    new, held = (100 * float(rates["any"][0]) for rates in (figures["ways"]["default"], figures["held-out"]))
    return f"by {new:.1f} against {held + 2:.1f} (with the default prime it is {_one_prime(found, 'nottingham'):.1f})"


BETWEEN = ("between_bundled", "between_freedoom", "between_mutopia")
SAID = (
    Said("README.md", ("first_song",), _minutes),
    Said(
        "README.md", ("bundled",), lambda f: f"with {f['evaluate']['split']['targets']['validation']} validation events"
    ),
    Said("docs/performance.md", ("ray_pattern",), lambda f: f"little of one of {f['figures']['trial_seconds']:.0f} s"),
    Said("docs/form.md", ("worth_of_form_nottingham",), _rhythm_given),
    Said("docs/form.md", ("worth_of_form_nottingham",), _longer),
    Said("docs/form.md", ("worth_of_form_nottingham",), _without),
    Said("docs/music.md", ("traps_jsb",), lambda f: f"all songs the chorales are at {_one_prime(f, 'jsb'):.1f}"),
    Said("docs/music.md", ("traps_nottingham",), _missed),
    Said("docs/between.md", ("between_mutopia",), _flat),
    Said("docs/between.md", ("between_mutopia",), _ends),
    Said("docs/between.md", BETWEEN, _copied),
)


def unsaid(kept: Kept, root: Path) -> Iterator[tuple[str, str]]:
    """The pages that do not say what the figures do, each with the words that it should have."""
    for page, rows, told in SAID:
        if kept.rows.keys() >= set(rows):
            words = told(*(kept.rows[row][0] for row in rows))
            if " ".join(words.split()) not in " ".join((root / page).read_text().split()):
                yield page, words
