"""docs/performance.md out of the JSON under benchmarks/results/speed/.

No number is typed by hand but the aims, and what the prose says of trials beside Ray's pattern, which said.py checks.
"""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import wrap
from typing import Any, NamedTuple

from benchmarks.measured import shown
from benchmarks.pages.kept import Found, Kept, dated
from benchmarks.rows import ROWS

__all__ = ["performance_page"]

HEAD = """# Performance

Made by `python -m benchmarks.reproduce` from the JSON that its rows leave under `benchmarks/results/speed/` (with the
commit, the date and the machine of each). What each measures, and how, stands at the top of its file in
`benchmarks/speed/`. `python -m benchmarks.reproduce ROW` measures one again, on a quiet machine.

Where two figures are set against each other, both clocks stop at the same work. A search begins when Ray runs, unless
the whole command is told, and ends as its command does: the winner and the first song written, Ray ended, W&B's runs
closed. What is told "to the winner" stops before that. *The bare loop* trains the same trials for the same epochs in
plain PyTorch, without search, reports or files; the *share* is the part of a search's time that it would take. *Ray's
documented pattern* is a search as the pages of Ray and Lightning show it (`benchmarks/speed/ray_pattern.py`). Of
several repetitions, pairs or seeds each figure is a median of its own, so that a ratio need not be that of the two
figures beside it.

What stands under `gpu` and `gpu_search` was measured on one; everything else on two cores without. Training on a GPU
is the same code but for AdamW (torch's own there, as LSTMs want their weights laid out in their own way). By default a
trial takes a GPU, or down to a quarter of one where there are more trials than GPUs.
"""

REST = """## Where the rest of the time goes

- *share to end* is *bare in trials* times *trials in search to end*. What lies between trials and the search's end:
  workers import torch and Lightning before their first epoch, the last trial ends alone, one trial's end and the next
  one's beginning pass through the driver, and after the winner Ray ends, W&B's runs are closed and the first song is
  written. These weigh less the longer a search is; the one whose processors' time is told is a short one.
- What lies between the bare loop and a trial: Lightning's own loop (*an epoch under Lightning*); reports, for which a
  trial waits where ASHA may stop it, and at its end, but nowhere else; weights written when they are the best so
  far, and to go on from; and that driver, Ray and W&B share two cores with two workers (*where the time of a search
  goes*).
- The repetitions of the bare loop behind *share* are its *bare seconds*; their median counts. *valid apart* is what
  rounding makes of a high learning rate within an epoch.
- How much faster a search is than Ray's documented pattern depends on how long a trial trains. The pattern starts a
  process for each trial and another for its W&B run, and waits at each epoch for a checkpoint and a report: a trial
  takes 20 s of a worker there where ours trains for 1 s, and 31 s where ours trains for 12 s, as those of the notes
  head do. In between are trials of a small network in short epochs (a window of 5, one target each, 16 updates an
  epoch, where the project's have 50); short ones favour the search, which pays less for one. Trials end early by what
  they learn: epochs an hour compare the work.
- Where the driver becomes the limit (*the driver of a search as trials add up*): it is one process, and the rest waits
  while it suggests a trial or takes a report. Asked of every trial before, TPE would take longer with each:
  a suggestion is made from a thousand of them (`experiments/search/study/sampler.py`), tables and view take a fixed
  share of the time, and reports of several epochs go together. What is left grows more slowly than trials do. At so
  many milliseconds a trial, workers whose trials take a minute are kept busy as long as there are fewer of them than
  60,000 / that.
- An update is matrix products, mostly those of the LSTM: *where the time of a search goes* has its parts.
"""


class Aim(NamedTuple):
    """A figure at a glance, and what was aimed at: a number, another figure of its row, or nothing."""

    name: str  # of the JSON file
    figure: str
    told: str
    limit: float | str | None = None
    most: bool = True  # the limit is the most that it may be, or the least


