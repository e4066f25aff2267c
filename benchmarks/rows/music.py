"""The rows of docs/form.md, docs/music.md and docs/between.md: songs that were written, judged."""

from __future__ import annotations

from benchmarks.rows.row import Row

__all__ = ["MUSIC", "SEARCHES"]

BUNDLED_SONGS = "{songs}/tin_roof_morning.mid {songs}/the_last_ferry_north.mid"
FREEDOOM = (
    "{corpora}/two_songs_freedoom/FloodTheCity_Martins_d_e1m4.mid"
    " {corpora}/two_songs_freedoom/TheHeroicBattle_Picklehammer_d_dm14.mid"
)
BACH_MOZART = (
    "{corpora}/mutopia_pd/BachJS__BWV784__bach-invention-13__bach-invention-13.mid"
    " {corpora}/mutopia_pd/MozartWA__KV331__KV331_1_2_var1__KV331_1_2_var1.mid"
)
RAW = ("{run}.jsonl",)
ASHOVER = "{corpora}/nottingham/ashover1.mid"
REAL = "{corpora}/jsb_chorales/valid {corpora}/nottingham {corpora}/mutopia_pd {corpora}/freedoom"
FORMED = "{corpora}/nottingham {corpora}/jsb_chorales {corpora}/freedoom {corpora}/mutopia_pd {corpora}/js_fakes"


def _heads(options: str) -> tuple[str, ...]:
    return (f"experiments.tune all --seed 1 --wandb off --trials 2 {options}",)


def _tunes(name: str, form: str) -> tuple[str, ...]:
    """A notes head of one trial on every fourteenth tune of nottingham."""
    songs = "{corpora}/nottingham[::14]"
    return (f"experiments.tune notes {songs} --name {name} --seed 1 --wandb off --trials 1 --set form={form}",)


# name of a run -> the search of its heads; rows share them
SEARCHES: dict[str, tuple[str, ...]] = {
    "bundled": _heads("--name bundled"),
    "jsb": _heads("{corpora}/jsb_chorales/train --valid {corpora}/jsb_chorales/valid --name jsb --time-budget 400"),
    "nottingham": (
        *_heads("{corpora}/nottingham --name nottingham --time-budget 400"),
        "experiments.train notes --run nottingham --epochs 18",
        "experiments.train durations --run nottingham --epochs 4",
        "experiments.train offsets --run nottingham --epochs 4",
    ),
    "mutopia": _heads("{corpora}/mutopia_pd --name mutopia --time-budget 400"),
    "tunes_plan": _tunes("tunes_plan", "plan"),
    "tunes_none": _tunes("tunes_none", "none"),
}


def _row(
    page: str, minutes: float, *commands: str, heads: tuple[str, ...] = (), quick: str = "", keeps: tuple[str, ...] = ()
) -> Row:
    return Row("music", f"docs/{page}.md", commands, minutes, heads=heads, quick=quick, keeps=keeps)


def _planned(minutes: float, heads: str, options: str) -> Row:
    command = f"benchmarks.music.planned {heads} --runs {{heads}} --raw {{run}}.jsonl {options} --json {{json}}"
    return _row("form", minutes, command, heads=(heads,), quick="--seeds 1", keeps=RAW)


def _between(minutes: float, heads: str, songs: str, name: str) -> Row:
    command = (
        f"benchmarks.music.between {heads} {songs} --name {name} --runs {{heads}} --raw {{run}}.jsonl --json {{json}}"
    )
    return _row("between", minutes, command, heads=(heads,), quick="--seeds 1 --ways alone predictions", keeps=RAW)


def _drawn(module: str, minutes: float, heads: str, options: str = "", quick: str = "--songs 8") -> Row:
    command = f"benchmarks.music.{module} {heads} --runs {{heads}} {options} --json {{json}}"
    return _row("music", minutes, command, heads=(heads,), quick=quick)


def _worth(minutes: float, *options: str) -> Row:
    commands = (f"benchmarks.music.worth_of_form {option} --json {{json}}" for option in options)
    return _row("form", minutes, *commands, quick="--epochs 1 --seeds 1")


MUSIC = {
    "form": _row("form", 1, f"benchmarks.music.form {FORMED} --json {{json}}", quick="--count 2"),
    "planned_forms": _planned(8, "bundled", "--like"),
    "planned_like": _planned(14, "bundled", f"--forms --real {REAL}"),
    "planned_nottingham": _planned(2, "nottingham", f"--forms AABA --like {ASHOVER}"),
    "worth_of_form_bundled": _worth(8, "", "--heads notes --long 128"),
    "worth_of_form_nottingham": _worth(
        8,
        "{corpora}/nottingham --heads notes durations offsets",
        "{corpora}/nottingham --heads notes --long 128",
    ),
    "worth_of_form_mutopia": _worth(3, "{corpora}/mutopia_pd --every 4 --heads notes"),
    "said_again": _row(
        "form",
        2,
        "benchmarks.music.said_again tunes_plan tunes_none --runs {heads} --json {json}",
        heads=("tunes_plan", "tunes_none"),
        quick="--seeds 1",
    ),
    "traps_jsb": _drawn("traps", 3, "jsb"),
    "traps_nottingham": _drawn("traps", 3, "nottingham"),
    "traps_mutopia": _drawn("traps", 3, "mutopia"),
    "traps_bundled": _drawn("traps", 1, "bundled", "--ways default greedy"),
    "after_equal_jsb": _drawn("after_equal", 1, "jsb"),
    "after_equal_nottingham": _drawn("after_equal", 1, "nottingham"),
    "after_equal_mutopia": _drawn("after_equal", 1, "mutopia"),
    "likeness_jsb": _drawn("likeness", 1, "jsb"),
    "likeness_nottingham": _drawn("likeness", 1, "nottingham"),
    "likeness_mutopia": _drawn("likeness", 1, "mutopia"),
    "between_bundled": _between(5, "bundled", BUNDLED_SONGS, "bundled"),
    "between_freedoom": _between(5, "bundled", FREEDOOM, "Freedoom"),
    "between_mutopia": _between(6, "mutopia", BACH_MOZART, "'Bach, Mozart'"),
}
