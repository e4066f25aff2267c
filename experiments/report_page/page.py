"""A run as a page: what is told of its songs, searches, winners and music, and the HTML around it.

Runs may be a stranger's. What they say is text here: the template escapes it, and nothing in the page leads outside.
"""

from __future__ import annotations

import base64
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from datamodules.errors import UserError
from experiments.dataset import Dataset
from experiments.figures import METRICS, baseline_values, compared, confirmed_in_words, in_words, metric_name, unit_of
from experiments.heads import HEADS
from experiments.report_page.architecture import Box, boxes
from experiments.report_page.charts import curves, history, importances, parallel
from experiments.report_page.filling import filled
from experiments.report_page.how_made import how_made
from experiments.report_page.music import Music
from experiments.run_folder import Run
from experiments.tables import SEARCH, EpochTable, TrialRow, TrialTable
from experiments.winners import Winner

__all__ = ["HeadPart", "Page", "build", "html"]

MOST_SONGS, MOST_REJECTED, MOST_TRIALS, MOST_FAILURES = 100, 40, 10, 10


@dataclass(frozen=True)
class Chart:
    """A picture with its caption."""

    title: str
    svg: str


@dataclass(frozen=True)
class HeadPart:
    """What the page tells of a head: see page.html.j2, which shows it in this order."""

    name: str
    title: str
    search: str
    figures: str
    table: tuple[list[str], list[tuple[str, list[str]]]] | None
    charts: tuple[Chart, ...]
    words: str
    boxes: list[Box]
    trials: tuple[list[str], list[list[str]]] | None
    failures: list[str]


@dataclass(frozen=True)
class Page:
    """What the page tells of a run."""

    name: str
    lead: str
    music: Music
    split: str
    leakage: str
    songs: list[dict[str, Any]]
    more_songs: int
    rejected: list[dict[str, Any]]
    more_rejected: int
    distributions: str
    without_distributions: str
    heads: tuple[HeadPart, ...]
    made: list[tuple[str, str]]


def html(page: Page) -> str:
    """The page in one piece."""
    return filled("page.html.j2", styles=["page.css"], scripts=["player.js"], page=page)


def build(
    run: Run,
    dataset: Dataset | str,
    winners: Mapping[str, Winner | str],
    music: Music,
    step: Callable[[], object] = lambda: None,
) -> Page:
    """Look at all that a run holds.

    Args:
        dataset: its songs, or why they cannot be read.
        winners: of each head that was searched, or why it cannot be read.
        music: what is heard in it, and beside it.
        step: called after each head, and after the picture of the songs.

    Raises:
        UserError: run.json or songs.json cannot be read. What else is damaged is told, and left out.
    """
    heads = []
    for name in run.searched():
        heads.append(_head(run, name, winners[name]))
        step()
    picture = _distributions(dataset)
    step()
    return _page(run, heads, music, picture, f"No picture of the songs: {dataset}" if isinstance(dataset, str) else "")


def _page(run: Run, heads: Sequence[HeadPart], music: Music, picture: bytes, without_picture: str) -> Page:
    """What was found, and the run's own songs and options."""
    rows = run.songs()
    accepted = [row for row in rows if row["accepted"]]
    rejected = [row for row in rows if not row["accepted"]]
    events = sum(row["events"] for row in accepted if isinstance(row.get("events"), int))
    names = ", ".join(part.title for part in heads) or "no head yet"
    return Page(
        name=run.name,
        lead=f"{len(accepted):,} songs, {events:,} events; searched: {names}; begun {run.facts['created'][:16]}",
        music=music,
        split=run.split(),
        leakage=_leakage(run),
        songs=[_song(row) for row in accepted[:MOST_SONGS]],
        more_songs=max(len(accepted) - MOST_SONGS, 0),
        rejected=[{"name": str(row.get("path")), "reason": str(row.get("reason"))} for row in rejected[:MOST_REJECTED]],
        more_rejected=max(len(rejected) - MOST_REJECTED, 0),
        distributions=base64.b64encode(picture).decode(),
        without_distributions=without_picture,
        heads=tuple(heads),
        made=how_made(run),
    )


def _song(row: dict[str, Any]) -> dict[str, Any]:
    parts = found if isinstance(found := row.get("parts"), list) else []
    events = row["events"] if isinstance(row.get("events"), int) else 0
    return {
        "name": PurePath(str(row.get("path"))).name,
        "events": events,
        "parts": ", ".join(map(str, parts)),
        "use": str(row.get("split", "")),
    }


def _leakage(run: Run) -> str:
    shares = run.leakage()
    told = ", ".join(f"{name} {100 * share:.0f} %" for name, share in shares.items())
    return f"Leakage: of the 6-grams in validation, these occur in training too: {told}." if told else ""


