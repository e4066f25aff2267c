"""The tables of docs/story.md, and its picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import StatisticsError, mean
from typing import Any

from benchmarks.pages.kept import NOTHING, Found, Kept, table
from benchmarks.pages.story_picture import Step, draw

__all__ = ["STEPS", "draw_steps", "steps", "story_blocks"]

ORIGINAL = {"notes": 0.26, "durations": 0.80, "offsets": 0.14}  # as its author reported them
JUDGED = {"notes": ("cross_entropy", "nats", ("kneser_ney_best",)), "timing": ("mae", "mae", ("median", "repeat"))}
VALID = {"nats": "valid", "mae": "mae"}  # what a head calls a baseline's figure
WAYS = ("none", "plan")
WORTH = ("worth_of_form_bundled", "worth_of_form_nottingham", "worth_of_form_mutopia")
STEPS = {  # by the row that measured it, with the changes of all before it
    "jsb_step_original": "the original's design, 256 windows an update",
    "jsb_step_unweighted": "no class weights",
    "jsb_step_spelled": "chords spelled pitch by pitch",
    "jsb_step_half": "windows of 32, half of it targets",
    "jsb_step_transposed": "windows in random keys",
    "jsb_step_cosine": "the learning rate falls",
    "jsb_weights_none": "the other columns and the beat seen",
    "jsb_notes": "searched, and trained for longer",
}
RESULTS, FORM, PERFORMANCE = "[results](results.md)", "[form](form.md)", "[performance](performance.md)"


class Figures:
    """The figures of rows, by their names."""

    def __init__(self, kept: Kept) -> None:
        self._kept = kept

    def row(self, name: str, seed: int = 1) -> Found:
        """A search, and what followed it."""
        found = {one["seed"]: one for one in self._kept.rows[name]}
        return found[seed]

    def of(self, *names: str) -> Found:
        """The figures of other rows."""
        return self._kept.figures(*names)

    def confirmed(self, name: str, figure: str = "valid") -> float:
        """The mean figure of a row's notes head over the seeds that confirmed it."""
        return mean(self.row(name)["winners"]["notes"]["repeats"][figure])

    def over_seeds(self, name: str, *keys: str) -> float:
        """The mean of a figure over a row's three seeds."""
        return mean(_at(self.row(name, seed), *keys) for seed in (1, 2, 3))


def steps(kept: Kept) -> list[Step]:
    """From the original's design to ours: nats an event on the chorales' validation part, each after a search."""
    found = Figures(kept)
    return [Step(title, found.confirmed(name)) for name, title in STEPS.items()]


def draw_steps(kept: Kept, path: Path) -> None:
    """The picture of them, beside the best n-gram."""
    draw(steps(kept), _counted(Figures(kept), "kneser_ney_best_transposed"), path)


def story_blocks(kept: Kept) -> dict[str, str]:
    """By name."""
    made: dict[str, Callable[[Figures], list[str]]] = {
        "then": _then,
        "steps": lambda found: _steps(steps(kept), found),
        "alone": _alone,
        "timing": _timing,
        "form": _form,
        "seconds": _seconds,
        "little": _little,
    }
    return {name: _if_measured(block, Figures(kept)) for name, block in made.items()}


def _if_measured(block: Callable[[Figures], list[str]], found: Figures) -> str:
    try:
        return "\n".join(block(found))
    except (LookupError, StatisticsError):  # a row, a seed or a figure that is not there
        return NOTHING


def _then(found: Figures) -> list[str]:
    """The original's design on two songs: as it was judged, and held out."""
    rows = []
    for head in ORIGINAL:
        figure, key, counting = JUDGED["notes" if head == "notes" else "timing"]
        counts = found.row("two_songs_original")["evaluate"]["heads"][head]["baselines"]
        at = ("train", "heads", head)
        trained = ("two_songs_original_none", "two_songs_unweighted_none", "two_songs_none")
        known = [found.over_seeds(name, *at, "on_training_songs", figure) for name in trained]
        tested = found.over_seeds("two_songs_original", "evaluate", "heads", head, "figures", VALID[key])
        counted = min(counts[name][key] for name in counting)
        unit = "nats" if head == "notes" else "quarter notes"
        rows.append([f"{head}, {unit}", f"{ORIGINAL[head]:.2f}", *_three(*known), *_three(tested, counted)])
    return table(
        (
            "head",
            "the original's report",
            "its design here",
            "without weights",
            "ours",
            "its design, held out",
            "counting",
        ),
        rows,
    )