PATTERN_TOLD = "Ray's documented pattern, the same trials, both to the end, W&B closed"
AIMS = (
    Aim("first_song", "command_s", "seconds from the README's first command to a song"),
    Aim(
        "share", "share_to_end", "share of the bare loop, 64 trials of up to 30 epochs, W&B on and closed", 0.85, False
    ),
    Aim("share", "share_to_winner", "the same to the winner, W&B's runs still open"),
    Aim("ray_pattern", "ratio_to_end", f"trials an hour / {PATTERN_TOLD}", 4, False),
    Aim("ray_pattern", "ratio_of_epochs_to_end", "epochs an hour / that pattern's"),
    Aim(
        "ray_pattern_light",
        "ratio_to_end",
        "trials an hour / that pattern's, a window of 5, epochs of 16 updates",
        4,
        False,
    ),
    Aim("ray_pattern_light", "ratio_of_epochs_to_end", "epochs an hour / that pattern's, the same"),
    Aim("ray_pattern_short", "ratio_to_end", "the same for trials of a second", 10, False),
    Aim("lightning_epoch", "ratio", "an epoch under Lightning / the bare loop, windows of 5, one LSTM of 64", 1.15),
    Aim(
        "bookkeeping",
        "ratio_to_end",
        "a search with W&B, TensorBoard, study, tables and live view / without, to the command's end",
        1.05,
    ),
    Aim("bookkeeping", "ratio", "the same to the winner, W&B's runs still open", 1.05),
    Aim("first_epoch", "first_epoch_s", "seconds to the first epoch, Ray not yet running", 12),
    Aim(
        "sleeping", "ours_to_end_s", "seconds of 40 trials that sleep a second, two CPUs, W&B on and closed", "plain_s"
    ),
    Aim("sleeping", "plain_s", "the same, plain Ray without W&B"),
    Aim("opening", "times_one_core", "opening 1,000 songs on one core / on two, the first time", 1.8, False),
    Aim("opening", "again_s", "seconds of opening them again", 1),
    Aim("generating", "events_a_second", "events a second, three heads of hidden 256, one core", 300, False),
    Aim("memory", "worker_peak_resident_mb", "MB of a worker at its peak (resident), searching 1,000 songs"),
    Aim("memory", "beyond_imports_resident_mb", "MB of that beyond its imports", 300),
)
LOSS = "time of half a window to that loss / one target a window"
OTHERWISE = "not measured so yet"  # a figure that the row's JSON lacks: it is of before the row told it


# rows whose title is that of others too
WHICH = {
    "ray_pattern": ": the notes head, hidden 64 to 256",
    "ray_pattern_light": ": a small network, short epochs",
    "ray_pattern_short": ": a second each",
}