def _distributions(dataset: Dataset | str) -> bytes:
    """The picture of the songs, if they can be read."""
    from experiments.exploring.distributions import draw
    from experiments.exploring.summaries import summarise

    return b"" if isinstance(dataset, str) else draw(summarise(dataset, with_baselines=False))


def _head(run: Run, name: str, found: Winner | str) -> HeadPart:
    spec, options = HEADS[name], run.facts["heads"][name]
    metric = metric_name(name, str(options.get("metric"))) if options.get("metric") in METRICS else "nats"
    table, epochs, winner, problems = _found(run, name, found)
    column = winner.column if winner else spec.column_for({})
    unit, rows = unit_of(column, metric), table.of_kind(SEARCH)
    against = baseline_values(winner.facts.get("baselines", {}), metric) if winner else {}
    chosen = int(winner.facts["row"]) if winner and isinstance(winner.facts.get("row"), int) else -1
    figure = METRICS[metric][0]
    charts = (
        Chart("Trials, and the best so far", history(rows, against, unit)),
        Chart("Learning curves", curves(epochs, figure, chosen, unit)),
        Chart("Counts of each trial, the best three in green", parallel(rows, unit)),
        Chart("What told the best from the rest", importances(rows)),
    )
    return HeadPart(
        name=name,
        title=column.title,
        search=" ".join([_search_in_words(rows), *problems]),
        figures=_heading(winner) if winner else "",
        table=compared(winner.facts["figures"], winner.facts.get("baselines", {}), column=column) if winner else None,
        charts=tuple(chart for chart in charts if chart.svg),
        words=in_words(winner.config) if winner else "",
        boxes=boxes(winner) if winner else [],
        trials=_best(rows, spec.config.names()),
        failures=_failures(rows),
    )


def _found(
    run: Run, name: str, found: Winner | str
) -> tuple[TrialTable, dict[int, list[dict[str, float]]], Winner | None, list[str]]:
    """Tables and winner of a head, as far as they can be read; and what cannot."""
    table, epochs, winner, problems = TrialTable(run.head(name) / "trials.csv"), {}, None, []
    try:
        table = TrialTable.read(table.path, HEADS[name].config.names())
    except UserError as error:
        problems.append(f"{error}.")
    try:
        epochs = EpochTable.read(run.head(name) / "epochs.csv")
    except UserError as error:
        problems.append(f"{error}.")
    try:
        if isinstance(found, str):
            raise UserError(found)
        found.judged()
        winner = found
    except UserError as error:
        problems.append(f"No winner: {error}.")
    return table, epochs, winner, problems


def _heading(winner: Winner) -> str:
    chosen = confirmed_in_words(winner.facts)
    return f"Figures on {winner.label}" + (f", chosen by {chosen}" if chosen else "")


def _search_in_words(rows: Sequence[TrialRow]) -> str:
    """How many trials, how they ended, and where the time went."""
    if not rows:
        return "No trial yet."
    count = Counter(row.status for row in rows)
    told = ", ".join(
        f"{count[status]:,} {status}" for status in ("done", "stopped early", "failed", "interrupted") if count[status]
    )
    seconds = sum(row.seconds for row in rows)
    stopped = sum(row.seconds for row in rows if row.status == "stopped early")
    words = f"{len(rows):,} trial{'s' if len(rows) != 1 else ''} ({told}), {sum(row.epoch for row in rows):,} epochs"
    words += f", {_time(seconds)} of training"
    if seconds and count["stopped early"]:
        words += f", {100 * stopped / seconds:.0f} % of it in trials that were stopped early"
    return words + "."


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"


def _best(rows: Sequence[TrialRow], names: Sequence[str]) -> tuple[list[str], list[list[str]]] | None:
    """The best trials, and the hyperparameters in which they differ."""
    told = sorted((row for row in rows if math.isfinite(row.best)), key=lambda row: (row.best, row.row))[:MOST_TRIALS]
    if not told:
        return None
    different = [name for name in names if len({str(row.hyperparameters.get(name)) for row in told}) > 1]
    heading = ["trial", "best", "epoch", *(name.replace("_", " ") for name in different)]
    cells = [
        [
            str(row.row),
            f"{row.best:.4f}",
            f"{row.best_epoch} of {row.epoch}",
            *map(_short, (row.hyperparameters.get(name, "") for name in different)),
        ]
        for row in told
    ]
    return heading, cells


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _failures(rows: Sequence[TrialRow]) -> list[str]:
    failed = [row for row in rows if row.status == "failed"]
    told = [f"trial {row.row}: {row.reason}" for row in failed[:MOST_FAILURES]]
    return told + ([f"and {len(failed) - MOST_FAILURES} more"] if len(failed) > MOST_FAILURES else [])