def _steps(ladder: Sequence[Step], found: Figures) -> list[str]:
    rows, before = [], None
    for step in ladder:
        worth = "" if before is None else f"{step.nats - before:+.2f}"
        rows.append([step.title, f"{step.nats:.2f}", worth])
        before = step.nats
    rows.append(["*beside it:* the best n-gram", f"{_counted(found, 'kneser_ney_best_transposed'):.2f}", ""])
    rows.append(["*beside it:* the chords' frequencies", f"{_counted(found, 'unigram'):.2f}", ""])
    return table(("notes of the chorales", "nats an event", "the step"), rows)


def _alone(found: Figures) -> list[str]:
    """Changes that were measured by themselves, all else equal."""
    half = found.of("time_to_loss")
    last, halves = (
        mean(half[f"jsb_chorales: valid of {way}, nats"]) for way in ("one target a window", "half a window")
    )
    unweighted, searched = found.confirmed("jsb_weights_none"), found.confirmed("jsb_notes")
    tenth = "" if "jsb_chorales: split by" in half else ", on a tenth of all chorales"  # as it was measured once
    pairs = (
        ("no class weights, in place of balanced ones", found.confirmed("jsb_weights_balanced"), unweighted, RESULTS),
        (f"half of a window's positions as targets, in two fifths of the time{tenth}", last, halves, PERFORMANCE),
        ("the other columns and the beat, searched alike", found.confirmed("jsb_notes_own"), searched, RESULTS),
        (_searched(found), unweighted, searched, RESULTS),
    )
    rows = [[what, f"{a:.2f}", f"{b:.2f}", f"{b - a:+.2f}", where] for what, a, b, where in pairs]
    return table(("notes of the chorales, nats an event", "before", "after", "the change", "measured in"), rows)


def _searched(found: Figures) -> str:
    """What the last step is: a search, unless its winner is the default itself, which is its first trial."""
    own, default = (
        found.row(name)["winners"]["notes"]["hyperparameters"] for name in ("jsb_notes", "jsb_weights_none")
    )
    if own == default:
        return "80 epochs in place of 40; a search of sixteen trials found nothing better than the defaults"
    return "a search of sixteen trials of 80 epochs, after the defaults with 40"


def _counted(found: Figures, baseline: str) -> float:
    return _at(found.row("jsb_notes"), "winners", "notes", "baselines", baseline, "nats")


def _timing(found: Figures) -> list[str]:
    rows = []
    for head in ("durations", "offsets"):
        winner = found.row(f"jsb_{head}")["winners"][head]
        original = found.row(f"jsb_{head}_original")["winners"][head]["repeats"]
        for figure, unit in (("valid", "nats an event"), ("mae", "quarter notes")):
            key = {"valid": "nats"}.get(figure, figure)
            counted = min(each[key] for each in winner["baselines"].values() if key in each)
            ours = mean(winner["repeats"][figure])
            before = mean(original[figure])
            rows.append([f"{head}, {unit}", *_three(before, counted, ours), f"{ours - before:+.3f}"])
    headings = ("the original's design", "best of counting, median, last value", "ours", "the change")
    return table(("chorales", *headings), rows)


def _form(found: Figures) -> list[str]:
    planned, again = found.of("planned_forms"), found.of("said_again")
    key = "found again, forms, {}, own features: boundaries"
    rows = [
        ["boundaries of a plan found again in the new song, F1: bundled songs"]
        + [f"{planned[key.format(way)][0]:.2f}" for way in ("no plan", "variation 0.2")],
        [
            "chords as before where a section comes again, all drawn anew: nottingham",
            *(f"{100 * again[f'form={way}']['share'][0]:.0f} %" for way in WAYS),
        ],
    ]
    rows += [
        [f"all heads together on {held}, nats an event: {songs}", *_three(*_with_form(found, songs))]
        for songs, held in (("nottingham", "held-out songs"), ("bundled songs", "the held-out ends of songs"))
    ]
    return table(("", "without", "with"), rows)


