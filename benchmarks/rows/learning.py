"""The rows of docs/results.md: a search and what follows it, as a user would type them."""

from __future__ import annotations

from benchmarks.learning import RIVAL
from benchmarks.rows.row import Row

__all__ = ["LEARNING"]

SEEDS = (1, 2, 3)
EVALUATE = "experiments.evaluate {run} --json evaluate.json"
SONG = "experiments.generate {run} --events 256 --seed {seed} --out song.mid"
TWO = "{corpora}/two_songs_freedoom"
JSB = "{corpora}/jsb_chorales/train --valid {corpora}/jsb_chorales/valid"
ORIGINAL = "--preset original --trials 8 --max-epochs 20"
ORIGINALS = ("notes", "durations", "offsets")  # the heads of the original
TRAIN = "experiments.train all --run {run} --epochs 80 --json train.json"
LONG = "--trials 16 --max-epochs 80 --confirm 3"  # notes of the chorales learn on for that long
SHORT = "--trials 12 --max-epochs 60 --confirm 3"
LARGE = "--trials 6 --max-epochs 20 --confirm 3"  # of large corpora, whose epochs are long
TIMED = "--trials 64 --time-budget 180 --set backbone="
WEIGHED = "--trials 1 --confirm 3 --set weighting="
# from the original's design to the defaults, each with those before it; inputs=context is the next: jsb_weights_none
STEPS = {
    "original": "batch_size=256",  # as many targets an update as 16 windows of 32 have in the steps to come
    "unweighted": "weighting=none",
    "spelled": "output=factored",
    "half": "loss=half window=32 batch_size=16",
    "transposed": "transpose=window",
    "cosine": "schedule=cosine",
}


def _search(what: str, options: str, run: str = "{run}") -> str:
    return f"experiments.tune {what} --name {run} --seed {{seed}} --wandb off {options}"


def _row(minutes: float, *commands: str, seeds: tuple[int, ...] = (1,), keeps: tuple[str, ...] = ()) -> Row:
    needs = ("quiet",) if "--time-budget" in commands[0] else ()  # what it finds depends on who else works there
    return Row("learning", "docs/results.md", commands, minutes, seeds, needs, keeps=keeps, song=bool(keeps))


def _notes(minutes: float, songs: str, options: str, seeds: tuple[int, ...] = (1,)) -> Row:
    return _row(minutes, _search(f"notes {songs}", options), EVALUATE, seeds=seeds)


def _on_training(
    minutes: float, songs: str, options: str, train: str = TRAIN, heads: tuple[str, ...] = ("all",)
) -> Row:
    searches = (_search(f"{head} {songs}", f"{options} --split none") for head in heads)
    return _row(minutes, *searches, train, EVALUATE, SONG, seeds=SEEDS)


def _step(name: str) -> Row:
    """Notes of the chorales after a step, with the default network, which no search has fitted to it."""
    settings = " ".join(list(STEPS.values())[: list(STEPS).index(name) + 1])
    fixed = dict(setting.split("=") for setting in settings.split())
    told = " ".join(f"--set {key}={value}" for key, value in fixed.items())
    return _notes(6, JSB, f"--preset original --trials 1 --confirm 3 {told}")


LEARNING = {
    # songs that were never heard
    "jsb_notes": _notes(16, JSB, f"{LONG} --set inputs=context"),
    "jsb_notes_own": _notes(20, JSB, f"{LONG} --set inputs=own"),
    "jsb_notes_original": _notes(4, JSB, f"{ORIGINAL} --confirm 3"),
    "jsb_durations": _row(4, _search(f"durations {JSB}", f"{SHORT} --set inputs=context"), EVALUATE),
    "jsb_offsets": _row(4, _search(f"offsets {JSB}", f"{SHORT} --set inputs=context"), EVALUATE),
    "jsb_durations_original": _row(4, _search(f"durations {JSB}", f"{ORIGINAL} --confirm 3"), EVALUATE),
    "jsb_offsets_original": _row(4, _search(f"offsets {JSB}", f"{ORIGINAL} --confirm 3"), EVALUATE),
    "mutopia_notes": _notes(30, "{corpora}/mutopia_pd", LARGE, SEEDS),
    "freedoom_notes": _notes(27, "{corpora}/freedoom", "--trials 4 --max-epochs 16 --confirm 3", SEEDS),
    "two_songs_notes": _notes(6, TWO, SHORT),
    "two_songs_from_mutopia": _row(
        10,
        _search("notes {corpora}/mutopia_pd", "--trials 4 --max-epochs 20", run="corpus"),
        _search(f"notes {TWO}", f"{SHORT} --init corpus"),
        _search(f"notes {TWO}", SHORT, run=RIVAL),  # the same without, on the same targets
        f"{EVALUATE} --against {RIVAL}",
    ),
    "bundled": _row(15, _search("all", ""), EVALUATE, SONG, keeps=("song.mid",)),
    # one thing changed
    "jsb_lstm": _notes(4, JSB, f"{TIMED}lstm"),
    "jsb_transformer": _notes(4, JSB, f"{TIMED}transformer"),
    **{f"jsb_weights_{scheme}": _notes(4, JSB, WEIGHED + scheme) for scheme in ("none", "sqrt", "balanced")},
    **{f"jsb_step_{name}": _step(name) for name in STEPS},
    # training songs
    "two_songs_none": _on_training(38, TWO, "--trials 6 --max-epochs 20"),
    "two_songs_original_none": _on_training(35, TWO, ORIGINAL, heads=ORIGINALS),
    "two_songs_unweighted_none": _on_training(35, TWO, f"{ORIGINAL} --set weighting=none", heads=ORIGINALS),
    "two_songs_then_unweighted_none": _on_training(35, TWO, ORIGINAL, f"{TRAIN} --weighting none", ORIGINALS),
    "bundled_original_none": _on_training(35, "", ORIGINAL, heads=ORIGINALS),
    "two_songs_original": _row(20, _search(f"all {TWO}", ORIGINAL), EVALUATE, SONG, seeds=SEEDS),
    "bundled_original": _row(20, _search("all", ORIGINAL), EVALUATE, SONG, seeds=SEEDS),
}
