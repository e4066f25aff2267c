"""docs/results.md out of the JSON under benchmarks/results/learning/: no number of the page is typed by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import mean
from textwrap import wrap

from benchmarks.learning import RIVAL
from benchmarks.pages.kept import Found, Kept, dated
from benchmarks.pages.results_tables import (
    SONGS,
    backbones,
    held_out,
    last_fifth,
    on_training,
    timing,
    unheard,
    weights,
)
from benchmarks.reproducing.needs import BUSY
from benchmarks.rows import ROWS

__all__ = ["results_page"]

HEAD = """# Results

Made by `python -m benchmarks.reproduce`, which keeps the raw figures as JSON under `benchmarks/results/learning/` (with
the commit and the date of each) and writes this page from them. Every row's commands are at the end;
`python -m benchmarks.reproduce ROW` runs them again. Two cores, no accelerator. Figures over several seeds are the
mean, with the least and the most behind it where they differ. Nats are complete and per event, MAE is in quarter notes,
that of velocity in its 127 steps (see [design.md](design.md)). Where the songs are from stands in
[songs.md](songs.md#the-songs-of-the-figures).
"""
UNHEARD = """## Songs that were never heard

Each row is a search (`--confirm 3`: the winner is the configuration with the best mean over three other seeds). On
validation: that mean, with its standard deviation, beside the best baseline on the same events (n-grams; for notes also
fitted on twelve transposed copies). Then the exported winner, on test where a corpus has a test part, with a 95 %
interval by resampling songs (blocks of 16 events on the two songs), and its paired difference from the best baseline
there. The validation events chose the winner; the test events chose nothing. Core-minutes are those of all trainings of
the row, the confirmations too. The chorales are jsb_chorales, trained on train/, validated on valid/. The original's
design was searched with 8 trials of up to 20 epochs; ours, on the chorales, with 12 of up to 60, notes with 16 of up to
80. Of the two rock songs it is their ends that were never heard: the last fifth of each. The defaults, which every
search tries first, were chosen on the chorales' validation songs: what a head reaches there flatters them, and other
songs, which chose nothing, tell more.
"""
TOGETHER = (
    "Validation and test together, one search each. The validation half chose the winners, and the n-grams' best order:"
    " their figures there flatter them."
)
CHANGED = """## One thing changed

Notes of the chorales, validation. Backbones: a search of three minutes on two cores each, so that a dearer network has
fewer trials. Weights: the default hyperparameters under each weighting, three seeds; macro is the accuracy averaged
over chords, top-1 that over events, and macro nats are the nats averaged over chords.
"""
ON_TRAINING = """## The original's setting: figures on the training songs

The project that this one began with reported 0.26 nats (categorical cross-entropy, notes), 0.8 quarter notes MAE
(durations) and 0.14 (offsets), all on its own two training songs. **These are other songs**, so the figures do not
compare as such; what can be told is what the same design reaches here, and how much of it a constant or a table would
reach. `--preset original --split none`, then `train`; one pass in evaluation mode over all training windows.

The preset trains with balanced class weights. On the rock songs, where one chord is half of all targets, such a loss
has its minimum far from 0.26 unweighted: the distribution that is best under the weights, given five chords, has the
nats in the column "weighted optimum", whatever the network. So the preset as it stands does not reach 0.26 there.
Trained on without the weights (`train --weighting none`), what was found goes to the floor, the entropy of the next
chord given five; and so does what a search of the same design finds without them from the start (`--set
weighting=none`), which is not the preset as it stands.

The rows of the default space are what `tune all` finds when nothing is fixed: a longer window, the other columns and
the place in the bar too. A floor is that of a table of the winner's own column and window; what sees more can pass it.
On training songs that is memory, and no merit.
"""
TIMING = """
Timing is an L1 regression there. The training median alone, a constant, is below the original's figures on these
songs, so those are beaten by saying nothing; the floor is the error of the median given five values. MAE is that of the
mixture's median, as everywhere here. A Laplace around a regression's prediction is a poor distribution for durations,
so the mixture leaves it out and says the median; the column "alone" is the prediction's own mean error over its last
training epoch, dropout and all. Balanced weights pull that prediction towards rare lengths: on the rock songs'
durations it is then worse than the original's 0.8.
"""
HELD_OUT = """## The same, held out

The same preset with the last fifth of each song held out (`--split auto`), scored by `evaluate` on the test half.
The original had no velocity head: that of these tables is the default one.
"""
SEARCHED = """## The default search, held out

`tune all`, then `evaluate` on events that no search has seen: the test half of each song's last fifth.
"""
COMMANDS = (
    "Rows that begin with `jsb_step_` are the steps of [story.md](story.md). `{corpora}` is the folder that `--corpora`"
    " names: [songs.md](songs.md#the-songs-of-the-figures)."
)


def results_page(kept: Kept) -> str:
    """The page, of what is there."""
    found = kept.of_group("learning")
    lines = [HEAD, UNHEARD, *unheard(found), "", *last_fifth(found), "", *together(found)]
    lines += [CHANGED, *backbones(found), "", *weights(found), ""]
    lines += [ON_TRAINING, *on_training(found), TIMING, *timing(found), "", HELD_OUT]
    for name in ("two_songs_original", "bundled_original"):
        lines += held_out(found.get(name, []), SONGS[name.removesuffix("_original")])
    lines += [SEARCHED]
    lines += held_out(found.get("bundled", []), SONGS["bundled"])
    return "\n".join([*lines, *_commands(kept)])


def together(found: Mapping[str, Sequence[Found]]) -> list[str]:
    """What the figures of the last fifth are, and whether a search begun from others is better on its test half."""
    (row,) = found.get("two_songs_from_mutopia", []) or (None,)
    against = row["evaluate"]["heads"]["notes"].get("against", {}) if row is not None else {}
    if RIVAL not in against:
        return [*wrap(f"{TOGETHER} These are two figures, and no test of their difference.", 120), ""]
    gap = against[RIVAL]["nats"]
    ends = " ({:+.3f} to {:+.3f})".format(*gap["interval"]) if gap["interval"] else ""
    told = f"the winner after mutopia_pd and one of fresh weights differ by {gap['difference']:+.3f} nats{ends}"
    return [*wrap(f"{TOGETHER} On the test half, event by event, {told}: {gap['verdict']}.", 120), ""]


def _commands(kept: Kept) -> list[str]:
    """What each row ran, when, and of which commit."""
    found = kept.of_group("learning")
    lines = ["## The commands", "", *wrap(COMMANDS, 120), ""]
    missing = [f"`{name}`" for name, row in ROWS.items() if row.group == "learning" and name not in found]
    if missing:
        lines += [f"Not measured yet: {', '.join(missing)}.", ""]
    for name, rows in sorted(found.items()):
        seeds = ", ".join(str(row["seed"]) for row in rows)
        minutes = mean(sum(row["seconds"]) for row in rows) / 60
        stands = "; ".join(dict.fromkeys(map(dated, rows)))
        lines += [f"`{name}`, seed {seeds}: {minutes:.1f} minutes a seed; {stands}", "", "```"]
        lines += [*rows[0]["commands"], "```", ""]
        if rows[0]["commands"] != ROWS[name].typed(name, rows[0]["seed"]):
            lines += ["The row has other options now; its figures are of those above.\n"]
        beside = [used for row in rows if (used := row.get("machine", {}).get("used_by_others", 0)) > BUSY]
        if beside:
            told = f"{100 * max(beside):.0f} % of the processors' time was used by others as it began"
            lines += [f"Measured beside other work ({told}): its minutes are not those of a quiet machine.\n"]
        lines += [f"Seed {row['seed']} was resumed: {row['note']}.\n" for row in rows if "note" in row]
    return lines