def _with_form(found: Figures, songs: str) -> tuple[float, float]:
    """Nats an event of all heads together without and with form=plan; the form is told once."""
    figures = found.of(*WORTH)
    told = {
        way: [one for name, one in figures.items() if name.startswith(f"{songs}, ") and f", {way}, " in name]
        for way in WAYS
    }
    seeds = len(
        {name.rsplit("seed ", 1)[1] for name in figures if name.startswith(f"{songs}, ") and ", plan, " in name}
    )
    heads = len(told["plan"]) // seeds
    once = (heads - 1) * mean(one["told"] for one in told["plan"])
    without, with_form = (sum(one["nats"] for one in told[way]) / seeds for way in WAYS)
    return without, with_form - once


def _seconds(found: Figures) -> list[str]:
    half = found.of("time_to_loss")
    rows = [
        [
            f"to the best loss of one target a window in about two minutes, {title}",
            *(
                _time(half, f"{corpus}: seconds of {way} to that loss")
                for way in ("one target a window", "half a window")
            ),
        ]
        for title, corpus in (("chorales", "jsb_chorales"), ("two rock songs", "two_songs_freedoom"))
    ]
    for name, title in (
        ("ray_pattern_light", "trials of a small network in short epochs, Ray's documented pattern or ours"),
        ("ray_pattern", "trials of the notes head, hidden 64 to 256, the same"),
    ):
        one = found.of(name)
        times = (_time(one, key) for key in ("pattern_seconds_to_end", "seconds_to_end"))
        rows.append([f"{one['trials']} {title}", *times])
    sleeping = found.of("sleeping")
    rows.append([f"{sleeping['trials']} trials that sleep a second, two CPUs, plain Ray or ours"])
    rows[-1] += [_time(sleeping, "plain_s"), _time(sleeping, "ours_to_end_s")]
    return table(("seconds", "before, or elsewhere", "now"), rows)


def _little(found: Figures) -> list[str]:
    """What cost more than it brought, or brought nothing."""

    def best(name: str) -> float:
        return float(found.row(name)["winners"]["notes"]["best"])

    form = found.of(*WORTH)

    def of_form(songs: str, way: str) -> float:
        return mean(form[f"{songs}, notes, {way}, seed {seed}"]["nats"] for seed in (1, 2, 3))

    none = found.confirmed("jsb_weights_none")
    pairs = (
        ("class weights, balanced; notes, chorales", none, found.confirmed("jsb_weights_balanced"), RESULTS),
        ("class weights, square root; the same", none, found.confirmed("jsb_weights_sqrt"), RESULTS),
        ("a transformer for the LSTM, at equal time; the same", best("jsb_lstm"), best("jsb_transformer"), RESULTS),
        (
            "heads told the form; notes, bundled songs",
            of_form("bundled songs", "none"),
            of_form("bundled songs", "plan"),
            FORM,
        ),
        ("heads told the form; notes, mutopia", of_form("mutopia_pd", "none"), of_form("mutopia_pd", "plan"), FORM),
        (
            "windows of 128 for 32; notes, nottingham",
            of_form("nottingham", "none"),
            of_form("nottingham", "window 128"),
            FORM,
        ),
    )
    rows = [[what, *_three(a, b), f"{b - a:+.3f}", where] for what, a, b, where in pairs]
    return table(("nats an event", "without", "with", "the change", "measured in"), rows)


def _at(row: Mapping[str, Any], *keys: str) -> float:
    value: Any = row
    for key in keys:
        value = value[key]
    return float(value)


def _three(*values: float) -> list[str]:
    return [f"{value:.3f}" for value in values]


def _time(figures: Found, name: str) -> str:
    """Seconds; where the row's JSON is of before it told them, that they are lacking."""
    value = figures.get(name)
    if value is None:
        return "not measured so yet"
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}"