def aims(found: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The figures that were aimed at, beside their aims, and whether they meet them."""
    lines = ["## At a glance", "", "| | measured | aim | met |", "|---|---|---|---|"]
    lines += [_at_a_glance(aim, found[aim.name]["figures"]) for aim in AIMS if aim.name in found]
    losses = found.get("time_to_loss", {"figures": {}})["figures"]
    for corpus in (key.removesuffix(": split by") for key in losses if key.endswith(": split by")):
        told = f"wall time to the best loss of one target a window / its own, {corpus}, three seeds"
        lines.append(_at_a_glance(Aim("time_to_loss", f"{corpus}: {LOSS}", told, 0.4), losses))
    return [*lines, ""]


def _at_a_glance(aim: Aim, figures: Mapping[str, Any]) -> str:
    """A line; a number is rounded no further than tells on which side of its aim it is."""
    value = figures.get(aim.figure)
    limit = figures[aim.limit] if isinstance(aim.limit, str) else aim.limit
    wanted = "plain Ray's" if isinstance(aim.limit, str) else f"{aim.limit:g}" if aim.limit is not None else ""
    wanted += (" or less" if aim.most else " or more") if wanted else ""
    if value is None:
        return f"| {aim.told} | {OTHERWISE} | {wanted} |  |"
    if limit is None:
        return f"| {aim.told} | {shown(value)} |  |  |"
    met = value <= limit if aim.most else value >= limit
    return f"| {aim.told} | {_apart(value, limit)} | {wanted} | {'yes' if met else '**no**'} |"


def _apart(value: float, limit: float) -> str:
    """A number with three digits, or as many as it takes to be on the side of the limit that it is on."""
    side = (value > limit) - (value < limit)
    rounded = (f"{value:,.{digits}g}" for digits in range(3, 17))
    return next(text for text in rounded if _side(text, limit) == side)


def _side(text: str, limit: float) -> int:
    number = float(text.replace(",", ""))
    return (number > limit) - (number < limit)


def section(name: str, found: Found) -> list[str]:
    """A row's figures as a table."""
    machine = found["machine"]
    lines = [f"## {found['title']}{WHICH.get(name, '')}", "", "| | |", "|---|---|"]
    lines += [f"| {figure.replace('_', ' ')} | {shown(value)} |" for figure, value in found["figures"].items()]
    stands = f"`{name}`, {machine['cores']} cores ({machine['processor']}), {dated(found)}"
    stands += f"; {found['note']}" if "note" in found else ""
    if any(aim.figure not in found["figures"] for aim in AIMS if aim.name == name):
        stands += "; of before the row told what stands above, and by another clock or measure"
    return [*lines, "", stands, ""]


def of_gpu(found: Mapping[str, Found]) -> list[str]:
    """What a GPU is worth beside many cores; nothing where too few trials on one were timed (`--quick`)."""
    rates = found["gpu"]["figures"] if "gpu" in found else {}
    if "the default: 8 on the GPU" not in rates:
        return [""]
    small, large = ("the default", "2 LSTMs of 1024, 128 windows")
    worth = {name: rates[f"{name}: 4 on the GPU"] / 4 / rates[f"{name}: 1 on cores"] for name in (small, large)}
    more = {name: rates[f"{name}: 8 on the GPU"] / rates[f"{name}: 4 on the GPU"] for name in (small, large)}
    told = [
        f"- A GPU pays for large networks: each of four trials on one makes {worth[small]:.1f} times as many updates as"
        f" on a core where the network is the default, but {worth[large]:.0f} times of 2 LSTMs of 1,024 nodes. Eight"
        f" make {more[small]:.1f} times as many in all as four do, of the large ones {more[large]:.1f} times."
        + _beside_cores(rates, found["gpu"]["machine"]["cores"])
    ]
    if "gpu_search" in found:
        told.append(_first_songs(found["gpu_search"]))
    return [*(line for item in told for line in wrap(item, 120, subsequent_indent="  ")), ""]


def _beside_cores(rates: Mapping[str, float], cores: int) -> str:
    """The whole GPU beside the whole of the machine's cores, of the networks that were timed on both."""
    names = [key.removesuffix(f": {cores} on cores") for key in rates if key.endswith(f": {cores} on cores")]
    pairs = [(name, rates.get(f"{name}: {cores} on the GPU"), rates[f"{name}: {cores} on cores"]) for name in names]
    worth = [f"{gpu / alone:.1f} times of {name}" for name, gpu, alone in pairs if gpu]
    if not worth:
        return f" {cores} at once, and as many cores, have not been timed so."
    return f" Where {cores} are on it instead of a core each, the updates of all are {' and '.join(worth)}."


def _first_songs(found: Found) -> str:
    figures, ways = found["figures"], ("4 on the GPU", "16 on the GPU", "one on each core")
    seconds, epochs = ([figures[f"{way}: {unit}"] for way in ways] for unit in ("seconds", "epochs of all trials"))
    paces = [f"{all_of_them / whole:.1f}" for all_of_them, whole in zip(epochs, seconds, strict=True)]
    return (
        f"- The first song, of small networks, took {seconds[0]:.0f} s with four trials on that GPU, {seconds[1]:.0f} s"
        f" with sixteen, and {seconds[2]:.0f} s with one on each of the machine's {found['machine']['cores']} cores and"
        " none on the GPU: once each. They trained for unlike many epochs; by epochs a second of the whole command,"
        f" {paces[0]}, {paces[1]} and {paces[2]}."
    )


def performance_page(kept: Kept) -> str:
    """The page, of what is there."""
    found = {name: rows[0] for name, rows in sorted(kept.of_group("speed").items())}
    missing = [f"`{name}`" for name, row in ROWS.items() if row.group == "speed" and name not in found]
    tables = [line for name, one in found.items() for line in section(name, one)]
    told = [f"Not measured yet: {', '.join(missing)}.", ""] if missing else []
    return "\n".join([HEAD, *aims(found), *told, REST.rstrip("\n"), *of_gpu(found), *tables])
